use super::*;
use crate::ops::status::tests::example;

/// The words of a page, a line for each line of its source that has any.
fn words(html: &str) -> String {
    let body = html.split_once("<body>").unwrap().1;
    let mut text = String::new();
    let mut inside = false;
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The tags of a document, which must be closed in the order in which they were opened.
fn tags(html: &str) -> Vec<String> {
    let void = ["!doctype", "meta", "link", "br"];
    let (mut open, mut seen) = (Vec::new(), Vec::new());
    for tag in html.split('<').skip(1) {
        let tag = tag.split_once('>').expect("a tag ends").0;
        let name = tag.split_whitespace().next().unwrap().to_owned();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name), "closed out of order"),
            None if void.contains(&&*name) => {}
            None => open.push(name.clone()),
        }
        seen.push(name);
    }
    assert!(open.is_empty(), "left open: {open:?}");
    seen
}

#[test]
fn the_page_answers_the_first_question_first() {
    insta::assert_snapshot!(words(&render(&example(), true)), @r"
    1 of 2 VIPs are not fresh.
    commwatch 0.1.0, up 3 h, ready, as of 2026-11-22T14:00:00Z
    Watches
    What needs attention first
    Watch Title Priority State Last success Next poll Last message Events
    acme-cfo ACME / Dana Levi timed out after 10 s VIP stale 5 min ago in 6 s 15 min ago 3
    globex Globex VIP fresh 4 s ago in 6 s 15 min ago 3
    initech Initech / דנה normal fresh 4 s ago in 6 s 15 min ago 3
    Found
    Newest first
    Found Event Watch Happened Id
    15 min ago message.created globex 15 min ago evt-0001
    Delivered
    Attempts, newest first
    Tried Notifier Outcome Attempt Took Event Detail
    14 min ago ops-slack broken 1 212 ms evt-0001 401 from hooks.example
    Notifiers
    Who delivers
    Notifier Plugin State Since Pending Held Dead Last delivered Why
    ops-log log 0.1.0 running 2 h ago 0 0 0 13 min ago
    ops-slack slack 0.1.0 broken 2 h ago 12 12 1 13 min ago 401 from hooks.example
    Accounts
    What is polled
    Account State Requests a second Budget Last error
    main up 0.30 1.00
    Loads again every 10 seconds. Stop that . JSON Metrics
    Store: /var/lib/commwatch/commwatch.db , 1234 kB
    ");
}

#[test]
fn what_nobody_is_told_of_stands_above_the_watches() {
    let status = Status { silences: vec![crate::ops::status::tests::silence()], ..example() };
    let page = words(&render(&status, true));
    let lines: Vec<&str> = page.lines().skip(2).take(5).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    Silences
    What nobody is told of now
    Silence Of Until Over Reason By Since
    3 watch acme-cfo 2026-11-22T16:00:00Z, or a reply in 2 h known &lt;outage&gt; noa (uid 1000) 60 s ago
    Watches
    ");
}

#[test]
fn the_page_is_well_formed_and_needs_no_script() {
    let mut status = example();
    status.not_ready = vec!["account main is denied".into()];
    status.warnings = vec!["polling is slowed".into()];
    status.silences = vec![crate::ops::status::tests::silence()];
    status.reload.held = Some("removes the VIP acme-cfo".into());
    status.watches_omitted = 7;
    assert!(words(&render(&status, true)).contains("Warning: polling is slowed"));
    for html in [render(&status, true), render(&example(), false)] {
        let tags = tags(&html);
        assert!(tags.iter().any(|tag| tag == "table"));
        assert!(!tags.iter().any(|tag| tag == "script"), "{tags:?}");
    }
}

#[test]
fn hostile_titles_and_errors_are_inert() {
    let evil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)> & \u{1b}[2J";
    let mut status = example();
    let well = tags(&render(&status, true));
    status.version = evil.into();
    for watch in &mut status.watches {
        (watch.name, watch.title) = (evil.into(), evil.into());
        watch.last_error = watch.last_error.take().map(|_| evil.into());
    }
    for notifier in &mut status.notifiers {
        (notifier.name, notifier.plugin, notifier.version) = (evil.into(), evil.into(), Some(evil.into()));
        notifier.why = notifier.why.take().map(|_| evil.into());
    }
    for event in &mut status.recent_events {
        (event.id, event.kind, event.watch) = (evil.into(), evil.into(), Some(evil.into()));
    }
    for delivery in &mut status.recent_deliveries {
        (delivery.event, delivery.notifier, delivery.outcome) = (evil.into(), evil.into(), evil.into());
        delivery.detail = Some(evil.into());
    }
    for account in &mut status.accounts {
        account.name = evil.into();
        account.last_error = Some(evil.into());
    }
    status.store.path = evil.into();
    let html = render(&status, true);
    assert_eq!(tags(&html), well, "a title made a tag");
    assert!(!html.contains('\u{1b}') && !html.contains("<script"), "{html}");
    assert!(html.contains("&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"), "and yet it is shown");
}

#[test]
fn the_page_loads_again_by_itself_unless_that_was_switched_off() {
    assert!(render(&example(), true).contains("http-equiv=\"refresh\" content=\"10\""));
    assert!(!render(&example(), false).contains("http-equiv"));
}

#[test]
fn the_daemons_own_trouble_stands_above_everything_but_the_answer() {
    let mut status = example();
    status.reload.last_ok = false;
    status.reload.error = Some("commwatch.toml:14:10: unknown notifier `webhok`".into());
    let words = words(&render(&status, true));
    let lines: Vec<&str> = words.lines().collect();
    assert_eq!(lines[0], "1 of 2 VIPs are not fresh.");
    assert!(
        lines[2]
            .starts_with("Configuration refused 3 h ago , the one before stays in use: commwatch.toml:14:10"),
        "{words}"
    );
}

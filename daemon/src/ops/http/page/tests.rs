use std::time::Duration;

use super::*;
use crate::core::story::{Brief, WatchStory};
use crate::ops::http::silence::{Field, Mistakes, Wanted};
use crate::ops::metrics::{Charts, Distribution, PollCounts};
use crate::ops::status::tests::{NOW, ago, example, silence};
use crate::ops::story::tests::{NOW as TOLD_AT, a_conversation, a_watch, a_watch_of_several, an_event};

const SESSION: Rights = Rights::Session([7; 32]);

fn visit(path: &str, rights: Rights) -> Visit {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    Visit { rights, peer: [127, 0, 0, 1].into(), path: path.into(), query: query.into() }
}

/// A page as this visitor sees it.
fn seen(path: &str, rights: Rights, status: &Status, render: impl FnOnce(&View<'_>) -> String) -> String {
    render(&View { status, visit: &visit(path, rights), said: None })
}

fn charts() -> Charts {
    Charts {
        detection: Distribution { upper: vec![1.0, 5.0, 60.0], counts: vec![2, 6, 1, 0] },
        dispatch: Distribution { upper: vec![1.0, 5.0, 60.0], counts: vec![0, 0, 0, 0] },
        polls: PollCounts { unchanged: 990, changed: 9, error: 1 },
    }
}

fn briefs(text: Option<&str>) -> Briefs {
    let brief = |id: &str| {
        let text = text.map(str::to_owned);
        (id.to_owned(), Brief { kind: "message.created".into(), watch: Some("globex".into()), text })
    };
    ["evt-0001", "evt_a"].into_iter().map(brief).collect()
}

/// The words of a page's main part, a line for each line of its source that has any.
fn words(html: &str) -> String {
    let body =
        html.split_once("<main").unwrap().1.split_once('>').unwrap().1.split_once("</main>").unwrap().0;
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
    let void = ["!doctype", "meta", "link", "br", "input"];
    let (mut open, mut seen) = (Vec::new(), Vec::new());
    for tag in html.split('<').skip(1) {
        let tag = tag.split_once('>').expect("a tag ends").0;
        let name = tag.split_whitespace().next().unwrap().to_owned();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop().as_deref(), Some(name), "closed out of order"),
            None if void.contains(&&*name) || tag.ends_with('/') => {}
            None => open.push(name.clone()),
        }
        seen.push(name);
    }
    assert!(open.is_empty(), "left open: {open:?}");
    seen
}

/// Every page, made of this status, these stories and texts.
fn all(rights: Rights, status: &Status, text: &str) -> Vec<(&'static str, String)> {
    let event = an_event();
    let [watch, several, conversation] =
        [a_watch(), a_watch_of_several(), a_conversation()].map(|watch| called(watch, text));
    let [of, which, span, until, reason, by] = std::array::from_fn(|_| text.to_owned());
    let (until_reply, until_close) = ("on".to_owned(), String::new());
    let written = Wanted { of, which, span, until, until_reply, until_close, reason, by };
    let wrong = [Field::Of, Field::Which, Field::Span, Field::Until].map(|field| (field, text.to_owned()));
    let mistakes = Mistakes { fields: wrong.into(), whole: Some(text.to_owned()) };
    let listed = vec![
        crate::core::silence::Listed { silence: silence(), active: true, conversations: 1 },
        crate::core::silence::Listed { silence: silence(), active: false, conversations: 0 },
    ];
    let deliveries = DeliveriesListed { deliveries: event.deliveries.clone(), briefs: briefs(Some(text)) };
    let report = crate::core::replay::ReplayReport {
        deliveries: vec![crate::core::replay::ReplayedDelivery {
            event: text.into(),
            notifier: text.into(),
            was: "dead".into(),
            created_at: NOW,
        }],
        left_out: vec![text.into()],
        ..Default::default()
    };
    let (wanted, dead) = (DeliveriesWanted::default(), serde_json::from_str(r#"{"dead":"on"}"#).unwrap());
    let texts = briefs(Some(text));
    // The stories are of another day than the status.
    let told = &Status { taken: TOLD_AT, ..status.clone() };
    vec![
        ("overview", seen("/", rights, status, |view| overview(view, &charts(), &texts))),
        ("watches", seen("/watches", rights, status, |view| watches(view, &WatchesWanted::default()))),
        ("timeline", seen("/watches/w", rights, told, |view| timeline(view, &watch, 24, &texts))),
        ("several", seen("/watches/w", rights, told, |view| timeline(view, &several, 24, &texts))),
        (
            "conversation",
            seen("/watches/w?conversation=main%2F293854", rights, told, |view| {
                timeline(view, &conversation, 24, &texts)
            }),
        ),
        ("event", seen("/events/e", rights, told, |view| super::event(view, &event, &texts))),
        (
            "deliveries",
            seen("/deliveries", rights, told, |view| super::deliveries(view, &wanted, &deliveries)),
        ),
        (
            "dead",
            seen("/deliveries?dead=on", rights, told, |view| super::deliveries(view, &dead, &deliveries)),
        ),
        ("preview", seen("/replay", rights, status, |view| preview(view, text, &report))),
        ("silences", seen("/silences", rights, status, |view| silences(view, &listed))),
        ("new-silence", seen("/silences/new", rights, status, |view| new_silence(view, &written, &mistakes))),
        ("notifiers", seen("/notifiers", rights, status, notifiers)),
        ("config", seen("/config", rights, status, |view| config(view, text))),
        ("notice", seen("/nothing", rights, status, |view| notice(view, "Not found", text))),
        ("login", login("/", true)),
    ]
}

/// The same watch with a text for each name that is not ours, where that text is hostile.
fn called(mut watch: WatchStory, text: &str) -> WatchStory {
    if !text.contains('<') {
        return watch;
    }
    watch.name = text.into();
    if let Some(id) = &mut watch.within {
        id.account = text.into();
    }
    if let Some(live) = &mut watch.live {
        (live.title, live.account, live.channel) = (text.into(), text.into(), Some(text.into()));
    }
    for one in &mut watch.conversations.shown {
        (one.account, one.object) = (text.into(), text.into());
        (one.channel, one.state) = (text.into(), text.into());
    }
    watch
}

#[test]
fn every_page_reads_well_without_anything_but_its_words() {
    for (name, html) in all(SESSION, &example(), "Is anybody there?") {
        insta::assert_snapshot!(name, words(&html));
    }
}

#[test]
fn every_page_is_well_formed_and_has_no_script_or_style_in_it() {
    let mut status = example();
    status.not_ready = vec!["account main is denied".into()];
    status.warnings = vec!["polling is slowed".into()];
    status.silences = vec![silence()];
    status.reload.held = Some("removes the VIP acme-cfo".into());
    status.watches_omitted = 7;
    for status in [status, example()] {
        for rights in [Rights::Read, Rights::LogIn, SESSION, Rights::Bearer] {
            for (name, html) in all(rights, &status, "text") {
                let tags = tags(&html);
                assert_eq!(tags.iter().filter(|tag| *tag == "h1").count(), 1, "{name}");
                assert!(tags.iter().filter(|tag| *tag == "script").count() <= 1, "{name}");
                for forbidden in [" style=", " onclick=", "<style", "http://", "https://"] {
                    assert!(!html.contains(forbidden), "{name}: {forbidden}");
                }
            }
        }
    }
}

#[test]
fn hostile_texts_are_inert_wherever_they_stand() {
    let evil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)> & \u{1b}[2J \u{202e}";
    let mut status = example();
    status.silences = vec![silence()];
    status.warnings = vec!["warning".into()];
    let well = all(SESSION, &status, "text");
    status.version = evil.into();
    status.warnings = vec![evil.into()];
    for watch in &mut status.watches {
        (watch.name, watch.title) = (evil.into(), evil.into());
        watch.last_error = watch.last_error.take().map(|_| evil.into());
    }
    for notifier in &mut status.notifiers {
        (notifier.name, notifier.plugin, notifier.version) = (evil.into(), evil.into(), Some(evil.into()));
        notifier.why = notifier.why.take().map(|_| evil.into());
    }
    for event in &mut status.recent_events {
        (event.kind, event.watch) = (evil.into(), Some(evil.into()));
    }
    for delivery in &mut status.recent_deliveries {
        (delivery.notifier, delivery.outcome) = (evil.into(), evil.into());
        delivery.detail = Some(evil.into());
    }
    for account in &mut status.accounts {
        (account.name, account.last_error) = (evil.into(), Some(evil.into()));
    }
    for silence in &mut status.silences {
        (silence.reason, silence.created_by) = (evil.into(), evil.into());
    }
    status.store.path = evil.into();
    for ((name, well), (_, html)) in well.into_iter().zip(all(SESSION, &status, evil)) {
        // A name that differs from its title is one line more, and the VIP's mark is found by name.
        let count = |tags: Vec<String>, tag: &str| tags.into_iter().filter(|one| one == tag).count();
        for tag in ["script", "img", "form", "button", "input", "table", "section", "h1", "h2"] {
            assert_eq!(count(tags(&html), tag), count(tags(&well), tag), "{name}: a text made a {tag}");
        }
        assert!(!html.contains('\u{1b}') && !html.contains('\u{202e}'), "{name}");
        assert!(!html.contains("<script>") && !html.contains("<img"), "{name}: {html}");
        let is_shown = html.contains("&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;");
        assert!(is_shown || name == "login", "{name}: and yet it is shown");
    }
}

#[test]
fn changes_are_offered_to_whoever_may_and_the_others_are_told_why_not() {
    let buttons = |rights, name: &str| {
        let pages = all(rights, &example(), "text");
        let (_, html) = pages.into_iter().find(|(one, _)| *one == name).unwrap();
        let forms = html.matches("<form method=\"post\" action=\"/").count();
        (forms - html.matches("action=\"/logout\"").count(), html)
    };
    for name in [
        "event",
        "deliveries",
        "preview",
        "silences",
        "new-silence",
        "timeline",
        "conversation",
        "notifiers",
        "overview",
    ] {
        assert!(buttons(SESSION, name).0 > 0, "{name}");
        let (forms, html) = buttons(Rights::LogIn, name);
        assert!(forms == 0 && html.contains("Log in</a> to "), "{name}: {html}");
        let (forms, html) = buttons(Rights::Read, name);
        assert!(forms == 0 && html.contains("This page is read-only"), "{name}: {html}");
    }
}

#[test]
fn the_page_keeps_itself_up_to_date_unless_that_was_switched_off() {
    let status = example();
    let page =
        |path: &str| seen(path, Rights::Read, &status, |view| overview(view, &charts(), &Briefs::new()));
    let live = page("/?q=1&said=3");
    assert!(live.contains("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>"), "{live}");
    assert!(
        live.contains("<script src=\"/live.js\" defer></script>")
            && live.contains("href=\"/?q=1&amp;live=off\"")
    );
    let paused = page("/?live=off&q=1");
    assert!(!paused.contains("http-equiv") && !paused.contains("<script"), "{paused}");
    assert!(paused.contains("href=\"/?q=1\">Update again"), "{paused}");
}

#[test]
fn a_search_finds_by_title_name_and_number_and_vips_come_first() {
    let names = |asked: &str| {
        let asked = serde_json::from_str(asked).unwrap();
        let html = seen("/watches", Rights::Read, &example(), |view| watches(view, &asked));
        let rows =
            html.split("href=\"/watches/").skip(1).map(|row| row.split('"').next().unwrap().to_owned());
        rows.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("{}"), "acme-cfo globex initech");
    assert_eq!(names(r#"{"q":" LEVI "}"#), "acme-cfo");
    assert_eq!(names(r#"{"q":"דנה"}"#), "initech");
    assert_eq!(names(r#"{"only":"unwell"}"#), "acme-cfo");
    assert_eq!(names(r#"{"only":"vip","q":"293854"}"#), "acme-cfo globex");
    assert_eq!(names(r#"{"only":"waits"}"#), "acme-cfo globex");
    assert_eq!(names(r#"{"q":"nobody"}"#), "");
}

#[test]
fn a_text_is_shown_where_there_is_one_and_a_long_one_is_cut() {
    let page = |text: Option<&str>| {
        let texts = briefs(text);
        seen("/", Rights::Read, &example(), |view| overview(view, &charts(), &texts))
    };
    assert!(!page(None).contains("<blockquote"));
    let shown = page(Some(&"ä".repeat(TEXT_CHARS_MAX + 1)));
    assert_eq!(shown.matches("<blockquote").count(), 1, "it stands with its event, not with each attempt");
    assert!(shown.contains(&format!("{}…</blockquote>", "ä".repeat(TEXT_CHARS_MAX))));
}

#[test]
fn a_key_that_is_about_to_expire_is_said() {
    let page = |expires| {
        let mut status = example();
        status.accounts[0].token_expires = expires;
        words(&seen("/", Rights::Read, &status, |view| overview(view, &charts(), &Briefs::new())))
    };
    assert!(page(None).contains("does not say"));
    let soon = page(Some(NOW + Duration::from_secs(5 * 24 * 3600)));
    assert!(soon.contains("in 5 d 2026-11-27 14:00:00 UTC"), "{soon}");
    assert!(page(Some(ago(3600))).contains("60 min ago"));
}

#[test]
fn the_daemons_own_trouble_stands_above_everything_but_the_answer() {
    let mut status = example();
    status.reload.last_ok = false;
    status.reload.error = Some("commwatch.toml:14:10: unknown notifier `webhok`".into());
    let words = words(&seen("/", Rights::Read, &status, |view| overview(view, &charts(), &Briefs::new())));
    let lines: Vec<&str> = words.lines().collect();
    assert_eq!(lines[0], "1 of 2 VIPs is not fresh.");
    assert!(
        lines[2].starts_with(
            "A change was refused 3 h ago , the configuration before it stays in use: commwatch.toml:14:10"
        ),
        "{words}"
    );
}

#[test]
fn stories_are_told_as_the_command_line_tells_them() {
    let html = seen("/", Rights::Read, &example(), |view| super::event(view, &an_event(), &Briefs::new()));
    assert!(html.contains("Message 9001 by the customer, in conversation 293854 of account main"), "{html}");
    // Whether its text is shown is seen.
    assert!(!html.contains("is not shown here"), "{html}");
}

#[test]
fn facts_keep_the_marks_of_a_text_from_right_to_left_and_nothing_that_turns_it() {
    let mut watch = a_watch();
    let live = watch.live.as_mut().unwrap();
    live.title = "\u{200f}דנה\u{200e} (\u{202e}levi\u{2069})".into();
    live.last_error = Some("two\nlines".into());
    let html =
        seen("/watches/w", Rights::Read, &example(), |view| timeline(view, &watch, 24, &Briefs::new()));
    let shown = "\u{200f}דנה\u{200e} (\u{fffd}levi\u{fffd})";
    assert!(html.contains(&format!("<li><bdi>watch acme-cfo ({shown}, vip)")), "{html}");
    assert!(html.contains(&format!("<h1><bdi>{shown}</bdi>")), "{html}");
    assert!(html.contains("The last poll failed: two\u{fffd}lines</bdi>"), "a fact stays one: {html}");
    let turning = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!html.contains(turning));
}

#[test]
fn a_conversation_of_several_has_a_timeline_of_its_own_which_stays_narrow() {
    let page = |path: &str, watch: &WatchStory| {
        let told = Status { taken: TOLD_AT, ..example() };
        seen(path, SESSION, &told, |view| timeline(view, watch, 24, &Briefs::new()))
    };
    let all = page("/watches/acme-cfo", &a_watch_of_several());
    for object in ["293854", "7"] {
        let link =
            format!("<a href=\"/watches/acme-cfo?conversation=main%2F{object}\"><bdi>{object}</bdi></a>");
        assert!(all.contains(&link), "{link}: {all}");
    }
    assert!(all.contains("and 1 more that is not shown."), "{all}");
    assert!(!page("/watches/acme-cfo", &a_watch()).contains("Its conversations"));
    let one = page("/watches/acme-cfo?conversation=main%2F293854&live=off", &a_conversation());
    assert!(one.contains("<a href=\"/watches/acme-cfo\"><bdi>All of its watch</bdi></a>"), "{one}");
    for hours in [2, 24, 168] {
        let link = format!("?hours={hours}&amp;conversation=main%2F293854&amp;live=off\"");
        assert!(one.contains(&link), "{link}: {one}");
    }
    assert!(one.contains("href=\"/watches/acme-cfo?conversation=main%2F293854\">Update again"), "{one}");
    // Who is acknowledged and what is silenced is that conversation.
    assert!(one.contains("name=\"conversation\" value=\"main/293854\""), "{one}");
    assert!(one.contains("/silences/new?of=conversation&amp;which=main%2F293854"), "{one}");
    assert!(all.contains("/silences/new?of=watch&amp;which=acme-cfo"), "{all}");
    let over = WatchStory { live: None, ..a_conversation() };
    let over = words(&page("/watches/acme-cfo", &over));
    assert!(over.contains("not known: it is not watched now") && !over.contains("Acknowledge"), "{over}");
}

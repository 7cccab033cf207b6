use super::*;
use crate::core::listing::Listed;
use crate::core::message::{Author, AuthorKind, ChildId, Message, Unparsed};
use crate::core::watch::Stream;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn said(lines: impl IntoIterator<Item = Line>) -> String {
    let said = |line: Line| {
        format!("{:<4} {} {}: {}", line.result.as_str(), line.about.as_str(), line.name, line.text)
    };
    lines.into_iter().map(said).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_key_is_judged_by_what_the_watches_were_answered_and_by_its_end() {
    let seen = |accepted, refused: Option<&str>, fault: Option<&str>| KeySeen {
        accepted,
        refused: refused.map(str::to_owned),
        fault: fault.map(str::to_owned),
    };
    let day = 86_400;
    let lines = [
        (seen(3, None, None), None),
        (seen(3, None, None), Some(30 * day)),
        (seen(3, None, Some("timeout")), Some(3 * day)),
        (seen(0, Some("401 Unauthorized (401)"), None), Some(-day)),
        (seen(2, Some("403 Forbidden (403)"), None), None),
        (seen(0, None, Some("cannot connect (connect)")), None),
        (seen(0, None, None), None),
    ];
    let lines = lines.into_iter().map(|(seen, ends)| key("main", &seen, ends.map(at), at(0)));
    insta::assert_snapshot!(said(lines), @"
    ok   key main: CommBox accepts it; it does not say when it expires
    ok   key main: CommBox accepts it; it expires on 2027-02-14 08:00:00Z, in 30 days
    warn key main: CommBox accepts it; it expires on 2027-01-18 08:00:00Z, in 3 days: have a new one made, and reload (a credential of systemd: restart)
    fail key main: CommBox refuses it: 401 Unauthorized (401); it expired on 2027-01-14 08:00:00Z, 24 hours ago; put a valid one where `token` points, and reload (a credential of systemd: restart)
    warn key main: CommBox accepts it, but not for every watch: 403 Forbidden (403)
    fail key main: no answer of CommBox: cannot connect (connect)
    warn key main: not tried: no watch of this account was asked for
    ");
}

#[test]
fn clocks_are_well_apart_or_gravely_so() {
    let lines = [Some(0), Some(-12), Some(40), Some(-40), Some(301), None];
    let lines = lines.into_iter().map(|skew| clock("main", skew.map(SignedDuration::from_secs)));
    insta::assert_snapshot!(said(lines), @"
    ok   clock main: within a second of CommBox's
    ok   clock main: 12 s ahead of CommBox's
    warn clock main: this machine's clock is 40 s behind CommBox's: check NTP
    warn clock main: this machine's clock is 40 s ahead of CommBox's: check NTP
    fail clock main: this machine's clock is 301 s behind CommBox's: check NTP
    warn clock main: not known: no answer of CommBox said what time it is
    ");
}

fn message(second: i64) -> Message {
    Message {
        id: ChildId::new(second.to_string()),
        created: Some(at(second)),
        author: Author { kind: AuthorKind::Customer, id: None, name: None },
        text: "what nobody need see".into(),
        text_truncated: false,
        attachments: 0,
        text_hash: 0,
    }
}

#[test]
fn a_watch_shows_whose_it_is_and_how_new_but_no_text() {
    let snapshot = |messages: &[i64], unparsed: usize| Snapshot {
        object_id: 7,
        stream_id: Some(532),
        status_id: Some(1),
        assigned_manager_id: None,
        customer_name: Some("Dana Levi".into()),
        channel: Some(7),
        messages: messages.iter().map(|second| message(*second)).collect(),
        unparsed: (0..unparsed)
            .map(|n| Unparsed { id: ChildId::new(n.to_string()), why: "odd".into(), bytes: 1 })
            .collect(),
        children_listed: true,
        children_cut: false,
        created_at: None,
        updated_at: None,
        answered_at: None,
    };
    let listed = |second: i64| Listed {
        object: second,
        stream: Stream::Number(532),
        status: Some(1),
        created: Some(at(second)),
        closed: None,
        updated: None,
        customer_name: Some("Dana Levi".into()),
        channel: Some(7),
        identity: None,
    };
    let page = |seconds: &[i64], unread| Page {
        conversations: seconds.iter().map(|second| listed(*second)).collect(),
        unread,
        answered_at: None,
    };
    let of = |snapshot: &Snapshot| conversation("acme", "ACME / Dana", snapshot, at(0));
    let list = |page: &Page, rest| super::listed("anyone", "Dana, anywhere", page, rest, at(0));
    let lines = [
        of(&snapshot(&[-100, -7_300], 0)),
        of(&snapshot(&[-200], 2)),
        of(&snapshot(&[5], 0)),
        of(&snapshot(&[], 0)),
        list(&page(&[], 0), None),
        list(&page(&[-90_000], 0), Some("only the first of its 2 channels was asked")),
        list(&page(&[-200_000, -300_000], 1), None),
    ];
    let said = said(lines);
    assert!(!said.contains("nobody need see"), "{said}");
    insta::assert_snapshot!(said, @"
    ok   watch acme: ACME / Dana: Dana Levi, open, whatsapp, 2 messages, the newest 100 s ago (2027-01-15 07:58:20Z)
    warn watch acme: ACME / Dana: Dana Levi, open, whatsapp, 1 message, 3 min ago (2027-01-15 07:56:40Z); 2 messages could not be read
    ok   watch acme: ACME / Dana: Dana Levi, open, whatsapp, 1 message, at 2027-01-15 08:00:05Z
    ok   watch acme: ACME / Dana: Dana Levi, open, whatsapp, no messages
    ok   watch anyone: Dana, anywhere: its list can be read, and holds no conversation so far
    ok   watch anyone: Dana, anywhere: its list can be read: 1 conversation, changed 25 h ago (2027-01-14 07:00:00Z); only the first of its 2 channels was asked
    warn watch anyone: Dana, anywhere: its list can be read: 2 conversations, the newest changed 2 d ago (2027-01-13 00:26:40Z); 1 of the list could not be read
    ");
}

#[test]
fn of_a_receiver_is_said_what_is_known_without_sending_anything() {
    let known = |broken: Option<&str>, accepted: Option<i64>, failed: Option<&str>| ReceiverKnown {
        broken: broken.map(str::to_owned),
        accepted: accepted.map(at),
        failed: failed.map(str::to_owned),
    };
    let with = |known: Option<ReceiverKnown>| notifier("ops", Ok("slack 0.1.0"), known.as_ref(), at(0));
    let lines = [
        with(None),
        with(Some(known(None, None, None))),
        with(Some(known(None, Some(-240), None))),
        with(Some(known(None, Some(-240), Some("503")))),
        with(Some(known(Some("channel_not_found"), Some(-240), Some("channel_not_found")))),
        notifier("ops", Err("`url` has no host".into()), None, at(0)),
    ];
    insta::assert_snapshot!(said(lines), @"
    ok   notifier ops: its plugin starts (slack 0.1.0); whether its receiver accepts was not tried: `commwatch test-notification ops` sends one
    ok   notifier ops: its plugin starts (slack 0.1.0); nothing was delivered since the daemon started: `commwatch test-notification ops` sends one
    ok   notifier ops: its plugin starts (slack 0.1.0); its receiver last accepted something 4 min ago (2027-01-15 07:56:00Z)
    warn notifier ops: its plugin starts (slack 0.1.0); the last attempt failed: 503; it last accepted something 4 min ago (2027-01-15 07:56:00Z)
    fail notifier ops: its plugin starts (slack 0.1.0); its receiver refuses: channel_not_found
    fail notifier ops: its plugin does not start: `url` has no host
    ");
}

#[test]
fn what_the_running_daemon_does_not_have_is_named() {
    let lines =
        [Line::new(Verdict::Ok, About::Watch, "a", ""), Line::new(Verdict::Ok, About::Notifier, "b", "")];
    let missing = unknown_to_the_daemon(&lines, &["a", "b"], &["a", "b"]);
    insta::assert_snapshot!(said(missing), @"
    warn watch b: the running daemon does not have it: `commwatch reload` takes the files as they are now
    warn notifier a: the running daemon does not have it: `commwatch reload` takes the files as they are now
    ");
}

//! What is legal but suspicious.

use insta::assert_snapshot;

use super::{GOOD, World};

fn warnings(lines: &str) -> String {
    World::new(&format!(
        "[accounts.main]\nbase_url = 'https://api.commbox.io'\ntoken = {{ env = 'T' }}\n{lines}"
    ))
    .warnings()
}

const ROUTE: &str =
    "[notifiers.a]\nplugin = 'log'\n[notifiers.b]\nplugin = 'log'\n[[route]]\nnotify = ['a']\n";
const OPERATORS: &str = "[operators]\nnotify = ['a', 'b']\n";
const WATCH: &str = "[[watch]]\nname = 'w'\nstream = 1\nobject = 1\n";

#[test]
fn a_sound_configuration_is_not_suspicious() {
    assert_eq!(warnings(&format!("{ROUTE}{OPERATORS}{WATCH}")), "");
}

#[test]
fn nobody_to_tell_about_our_own_health_is_suspicious() {
    assert_snapshot!(warnings(&format!("{ROUTE}{WATCH}")), @"
    warning: nobody is told when commwatch itself has trouble, such as a refused key or a dead letter
      config.toml:1:1
      hint: add [operators] with notify = [...]
    warning: the notifier `b` is named by no route, nor by anything else
      config.toml:6:1
       6 | [notifiers.b]
         | ^^^^^^^^^^^^^
      hint: add it to `notify` of a [[route]], or delete it
    ");
    assert_snapshot!(warnings(&format!("{ROUTE}{WATCH}[operators]\nnotify = ['b']\n")), @"
    warning: nobody is told when the notifier `b` breaks
      config.toml:14:1
       14 | [operators]
          | ^^^^^^^^^^^
      hint: add a second notifier to [operators]: none is told about itself
    ");
    assert_eq!(
        warnings(&format!("{ROUTE}{WATCH}[[route]]\nevents = ['account.denied']\nnotify = ['b']\n")),
        ""
    );
}

#[test]
fn a_watch_that_no_route_reaches_is_suspicious() {
    assert_snapshot!(warnings(&format!(
        "{OPERATORS}[notifiers.a]\nplugin = 'log'\n[notifiers.b]\nplugin = 'log'\n\
         [[route]]\npriority = 'vip'\nnotify = ['a']\n\
         [[route]]\ntags = ['x', 'y']\ntags_all = ['z']\nnotify = ['a']\n\
         [[route]]\nnot_tags = ['quiet']\ntags = ['q']\nnotify = ['a']\n\
         [[watch]]\nname = 'vip'\npriority = 'vip'\nstream = 1\nobject = 1\n\
         [[watch]]\nname = 'any-and-all'\ntags = ['x', 'z']\nstream = 1\nobject = 2\n\
         [[watch]]\nname = 'only-any'\ntags = ['x']\nstream = 1\nobject = 3\n\
         [[watch]]\nname = 'excluded'\ntags = ['q', 'quiet']\nstream = 1\nobject = 4\n"
    )), @"
    warning: the route `route-3` matches no watch: nobody will be told by it
      config.toml:17:1
       17 | [[route]]
          | ^^^^^^^^^
      hint: mend its conditions, or delete it
    warning: no route reaches the watch `only-any`: nobody will be told of its messages
      config.toml:31:1
       31 | [[watch]]
          | ^^^^^^^^^
      hint: add a [[route]], or mend the conditions of one
    warning: no route reaches the watch `excluded`: nobody will be told of its messages
      config.toml:36:1
       36 | [[watch]]
          | ^^^^^^^^^
      hint: add a [[route]], or mend the conditions of one
    ");
}

#[test]
fn an_interval_that_the_budget_cannot_carry_is_suspicious() {
    let watches = |count: u32| -> String {
        (1..=count)
            .map(|n| format!("[[watch]]\nname = 'w{n}'\nstream = 1\nobject = {n}\ninterval = '30s'\n"))
            .collect()
    };
    assert_eq!(warnings(&format!("{ROUTE}{OPERATORS}{}", watches(30))), "");
    assert_snapshot!(warnings(&format!("{ROUTE}{OPERATORS}{}", watches(31))), @r#"
    warning: the watches of account `main` ask for 1.03 requests a second, its budget allows 1.00
      config.toml:1:1
       1 | [accounts.main]
         | ^^^^^^^^^^^^^^^
      hint: lengthen their intervals or raise the account's `rate`
    "#);
}

#[test]
fn a_timeout_longer_than_the_shortest_interval_is_suspicious() {
    assert_snapshot!(warnings(&format!("{ROUTE}{OPERATORS}{WATCH}interval = '5s'\n")), @r#"
    warning: the timeout of account `main` (10s) is longer than the interval of the watch `w` (5s)
      config.toml:1:1
       1 | [accounts.main]
         | ^^^^^^^^^^^^^^^
      hint: a request that hangs delays the next poll; shorten the `timeout`
    "#);
}

#[test]
fn a_plain_http_address_of_another_machine_is_suspicious_in_a_notifier() {
    let hook = |url| {
        warnings(&format!(
            "{ROUTE}{OPERATORS}{WATCH}[notifiers.hook]\nplugin = 'webhook'\n[notifiers.hook.config]\nurl = '{url}'\n[heartbeat]\nnotify = ['hook']\n"
        ))
    };
    assert_snapshot!(hook("http://hooks.example/x"), @"
    warning: `url` is not encrypted: customers' messages would travel in the open
      config.toml:19:7
       19 | (this line is not shown: it may hold a secret)
      hint: use https where the receiver can
    ");
    assert_eq!(hook("http://127.0.0.1:8080/x"), "");
    assert_eq!(hook("https://hooks.example/x"), "");
}

#[test]
fn watching_nothing_is_suspicious() {
    assert_snapshot!(World::new(GOOD).warnings(), @r#"
    warning: nothing is watched
      config.toml:1:1
      hint: add a [[watch]]
    warning: nobody is told when the notifier `log` breaks
      config.toml:6:1
       6 | [operators]
         | ^^^^^^^^^^^
      hint: add a second notifier to [operators]: none is told about itself
    "#);
}

/// The first lines of what is told, without the excerpts.
fn told(lines: &str) -> Vec<String> {
    let text = warnings(lines);
    let heads = text.lines().filter_map(|line| line.strip_prefix("warning: "));
    heads.map(str::to_owned).collect()
}

/// A sound configuration with some lines more, and with others in place of its own.
fn told_with(lines: &str) -> Vec<String> {
    told(&format!("{ROUTE}{OPERATORS}{WATCH}{lines}"))
}

const SLACK: &str = "plugin = 'slack'\nconfig.webhook_url = { env = 'S' }\n";
const WEEK: &str = "[hours.week]\ntimezone = 'UTC'\nopen = ['mon-sun 12:00-24:00', 'mon-sun 00:00-12:00']\n";
const DESK: &str = "[hours.desk]\ntimezone = 'UTC'\nopen = ['mon-fri 09:00-18:00']\n";

#[test]
fn each_of_these_is_suspicious_and_its_neighbour_is_not() {
    let slack = |keys: &str| format!("[notifiers.s]\n{SLACK}{keys}[[route]]\nname = 's'\nnotify = ['s']\n");
    let cases: &[(&str, String, String)] = &[
        (
            "the route `x` matches no watch: nobody will be told by it",
            "[[route]]\nname = 'x'\ntags = ['y']\nnotify = ['a']\n".into(),
            "[[route]]\nname = 'x'\nevents = ['account.denied']\ntags = ['y']\nnotify = ['a']\n".into(),
        ),
        (
            "the route `x` tells `s` of messages by agent and bot: every reply of your own side will alert",
            slack("") + "[[route]]\nname = 'x'\nfrom = ['customer', 'agent', 'bot']\nnotify = ['s']\n",
            // A program may want everything, and who waits has no author.
            slack("")
                + "[[route]]\nname = 'x'\nfrom = ['customer', 'agent']\nnotify = ['a']\n\
                   [[route]]\nunanswered_for = '1h'\nfrom = ['agent']\nnotify = ['s']\n",
        ),
        (
            "the notifier `c` is named by no route, nor by anything else",
            "[notifiers.c]\nplugin = 'log'\nconfig.level = 'warn'\n".into(),
            "[notifiers.c]\nplugin = 'log'\nconfig.level = 'warn'\n[heartbeat]\nnotify = ['c']\n".into(),
        ),
        (
            "the notifier `s` gives up after 1m (`retry_for`), before its fallback is told (5m, `fallback_after`)",
            slack("fallback = ['a']\nretry_for = '1m'\n"),
            slack("fallback = ['a']\nretry_for = '5m'\n"),
        ),
        (
            "the notifier `s` gives up after 10s (`retry_for`), and one attempt may take 15s (`timeout`)",
            slack("retry_for = '10s'\n"),
            slack("retry_for = '10s'\ntimeout = '5s'\n"),
        ),
        (
            "the quiet hours of `s` are the whole week: it is told nothing",
            slack("quiet_hours = { during = 'week' }\n") + WEEK,
            slack("quiet_hours = { during = 'desk' }\n") + DESK,
        ),
        (
            "the quiet hours of `s` are the whole week: it is told nothing but what `pass` names",
            slack("quiet_hours = { during = 'week', pass = ['critical'] }\n") + WEEK,
            slack("quiet_hours = { outside = 'desk', pass = ['critical'] }\n") + DESK,
        ),
        (
            "the quiet hours of `s` never come: `week` is the whole week",
            slack("quiet_hours = { outside = 'week' }\n") + WEEK,
            slack("quiet_hours = { outside = 'desk' }\n") + DESK,
        ),
        (
            "`t`, the fallback of `s`, has the same receiver",
            slack("fallback = ['t']\n") + "[notifiers.t]\n" + SLACK,
            slack("fallback = ['t']\n") + "[notifiers.t]\nplugin = 'slack'\nconfig.webhook_url = { env = 'T' }\n",
        ),
        (
            "the notifier `c` writes lines of level info, and the log leaves them out (`level` of [log] is error)",
            "[notifiers.c]\nplugin = 'log'\n[heartbeat]\nnotify = ['c']\n[log]\nlevel = 'error'\n".into(),
            "[notifiers.c]\nplugin = 'log'\n[heartbeat]\nnotify = ['c']\n[log]\nlevel = 'commwatch=info,error'\n".into(),
        ),
        (
            "the VIP `v` is polled every 1m, the watch `w`, which is none, every 30s",
            "[[watch]]\nname = 'v'\npriority = 'vip'\nstream = 1\nobject = 2\ninterval = '1m'\n".into(),
            "[[watch]]\nname = 'v'\npriority = 'vip'\nstream = 1\nobject = 2\ninterval = '10s'\n".into(),
        ),
        (
            "whoever reaches 0.0.0.0:9479 reads the metrics, and the page answers nobody there: `token` is missing",
            "[http]\nlisten = '0.0.0.0:9479'\n".into(),
            "[http]\nlisten = '0.0.0.0:9479'\ntoken = { env = 'PAGE' }\n".into(),
        ),
        (
            "`text_retention` (60d) is longer than `retention` (30d): text goes with its event",
            "[store]\ntext_retention = '60d'\n".into(),
            "[store]\ntext_retention = '60d'\nretention = '90d'\n".into(),
        ),
        (
            "the watches of account `main` ask for 2.03 requests a second, its budget allows 1.00",
            "[[watch]]\nname = 'd'\ncustomer = { phone = '+972500123456' }\nstreams = [1, 2]\ndiscovery = '1s'\n".into(),
            "[[watch]]\nname = 'd'\ncustomer = { phone = '+972500123456' }\nstreams = [1, 2]\ndiscovery = '1m'\n".into(),
        ),
        (
            "no route reaches the watch `v`: nobody will be told of its messages",
            // What tells of it is told of its health alone.
            "[[watch]]\nname = 'v'\npriority = 'vip'\nstream = 1\nobject = 2\n\
             [[route]]\npriority = 'vip'\nevents = ['watch.unreachable']\nnotify = ['b']\n".into(),
            "[[watch]]\nname = 'v'\npriority = 'vip'\nstream = 1\nobject = 2\n\
             [[route]]\npriority = 'vip'\nunanswered_for = '1h'\nnotify = ['b']\n".into(),
        ),
    ];
    for (message, suspicious, sound) in cases {
        // The usual route would reach every watch.
        let base = if message.starts_with("no route reaches") {
            format!("{}{OPERATORS}{WATCH}", ROUTE.replace("[[route]]", "[[route]]\npriority = 'normal'"))
        } else {
            format!("{ROUTE}{OPERATORS}{WATCH}")
        };
        let (bad, good) = (told(&format!("{base}{suspicious}")), told(&format!("{base}{sound}")));
        assert!(bad.contains(&(*message).to_owned()), "{message}: {bad:?}");
        assert!(!good.contains(&(*message).to_owned()), "{message}: {good:?}");
    }
}

#[test]
fn a_suspicion_says_where() {
    let text = warnings(&format!(
        "{ROUTE}{OPERATORS}{WATCH}[notifiers.s]\n{SLACK}quiet_hours = {{ during = 'week' }}\n{WEEK}\
         [[route]]\nfrom = ['bot']\nnotify = ['s']\n[http]\nlisten = '[::]:9479'\n"
    ));
    assert_snapshot!(text, @r#"
    warning: the quiet hours of `s` are the whole week: it is told nothing
      config.toml:19:15
       19 | quiet_hours = { during = 'week' }
          |               ^^^^^^^^^^^^^^^^^^^
      the hours are here:
      config.toml:20:1
       20 | [hours.week]
          | ^^^^^^^^^^^^
      hint: write outside = "...", or shorter hours
    warning: the route `route-2` tells `s` of messages by bot: every reply of your own side will alert
      config.toml:24:8
       24 | from = ['bot']
          |        ^^^^^^^
      hint: delete `from` for customer and unknown; for who must know all, use a notifier of a program's such as webhook
    warning: whoever reaches [::]:9479 reads the metrics, and the page answers nobody there: `token` is missing
      config.toml:27:10
       27 | listen = '[::]:9479'
          |          ^^^^^^^^^^^
      hint: add `token` to [http], or listen on 127.0.0.1 and let a proxy do the rest
    "#);
}

#[test]
fn a_fallback_that_cannot_work_itself_is_told() {
    let told = told_with(
        "[notifiers.t]\nplugin = 'absent'\n[notifiers.s]\nplugin = 'log'\nfallback = ['t']\n[[route]]\nnotify = ['s']\n",
    );
    assert!(told.contains(&"`t`, the fallback of `s`, cannot work itself".to_owned()), "{told:?}");
}

#[test]
fn without_anybody_else_a_vip_is_compared_with_what_others_would_have() {
    let watch = |interval: &str| {
        told(&format!(
            "{ROUTE}{OPERATORS}[[watch]]\nname = 'v'\npriority = 'vip'\nstream = 1\nobject = 1\ninterval = '{interval}'\n"
        ))
    };
    assert_eq!(
        watch("31s"),
        ["the VIP `v` is polled every 31s, watches that say nothing of their own, every 30s"]
    );
    assert_eq!(watch("30s"), [""; 0]);
}

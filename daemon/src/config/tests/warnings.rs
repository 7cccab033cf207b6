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
    assert_snapshot!(warnings(&format!("{ROUTE}{WATCH}")), @r#"
    warning: nobody is told when commwatch itself has trouble, such as a refused key or a dead letter
      config.toml:1:1
      hint: add [operators] with notify = [...]
    "#);
    assert_snapshot!(warnings(&format!("{ROUTE}{WATCH}[operators]\nnotify = ['a']\n")), @r#"
    warning: nobody is told when the notifier `a` breaks
      config.toml:14:1
       14 | [operators]
          | ^^^^^^^^^^^
      hint: add a second notifier to [operators]: none is told about itself
    "#);
    assert_eq!(
        warnings(&format!("{ROUTE}{WATCH}[[route]]\nevents = ['account.denied']\nnotify = ['a']\n")),
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
    )), @r#"
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
    "#);
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
            "{ROUTE}{OPERATORS}{WATCH}[notifiers.hook]\nplugin = 'webhook'\n[notifiers.hook.config]\nurl = '{url}'\n"
        ))
    };
    assert_snapshot!(hook("http://hooks.example/x"), @r#"
    warning: `url` is not encrypted: customers' messages would travel in the open
      config.toml:19:7
       19 | (this line is not shown: it may hold a secret)
      hint: use https where the receiver can
    "#);
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

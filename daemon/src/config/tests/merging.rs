//! Several files are one configuration.

use insta::assert_snapshot;

use super::{GOOD, World};

const WATCH: &str = "[[watch]]\nname = 'first'\nstream = 1\nobject = 1\n[[route]]\nnotify = ['log']\n";

#[test]
fn tables_merge_and_lists_of_tables_append_in_order_of_names() {
    let world = World::new(&format!("{GOOD}{WATCH}"));
    world.write(
        "conf.d/20-more.toml",
        "[[watch]]\nname = 'third'\nstream = 1\nobject = 3\n[accounts.main]\nburst = 7\n",
    );
    world.write(
        "conf.d/10-vips.toml",
        "watch = [ { name = 'second', stream = 1, object = 2 } ]\n[notifiers.extra]\nplugin = 'log'\n",
    );
    world.write("conf.d/.#20-more.toml", "broken");
    world.write("conf.d/20-more.toml~", "broken");
    let config = world.config();
    let names: Vec<_> = config.watches.iter().map(|watch| watch.name.as_str()).collect();
    assert_eq!(names, ["first", "second", "third"]);
    assert_eq!(config.accounts["main"].burst, 7);
    assert_eq!(config.notifiers.len(), 2);
    let files: Vec<_> = config.files.iter().map(|file| world.plain(&file.display().to_string())).collect();
    assert_eq!(files, ["config.toml", "conf.d/10-vips.toml", "conf.d/20-more.toml"]);
}

#[test]
fn what_two_files_set_is_told_with_both_places() {
    let world = World::new(&format!("{GOOD}{WATCH}[polling]\ninterval = '10s'\n"));
    world.write("conf.d/a.toml", "[polling]\ninterval = '20s'\n[notifiers.log]\nplugin = 'slack'\n");
    world.write(
        "conf.d/b.toml",
        "[[watch]]\nname = 'first'\nstream = 9\nobject = 1\n[operators]\nnotify = ['log']\n",
    );
    assert_snapshot!(world.errors(), @r#"
    error: `polling.interval` is set in two files
      conf.d/a.toml:2:1
       2 | interval = '20s'
         | ^^^^^^^^
      also set here:
      config.toml:16:1
       16 | interval = '10s'
          | ^^^^^^^^
      hint: delete one of them; only tables and lists of tables such as [[watch]] are merged
    error: `notifiers.log.plugin` is set in two files
      conf.d/a.toml:4:1
       4 | plugin = 'slack'
         | ^^^^^^
      also set here:
      config.toml:5:1
       5 | plugin = "log"
         | ^^^^^^
      hint: if two are meant, give one of them another name; else delete one of the lines
    error: two watches are called `first`
      conf.d/b.toml:2:8
       2 | name = 'first'
         |        ^^^^^^^
      the first one is here:
      config.toml:10:8
       10 | name = 'first'
          |        ^^^^^^^
      hint: give one of them another name
    error: two watches of one conversation: object 1 of account `main`
      conf.d/b.toml:4:10
       4 | object = 1
         |          ^
      the first one is here:
      config.toml:12:10
       12 | object = 1
          |          ^
      hint: delete one of them
    error: `operators.notify` is set in two files
      conf.d/b.toml:6:1
       6 | notify = ['log']
         | ^^^^^^
      also set here:
      config.toml:7:1
       7 | notify = ["log"]
         | ^^^^^^
      hint: delete one of them; only tables and lists of tables such as [[watch]] are merged
    "#);
}

#[test]
fn relative_paths_start_at_the_named_file_wherever_they_are_written() {
    let world = World::new(GOOD);
    world.write(
        "conf.d/a.toml",
        "[store]\npath = 'state/x.db'\n[plugins]\npath = ['plugins', '/opt/plugins']\n",
    );
    let config = world.config();
    assert_eq!(config.store.path, world.folder.path().join("state/x.db"));
    assert_eq!(config.plugins.path, [world.folder.path().join("plugins"), "/opt/plugins".into()]);
    assert_eq!(config.admin.socket, world.folder.path().join("state/admin.sock"));
}

#[test]
fn forty_watches_may_be_forty_lines() {
    let world = World::new(&format!("{GOOD}[[route]]\nnotify = ['log']\n"));
    let lines: String = (1..=40)
        .map(|n| format!("  {{ name = 'vip-{n}', stream = 532, object = {n}, priority = 'vip' }},\n"))
        .collect();
    world.write("conf.d/vips.toml", &format!("watch = [\n{lines}]\n"));
    assert_eq!(world.config().watches.len(), 40);
}

/// What two files say of one thing, the file that says it first named.
#[test]
fn what_stands_in_two_files_and_can_be_said_once_is_told_with_both() {
    let cases = [
        (
            "[polling]\ninterval = '10s'",
            "[polling]\ninterval = '20s'",
            "`polling.interval` is set in two files",
        ),
        ("[accounts.b]\nrate = '1/s'", "[accounts.b]\nrate = '2/s'", "`accounts.b.rate` is set in two files"),
        (
            "[notifiers.b]\nplugin = 'log'",
            "[notifiers.b]\nplugin = 'log'",
            "`notifiers.b.plugin` is set in two files",
        ),
        (
            "[notifiers.log]\nconfig.level = 'info'",
            "[notifiers.log.config]\nlevel = 'warn'",
            "`notifiers.log.config.level` is set in two files",
        ),
        (
            "[hours.d]\ntimezone = 'UTC'",
            "[hours.d]\ntimezone = 'UTC'",
            "`hours.d.timezone` is set in two files",
        ),
        ("[plugins]\npath = ['a']", "[plugins]\npath = ['b']", "`plugins.path` is set in two files"),
        ("[store]\npath = 'a'", "store = 7", "`store` is set in two files"),
        ("[[route]]\nnotify = ['log']", "route = 7", "`route` is set in two files"),
        ("route = [7]", "[[route]]\nnotify = ['log']", "`route` is set in two files"),
        (
            "[accounts.b]\ntoken = { env = 'A' }",
            "[accounts.b]\ntoken = { env = 'B' }",
            "`accounts.b.token.env` is set in two files",
        ),
        (
            "[[watch]]\nname = 'w'\nstream = 1\nobject = 1",
            "[[watch]]\nname = 'w'\nstream = 1\nobject = 2",
            "two watches are called `w`",
        ),
        (
            "[[watch]]\nname = 'w'\nstream = 1\nobject = 1",
            "[[watch]]\nname = 'x'\nstream = 2\nobject = 1",
            "two watches of one conversation: object 1 of account `main`",
        ),
        (
            "[[watch]]\nname = 'w'\ncustomer = 7",
            "[[watch]]\nname = 'x'\ncustomer = 7",
            "two watches of one thing: identity 7 of account `main`",
        ),
        (
            "[[route]]\nname = 'r'\nnotify = ['log']",
            "[[route]]\nname = 'r'\nnotify = ['log']",
            "two routes are called `r`",
        ),
        // The second route of all is called so where it has no name.
        (
            "[[route]]\nname = 'route-2'\nnotify = ['log']",
            "[[route]]\nnotify = ['log']",
            "two routes are called `route-2`",
        ),
    ];
    for (first, second, message) in cases {
        let world = World::new(GOOD);
        world.write("conf.d/1.toml", first);
        world.write("conf.d/2.toml", second);
        let mistakes = world.load().unwrap_err().0;
        let told = mistakes.iter().find(|mistake| mistake.message == message);
        let told = told.unwrap_or_else(|| panic!("{message} is not among {mistakes:?}"));
        let file = |path: &std::path::Path| world.plain(&path.display().to_string());
        assert_eq!(file(&told.spot.file), "conf.d/2.toml", "{message}");
        assert_eq!(file(&told.also[0].spot.file), "conf.d/1.toml", "{message}");
        assert!(told.spot.line > 0 && told.also[0].spot.line > 0 && told.hint.is_some(), "{message}");
    }
}

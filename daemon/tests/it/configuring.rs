//! What an operator meets who writes a configuration: all mistakes of all files at once, a schema for the editor, and the
//! configuration as it is used.

use insta::assert_snapshot;
use serde_json::Value;

use crate::world::World;

/// Exit status, standard output and standard error, with this world's own places taken out.
fn typed(world: &World, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = world.run(arguments);
    let plain = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.replace(&world.folder().display().to_string(), "FOLDER")
            .replace(&world.config.plugins.display().to_string(), "PLUGINS")
    };
    (output.status.code(), plain(&output.stdout), plain(&output.stderr))
}

async fn world() -> World {
    let mut world = World::new().await;
    world.config.timeout = "1s";
    world.config.more = "[operators]\nnotify = [\"hook\", \"log\"]\n".to_owned();
    world.watching(7);
    std::fs::create_dir(world.path("conf.d")).unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn five_mistakes_in_three_files_are_told_at_once_also_beside_one_that_is_not_toml() {
    let mut world = world().await;
    world.config.routes = "[[route]]\nnotify = [\"hok\"]\n".to_owned();
    world.config.hook = "retri_for = \"3d\"\n".to_owned();
    world.write_config();
    let write = |name: &str, text: &str| std::fs::write(world.path("conf.d").join(name), text).unwrap();
    write(
        "10-vips.toml",
        "watch = [\n  { name = \"w7\", stream = 532, object = 8 },\n]\n[polling]\ninterval = \"5s\"\n",
    );
    write(
        "20-quiet.toml",
        "[notifiers.quiet]\nplugin = \"log\"\n[notifiers.quiet.config]\nlevel = \"loud\"\n",
    );
    let (code, stdout, all) = typed(&world, &["check", "-c", "commwatch.toml"]);
    assert_eq!((code, stdout.as_str()), (Some(78), ""));
    assert_snapshot!(all, @r#"
    error: unknown key `retri_for` in [notifiers.hook]
      commwatch.toml:28:1
       28 | retri_for = …
          | ^^^^^^^^^
      hint: did you mean `retry_for`?
    error: unknown notifier `hok` in a route
      commwatch.toml:39:11
       39 | notify = ["hok"]
          |           ^^^^^
      hint: notifiers in this file are `hook`, `log`, `quiet`; did you mean `hook`?
    error: two watches are called `w7`
      conf.d/10-vips.toml:2:12
       2 |   { name = "w7", stream = 532, object = 8 },
         |            ^^^^
      the first one is here:
      commwatch.toml:15:8
       15 | name = "w7"
          |        ^^^^
      hint: give one of them another name
    error: `polling.interval` is set in two files
      conf.d/10-vips.toml:5:1
       5 | interval = "5s"
         | ^^^^^^^^
      also set here:
      commwatch.toml:12:1
       12 | interval = "1s"
          | ^^^^^^^^
      hint: delete one of them; only tables and lists of tables such as [[watch]] are merged
    error: `level` is none of the words it may be
      conf.d/20-quiet.toml:4:9
       4 | level = "loud"
         |         ^^^^^^
      hint: it is one of `error`, `warn`, `info`, `debug`
    5 errors, 0 warnings
    "#);

    // `run` and a reload say the same: they read it the same way.
    let (code, refused) = world.refused(&[]);
    assert_eq!(code, Some(78));
    let plain = |text: &str| text.replace(&format!("{}/", world.folder().display()), "");
    let count = "5 errors, 0 warnings\n";
    assert_eq!(plain(&refused), all.replace(count, ""));

    write("20-quiet.toml", "[notifiers.quiet\nplugin = \"log\"\n");
    let (code, _, told) = typed(&world, &["check", "-c", "commwatch.toml"]);
    assert_eq!(code, Some(78));
    assert_snapshot!(told, @r#"
    error: unknown key `retri_for` in [notifiers.hook]
      commwatch.toml:28:1
       28 | retri_for = …
          | ^^^^^^^^^
      hint: did you mean `retry_for`?
    error: two watches are called `w7`
      conf.d/10-vips.toml:2:12
       2 |   { name = "w7", stream = 532, object = 8 },
         |            ^^^^
      the first one is here:
      commwatch.toml:15:8
       15 | name = "w7"
          |        ^^^^
      hint: give one of them another name
    error: `polling.interval` is set in two files
      conf.d/10-vips.toml:5:1
       5 | interval = "5s"
         | ^^^^^^^^
      also set here:
      commwatch.toml:12:1
       12 | interval = "1s"
          | ^^^^^^^^
      hint: delete one of them; only tables and lists of tables such as [[watch]] are merged
    error: this is not TOML: unclosed table, expected `]`
      conf.d/20-quiet.toml:1:17
       1 | [notifiers.*****
         |                 ^
      hint: nothing is taken from this file; what the others need of it is not checked until it can be read
    4 errors, 0 warnings
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_says_what_check_says() {
    let mut world = world().await;
    world.start().await;
    world.config.more = "[operators]\nnotify = [\"hok\", \"log\"]\n[http2]\n".to_owned();
    world.write_config();
    let (_, _, checked) = typed(&world, &["check", "-c", "commwatch.toml"]);
    let (code, _, refused) = typed(&world, &["reload", "-c", "commwatch.toml"]);
    assert_eq!(code, Some(1));
    let mistakes = checked.strip_suffix("2 errors, 0 warnings\n").unwrap();
    let refused = refused.replace("FOLDER/", "");
    for line in mistakes.lines() {
        assert!(refused.contains(line.trim()), "{line} is not in {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_that_of_the_plugins_that_are_found_and_holds_for_the_manual() {
    let mut world = world().await;
    let (code, shipped, stderr) = typed(&world, &["schema"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let schema: Value = serde_json::from_str(&shipped).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let validator = jsonschema::options().offline().should_validate_formats(true).build(&schema).unwrap();
    let fits = |text: &str| {
        let table: toml::Table = text.parse().unwrap();
        validator.is_valid(&serde_json::to_value(table).unwrap())
    };
    let manual = include_str!("../../../config.example.toml");
    assert!(fits(manual));
    assert!(!fits(&manual.replace("webhook_url = { credential", "webhook_url = { kredential")));
    assert!(!fits(&manual.replace("base_url =", "base_ulr =")));
    assert!(schema["$defs"].get("plugin-faulty").is_none());

    // With a configuration: what lies where it looks, and what comes with commwatch. None is loaded.
    let folder = world.path("plugins");
    std::fs::create_dir(&folder).unwrap();
    let link = |from: &str, to: &str| {
        crate::world::link_or_copy(&crate::world::plugins().join(from), &folder.join(to));
    };
    link("libcommwatch_faulty.so", "libcommwatch_faulty.so");
    std::fs::write(folder.join("libcommwatch_broken.so"), "no library").unwrap();
    world.config.plugins = folder.clone();
    // However wrong the rest of it is.
    world.config.routes = "[[rout]]\n".to_owned();
    world.write_config();
    let (code, found, stderr) = typed(&world, &["schema", "-c", "commwatch.toml"]);
    assert_eq!(code, Some(0));
    assert_snapshot!(stderr, @"warning: left out: plugin FOLDER/plugins/libcommwatch_broken.so: it is not a shared library (no ELF file)");
    let schema: Value = serde_json::from_str(&found).unwrap();
    let names = schema["$defs"]["plugin"]["anyOf"][0]["enum"].as_array().unwrap();
    assert!(names.contains(&"faulty".into()) && names.contains(&"slack".into()), "{names:?}");
    assert!(schema["$defs"]["plugin-faulty"].is_object());
    let (code, stdout, stderr) = typed(&world, &["schema", "-c", "absent.toml"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("error: cannot read absent.toml\n  hint: "), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_printed_as_it_is_used() {
    let mut world = world().await;
    world.config.hook = "fallback = [\"log\"]\n".to_owned();
    world.write_config();
    let vips = "watch = [\n  { name = \"dana\", priority = \"vip\", stream = 532, object = 8 },\n]\n";
    std::fs::write(world.path("conf.d/vips.toml"), vips).unwrap();
    let (code, printed, stderr) = typed(&world, &["check", "-c", "commwatch.toml", "--print-effective"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    // Ports are this run's own.
    let is_port = |line: &&str| line.starts_with("base_url") || line.starts_with("url =");
    let stable: Vec<&str> = printed.lines().filter(|line| !is_port(line)).collect();
    assert_snapshot!(stable.join("\n"), @r#"
    # The configuration as it is used: files merged, defaults filled in, secrets hidden. Beside what is written: where.

    [accounts.main]
    token = { file = "FOLDER/token" }  # commwatch.toml:4
    rate = "1000/s"  # commwatch.toml:5
    burst = 1000  # commwatch.toml:6
    max_in_flight = 8  # commwatch.toml:7
    timeout = "1s"  # commwatch.toml:8
    console_url = "https://acme.example/widget/object/{object_id}"  # commwatch.toml:9
    bots = []
    streams = []

    [[watch]]
    name = "w7"  # commwatch.toml:15
    title = "Watch 7"  # commwatch.toml:16
    priority = "vip"  # commwatch.toml:17
    tags = []
    account = "main"
    stream = 532  # commwatch.toml:18
    object = 7  # commwatch.toml:19
    interval = "1s"
    baseline = "silent"

    [[watch]]
    name = "dana"  # conf.d/vips.toml:2
    title = "dana"
    priority = "vip"  # conf.d/vips.toml:2
    tags = []
    account = "main"
    stream = 532  # conf.d/vips.toml:2
    object = 8  # conf.d/vips.toml:2
    interval = "1s"
    baseline = "silent"

    [notifiers.hook]
    plugin = "webhook"  # commwatch.toml:22
    content = "full"  # commwatch.toml:23
    timezone = "UTC"
    timeout = "2s"  # commwatch.toml:24
    rate = "1000/s"  # commwatch.toml:25
    retry_for = "3d"
    retries = "people"  # commwatch.toml:26
    order = "conversation"  # commwatch.toml:27
    fallback = ["log"]  # commwatch.toml:28
    fallback_after = "5m"
    group = false
    max_per = false
    reveal = []

    [notifiers.hook.config]
    headers = {}
    secret = { file = "FOLDER/signing" }  # commwatch.toml:32

    [notifiers.log]
    plugin = "log"  # commwatch.toml:35
    content = "snippet"
    timezone = "UTC"
    timeout = "15s"
    rate = "1000/s"  # commwatch.toml:36
    retry_for = "6h"
    retries = "people"
    order = "any"
    group = false
    max_per = false
    reveal = []

    [notifiers.log.config]
    level = "info"

    [[route]]
    name = "route-1"
    events = ["message.created"]
    from = ["customer", "unknown"]
    tags = []
    tags_all = []
    not_tags = []
    notify = ["hook", "log"]  # commwatch.toml:39

    [operators]
    notify = ["hook", "log"]  # commwatch.toml:42

    [plugins]
    path = ["PLUGINS"]  # commwatch.toml:45
    trust = "owner"  # commwatch.toml:46
    pins = "FOLDER/plugins.lock"

    [store]
    path = "FOLDER/commwatch.db"  # commwatch.toml:49
    retention = "30d"
    text_retention = "7d"

    [http]
    listen = "127.0.0.1:0"  # commwatch.toml:52
    allowed_hosts = []
    show_text = false

    [admin]
    socket = "FOLDER/admin.sock"  # commwatch.toml:56

    [reload]
    on_change = true
    settle = "100ms"  # commwatch.toml:59

    [log]
    level = "info"  # commwatch.toml:63
    format = "json"  # commwatch.toml:62
    "#);
    assert!(
        printed.contains("/(hidden)\"  # commwatch.toml:") && !printed.contains(&world.hook.url()),
        "{printed}"
    );

    // It can be used in place of the files but for what is hidden.
    let (_, json, _) =
        typed(&world, &["check", "-c", "commwatch.toml", "--print-effective", "--output", "json"]);
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&report["valid"], &report["effective"]["config"]["watch"][1]["interval"]),
        (&true.into(), &"1s".into())
    );
    assert_eq!(report["effective"]["origins"]["watch.dana.object"], "conf.d/vips.toml:2");
    let (_, _, stderr) = typed(&world, &["check", "-c", "absent.toml", "--print-effective"]);
    assert!(stderr.contains("cannot read the file"), "{stderr}");
}

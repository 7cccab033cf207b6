use std::io::{BufRead as _, BufReader};
use std::process::{Child, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

use commwatch_simulator::Post;
use insta::assert_snapshot;
use serde_json::Value;

use crate::world::{PATIENCE, World, until};

/// Exit status, standard output and standard error, with this world's own places taken out.
fn told(world: &World, output: &Output) -> (Option<i32>, String, String) {
    let plain = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.replace(&world.folder().display().to_string(), "FOLDER")
            .replace(&world.config.plugins.display().to_string(), "PLUGINS")
    };
    (output.status.code(), plain(&output.stdout), plain(&output.stderr))
}

fn typed(world: &World, arguments: &[&str]) -> (Option<i32>, String, String) {
    told(world, &world.run(arguments))
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_in_one_line_that_a_configuration_is_valid() {
    let mut world = World::new().await;
    world.config.timeout = "1s";
    world.config.more = "[operators]\nnotify = [\"hook\", \"log\"]\n".to_owned();
    world.watching(7);
    world.write_config();
    let (code, stdout, stderr) = typed(&world, &["check", "-c", "commwatch.toml"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_snapshot!(
        stdout,
        @"commwatch.toml is valid: 1 account, 1 watch (1 vip), 2 notifiers, 1 route"
    );
    let (code, stdout, _) = typed(&world, &["check", "-c", "commwatch.toml", "--output", "json"]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &report["valid"]), (Some(0), &Value::Bool(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_asks_the_plugins_themselves_about_what_no_schema_says() {
    let mut world = World::new().await;
    world.config.timeout = "1s";
    world.config.more = "[notifiers.chat]\nplugin = \"http\"\n[notifiers.chat.config]\n\
                         url = \"https://chat.example/in\"\nbody = \"{{ title \"\n\
                         [operators]\nnotify = [\"hook\", \"log\"]\n"
        .to_owned();
    world.watching(7);
    world.write_config();
    let (code, stdout, stderr) = typed(&world, &["check", "-c", "commwatch.toml"]);
    assert_eq!((code, stdout.as_str()), (Some(78), ""));
    assert_snapshot!(stderr, @"
    error: the plugin `http` does not take this configuration: `body`, line 1: syntax error: unexpected end of input, expected end of variable block
      commwatch.toml:42:17
       42 | [notifiers.chat.config]
          |                 ^^^^^^
    warning: the notifier `chat` is named by no route, nor by anything else
      commwatch.toml:40:1
       40 | [notifiers.chat]
          | ^^^^^^^^^^^^^^^^
      hint: add it to `notify` of a [[route]], or delete it
    1 error, 1 warning
    ");
    let (code, stdout, _) = typed(&world, &["check", "-c", "commwatch.toml", "--output", "json"]);
    assert_eq!(code, Some(78));
    assert!(
        stdout.contains("the plugin `http` does not take this configuration: `body`, line 1: "),
        "{stdout}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_all_that_is_wrong_at_once_with_place_and_hint_also_in_a_plugins_own_configuration() {
    let mut world = World::new().await;
    world.config.timeout = "1s";
    world.config.hook = "retry = \"3d\"\n".to_owned();
    world.config.routes = "[[route]]\nnotify = [\"hok\"]\n".to_owned();
    world.config.more = "[notifiers.quiet]\nplugin = \"log\"\n[notifiers.quiet.config]\nlevl = \"info\"\n\
                         [operators]\nnotify = [\"hook\", \"log\"]\n"
        .to_owned();
    world.watching(7);
    world.config.watches[0].stream = "\"5 32\"".to_owned();
    world.write_config();
    let (code, stdout, stderr) = typed(&world, &["check", "-c", "commwatch.toml"]);
    assert_eq!((code, stdout.as_str()), (Some(78), ""));
    assert_snapshot!(stderr, @r#"
    error: `stream` holds a character that such ids do not have
      commwatch.toml:18:10
       18 | stream = "5 32"
          |          ^^^^^^
      hint: write the channel's number, or its encrypted id as CommBox shows it ("...==" or "...%3d%3d")
    error: unknown key `retry` in [notifiers.hook]
      commwatch.toml:28:1
       28 | retry = …
          | ^^^^^
      hint: keys here are `plugin`, `content`, `timezone`, `timeout`, `rate`, `retry_for`, `retries`, `order`, `fallback`, `fallback_after`, `reveal`, `config`, `group`, `max_per`, `quiet_hours`
    error: unknown notifier `hok` in a route
      commwatch.toml:39:11
       39 | notify = ["hok"]
          |           ^^^^^
      hint: notifiers in this file are `hook`, `log`, `quiet`; did you mean `hook`?
    error: unknown key `levl` in [notifiers.quiet.config]
      commwatch.toml:44:1
       44 | levl = …
          | ^^^^
      hint: did you mean `level`?
    4 errors, 0 warnings
    "#);
    let (code, stderr) = world.refused(&[]);
    assert_eq!(code, Some(78), "and it does not start");
    assert!(stderr.contains("did you mean `level`?"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_daemon_ends_with_69_without_one_and_finds_it_even_beside_a_broken_configuration() {
    let mut world = World::new().await;
    world.watching(7);
    world.write_config();
    for command in ["status", "reload", "notifiers", "events", "deliveries"] {
        let (code, stdout, stderr) = typed(&world, &[command, "-c", "commwatch.toml"]);
        assert_eq!((code, stdout.as_str()), (Some(69), ""));
        assert!(
            stderr.starts_with("error: no commwatch is listening on FOLDER/admin.sock\n  hint: "),
            "{stderr}"
        );
    }
    world.start().await;
    world.baselined().await;
    world.config.more = "[operators]\nnotify = [\"nobody\"]\nnotfy = 1\n".to_owned();
    world.write_config();
    let (code, stdout, stderr) = typed(&world, &["status", "-c", "commwatch.toml"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("w7"), "{stdout}");
    let (code, _, stderr) = typed(&world, &["reload", "-c", "commwatch.toml"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("the new configuration is refused"), "{stderr}");
}

/// A command that goes on until nobody reads what it writes.
pub(crate) struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    pub(crate) fn start(world: &World, arguments: &[&str]) -> Self {
        let mut command = world.command(&[arguments, &["--socket", "admin.sock"]].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (lines, read) = channel();
        std::thread::spawn(move || {
            for line in out.lines() {
                if lines.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, lines: read }
    }

    /// The next line that holds this.
    pub(crate) fn line(&self, with: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no line with {with}"));
            if line.contains(with) {
                return line;
            }
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_is_followed_also_past_a_restart_and_the_status_until_nobody_looks() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("before");
    world.hook.wait("the first", PATIENCE, |received| received.len() == 1).await;
    let tail = Following::start(&world, &["tail"]);
    let told = Following::start(&world, &["tail", "--lines", "1", "--output", "json"]);
    let first = world.hook.accepted()[0].id.clone();
    let line = tail.line(&first);
    assert!(line.contains(&format!("Z message.created w7 {first} to ")) && line.contains("hook"), "{line}");
    assert!(told.line("message.created").contains(&first));
    let mut live = Following::start(&world, &["status", "--watch"]);
    live.line("VIP");
    live.line("VIP");
    live.lines = channel().1;
    let child = std::cell::RefCell::new(&mut live.child);
    until("it ends", || child.borrow_mut().try_wait().unwrap().is_some()).await;

    world.all_noted().await;
    world.kill();
    dana.customer_says("meanwhile");
    world.start().await;
    world.hook.wait("the second", PATIENCE, |received| received.len() == 2).await;
    let second = world.hook.accepted()[1].id.clone();
    assert!(tail.line("message.created").contains(&second), "each once");
    let line: Value = serde_json::from_str(&told.line("message.created")).unwrap();
    assert_eq!((&line["id"], &line["watch"]), (&Value::from(second), &Value::from("w7")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_of_the_pen_is_answered_with_the_nearest_command() {
    let world = World::new().await;
    let (code, _, stderr) = typed(&world, &["staus"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("status"), "{stderr}");
    let (code, stdout, _) = typed(&world, &["--version"]);
    assert_eq!((code, stdout.trim()), (Some(0), concat!("commwatch ", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_listed_and_inspected_without_being_loaded() {
    let mut world = World::new().await;
    world.watching(7);
    let folder = world.path("plugins");
    std::fs::create_dir(&folder).unwrap();
    for plugin in ["log", "slack", "webhook"] {
        let file = format!("libcommwatch_{plugin}.so");
        crate::world::link_or_copy(&crate::world::plugins().join(&file), &folder.join(file));
    }
    std::fs::write(folder.join("libcommwatch_broken.so"), "no library").unwrap();
    world.config.plugins = folder;
    world.write_config();
    let (code, stdout, _) = typed(&world, &["plugins", "list", "-c", "commwatch.toml"]);
    assert_eq!(code, Some(0));
    assert_snapshot!(stdout, @r"
    broken       refused  plugin FOLDER/plugins/libcommwatch_broken.so: it is not a shared library (no ELF file)
    log          0.1.0    Writes each notification as one line into the daemon's log  (FOLDER/plugins/libcommwatch_log.so)
    slack        0.1.0    Writes into a Slack channel, through an incoming webhook or as a bot  (FOLDER/plugins/libcommwatch_slack.so)
    webhook      0.1.0    Posts signed CloudEvents to a web address (Standard Webhooks)  (FOLDER/plugins/libcommwatch_webhook.so)
    ");
    let (_, stdout, _) = typed(&world, &["plugins", "list", "-c", "commwatch.toml", "--output", "json"]);
    let all: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(all["plugins"][2]["name"], "slack");
    let (code, stdout, _) = typed(&world, &["plugins", "inspect", "plugins/libcommwatch_log.so"]);
    assert_eq!(code, Some(0));
    assert_snapshot!(stdout, @r#"
    name         log
    version      0.1.0
    description  Writes each notification as one line into the daemon's log
    concurrency  1
    notification 262144 bytes at most
    config
    {
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "additionalProperties": false,
      "properties": {
        "level": {
          "default": "info",
          "description": "The level at which notifications are logged.",
          "enum": [
            "error",
            "warn",
            "info",
            "debug"
          ]
        }
      },
      "type": "object"
    }
    "#);
    let (code, _, stderr) = typed(&world, &["plugins", "inspect", "plugins/libcommwatch_broken.so"]);
    assert_eq!(code, Some(1));
    assert_eq!(
        stderr.trim(),
        "error: plugin plugins/libcommwatch_broken.so: it is not a shared library (no ELF file)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn show_writes_the_newest_of_a_conversation_as_text() {
    let mut world = World::new().await;
    let began = |second: &str| format!("2026-03-02T10:00:{second}Z").parse().unwrap();
    let dana = world.sim.conversation(crate::world::STREAM, 7).customer("Dana", "Levi").created(began("00"));
    world.config.watches.push(crate::world::WatchText::of(7));
    dana.says(Post::customer("hello\n\nis anybody there?").at(began("01")));
    dana.says(Post::agent("Noa Bar", "\u{1b}[31mI am").at(began("02")));
    world.write_config();
    let (code, stdout, stderr) = typed(&world, &["show", "w7", "-c", "commwatch.toml"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_snapshot!(stdout, @"
    w7: Watch 7
    account main, stream 532, object 7: open, chat, customer Dana Levi, began 2026-03-02 10:00:00Z
    2 messages:

    2026-03-02 10:00:01Z  customer Dana Levi
      hello

      is anybody there?

    2026-03-02 10:00:02Z  agent Noa Bar
      [31mI am
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_status_show_titles_as_text() {
    let mut world = World::new().await;
    world.watching(7);
    world.config.watches[0].title = "<script>alert(1)</script> & \"Dana\" \u{202e}".to_owned();
    world.start().await;
    world.baselined().await;
    let (status, page) = world.get("/").await;
    assert_eq!(status, 200);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;Dana&quot;"), "{page}");
    assert!(!page.contains("<script>"), "{page}");
    let text = world.ask(&["status"]);
    assert!(text.contains("<script>alert(1)</script>") && !text.contains('\u{202e}'), "{text}");
    for (path, said) in [("/-/healthy", "ok\n"), ("/-/ready", "ready\n")] {
        assert_eq!(world.get(path).await, (200, said.to_owned()));
    }
    assert_eq!(world.get("/api/nothing").await.0, 404);
}

/// The contract's families whose subjects exist.
const FAMILIES: &str = "build_info config_last_reload_successful config_last_reload_success_timestamp_seconds \
    api_requests_total api_request_duration_seconds api_throttled_total api_budget_requests_per_second \
    api_budget_utilization_ratio account_up polls_total poll_start_delay_seconds polls_in_flight watch_info \
    watch_up watch_target_interval_seconds watch_last_success_timestamp_seconds \
    watch_last_message_timestamp_seconds watches oldest_success_timestamp_seconds events_total \
    detection_delay_seconds dispatch_delay_seconds deliveries_total delivery_attempts_total \
    delivery_attempt_duration_seconds outbox_pending outbox_held outbox_dead outbox_imbalance notifier_up \
    plugin_process_up plugin_restarts_total plugin_info store_commit_duration_seconds store_errors_total \
    store_size_bytes store_free_bytes clock_skew_seconds";

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_the_names_of_the_contract() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("hello");
    world.all_delivered().await;
    world.metric_until("deliveries_total{notifier=\"hook\",result=\"delivered\"}", "1").await;
    world.metric_until("watch_up{watch=\"w7\"}", "1").await;
    let (_, metrics) = world.get("/metrics").await;
    let missing: Vec<&str> = FAMILIES
        .split(' ')
        .filter(|family| !metrics.contains(&format!("# TYPE commwatch_{family} ")))
        .collect();
    assert!(missing.is_empty(), "{missing:?} are not in {metrics}");
    assert!(metrics.contains("process_resident_memory_bytes "), "{metrics}");
    assert!(!metrics.contains("Dana") && !metrics.contains("hello"), "{metrics}");
}

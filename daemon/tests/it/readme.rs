//! The README's commands do what it says: each is run, by hand's own binary, against a running daemon.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cli::Following;
use crate::markdown::{blocks, code};
use crate::receiver::Reply;
use crate::world::World;

const README: &str = include_str!("../../../README.md");

/// Named in a sentence, without what they want to know; and a daemon of its own, which has its scenario in `stores`.
const NAMES: [&str; 4] = ["why", "find", "test-notification", "run --accept-new-baseline"];
/// Whether there are dead letters depends on what was typed before.
const MAY_SAY_NO: [&str; 2] = ["deliveries --dead", "replay --dead"];
/// Those that go on until somebody ends them.
const ENDLESS: [&str; 2] = ["status --watch", "tail"];

/// What is typed after `commwatch`, in order, each once.
fn commands() -> Vec<String> {
    let mut known = BTreeSet::new();
    let lines = code(README).into_iter().filter_map(|line| {
        let line = line.strip_prefix("sudo ").unwrap_or(&line).to_owned();
        let typed = line.strip_prefix("commwatch ").map(str::to_owned)?;
        let end = [" && ", " | ", " >"].iter().filter_map(|end| typed.find(end)).min();
        Some(typed[..end.unwrap_or(typed.len())].to_owned())
    });
    lines.filter(|line| known.insert(line.clone())).collect()
}

/// A line's words; those within quotes are one.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('"').enumerate();
    let words = parts.flat_map(|(n, part)| match n % 2 {
        0 => part.split_whitespace().map(str::to_owned).collect(),
        _ => vec![part.to_owned()],
    });
    words.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_does_what_it_says() {
    let mut world = World::new().await;
    let dana = world.conversation(7).identity(531_826);
    dana.customer_says("old");
    world.config.more =
        "[[watch]]\nname = \"acme-cfo\"\npriority = \"vip\"\ntags = [\"acme\"]\nstream = 532\nobject = 7\n\
                         [[watch]]\nname = \"acme-anyone\"\ndiscovery = \"1s\"\ncustomer = 531826\n\
                         [notifiers.ops-slack]\nplugin = \"log\"\n\
                         [[route]]\nunanswered_for = [\"10m\"]\nnotify = [\"ops-slack\"]\n\
                         [operators]\nnotify = [\"log\", \"ops-slack\"]\n"
            .to_owned();
    world.start().await;
    world.line_after(0, "took the baseline of watch acme-cfo:").await;
    // Somebody waits, and there is a dead letter.
    world.hook.then([Reply::Status(400)]);
    dana.customer_says("what no receiver takes");
    world.notifier_until("hook", "a dead letter", |one| one["dead"] == 1).await;
    let events: Value = serde_json::from_str(&world.ask(&["events", "--output", "json"])).unwrap();
    let events = events["shown"].as_array().unwrap();
    let id = events.iter().find(|event| event["type"] == "message.created").unwrap()["id"].as_str().unwrap();
    let plugin = world.config.plugins.join("libcommwatch_webhook.so");
    let mut run = 0;
    let (alone, beside): (Vec<String>, Vec<String>) =
        commands().into_iter().partition(|line| line.starts_with("once"));
    for (n, line) in beside.iter().chain(&alone).enumerate() {
        if n == beside.len() {
            assert!(world.stop().await.success());
        }
        let meant = words(line).into_iter().map(|word| match word.as_str() {
            "ID" => id.to_owned(),
            "NAME" => "hook".to_owned(),
            "FILE" => "copy.db".to_owned(),
            "FILE.so" => plugin.display().to_string(),
            "/var/lib/commwatch/move.db" => "move.db".to_owned(),
            _ => word,
        });
        let meant: Vec<String> = meant.collect();
        let meant: Vec<&str> = meant.iter().map(String::as_str).collect();
        if NAMES.contains(&line.as_str()) {
            continue;
        }
        if ENDLESS.contains(&line.as_str()) {
            Following::start(&world, &meant).line("");
        } else {
            let output = world.run(&[&meant[..], &["-c", "commwatch.toml"]].concat());
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            // 1 is "no": there is nothing of the kind, since a command before has seen to it.
            let is_none = output.status.code() == Some(1) && MAY_SAY_NO.contains(&line.as_str());
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(output.status.success() || is_none, "{line}: {said}");
        }
        run += 1;
    }
    assert!(run >= 30, "only {run} commands");
}

/// The chapter that a new user follows, with the simulator's own address.
#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_tried_by_hand() {
    let mut world = World::new().await;
    let written = blocks(README, "toml").into_iter().find(|block| block.contains("127.0.0.1:7070")).unwrap();
    let plugins = format!("path = [\"{}\"]", world.config.plugins.display());
    let config = written
        .replace("http://127.0.0.1:7070", &world.sim.base_url())
        .replace("path = [\"target/debug\"]", &plugins);
    assert_ne!(config, written);
    let more = "[http]\nlisten = \"127.0.0.1:0\"\n[admin]\nsocket = \"admin.sock\"\n";
    std::fs::write(world.path("try.toml"), format!("{config}{more}")).unwrap();
    world.conversation(293_854).customer_says("old");
    world.environment.insert("COMMBOX_TOKEN", crate::world::TOKEN.to_owned());
    let shell: Vec<String> = blocks(README, "sh")
        .iter()
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let typed = |end: &str| {
        let line = shell
            .iter()
            .find(|line| line.ends_with(end))
            .unwrap_or_else(|| panic!("no line ends with {end}"));
        let (_, typed) = line.split_once("target/debug/commwatch ").unwrap();
        typed.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let run = |world: &World, end: &str| {
        let typed = typed(end);
        let output = world.run(&typed.iter().map(String::as_str).collect::<Vec<_>>());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{end}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    };
    run(&world, "check -c try.toml");
    let arguments = typed(" run -c try.toml");
    let command = world.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    world.launch(command);
    world.line_after(0, "commwatch is ready").await;
    world.line_after(0, "took the baseline of watch acme-cfo:").await;
    let said = shell.iter().find(|line| line.contains("/_sim/say")).unwrap();
    let said: Value = serde_json::from_str(said.split('\'').nth(1).unwrap()).unwrap();
    let (object, text) = (said["object"].as_i64().unwrap(), said["text"].as_str().unwrap());
    world.conversation(object).customer_says(text);
    world.line_after(0, text).await;
    assert!(run(&world, "status -c try.toml").contains("acme-cfo"));
    assert!(run(&world, "reload -c try.toml").contains("nothing has changed"));
}

//! `commwatch plugins conform`: our own plugins pass, and one that misbehaves does not.

use serde_json::Value;

use crate::world::{World, plugins};

fn conform(
    world: &World,
    plugin: &str,
    config: Option<&str>,
) -> (Option<i32>, Vec<(String, String, String)>) {
    let file = plugins().join(format!("libcommwatch_{plugin}.so"));
    let file = file.display().to_string();
    let mut words = vec!["plugins", "conform", &file, "--output", "json"];
    if let Some(config) = config {
        std::fs::write(world.path("with.json"), config).unwrap();
        words.extend(["--with", "with.json"]);
    }
    let output = world.run(&words);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    });
    let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
    let lines = found["lines"].as_array().unwrap().iter();
    let lines = lines.map(|line| (text(line, "rule"), text(line, "result"), text(line, "text"))).collect();
    (output.status.code(), lines)
}

fn of<'a>(lines: &'a [(String, String, String)], rule: &str) -> (&'a str, &'a str) {
    let line = lines.iter().find(|(one, ..)| one == rule);
    let (_, result, text) = line.unwrap_or_else(|| panic!("no {rule} in {lines:#?}"));
    (result, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_keeps_every_rule_and_asks_nobody() {
    let world = World::new().await;
    let config = r#"{"url": "https://receiver.example/hook", "secret": {"$secret": "/secret"}}"#;
    let (code, lines) = conform(&world, "webhook", Some(config));
    assert_eq!(code, Some(0), "{lines:#?}");
    for rule in [
        "manifest",
        "file name",
        "schema",
        "table",
        "create",
        "create refuses",
        "200",
        "400",
        "401",
        "429",
        "503",
        "not sent",
        "no answer",
        "repeat",
        "strange input",
        "threads",
        "destroy",
    ] {
        assert_eq!(of(&lines, rule).0, "ok", "{rule}: {lines:#?}");
    }
    assert!(of(&lines, "429").1.contains("retry after 7 s"), "{lines:#?}");
    assert!(of(&lines, "not tried").1.contains("sanitizer"));
    assert!(world.hook.accepted().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_asks_nothing_of_the_host_is_said_to_be_untried_and_what_is_no_plugin_fails() {
    let world = World::new().await;
    let (code, lines) = conform(&world, "log", None);
    assert_eq!(code, Some(0), "{lines:#?}");
    assert!(of(&lines, "outcomes").1.contains("could not be tried"), "{lines:#?}");
    let (code, lines) = conform(&world, "slack", None);
    assert_eq!(code, Some(0), "a receiver with words of its own is no failure: {lines:#?}");
    let output = world.run(&["plugins", "conform", "commwatch.toml"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    insta::assert_snapshot!(text, @"
    fail  manifest        plugin commwatch.toml: it cannot be read: No such file or directory (os error 2)  [1. the section]
    0 ok, 0 to look at, 1 failed; rules are in commwatch_plugin.h
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_crashes_hangs_or_lies_is_found() {
    let world = World::new().await;
    for (config, rule, words) in [
        (r#"{"mode": "abort"}"#, "deliver", "the plugin process ended"),
        (r#"{"mode": "hang"}"#, "deliver", "the plugin process was killed"),
        (r#"{"mode": "abort-at-start"}"#, "table", "ended while starting"),
        (r#"{"mode": "hang-at-end"}"#, "destroy", "it did not end within"),
        (r#"{"mode": "refuse-start"}"#, "create", "the room `vip` does not exist"),
    ] {
        let (code, lines) = conform(&world, "faulty", Some(config));
        assert_eq!(code, Some(1), "{config}: {lines:#?}");
        let (result, text) = of(&lines, rule);
        assert!(result == "fail" && text.contains(words), "{config}: {lines:#?}");
    }
    // What is said of an answer is not what it means: an alert would be lost, or tried for nothing.
    let (code, lines) = conform(&world, "faulty", Some(r#"{"mode": "echo", "amount": 1}"#));
    let (result, text) = of(&lines, "503");
    assert!(
        code == Some(1) && result == "fail" && text.contains("and is lost; expected: retry"),
        "{lines:#?}"
    );
    let (code, lines) = conform(&world, "faulty", Some(r#"{"mode": "http-again", "amount": 1}"#));
    assert_eq!(code, Some(0), "{lines:#?}");
    for (rule, expected) in [("401", Some("broken")), ("no answer", Some("unknown")), ("503", None)] {
        let (result, text) = of(&lines, rule);
        match expected {
            Some(expected) => assert!(result == "warn" && text.contains(expected), "{rule}: {lines:#?}"),
            None => assert_eq!(result, "ok", "{rule}: {lines:#?}"),
        }
    }
    let (code, lines) = conform(&world, "faulty", Some(r#"{"mode": "obey"}"#));
    assert_eq!(code, Some(0), "{lines:#?}");
}

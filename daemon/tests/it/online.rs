//! `commwatch check --online`: by the command, and by the daemon where only that has the key.

use commwatch_simulator::{Fault, Scope, Times};
use serde_json::Value;

use crate::world::{PATIENCE, TOKEN, World};

fn online(world: &World, code: i32) -> Value {
    let output = world.run(&["check", "--online", "--output", "json", "-c", "commwatch.toml"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let stdout = String::from_utf8(output.stdout).unwrap();
    for secret in &world.secrets {
        assert!(!stdout.contains(secret) && !stderr.contains(secret), "a secret is shown");
    }
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

/// What is said of one thing: the verdict and the words.
fn said<'a>(found: &'a Value, about: &str, name: &str) -> (&'a str, &'a str) {
    let lines = found["online"]["lines"].as_array().unwrap();
    let line = lines.iter().find(|line| line["about"] == about && line["name"] == name);
    let line = line.unwrap_or_else(|| panic!("nothing of {about} {name} in {found:#}"));
    (line["result"].as_str().unwrap(), line["text"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_asks_each_watch_once_and_sends_nothing() {
    let mut world = World::new().await;
    world.watching(7);
    world.watching(8);
    world.conversation(8).vanish(true);
    world.config.more = "[[watch]]\nname = \"anyone\"\ncustomer = 531826\ndiscovery = \"1h\"\n".to_owned();
    world.write_config();
    let found = online(&world, 1);
    assert_eq!(found["online"]["asked_by"], "command");
    assert_eq!(said(&found, "key", "main").0, "ok");
    assert_eq!(said(&found, "clock", "main").0, "ok");
    let (result, text) = said(&found, "watch", "w7");
    assert!(result == "ok" && text.starts_with("Watch 7: Dana Levi, "), "{text}");
    assert!(!text.contains("old"), "no message's text");
    assert_eq!(said(&found, "watch", "w8").0, "fail");
    assert_eq!(said(&found, "watch", "anyone").0, "ok");
    let (result, text) = said(&found, "notifier", "hook");
    assert!(
        result == "ok" && text.contains("its plugin starts (webhook ") && text.contains("not tried"),
        "{text}"
    );
    assert_eq!(world.sim.total_requests(), 3, "a request a watch");
    assert!(world.hook.accepted().is_empty());

    // What polls send to, the check knows of as well.
    world.conversation(8).vanish(false);
    world.start().await;
    world.baselined().await;
    world.conversation(7).customer_says("hello");
    world.hook.wait("the message", PATIENCE, |received| received.len() == 1).await;
    world.notifier_until("hook", "delivered", |one| !one["last_delivered"].is_null()).await;
    let found = online(&world, 0);
    let (result, text) = said(&found, "notifier", "hook");
    assert!(result == "ok" && text.contains("its receiver last accepted something"), "{text}");
    assert_eq!(world.hook.accepted().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_refused_is_not_tried_on_every_watch() {
    let mut world = World::new().await;
    for object in 1..=40 {
        world.watching(object);
    }
    world.config.account = "# one at a time\n".to_owned();
    let text = world.config_text().replace("max_in_flight = 8", "max_in_flight = 1");
    world.replace(&world.config_path(), &text);
    world.sim.accept_tokens(["another"]);
    let found = online(&world, 1);
    let (result, text) = said(&found, "key", "main");
    assert!(result == "fail" && text.starts_with("CommBox refuses it: "), "{text}");
    let asked = world.sim.total_requests();
    assert!(asked <= 20, "a refused key was tried {asked} times");
    assert_eq!(
        said(&found, "watch", "w40"),
        ("warn", "Watch 40: not asked: CommBox refuses the account's key")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_the_daemon_has_the_key_it_is_asked_and_stays_within_its_budget() {
    let mut world = World::new().await;
    for object in 1..=6 {
        world.watching(object);
    }
    world.config.interval = "1h";
    let from_file = format!("{{ file = \"{}/token\" }}", world.folder().display());
    let text = world.config_text().replace(&from_file, "{ env = \"COMMWATCH_TEST_KEY\" }");
    let text = text.replace("max_in_flight = 8", "max_in_flight = 2");
    world.replace(&world.config_path(), &text);

    let output = world.run(&["check", "--online", "-c", "commwatch.toml"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(69), "{stderr}");
    assert!(
        stderr.contains("COMMWATCH_TEST_KEY") && stderr.contains("no commwatch is listening"),
        "{stderr}"
    );

    world.environment.insert("COMMWATCH_TEST_KEY", TOKEN.to_owned());
    world.start_with(&[]).await;
    world.environment.remove("COMMWATCH_TEST_KEY");
    // One more in the file than the daemon runs with.
    let added = "[[watch]]\nname = \"added\"\nstream = 532\nobject = 99\n[reload]\non_change = false\n";
    let added = text.replace("[reload]\n", added);
    let from = world.output.count();
    world.replace(&world.config_path(), &added);
    world.line_after(from, "reloaded the configuration").await;
    let extra = added.replace("name = \"added\"", "name = \"beyond\"").replace("object = 99", "object = 98");
    world.replace(&world.config_path(), &extra);
    let before = world.sim.total_requests();
    world.sim.fault(Scope::Object(3), Fault::status(500), Times::Forever);
    let found = online(&world, 1);
    assert_eq!(found["online"]["asked_by"], "daemon");
    assert_eq!(said(&found, "key", "main").0, "ok");
    assert_eq!(said(&found, "clock", "main").0, "ok");
    assert_eq!(said(&found, "watch", "w1").0, "ok");
    assert_eq!(said(&found, "watch", "w3").0, "fail");
    assert_eq!(said(&found, "watch", "beyond").0, "warn");
    assert!(said(&found, "notifier", "hook").1.contains("nothing was delivered since the daemon started"));
    assert!(world.sim.max_concurrent_total() <= 2, "more at once than the account allows");
    // Polls are an hour apart; those of the beginning may still have come.
    assert!(world.sim.total_requests() - before <= 7 + 7);
    assert!(world.hook.accepted().is_empty());
}

//! Everything polled once, by hand or by a timer, and a notifier tried.

use std::process::Output;

use serde_json::Value;

use crate::receiver::Reply;
use crate::world::{PATIENCE, World};

fn once(world: &World, more: &[&str]) -> (Option<i32>, Value) {
    let config = world.config_path();
    let arguments = [&["once", "--output", "json", "-c", config.to_str().unwrap()], more].concat();
    let Output { status, stdout, stderr } = world.run(&arguments);
    let errors = String::from_utf8_lossy(&stderr).into_owned();
    assert!(!more.contains(&"--dry-run") || errors.is_empty(), "{errors}");
    let said = serde_json::from_slice(&stdout);
    (status.code(), said.unwrap_or_else(|_| panic!("{status}: {}", String::from_utf8_lossy(&stderr))))
}

#[tokio::test(flavor = "multi_thread")]
async fn once_takes_the_baseline_then_delivers_what_is_new_and_a_dry_run_does_neither() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.write_config();

    let (code, dry) = once(&world, &["--dry-run"]);
    assert_eq!((code, &dry["watches"][0]["baseline"]), (Some(0), &Value::from(1)), "{dry:#}");
    assert!(!world.path("commwatch.db").exists(), "a dry run begins no database");
    let (code, first) = once(&world, &[]);
    assert_eq!((code, &first["watches"][0]["baseline"]), (Some(0), &Value::from(1)), "{first:#}");
    assert_eq!(first["watches"][0]["events"], Value::Array(vec![]));

    dana.customer_says("hello");
    let files = || {
        let names = ["commwatch.db", "commwatch.db.stamp"].map(|name| world.path(name));
        names.map(|name| std::fs::read(name).unwrap())
    };
    let before = files();
    for _ in 0..2 {
        let (code, dry) = once(&world, &["--dry-run"]);
        let event = &dry["watches"][0]["events"][0];
        assert_eq!((code, &event["type"]), (Some(0), &Value::from("message.created")), "{dry:#}");
        assert_eq!(event["deliveries"]["shown"][0]["notifier"], "hook");
    }
    assert!(world.hook.received().is_empty(), "a dry run tells nobody");
    assert_eq!(files(), before, "it changes no byte of the database");
    let (code, told) = once(&world, &[]);
    let delivery = &told["watches"][0]["events"][0]["deliveries"]["shown"][0];
    assert_eq!((code, &delivery["state"]), (Some(0), &Value::from("delivered")), "{told:#}");
    assert_eq!(world.hook.accepted().len(), 1);

    // What nobody takes stays, and goes with the next.
    dana.customer_says("are you there?");
    world.hook.then([Reply::Status(503)]);
    let (code, refused) = once(&world, &[]);
    assert_eq!((code, &refused["waiting"]), (Some(1), &Value::from(1)), "{refused:#}");
    // A daemon goes on from there; beside it there is no other.
    world.start().await;
    world
        .hook
        .wait("the rest", PATIENCE, |received| received.iter().filter(|one| one.accepted).count() == 2)
        .await;
    let beside = world.run(&["once", "-c", world.config_path().to_str().unwrap()]);
    assert_eq!(beside.status.code(), Some(1));
    let why = String::from_utf8_lossy(&beside.stderr).into_owned();
    assert!(why.contains("another commwatch"), "{why}");
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_goes_the_whole_way_to_one_notifier_and_says_what_its_receiver_answered() {
    let mut world = World::new().await;
    world.watching(7);
    world.config.routes = "[[route]]\nnotify = [\"log\"]\n".to_owned();
    world.start().await;
    world.baselined().await;
    let tried = |more: &[&str]| {
        let arguments = [&["test-notification", "hook", "--socket", "admin.sock"], more].concat();
        let Output { status, stdout, stderr } = world.run(&arguments);
        let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        (status.code(), said)
    };
    let (code, said) = tried(&["--watch", "w7", "--type", "conversation.waiting"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("delivered to hook after "), "{said}");
    let received = world.hook.received();
    assert_eq!(received.len(), 1);
    let event = &received[0].body;
    assert_eq!(
        (&event["type"], &event["data"]["watch"]["name"]),
        (&"commwatch.test.v1".into(), &"w7".into())
    );
    assert_eq!(event["data"]["test"]["like"], "conversation.waiting");

    // One that is refused is a dead letter; one that is not taken now is tried again.
    world.hook.then([Reply::Status(400)]);
    let (code, said) = tried(&[]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("hook refused it") && said.contains("commwatch dead drop --notifier hook"),
        "{said}"
    );
    world.hook.then([Reply::Status(503)]);
    let (code, said) = tried(&[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("hook did not take it: retry") && said.contains("503"), "{said}");
    world.hook.wait("another try", PATIENCE, |received| received.len() >= 4).await;

    for (more, status, why) in [
        (&["--watch", "w8"][..], 1, "there is no watch `w8`"),
        (&["--type", "conversation.waitin"], 2, "types are message.created, "),
        (&["--type", "conversation.waiting"], 1, "name one with --watch"),
    ] {
        let (code, said) = tried(more);
        assert!(code == Some(status) && said.contains(why), "{said}");
    }
}

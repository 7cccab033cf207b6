//! A key that says when it ends is told of in time, once.

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};

use crate::world::{PATIENCE, World};

const KIND: &str = "commwatch.account.token_expiring.v1";

/// A key that ends then.
fn key(ends: Timestamp) -> String {
    let claims = format!("{{\"sub\":\"claim-that-must-not-be-seen\",\"exp\":{}}}", ends.as_second());
    format!("e30.{}.c2ln", BASE64URL_NOPAD.encode(claims.as_bytes()))
}

fn told(world: &World) -> Vec<String> {
    let accepted = world.hook.accepted();
    accepted.iter().filter(|one| one.kind == KIND).map(|one| one.id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_ends_soon_is_told_once_whatever_restarts_and_a_renewed_one_no_more() {
    let mut world = World::new().await;
    let now = Timestamp::now();
    let hours = SignedDuration::from_hours;
    let (soon, sooner, late) = (key(now + hours(60)), key(now + hours(20)), key(now + hours(24 * 200)));
    world.sim.accept_tokens([soon.clone(), sooner.clone(), late.clone()]);
    world.secret("token", &soon);
    world.secrets.extend([sooner.clone(), late.clone(), "claim-that-must-not-be-seen".to_owned()]);
    world.config.more = "[operators]\nnotify = [\"hook\", \"log\"]\n".to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    world
        .hook
        .wait("the end of the key", PATIENCE, |received| received.iter().any(|one| one.kind == KIND))
        .await;
    let first = told(&world);
    assert_eq!(first.len(), 1);
    let line = world.line_after(0, "account.token_expiring: the key of account main expires on ").await;
    assert!(line.contains("in 2 days"), "{line}");
    let why = world.ask(&["why", &first[0]]);
    assert!(why.contains("[operators]") && why.contains("expires on"), "{why}");

    // What was told is known after a crash; a message that comes through shows that there was time to tell it again.
    world.all_noted().await;
    world.kill();
    world.start().await;
    dana.customer_says("after the crash");
    world.all_delivered().await;
    world
        .status_until("a look of housekeeping", |status| !status["watches"].as_array().unwrap().is_empty())
        .await;
    assert_eq!(told(&world), first);

    // Another key is another end, which is told by its own nearest time alone.
    std::fs::write(world.path("token"), &sooner).unwrap();
    world.ask(&["reload"]);
    world
        .hook
        .wait("the other end", PATIENCE, |received| {
            received.iter().filter(|one| one.kind == KIND).count() == 2
        })
        .await;
    assert_ne!(told(&world)[1], first[0]);

    std::fs::write(world.path("token"), &late).unwrap();
    world.ask(&["reload"]);
    dana.customer_says("with a renewed key");
    world.all_delivered().await;
    let expiry = (now + hours(24 * 200)).as_second();
    world.metric_until("account_token_expiry_timestamp_seconds{account=\"main\"}", &expiry.to_string()).await;
    assert_eq!(told(&world).len(), 2);
    let found = world.run(&["check", "--online", "-c", "commwatch.toml"]);
    let text = String::from_utf8(found.stdout).unwrap();
    assert!(text.contains("CommBox accepts it; it expires on "), "{text}");
}

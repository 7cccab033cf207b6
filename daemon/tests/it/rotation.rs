//! Keys, secrets and plugin processes that are exchanged by a reload, while messages flow.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use commwatch_simulator::Conversation;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::receiver::{Received, Reply};
use crate::world::{PATIENCE, SIGNING_SECRET, World};

const NEXT_SECRET: &str = "whsec_bmV4dC1zZWNyZXQtdGhhdC1tdXN0LW5vdC1iZS1zZWVu";
const NEXT_TOKEN: &str = "next-token-that-must-not-be-seen";

/// The signature that Standard Webhooks asks for, over the bytes that were sent.
fn signed_with(secret: &str, one: &Received) -> bool {
    let key = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let timestamp = one.headers["webhook-timestamp"].to_str().unwrap();
    mac.update(format!("{}.{timestamp}.", one.id).as_bytes());
    mac.update(&one.bytes);
    let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    one.headers["webhook-signature"].to_str().unwrap().split(' ').any(|signature| signature == expected)
}

async fn told(world: &World, talk: &Conversation, text: &str) -> Received {
    talk.customer_says(text);
    world.all_delivered().await;
    world.hook.accepted().into_iter().find(|one| one.text == text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_a_secret_that_are_rotated_are_read_again_at_a_reload() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    let before = told(&world, &dana, "before").await;
    assert!(signed_with(SIGNING_SECRET, &before) && !signed_with(NEXT_SECRET, &before));

    world.secret("signing", NEXT_SECRET);
    world.secret("token", NEXT_TOKEN);
    world.sim.accept_tokens([NEXT_TOKEN]);
    world.line_after(0, "account.denied").await;
    world.ask(&["reload"]);
    let after = told(&world, &dana, "after").await;
    assert!(signed_with(NEXT_SECRET, &after) && !signed_with(SIGNING_SECRET, &after));
    assert!(world.status()["accounts"][0]["up"].as_bool().unwrap());

    // While both are known, both sign.
    world.secret("previous", SIGNING_SECRET);
    let both = "secrets = [{ file = \"signing\" }, { file = \"previous\" }]";
    let folder = world.folder().display();
    let text = world.config_text().replace(&format!("secret = {{ file = \"{folder}/signing\" }}"), both);
    assert!(text.contains(both));
    world.replace(&world.config_path(), &text);
    world.ask(&["reload"]);
    let overlap = told(&world, &dana, "overlap").await;
    assert!(signed_with(NEXT_SECRET, &overlap) && signed_with(SIGNING_SECRET, &overlap));
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notifier_that_is_exchanged_lets_what_is_on_its_way_end_and_keeps_the_order() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    let before = world.plugin_process("hook").unwrap();
    world.hook.then([Reply::Slow(Duration::from_millis(1500))]);
    dana.customer_says("on its way");
    world.hook.asked(1, PATIENCE).await;
    dana.customer_says("behind it");
    let text = world
        .config_text()
        .replace("[notifiers.hook.config]\n", "[notifiers.hook.config]\nheaders = { x-new = \"yes\" }\n");
    world.replace(&world.config_path(), &text);
    world.ask(&["reload"]);
    world.all_delivered().await;
    assert_eq!(world.check(), 0, "nothing twice, and in order");
    let new: Vec<bool> = world.hook.accepted().iter().map(|one| one.headers.contains_key("x-new")).collect();
    assert_eq!(new, [false, true], "the first by the old process, the second by the new one");
    crate::world::until("the old process ends", || !before.lives()).await;
    assert_ne!(world.plugin_process("hook").unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_refuses_its_new_configuration_keeps_the_old_one_running() {
    let mut world = World::new().await;
    let faulty = |mode: &str| {
        format!("[notifiers.room]\nplugin = \"faulty\"\n[notifiers.room.config]\nmode = \"{mode}\"\n")
    };
    world.config.more = faulty("obey");
    world.config.routes = "[[route]]\nnotify = [\"room\", \"hook\"]\n".to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    let before = [world.plugin_process("room").unwrap(), world.plugin_process("hook").unwrap()];
    for (mode, why) in [
        ("refuse-start", "the room `vip` does not exist: name one that does"),
        ("panic-at-start", "told to panic at the start"),
    ] {
        world.config.more = faulty(mode);
        // It would be exchanged as well, and must not be.
        world.config.hook = "retry_for = \"5h\"\n".to_owned();
        world.write_config();
        let output = world.run(&["reload", "--socket", "admin.sock"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("notifier room does not start") && said.contains(why), "{said}");
    }
    dana.customer_says("still told");
    world.all_delivered().await;
    world.line_after(0, "delivered to room").await;
    let after = [world.plugin_process("room").unwrap(), world.plugin_process("hook").unwrap()];
    assert_eq!(before, after);
    assert_eq!(world.check(), 0);
}

use std::time::Duration;

use crate::receiver::Reply;
use crate::world::{PATIENCE, World};

/// How often the configuration is changed under load; `COMMWATCH_RELOADS=100` for the long run.
fn reloads() -> u32 {
    std::env::var("COMMWATCH_RELOADS").ok().and_then(|text| text.parse().ok()).unwrap_or(10)
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_under_load_lose_and_repeat_nothing() {
    let mut world = World::new().await;
    let conversations: Vec<_> = (1..=4).map(|object| world.watching(object)).collect();
    world.start().await;
    world.baselined().await;
    let mut posted = 0;
    for round in 0..reloads() {
        for conversation in &conversations {
            posted += 1;
            conversation.customer_says(format!("message {posted}"));
        }
        // A changed time-out, a changed plugin configuration, and nothing at all, in turn.
        world.config.hook = format!("retry_for = \"{}h\"\n", 1 + round % 3);
        world.config.interval = if round % 2 == 0 { "1s" } else { "2s" };
        world.write_config();
        world.ask(&["reload"]);
    }
    world.all_delivered().await;
    assert_eq!(world.check(), 0, "a reload repeats nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_taken_into_use_by_itself() {
    let mut world = World::new().await;
    world.watching(1);
    world.start().await;
    world.baselined().await;
    let two = world.watching(2);
    world.write_config();
    world.line_after(0, "took the baseline of watch w2").await;
    two.customer_says("seen");
    world.all_delivered().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reloads_as_well() {
    let mut world = World::new().await;
    world.config.more = "# no changes are looked for\n".to_owned();
    world.watching(1);
    world.start().await;
    world.baselined().await;
    let from = world.output.count();
    world.signal(1);
    world.line_after(from, "reloaded the configuration").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_changes_nothing_but_is_seen() {
    let mut world = World::new().await;
    let dana = world.watching(1);
    world.start().await;
    world.baselined().await;
    world.config.more = "[operators]\nnotify = [\"nobody\"]\n".to_owned();
    world.write_config();
    let output = world.run(&["reload", "--socket", "admin.sock"]);
    assert_eq!(output.status.code(), Some(1));
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(why.contains("unknown notifier `nobody`"), "{why}");
    assert_eq!(world.status()["reload"]["last_ok"], false);
    let (_, metrics) = world.get("/metrics").await;
    assert!(metrics.contains("commwatch_config_last_reload_successful 0"), "{metrics}");
    dana.customer_says("still watched");
    world.all_delivered().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_away_a_vip_is_held_until_somebody_says_yes() {
    let mut world = World::new().await;
    world.watching(1);
    let two = world.watching(2);
    world.start().await;
    world.baselined().await;
    world.unwatch(2);
    world.write_config();
    world.line_after(0, "it removes the VIP w2").await;
    two.customer_says("still watched");
    world.all_delivered().await;
    world.ask(&["reload", "--allow-removals"]);
    assert_eq!(world.status()["watches"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_renamed_goes_on_from_its_cursor() {
    let mut world = World::new().await;
    let dana = world.watching(1);
    world.start().await;
    world.baselined().await;
    let text = world.config_text().replace("name = \"w1\"", "name = \"renamed\"");
    std::fs::write(world.config_path(), text).unwrap();
    world.ask(&["reload", "--allow-removals"]);
    dana.customer_says("after the renaming");
    world.all_delivered().await;
    world
        .hook
        .wait("the new name", PATIENCE, |received| {
            received.iter().any(|one| one.body["data"]["watch"]["name"] == "renamed")
        })
        .await;
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_notifier_that_is_removed_is_delivered_when_it_comes_back() {
    let mut world = World::new().await;
    let dana = world.watching(1);
    world.start().await;
    world.baselined().await;
    // Longer than the delivery's own time-out: whether it arrived is not known, so it is tried again.
    world.hook.then([Reply::Slow(Duration::from_secs(3))]);
    dana.customer_says("in flight when it goes");
    dana.customer_says("behind it");
    world.hook.asked(1, PATIENCE).await;
    let whole = world.config_text();
    let hook = whole.find("[notifiers.hook]").unwrap()..whole.find("[notifiers.log]").unwrap();
    let mut without = whole.clone();
    without.replace_range(hook, "");
    std::fs::write(world.config_path(), without.replace("\"hook\", ", "")).unwrap();
    world.ask(&["reload", "--allow-removals"]);
    world.line_after(0, "unknown from hook").await;
    std::fs::write(world.config_path(), whole).unwrap();
    world.ask(&["reload"]);
    world.all_delivered().await;
    world.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_to_conf_d_is_taken_into_use_by_itself() {
    let mut world = World::new().await;
    world.watching(1);
    world.start().await;
    world.baselined().await;
    let folder = world.path("conf.d");
    std::fs::create_dir(&folder).unwrap();
    let (two, three) = (world.conversation(2), world.conversation(3));
    for talk in [&two, &three] {
        talk.customer_says("old");
    }
    let line = |object: i64| {
        format!("{{ name = \"vip-{object}\", priority = \"vip\", stream = 532, object = {object} }}")
    };
    world.replace(&folder.join("vips.toml"), &format!("watch = [ {} ]\n", line(2)));
    world.line_after(0, "took the baseline of watch vip-2").await;
    world.replace(&folder.join("vips.toml"), &format!("watch = [ {}, {} ]\n", line(2), line(3)));
    world.line_after(0, "took the baseline of watch vip-3").await;
    two.customer_says("two is watched");
    three.customer_says("and so is three");
    world.all_delivered().await;
    assert_eq!(world.check(), 0);

    // A second watch of the same conversation is a mistake, told with both places.
    world.replace(&folder.join("more.toml"), &format!("watch = [ {} ]\n", line(1)));
    let output = world.run(&["check", "-c", "commwatch.toml"]);
    assert_eq!(output.status.code(), Some(78));
    let why = String::from_utf8(output.stderr).unwrap();
    assert!(why.contains("two watches of one conversation: object 1 of account `main`"), "{why}");
    assert!(why.contains("conf.d/more.toml:1:") && why.contains("commwatch.toml:"), "{why}");
    let refused = world.run(&["reload", "--socket", "admin.sock"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(world.status()["watches"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_behind_links_is_taken_into_use_when_they_are_swapped() {
    use std::os::unix::fs::symlink;
    let mut world = World::new().await;
    // As Kubernetes mounts it: the file is a link through `..data`, which is swapped as a whole.
    let put = |world: &World, version: &str| {
        let folder = world.path(version);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("commwatch.toml"), world.config_text()).unwrap();
        symlink(version, world.path("..data_tmp")).unwrap();
        std::fs::rename(world.path("..data_tmp"), world.path("..data")).unwrap();
    };
    world.watching(1);
    put(&world, "..version_1");
    symlink("..data/commwatch.toml", world.config_path()).unwrap();
    world.start_with(&[]).await;
    world.baselined().await;
    for object in 2..=3 {
        let talk = world.watching(object);
        put(&world, &format!("..version_{object}"));
        world.line_after(0, &format!("took the baseline of watch w{object}")).await;
        talk.customer_says(format!("seen in {object}"));
        world.all_delivered().await;
    }
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_taken_out_and_put_back_goes_on_from_its_cursor() {
    let mut world = World::new().await;
    let dana = world.watching(1);
    world.watching(2);
    world.start().await;
    world.baselined().await;
    let both = world.config.watches.clone();
    world.unwatch(1);
    world.write_config();
    assert!(world.ask(&["reload", "--allow-removals"]).contains("removed watch w1"));
    dana.customer_says("while nobody watched");
    world.polled(2).await;
    world.config.watches = both;
    world.write_config();
    world.line_after(0, "added watch w1").await;
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}

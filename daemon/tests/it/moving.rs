//! A new server: the files of the old one, copied as the README says.

use crate::world::World;

/// What was told, what waits to be told, what is silenced and what nobody has seen yet: each goes on elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_made_while_running_goes_on_in_another_place_with_nothing_lost_and_nothing_told_twice() {
    let mut world = World::new().await;
    let conversations: Vec<_> = (1..=4).map(|object| world.watching(object)).collect();
    world.start().await;
    world.baselined().await;
    for n in 0..12 {
        conversations[n % 3].customer_says(format!("told by the old one {n}"));
    }
    world.all_delivered().await;
    world.ask(&["silence", "add", "--watch", "w4", "--for", "1h", "--reason", "comes along"]);
    // What it has found and could not tell anybody.
    world.hook.go_away();
    conversations[0].customer_says("in the outbox");
    world.metric_until("outbox_pending{notifier=\"hook\"}", "1").await;
    world.ask(&["backup", "move.db"]);
    assert!(world.stop().await.success());
    conversations[1].customer_says("while it moved");
    // The old place is gone.
    let old = world.moves("move.db");
    drop(old);
    world.hook.come_back().await;
    world.start().await;
    conversations[2].customer_says("on the new server");
    world.all_delivered().await;
    assert_eq!(world.check(), 0, "repeats");
    assert!(world.ask(&["silence", "list"]).contains("comes along"));
    assert_eq!(
        world.output.logged("took the baseline of watch").len(),
        4,
        "each was taken once, in the old place"
    );
}

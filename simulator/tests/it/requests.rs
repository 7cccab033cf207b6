//! What the simulator remembers of what was asked, and waiting for it.

use std::time::Duration;

use commwatch_simulator::{Fault, Scope, Simulator, Times};

use crate::ask::{IMPATIENCE, PATIENCE, client, get};

#[tokio::test]
async fn each_request_is_remembered_with_what_it_said_and_what_it_got() {
    let sim = Simulator::start().await.unwrap();
    sim.conversation(1, 2);
    let url = format!("{}/streams/1/objects/2?includeChilds=true&x=%20", sim.base_url());
    let client = client();
    let ask = || client.get(&url).bearer_auth(sim.token()).header("user-agent", "watcher/1").send();
    ask().await.unwrap().bytes().await.unwrap();
    ask().await.unwrap().bytes().await.unwrap();
    get(&sim, "/streams/1/objects/3").await;
    let seen = sim.requests();
    assert_eq!(
        (seen[0].number, seen[0].method.as_str(), seen[0].path.as_str()),
        (1, "GET", "/streams/1/objects/2")
    );
    assert_eq!(
        (seen[0].query.as_str(), seen[0].user_agent.as_deref()),
        ("includeChilds=true&x=%20", Some("watcher/1"))
    );
    assert_eq!((seen[0].object_id, seen[0].status, seen[0].authorized), (Some(2), Some(200), true));
    assert_eq!((seen[2].object_id, seen[2].status), (Some(3), Some(404)));
    assert!(seen[0].at <= seen[1].at && seen[0].ended.is_some());
    let connections: Vec<_> = seen.iter().map(|it| it.connection).collect();
    assert_eq!(connections, [1, 1, 2], "the first client kept its connection");
    assert_eq!(
        (sim.total_requests(), sim.request_count(2), sim.request_count(3), sim.request_count(4)),
        (3, 2, 1, 0)
    );
}

#[tokio::test]
async fn requests_for_one_conversation_at_once_are_noticed() {
    let sim = Simulator::start().await.unwrap();
    sim.conversation(1, 2);
    sim.conversation(1, 3);
    sim.fault(Scope::All, Fault::Delay(IMPATIENCE), Times::Forever);
    tokio::join!(get(&sim, "/streams/1/objects/2"), get(&sim, "/streams/1/objects/3"));
    assert_eq!((sim.max_concurrent(2), sim.max_concurrent(3), sim.max_concurrent_total()), (1, 1, 2));
    tokio::join!(get(&sim, "/streams/1/objects/2"), get(&sim, "/streams/1/objects/2"));
    assert_eq!((sim.max_concurrent(2), sim.max_concurrent(3), sim.max_concurrent_total()), (2, 1, 2));
}

#[tokio::test]
async fn a_wait_ends_when_its_condition_comes_true() {
    let sim = Simulator::start().await.unwrap();
    sim.conversation(1, 2);
    let asking = async {
        for _ in 0..3 {
            get(&sim, "/streams/1/objects/2").await;
        }
    };
    let condition = sim.wait_for("three answers", PATIENCE, |seen| {
        seen.iter().filter(|seen| seen.status == Some(200)).count() == 3
    });
    let (all, three, _) = tokio::join!(sim.wait_for_requests(3, PATIENCE), condition, asking);
    all.unwrap();
    three.unwrap();
}

#[tokio::test]
async fn a_wait_for_polls_counts_only_those_that_began_after_it() {
    let sim = Simulator::start().await.unwrap();
    sim.conversation(1, 2);
    get(&sim, "/streams/1/objects/2").await;
    sim.fault(Scope::Object(2), Fault::Delay(IMPATIENCE), Times::Once);
    let begun_before = tokio::spawn({
        let sim = sim.clone();
        async move { get(&sim, "/streams/1/objects/2").await.0 }
    });
    sim.wait_for_requests(2, PATIENCE).await.unwrap();
    let waiting = tokio::spawn({
        let sim = sim.clone();
        async move { sim.wait_for_polls(2, 1, PATIENCE).await }
    });
    assert_eq!(begun_before.await.unwrap(), 200);
    assert!(!waiting.is_finished(), "the answer to an older request is not enough");
    get(&sim, "/streams/1/objects/2").await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_wait_in_vain_says_what_was_waited_for_and_what_came_instead() {
    let sim = Simulator::start().await.unwrap();
    get(&sim, "/streams/1/objects/2?includeChilds=true").await;
    let error = sim.wait_for_requests(2, Duration::from_millis(1)).await.unwrap_err();
    let text = format!("{error:?}");
    let expected = "waited 1ms in vain for 2 requests; 1 requests so far\n  \
                    1: GET /streams/1/objects/2?includeChilds=true 404";
    assert_eq!(text, expected);
}

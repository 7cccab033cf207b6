//! The calls that list conversations, and their limits.

use commwatch_simulator::{Channel, Simulator};
use jiff::Timestamp;
use serde_json::Value;

use crate::ask::get;

/// Three conversations of one stream, a day apart, and one of another stream by the first one's customer.
async fn three() -> Simulator {
    let sim = Simulator::start().await.unwrap();
    for (object, day) in [(11, 1), (12, 2), (13, 3)] {
        let created: Timestamp = format!("2026-03-0{day}T12:00:00Z").parse().unwrap();
        sim.conversation(5, object).identity(700 + object).created(created);
    }
    sim.conversation(6, 21).identity(711).customer_says("and by mail");
    sim
}

async fn ids(sim: &Simulator, path: &str) -> Vec<i64> {
    let (status, answer) = get(sim, path).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer["data"].as_array().unwrap().iter().map(|object| object["id"].as_i64().unwrap()).collect()
}

fn unix(time: &str) -> i64 {
    time.parse::<Timestamp>().unwrap().as_second()
}

fn all() -> String {
    let (start, end) = (unix("2026-03-01T00:00:00Z"), unix("2026-03-04T00:00:00Z"));
    format!("/streams/5/objects?unixStartTime={start}&unixEndTime={end}")
}

#[tokio::test]
async fn a_listing_without_a_limit_fails() {
    let sim = three().await;
    let halves = [
        "",
        "?status=1",
        "?unixStartTime=1",
        "?unixEndTime=9",
        "?streamProviderId=1",
        "?streamProviderType=0",
    ];
    for query in halves {
        assert_eq!(get(&sim, &format!("/streams/5/objects{query}")).await.0, 400, "{query}");
    }
    assert_eq!(get(&sim, "/streams/99/objects?userIdentityId=1").await.0, 404);
}

#[tokio::test]
async fn a_time_range_lists_what_began_in_it_in_the_wanted_order() {
    let sim = three().await;
    assert_eq!(ids(&sim, &all()).await, [13, 12, 11]);
    assert_eq!(ids(&sim, &format!("{}&sort=asc", all())).await, [11, 12, 13]);
    let (start, end) = (unix("2026-03-02T00:00:00Z"), unix("2026-03-02T12:00:00Z"));
    assert_eq!(ids(&sim, &format!("/streams/5/objects?unixStartTime={start}&unixEndTime={end}")).await, [12]);

    sim.conversation(5, 11).remark("moves the update forward");
    assert_eq!(ids(&sim, &format!("{}&order=updatedtime", all())).await, [11, 13, 12]);
    assert_eq!(ids(&sim, &format!("{}&order=createdtime", all())).await, [13, 12, 11]);
    assert_eq!(get(&sim, &format!("{}&order=name", all())).await.0, 400);
    assert_eq!(get(&sim, &format!("{}&sort=up", all())).await.0, 400);
}

#[tokio::test]
async fn the_range_applies_to_another_time_when_the_filter_says_so() {
    let sim = three().await;
    sim.conversation(5, 11).remark("today");
    let start = Timestamp::now().as_second() - 3600;
    let end = start + 7200;
    let path = format!("/streams/5/objects?unixStartTime={start}&unixEndTime={end}");
    assert_eq!(ids(&sim, &path).await, [0; 0]);
    assert_eq!(ids(&sim, &format!("{path}&timeFilter=updatedtime")).await, [11]);
}

#[tokio::test]
async fn a_listing_can_be_limited_to_statuses_sub_streams_and_customers() {
    let sim = three().await;
    sim.conversation(5, 11).set_status(2);
    sim.conversation(5, 12).set_status(8);
    sim.conversation(5, 13).sub_stream(4);
    assert_eq!(ids(&sim, &format!("{}&status=2,8", all())).await, [12, 11]);
    assert_eq!(ids(&sim, &format!("{}&subStream=4", all())).await, [13]);
    assert_eq!(ids(&sim, "/streams/5/objects?userIdentityId=712").await, [12]);

    sim.conversation(5, 14).channel(Channel::WhatsApp).address("972500000777");
    let identity = "/streams/5/objects?identityStreamProviderId=972500000777&identityStreamProviderType=";
    assert_eq!(ids(&sim, &format!("{identity}5")).await, [14], "a WhatsApp customer is known by phone");
    assert_eq!(ids(&sim, &format!("{identity}16")).await, [0; 0]);
    let channel = "/streams/5/objects?streamProviderId=972500000777&streamProviderType=16";
    assert_eq!(ids(&sim, channel).await, [14]);
}

#[tokio::test]
async fn at_most_a_hundred_conversations_come_at_once_and_pages_count_from_zero() {
    let sim = Simulator::start().await.unwrap();
    for object in 0..230 {
        sim.conversation(5, object).identity(1);
    }
    let path = "/streams/5/objects?userIdentityId=1&sort=asc";
    let page = |query: &str| {
        let (sim, path) = (sim.clone(), format!("{path}{query}"));
        async move { ids(&sim, &path).await }
    };
    assert_eq!(page("").await.len(), 100);
    assert_eq!(page("&pageSize=1000").await.len(), 100);
    assert_eq!(page("&pageNumber=2").await.len(), 30);
    assert_eq!(page("&pageNumber=3").await, [0; 0]);
    let mut seen = Vec::new();
    for number in 0..8 {
        seen.extend(page(&format!("&pageSize=30&pageNumber={number}")).await);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..230).collect::<Vec<_>>());
    assert_eq!(get(&sim, &format!("{path}&pageNumber=-1")).await.0, 400);
}

#[tokio::test]
async fn a_customers_conversations_come_from_all_streams_with_the_unread_count_on_the_newer_path() {
    let sim = three().await;
    let (_, newer) = get(&sim, "/v2/users/identities/711/objects").await;
    assert_eq!(newer["totalUnreadChatMessages"], 0);
    assert_eq!(newer["data"].as_array().unwrap().len(), 2);
    assert_eq!(newer["data"][1].get("childs"), None);

    let (_, older) = get(&sim, "/users/identities/711/objects").await;
    assert_eq!(older.get("totalUnreadChatMessages"), None);
    assert_eq!(older["data"][1]["childs"][0]["message"], "and by mail", "children come unasked");
    let (_, without) = get(&sim, "/users/identities/711/objects?includeChilds=false").await;
    assert_eq!(without["data"][1].get("childs"), None);
    assert_eq!(get(&sim, "/users/identities/999/objects").await.0, 404);
}

#[tokio::test]
async fn a_listed_conversation_is_named_by_id_and_counts_its_children() {
    let sim = three().await;
    let (_, answer) = get(&sim, "/streams/6/objects?userIdentityId=711&includeChilds=true").await;
    let object = &answer["data"][0];
    assert_eq!((object.get("objectId"), &object["id"]), (None, &Value::from(21)));
    assert_eq!((&object["numChilds"], &object["numTags"]), (&Value::from(1), &Value::from(0)));
    let child = &object["childs"][0];
    assert_eq!(
        (&child["isManager"], &child["user"]["isManager"]),
        (&Value::from(false), &Value::from(false))
    );
    assert!(child.get("streamProviderEmail").is_some(), "{child}");
}

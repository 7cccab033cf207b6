//! What people say and do in a conversation, and what the operator of the API does to all of them.

use commwatch_simulator::{Author, Garbled, Post, Simulator};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::ask::{PATIENCE, client, get, messages, object, try_get};

#[tokio::test]
async fn what_is_posted_is_answered_and_listed_as_the_truth() {
    let sim = Simulator::start().await.unwrap();
    let talk = sim.conversation(1, 2).customer("Dana", "Levi");
    let at: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
    talk.says(Post::customer("first").at(at));
    talk.agent_says("Avi Example", "second");
    talk.bot_says("third");
    let huge = talk.says(Post::unknown("fourth").at(at).id(i64::MAX));
    assert_eq!(huge, i64::MAX);

    let told: Vec<_> =
        sim.posted().into_iter().map(|it| (it.object_id, it.child_id, it.author, it.text)).collect();
    let agent = Author::Agent("Avi Example".to_owned());
    let posted = |id, author, text: &str| (2, id, author, text.to_owned());
    let expected = [
        posted(90_030_201, Author::Customer, "first"),
        posted(90_030_202, agent, "second"),
        posted(90_030_203, Author::Bot, "third"),
        posted(i64::MAX, Author::Unknown, "fourth"),
    ];
    assert_eq!(told, expected);

    let object = object(&sim, 1, 2).await;
    assert_eq!(messages(&object), ["third", "second", "fourth", "first"], "by time, equal times by id");
    let childs = object["childs"].as_array().unwrap();
    assert_eq!(childs[2]["id"].as_i64(), Some(i64::MAX));
    let names: Vec<_> = childs.iter().map(|child| child["user"]["identity"]["firstName"].as_str()).collect();
    assert_eq!(names, [Some("Bot"), Some("Avi"), None, Some("Dana")]);
    let managers: Vec<_> = childs.iter().map(|child| child["user"]["isManager"].as_bool()).collect();
    assert_eq!(managers, [Some(true), Some(true), None, Some(false)]);
    let created: jiff::Timestamp = childs[0]["createdTime"].as_str().unwrap().parse().unwrap();
    assert_eq!(created, sim.posted()[2].at, "the truth to the last digit");
}

#[tokio::test]
async fn an_edited_message_keeps_its_id_and_a_redacted_one_disappears_until_it_is_restored() {
    let sim = Simulator::start().await.unwrap();
    let talk = sim.conversation(1, 2);
    let first = talk.customer_says("frist");
    let second = talk.says(Post::customer("second").html("<b>second</b>"));
    talk.edit(first, "first");
    let before = object(&sim, 1, 2).await;
    assert_eq!(messages(&before), ["<b>second</b>", "first"]);
    assert_eq!(before["childs"][1]["id"], first);
    talk.redact(second);
    assert_eq!(messages(&object(&sim, 1, 2).await), ["first"]);
    talk.restore(second);
    talk.edit(second, "plain");
    assert_eq!(messages(&object(&sim, 1, 2).await), ["plain", "first"]);
    assert_eq!(sim.posted()[1].text, "second", "the truth is what was posted");
}

#[tokio::test]
async fn status_and_agent_change_with_their_times_and_activities() {
    let sim = Simulator::start().await.unwrap();
    let talk = sim.conversation(1, 2);
    let avi = sim.manager("Avi");
    talk.assign(avi);
    talk.set_status(2);
    let resolved = object(&sim, 1, 2).await;
    assert_eq!((&resolved["statusId"], &resolved["assignedManagerId"]), (&Value::from(2), &Value::from(avi)));
    assert!(resolved["closedTime"].is_string());
    talk.assign(0);
    talk.set_status(1);
    let reopened = object(&sim, 1, 2).await;
    assert_eq!((&reopened["closedTime"], &reopened["assignedManagerId"]), (&Value::Null, &Value::from(0)));
    assert_eq!(reopened["lastAssignedManagerId"], avi);
    let (_, answer) = get(&sim, "/streams/1/objects/2?includeActivityLog=true").await;
    let kinds: Vec<_> =
        answer["data"][0]["activityLogs"].as_array().unwrap().iter().map(|it| &it["type"]).collect();
    assert_eq!(kinds, [2, 6, 2, 6], "newest first");
}

#[tokio::test]
async fn a_conversation_that_moved_or_vanished_is_not_found_at_its_old_place() {
    let sim = Simulator::start().await.unwrap();
    let talk = sim.conversation(1, 2);
    talk.move_to(3);
    assert_eq!(get(&sim, "/streams/1/objects/2").await.0, 404);
    assert_eq!(get(&sim, "/streams/3/objects/2").await.0, 200);
    talk.vanish(true);
    assert_eq!(get(&sim, "/streams/3/objects/2").await.0, 404);
    talk.vanish(false);
    assert_eq!(get(&sim, "/streams/3/objects/2").await.0, 200);
}

#[tokio::test]
async fn a_garbled_child_stands_among_good_ones_in_every_way_of_being_garbled() {
    let sim = Simulator::start().await.unwrap();
    let talk = sim.conversation(1, 2);
    talk.customer_says("good");
    let bad = talk.customer_says("bad");
    let garbled = |how| {
        talk.garble(bad, Some(how));
        async { object(&sim, 1, 2).await["childs"][0].clone() }
    };
    assert_eq!(garbled(Garbled::BadTime).await["createdTime"], "yesterday, after lunch");
    assert_eq!(garbled(Garbled::NoTime).await.get("createdTime"), None);
    assert_eq!(garbled(Garbled::NoId).await.get("id"), None);
    assert_eq!(garbled(Garbled::BadId).await["id"], "not-a-number");
    assert!(garbled(Garbled::BadMessage).await["message"].is_object());
    assert!(garbled(Garbled::NotAnObject).await.is_string());
    talk.garble(bad, None);
    assert_eq!(messages(&object(&sim, 1, 2).await), ["bad", "good"]);
    talk.says(Post::customer("born so").garbled(Garbled::NoTime));
    assert_eq!(object(&sim, 1, 2).await["childs"][0].get("createdTime"), None);
}

#[tokio::test]
async fn a_skewed_clock_is_seen_in_the_answer_the_header_and_new_messages() {
    let sim = Simulator::start().await.unwrap();
    sim.clock_skew(SignedDuration::from_hours(-5));
    sim.conversation(1, 2).customer_says("late");
    let response = try_get(&sim, "/streams/1/objects/2?includeChilds=true").await.unwrap();
    let date = response.headers()["date"].to_str().unwrap().to_owned();
    let answer: Value = response.json().await.unwrap();
    let expected = Timestamp::now() - SignedDuration::from_hours(5);
    let off =
        |text: &str| (text.parse::<Timestamp>().unwrap() - expected).total(jiff::Unit::Minute).unwrap().abs();
    assert!(off(answer["response_time"].as_str().unwrap()) < 5.0);
    assert!(off(answer["data"][0]["childs"][0]["createdTime"].as_str().unwrap()) < 5.0);
    let header = jiff::fmt::rfc2822::parse(&date).unwrap().timestamp().to_string();
    assert!(off(&header) < 5.0, "{date}");
}

#[tokio::test]
async fn an_outage_refuses_callers_and_ends_on_the_same_port_with_the_same_state() {
    let sim = Simulator::start().await.unwrap();
    sim.conversation(1, 2).customer_says("before");
    let kept_alive = client();
    let url = format!("{}/streams/1/objects/2?includeChilds=true", sim.base_url());
    let ask = || kept_alive.get(&url).bearer_auth(sim.token()).send();
    assert_eq!(ask().await.unwrap().status(), 200);
    sim.stop_listening().await.unwrap();
    sim.stop_listening().await.unwrap();
    assert!(ask().await.is_err(), "the connection of before is closed");
    assert!(try_get(&sim, "/core/systemstatus").await.unwrap_err().is_connect());
    sim.conversation(1, 2).customer_says("during");
    sim.listen_again().await.unwrap();
    sim.listen_again().await.unwrap();
    assert_eq!(ask().await.unwrap().status(), 200);
    assert_eq!(messages(&object(&sim, 1, 2).await), ["during", "before"]);
}

#[tokio::test]
async fn a_simulator_that_is_shut_down_or_dropped_gives_its_port_back() {
    let sim = Simulator::start().await.unwrap();
    let address = sim.address();
    sim.shutdown().await;
    let successor = Simulator::builder().bind(address).start().await.unwrap();
    assert_eq!(get(&successor, "/core/systemstatus").await.0, 200);
    drop(successor);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn a_test_without_a_runtime_can_use_it() {
    let sim = Simulator::start_blocking().unwrap();
    sim.conversation(1, 2);
    let asker = {
        let sim = sim.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { get(&sim, "/streams/1/objects/2").await.0 })
        })
    };
    sim.wait_for_requests_blocking(1, PATIENCE).unwrap();
    assert_eq!(asker.join().unwrap(), 200);
    sim.wait_for_blocking("an answer", PATIENCE, |seen| seen[0].status == Some(200)).unwrap();
    sim.shutdown_blocking();
}

#[tokio::test]
#[should_panic(expected = "conversation 2 is on stream 1")]
async fn making_a_conversation_again_on_another_stream_is_a_mistake() {
    let sim = Simulator::start().await.unwrap();
    sim.conversation(1, 2);
    sim.conversation(3, 2);
}

#[tokio::test]
#[should_panic(expected = "there is a message 9 already")]
async fn posting_an_id_twice_is_a_mistake() {
    let sim = Simulator::start().await.unwrap();
    sim.conversation(1, 2).says(Post::customer("a").id(9));
    sim.conversation(1, 3).says(Post::customer("b").id(9));
}

#[tokio::test]
async fn a_cast_enters_and_what_it_says_can_be_read() {
    let sim = Simulator::start().await.unwrap();
    let mut cast = commwatch_simulator::Cast::demo();
    assert!(cast.clone().speak(&sim).is_err(), "nobody has entered");
    cast.enter(&sim);
    let mut said = Vec::new();
    for _ in 0..40 {
        said.extend(cast.speak(&sim).unwrap());
    }
    let mut told = Vec::new();
    for member in cast.members() {
        for child in object(&sim, member.stream, member.object).await["childs"].as_array().unwrap() {
            told.push(child["id"].as_i64().unwrap());
        }
    }
    told.sort_unstable();
    assert_eq!(told, said);
    assert_eq!(sim.posted_since(38).len(), sim.posted().len() - 38);
}

#[tokio::test]
async fn equal_times_are_ordered_by_id_whoever_was_posted_first() {
    let sim = Simulator::start().await.unwrap();
    let at: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
    for id in [5, 9, 7] {
        sim.conversation(1, 2).says(Post::customer(id.to_string()).id(id).at(at));
    }
    assert_eq!(messages(&object(&sim, 1, 2).await), ["9", "7", "5"]);
}

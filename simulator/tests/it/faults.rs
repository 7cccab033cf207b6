//! Each way of letting a caller down, as the caller sees it.

use std::time::{Duration, Instant};

use commwatch_simulator::{Fault, FaultBody, Scope, Simulator, Throttle, Times};
use serde_json::Value;

use crate::ask::{IMPATIENCE, PATIENCE, client, get, messages, object, try_get};

const PATH: &str = "/streams/1/objects/2?includeChilds=true";

async fn with(fault: Fault) -> Simulator {
    let sim = Simulator::start().await.unwrap();
    let talk = sim.conversation(1, 2);
    talk.customer_says("one");
    talk.customer_says("two");
    sim.fault(Scope::Object(2), fault, Times::Once);
    sim
}

/// The fault is over and the next answer is whole.
async fn assert_well_again(sim: &Simulator) {
    assert_eq!(messages(&object(sim, 1, 2).await), ["two", "one"]);
}

#[tokio::test]
async fn a_status_comes_with_its_header_and_any_kind_of_body() {
    let sim = with(Fault::retry_after(503, "17")).await;
    let response = try_get(&sim, PATH).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (503, &"17".parse().unwrap())
    );
    assert_eq!(response.json::<Value>().await.unwrap()["status"], 503);

    for (body, text, kind) in [(FaultBody::Html, "<html>", Some("text/html")), (FaultBody::Empty, "", None)] {
        sim.fault(Scope::All, Fault::Status { code: 200, retry_after: None, body }, Times::Once);
        let response = try_get(&sim, PATH).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().get("content-type").map(|it| it.to_str().unwrap()), kind);
        let body = response.text().await.unwrap();
        assert!(body.starts_with(text) && body.is_empty() == text.is_empty(), "{body}");
    }
    assert_well_again(&sim).await;
}

#[tokio::test]
async fn a_hanging_request_never_ends_and_is_in_flight_until_the_caller_gives_up() {
    let sim = with(Fault::Hang).await;
    let impatient =
        client().get(format!("{}{PATH}", sim.base_url())).bearer_auth(sim.token()).timeout(IMPATIENCE);
    assert!(impatient.send().await.unwrap_err().is_timeout());
    sim.wait_for("the end of the hanging request", PATIENCE, |seen| seen[0].ended.is_some()).await.unwrap();
    assert_eq!(sim.requests()[0].status, None);
    assert_well_again(&sim).await;
    assert_eq!(sim.max_concurrent(2), 1);
}

#[tokio::test]
async fn a_delayed_answer_comes_late_and_whole() {
    let sim = with(Fault::Delay(IMPATIENCE)).await;
    let asked = Instant::now();
    assert_well_again(&sim).await;
    assert!(asked.elapsed() >= IMPATIENCE);
}

#[tokio::test]
async fn a_stalled_answer_begins_and_does_not_go_on() {
    let sim = with(Fault::Stall(20)).await;
    let mut response = try_get(&sim, PATH).await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), r#"{"status":200,"descr"#);
    assert!(tokio::time::timeout(IMPATIENCE, response.chunk()).await.is_err());
    assert_eq!(sim.requests()[0].ended, None);
    assert_well_again(&sim).await;
    assert_eq!(sim.max_concurrent(2), 2, "the stalled answer was still in flight");
}

#[tokio::test]
async fn a_truncated_answer_announces_its_length_and_ends_early() {
    let sim = with(Fault::Truncate(30)).await;
    let mut response = try_get(&sim, PATH).await.unwrap();
    assert!(response.content_length().unwrap() > 30);
    assert_eq!(response.chunk().await.unwrap().unwrap().len(), 30);
    assert!(response.chunk().await.is_err());
    assert_well_again(&sim).await;
}

#[tokio::test]
async fn an_answer_truncated_beyond_its_length_still_lacks_its_last_byte() {
    let sim = with(Fault::Truncate(1 << 20)).await;
    assert!(try_get(&sim, PATH).await.unwrap().bytes().await.is_err());
    assert_well_again(&sim).await;
}

#[tokio::test]
async fn a_reset_closes_the_connection_without_an_answer() {
    let sim = with(Fault::Reset).await;
    let error = try_get(&sim, PATH).await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    assert_eq!(kind, Some(std::io::ErrorKind::ConnectionReset), "{error:?}");
    assert_eq!(sim.requests()[0].status, None);
    assert_well_again(&sim).await;
}

#[tokio::test]
async fn the_content_of_a_good_answer_can_be_spoiled() {
    let cases = [
        (Fault::EnvelopeStatus(500), "/status", Some(Value::from(500))),
        (Fault::EmptyData, "/data", Some(Value::from(Vec::<Value>::new()))),
        (Fault::NullData, "/data", Some(Value::Null)),
        (Fault::TextData, "/data", Some(Value::from(""))),
        (Fault::AbsentData, "/data", None),
        (Fault::WrongObject, "/data/0/objectId", Some(Value::from(3))),
        (Fault::StaleReplica(1), "/data/0/message", Some(Value::from("one"))),
    ];
    for (fault, place, expected) in cases {
        let sim = with(fault.clone()).await;
        let (status, answer) = get(&sim, PATH).await;
        assert_eq!(status, 200, "{fault:?}");
        assert_eq!(answer.pointer(place), expected.as_ref(), "{fault:?}");
        assert_well_again(&sim).await;
    }
}

#[tokio::test]
async fn a_stale_replica_lacks_the_newest_children_and_no_others() {
    let sim = with(Fault::StaleReplica(1)).await;
    assert_eq!(messages(&object(&sim, 1, 2).await), ["one"]);
    sim.fault(Scope::Object(2), Fault::StaleReplica(9), Times::Once);
    assert_eq!(messages(&object(&sim, 1, 2).await), [""; 0]);
}

#[tokio::test]
async fn an_oversized_answer_is_right_and_long_and_does_not_say_how_long() {
    let sim = with(Fault::Oversized(3_000_000)).await;
    let response = try_get(&sim, PATH).await.unwrap();
    assert_eq!(response.content_length(), None);
    let body = response.bytes().await.unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["padding"].as_str().unwrap().len(), 3_000_000);
    assert_eq!(messages(&answer["data"][0]), ["two", "one"]);
}

#[tokio::test]
async fn a_redirect_names_its_location_and_something_else_than_json_is_not_json() {
    let sim = with(Fault::Redirect("https://elsewhere.example/".to_owned())).await;
    let response = try_get(&sim, PATH).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], "https://elsewhere.example/");

    sim.fault(Scope::Object(2), Fault::NotJson, Times::Once);
    let response = try_get(&sim, PATH).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
    assert!(response.json::<Value>().await.unwrap_err().is_decode());
    assert_well_again(&sim).await;
}

#[tokio::test]
async fn a_fault_meets_only_its_scope() {
    let sim = with(Fault::status(500)).await;
    let asked = [
        (Scope::Listings, "/v2/users/identities/880101/objects"),
        (Scope::SystemStatus, "/core/systemstatus"),
    ];
    for (scope, path) in asked {
        sim.fault(scope, Fault::status(502), Times::Once);
        assert_eq!(get(&sim, path).await.0, 502);
        assert_eq!(get(&sim, path).await.0, 200);
    }
    assert_eq!(get(&sim, PATH).await.0, 500);
    sim.fault(Scope::All, Fault::status(503), Times::Forever);
    assert_eq!(get(&sim, PATH).await.0, 503);
    assert_eq!(get(&sim, "/core/systemstatus").await.0, 503);
    sim.clear_faults();
    assert_well_again(&sim).await;
}

#[tokio::test]
async fn requests_past_the_rate_are_throttled_until_the_limit_is_lifted() {
    let sim = Simulator::start().await.unwrap();
    sim.throttle(Throttle::new(2, Duration::from_secs(3600)));
    assert_eq!(get(&sim, "/core/systemstatus").await.0, 200);
    assert_eq!(get(&sim, "/core/systemstatus").await.0, 200);
    let response = try_get(&sim, "/core/systemstatus").await.unwrap();
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
    assert_eq!(response.json::<Value>().await.unwrap()["description"], "Too Many Requests");
    sim.throttle(None);
    assert_eq!(get(&sim, "/core/systemstatus").await.0, 200);
}

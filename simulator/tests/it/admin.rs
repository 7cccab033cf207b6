//! The knobs over HTTP.

use commwatch_simulator::Simulator;
use reqwest::Method;
use serde_json::{Value, json};

use crate::ask::{client, get, messages, object};

async fn with_admin() -> Simulator {
    Simulator::builder().admin(true).start().await.unwrap()
}

async fn call(sim: &Simulator, method: Method, path: &str, body: &str) -> (u16, Value) {
    let request = client().request(method, format!("{}/_sim/{path}", sim.base_url())).body(body.to_owned());
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn turn(sim: &Simulator, knob: &str, body: Value) -> Value {
    let (status, answer) = call(sim, Method::POST, knob, &body.to_string()).await;
    assert_eq!(status, 200, "{knob}: {answer}");
    answer
}

#[tokio::test]
async fn a_shell_can_hold_a_whole_conversation() {
    let sim = with_admin().await;
    turn(
        &sim,
        "conversation",
        json!({"stream": 1, "object": 2, "first_name": "Dana", "encrypted_stream": "ab=="}),
    )
    .await;
    let first = turn(&sim, "say", json!({"object": 2, "text": "frist"})).await["child_id"].clone();
    let agent = json!({"object": 2, "author": "agent", "name": "Avi Example", "text": "second"});
    let second = turn(&sim, "say", agent).await["child_id"].clone();
    let full = json!({
        "object": 2, "author": "bot", "text": "third", "html": "<b>third</b>", "created": "2126-01-01T00:00:00Z",
        "id": 9_007_199_254_740_993_i64, "child_type": 12,
        "attachments": [{"name": "a.pdf", "url": "https://files.example.org/a.pdf", "size": 3}],
    });
    assert_eq!(turn(&sim, "say", full).await["child_id"], 9_007_199_254_740_993_i64);
    turn(&sim, "edit", json!({"object": 2, "child": first, "text": "first"})).await;
    turn(&sim, "redact", json!({"object": 2, "child": second})).await;
    turn(&sim, "status", json!({"object": 2, "status": 8})).await;
    let manager =
        turn(&sim, "assign", json!({"object": 2, "agent": "Avi Example"})).await["manager_id"].clone();
    let told = object(&sim, 1, 2).await;
    assert_eq!(messages(&told), ["<b>third</b>", "first"]);
    assert_eq!(
        (&told["firstName"], &told["statusId"], &told["assignedManagerId"]),
        (&"Dana".into(), &8.into(), &manager)
    );
    assert_eq!(get(&sim, "/streams/ab%3d%3d/objects/2").await.0, 200);

    turn(&sim, "restore", json!({"object": 2, "child": second})).await;
    turn(&sim, "shape", json!({"object": 2, "shape": {"order": "oldest_first"}})).await;
    assert_eq!(messages(&object(&sim, 1, 2).await), ["first", "second", "<b>third</b>"]);
    turn(&sim, "garble", json!({"object": 2, "child": second, "how": "not_an_object"})).await;
    assert!(object(&sim, 1, 2).await["childs"][1].is_string());
    turn(&sim, "vanish", json!({"object": 2, "vanished": true})).await;
    assert_eq!(get(&sim, "/streams/1/objects/2").await.0, 404);
}

#[tokio::test]
async fn a_shell_can_let_callers_down_and_stop_it() {
    let sim = with_admin().await;
    sim.conversation(1, 2);
    let faults = [
        (
            json!({"scope": "all", "fault": {"status": {"code": 503, "retry_after": "7", "body": "html"}}}),
            503,
        ),
        (json!({"scope": {"object": 2}, "fault": "empty_data", "times": {"n": 1}}), 200),
        (json!({"scope": {"object": 2}, "fault": {"delay": 1}, "times": "forever"}), 200),
        (json!({"scope": {"object": 2}, "fault": {"status": {"code": 500}}, "times": "forever"}), 500),
    ];
    for (fault, status) in faults {
        turn(&sim, "fault", fault).await;
        let response = crate::ask::try_get(&sim, "/streams/1/objects/2").await.unwrap();
        assert_eq!(response.status(), status);
    }
    assert_eq!(call(&sim, Method::DELETE, "faults", "").await.0, 200);
    assert_eq!(get(&sim, "/streams/1/objects/2").await.0, 200);

    turn(&sim, "throttle", json!({"requests": 0, "window_ms": 1000, "retry_after": "absent"})).await;
    assert_eq!(get(&sim, "/streams/1/objects/2").await.0, 429);
    assert_eq!(call(&sim, Method::DELETE, "throttle", "").await.0, 200);
    turn(&sim, "clock", json!({"skew_seconds": 86_400_000})).await;
    let (_, answer) = get(&sim, "/streams/1/objects/2").await;
    let time: jiff::Timestamp = answer["response_time"].as_str().unwrap().parse().unwrap();
    assert!(time > jiff::Timestamp::now() + jiff::SignedDuration::from_hours(23_000));
    turn(&sim, "tokens", json!({"accept": ["other"]})).await;
    assert_eq!(get(&sim, "/streams/1/objects/2").await.0, 401);
}

#[tokio::test]
async fn a_shell_can_read_what_was_asked_and_said() {
    let sim = with_admin().await;
    sim.conversation(1, 2).customer_says("hello");
    get(&sim, "/streams/1/objects/2?includeChilds=true").await;
    let (_, requests) = call(&sim, Method::GET, "requests", "").await;
    assert_eq!(requests["total"], 1, "the knobs are not counted");
    let newest = &requests["newest"][0];
    assert_eq!((&newest["path"], &newest["status"]), (&"/streams/1/objects/2".into(), &200.into()));
    let (_, posted) = call(&sim, Method::GET, "posted", "").await;
    assert_eq!((&posted[0]["text"], &posted[0]["author"]), (&"hello".into(), &"customer".into()));
    let (_, conversations) = call(&sim, Method::GET, "conversations", "").await;
    assert_eq!((&conversations[0]["object"], &conversations[0]["messages"]), (&2.into(), &1.into()));
}

#[tokio::test]
async fn a_mistake_is_answered_with_its_reason() {
    let sim = with_admin().await;
    let reason = async |knob: &str, body: &str| {
        let (status, answer) = call(&sim, Method::POST, knob, body).await;
        (status, answer["error"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        reason("say", r#"{"object": 7, "text": "x"}"#).await,
        (409, "there is no conversation 7".to_owned())
    );
    let (status, text) = reason("say", r#"{"object": 7, "txt": "x"}"#).await;
    assert_eq!(status, 400);
    assert!(text.starts_with("unknown field `txt`"), "{text}");
    assert_eq!(reason("fault", "").await.0, 400);
    sim.conversation(1, 2);
    let missing = reason("redact", r#"{"object": 2, "child": 5}"#).await;
    assert_eq!(missing, (409, "there is no message 5 in this conversation".to_owned()));
}

#[tokio::test]
async fn the_knobs_are_not_offered_unless_asked_for() {
    let sim = Simulator::start().await.unwrap();
    assert_eq!(get(&sim, "/_sim/posted").await.0, 404);
}

#[tokio::test]
async fn the_knobs_are_not_offered_beyond_this_machine() {
    let open = Simulator::builder().bind("0.0.0.0:0".parse().unwrap()).admin(true).start().await;
    assert_eq!(open.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

//! Who may ask, what a path names, and which parameters are understood.

use commwatch_simulator::Simulator;
use reqwest::Method;

use crate::ask::{client, get};

#[tokio::test]
async fn only_the_bearer_token_opens_the_door_and_every_other_form_of_it_is_refused() {
    let sim = Simulator::builder().token("s3cret").start().await.unwrap();
    let url = format!("{}/core/systemstatus", sim.base_url());
    let doubled = "Bearer Bearer s3cret";
    for header in
        [None, Some("s3cret"), Some("Bearer wrong"), Some("Basic s3cret"), Some(doubled), Some("Bearer ")]
    {
        let request = client().get(&url);
        let request =
            header.map_or(request.try_clone().unwrap(), |value| request.header("authorization", value));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401, "{header:?}");
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body["description"], "Unauthorized access");
    }
    assert_eq!(get(&sim, "/core/systemstatus").await.0, 200);
    let authorized: Vec<bool> = sim.requests().iter().map(|seen| seen.authorized).collect();
    assert_eq!(authorized, [false, false, false, false, false, false, true]);
    assert!(!format!("{:?}", sim.requests()).contains("s3cret"));
}

#[tokio::test]
async fn a_swapped_key_opens_the_door_while_both_are_accepted() {
    let sim = Simulator::start().await.unwrap();
    sim.accept_tokens([sim.token(), "new"]);
    assert_eq!(get(&sim, "/core/systemstatus").await.0, 200);
    sim.accept_tokens(["new"]);
    assert_eq!(get(&sim, "/core/systemstatus").await.0, 401);
}

#[tokio::test]
async fn a_stream_is_found_by_number_and_by_its_encrypted_text_encoded_exactly_once() {
    let sim = Simulator::start().await.unwrap();
    sim.conversation(532, 7).encrypted_stream("abcdefghijklmnopq_fstuv==");
    for stream in
        ["532", "abcdefghijklmnopq_fstuv%3d%3d", "abcdefghijklmnopq_fstuv%3D%3D", "abcdefghijklmnopq_fstuv=="]
    {
        let (status, answer) = get(&sim, &format!("/streams/{stream}/objects/7")).await;
        assert_eq!(status, 200, "{stream}");
        assert_eq!(answer["data"][0]["streamId"], 532, "the answer carries the number");
    }
    let wrong =
        ["533", "abcdefghijklmnopq_fstuv%253d%253d", "ABCDEFGHIJKLMNOPQ_fSTUV==", "abcdefghijklmnopq_fstuv"];
    for stream in wrong {
        assert_eq!(get(&sim, &format!("/streams/{stream}/objects/7")).await.0, 404, "{stream}");
    }
    let path = &sim.requests()[1].path;
    assert_eq!(path, "/streams/abcdefghijklmnopq_fstuv%3d%3d/objects/7", "kept as it came");
}

#[tokio::test]
async fn both_parameters_of_get_object_decide_which_lists_are_there() {
    let sim = Simulator::start().await.unwrap();
    let talk = sim.conversation(1, 2);
    talk.customer_says("hello");
    talk.remark("rings twice");
    let cases = [
        ("", None, None),
        ("?includeChilds=false&includeActivityLog=false", None, None),
        ("?includeChilds=true", Some(1), Some(0)),
        ("?includeChilds=true&includeActivityLog=true", Some(1), Some(1)),
        ("?includeActivityLog=true", None, Some(1)),
    ];
    for (query, childs, activities) in cases {
        let (_, answer) = get(&sim, &format!("/streams/1/objects/2{query}")).await;
        let count = |field: &str| answer["data"][0].get(field).map(|list| list.as_array().unwrap().len());
        assert_eq!((count("childs"), count("activityLogs")), (childs, activities), "{query}");
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_400_and_what_is_not_there_is_404() {
    let sim = Simulator::start().await.unwrap();
    sim.conversation(1, 2);
    for path in [
        "/streams/1/objects/x",
        "/streams/1/objects/2?includeChilds=True",
        "/streams/1/objects/2?includeChilds=1",
    ] {
        let (status, answer) = get(&sim, path).await;
        assert_eq!(status, 400, "{path}");
        assert_eq!(answer["data"], serde_json::Value::Null);
    }
    for path in
        ["/", "/streams/1/objects/3", "/streams/9/objects/2", "/v2/streams/1/objects/2", "/Core/SystemStatus"]
    {
        assert_eq!(get(&sim, path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_501_with_a_status_written_as_text() {
    let sim = Simulator::start().await.unwrap();
    let url = format!("{}/core/systemstatus", sim.base_url());
    for method in [Method::POST, Method::DELETE, Method::PUT] {
        let response = client().request(method, &url).bearer_auth(sim.token()).send().await.unwrap();
        assert_eq!(response.status(), 501);
        assert_eq!(response.json::<serde_json::Value>().await.unwrap()["status"], "501");
    }
}

#[tokio::test]
async fn the_system_status_has_no_data_and_the_server_tells_its_time() {
    let sim = Simulator::start().await.unwrap();
    let (status, answer) = get(&sim, "/core/systemstatus").await;
    assert_eq!(status, 200);
    assert_eq!(answer["description"], "System is operational");
    assert_eq!(answer["data"], serde_json::Value::Null);
    let time = answer["response_time"].as_str().unwrap();
    assert_eq!((time.len(), &time[27..]), ("2026-03-02T09:42:00.1182044Z".len(), "Z"), "{time}");
}

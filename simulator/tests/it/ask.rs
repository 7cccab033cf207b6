//! A plain HTTP client for the tests, and the values they compare.

use std::time::Duration;

use commwatch_simulator::Simulator;
use reqwest::{Response, StatusCode};
use serde_json::Value;

/// Long enough for a busy machine; no test waits this long unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Short enough to wait out, for answers that never come.
pub(crate) const IMPATIENCE: Duration = Duration::from_millis(300);

/// A client that follows no redirect.
pub(crate) fn client() -> reqwest::Client {
    // The client insists on a TLS provider, also for plain HTTP; only the first test of the process sets it.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build().unwrap()
}

pub(crate) async fn try_get(sim: &Simulator, path: &str) -> reqwest::Result<Response> {
    client().get(format!("{}{path}", sim.base_url())).bearer_auth(sim.token()).send().await
}

pub(crate) async fn get(sim: &Simulator, path: &str) -> (StatusCode, Value) {
    let response = try_get(sim, path).await.unwrap();
    let status = response.status();
    (status, response.json().await.unwrap())
}

/// Get Object with its children: the conversation itself.
pub(crate) async fn object(sim: &Simulator, stream: i64, object: i64) -> Value {
    let (status, answer) = get(sim, &format!("/streams/{stream}/objects/{object}?includeChilds=true")).await;
    assert_eq!(status, 200, "{answer}");
    answer["data"][0].clone()
}

/// The messages of a conversation, in the order of the answer.
pub(crate) fn messages(object: &Value) -> Vec<&str> {
    object["childs"].as_array().unwrap().iter().map(|child| child["message"].as_str().unwrap()).collect()
}

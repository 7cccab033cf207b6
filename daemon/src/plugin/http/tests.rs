//! The service against real listeners on the loopback interface.

mod faults;
mod policy;
mod receiver;
mod requests;
mod silence;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use commwatch_plugin_api::{HttpError, Request, Response, Secret};
use secrecy::SecretString;
use serde_json::json;
use tokio::time::Instant;

use super::address::Lookup;
use super::{HostHttp, HttpService};
use crate::plugin::grant::Grant;

/// When all tests here happen: 2021-02-25 15:02:10 UTC.
const NOW: u64 = 1_614_265_330;
/// Far longer than any answer takes.
const LONG: Duration = Duration::from_secs(30);

/// A resolver that knows a few names and asks nobody.
struct Names(BTreeMap<&'static str, Vec<IpAddr>>);

#[async_trait]
impl Lookup for Names {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.0.get(name).cloned().ok_or_else(|| io::Error::other("no such name"))
    }
}

fn service() -> HttpService {
    let names = [
        ("receiver.test", vec!["127.0.0.1"]),
        ("metadata.test", vec!["169.254.169.254", "fd00:ec2::254"]),
        ("mixed.test", vec!["fe80::1", "169.254.169.254", "127.0.0.1"]),
    ];
    let names = names.map(|(name, list)| (name, list.iter().map(|text| text.parse().unwrap()).collect()));
    let clock = Arc::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW));
    HttpService::with(clock, Names(names.into())).unwrap()
}

/// What a notifier whose configuration names this URL is granted.
fn grant(url: &str) -> Grant {
    grant_with(url, [])
}

/// The same, with secrets by their reference names.
fn grant_with<const N: usize>(url: &str, secrets: [(&str, &str); N]) -> Grant {
    let schema = json!({"properties": {"url": {"format": "uri"}}});
    let secrets = secrets.map(|(name, text)| (name.to_owned(), SecretString::from(text)));
    Grant::new(&schema, &json!({ "url": url }), secrets.into()).unwrap()
}

/// What a notifier is granted whose URL is a secret, named `/url`, and that has other secrets.
fn grant_of_secret_url<const N: usize>(url: &str, others: [(&str, &str); N]) -> Grant {
    let schema = json!({"properties": {"url": {"format": "uri", "x-secret": "required"}}});
    let mut secrets = BTreeMap::from(others.map(|(name, text)| (name.to_owned(), SecretString::from(text))));
    secrets.insert("/url".to_owned(), SecretString::from(url));
    Grant::new(&schema, &json!({"url": {"$secret": "/url"}}), secrets).unwrap()
}

async fn send(request: Request, grant: &Grant) -> Result<Response, HttpError> {
    service().send("test", request, grant, Instant::now() + LONG).await
}

fn secret(name: &str) -> Secret {
    Secret::named(name)
}

fn refusal(answer: Result<Response, HttpError>) -> String {
    match answer {
        Err(HttpError::Refused { why }) => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// Runs a test once more, in a process of its own and with these variables added to the environment, and fails
/// if it fails there. Only there is it true.
///
/// What belongs to a whole process (its environment, which log lines somebody listens to) can be changed in no
/// other way without troubling the tests beside it.
async fn alone(test: &str, variables: &[(&str, String)]) -> bool {
    const INSIDE: &str = "COMMWATCH_TEST_ALONE";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", &format!("plugin::http::tests::{test}")]).env(INSIDE, "1");
    again.envs(variables.iter().map(|(name, value)| (name, value)));
    let output = tokio::task::spawn_blocking(move || again.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

//! The wing as a whole: the vendor's samples, each known quirk, each fault on a real socket, and anything at all.

mod decoding;
mod faults;
mod listing;
mod properties;
mod quirks;
mod samples;
mod secrets;
mod server;
mod tls;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use secrecy::SecretString;
use url::Url;

use super::answer::Answer;
use super::token::Token;
use super::{Client, ClientError, FetchError, Limits};
use crate::config::{Account, Rate, SecretRef};
use crate::core::message::{Bot, Snapshot};

/// A key whose every part is easy to search for.
const KEY: &str = "k3y-Header.k3y-Claims.k3y-Signature";

/// The samples' object in tests that are not about its id.
const OBJECT: i64 = 293_854;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn sample(name: &str) -> String {
    std::fs::read_to_string(fixture("commbox").join(format!("{name}.json"))).expect(name)
}

fn account(base: &str) -> Account {
    Account {
        base_url: Url::parse(base).expect("an address"),
        token: SecretRef::Env("UNUSED".to_owned()),
        rate: Rate { count: 1, per: Duration::from_secs(1) },
        burst: 5,
        max_in_flight: 4,
        timeout: Duration::from_secs(20),
        console_url: None,
        bots: Vec::new(),
        streams: Vec::new(),
        proxy: None,
        ca_file: None,
    }
}

fn client(account: &Account) -> Result<Client, ClientError> {
    Client::new(account, SecretString::from(KEY), Limits::default())
}

/// An answer as if it had come.
fn answer(body: impl Into<Bytes>) -> Answer {
    dated_answer(body, None)
}

/// An answer with a `Date`.
fn dated_answer(body: impl Into<Bytes>, date: Option<SystemTime>) -> Answer {
    let token = Token::new(&SecretString::from(KEY)).expect("a key");
    Answer::new(body.into(), date, None, Duration::from_millis(5), Arc::new(token))
}

/// Decodes a conversation that has these members besides its id.
fn conversation(members: &str) -> Snapshot {
    try_conversation(members).expect(members)
}

fn try_conversation(members: &str) -> Result<Snapshot, FetchError> {
    let body = format!("{{\"status\":200,\"data\":[{{\"objectId\":{OBJECT},{members}}}]}}");
    answer(body).decode(OBJECT, &bots())
}

/// Decodes one child that has these members.
fn child(members: &str) -> Snapshot {
    conversation(&format!("\"childs\":[{{{members}}}]"))
}

fn bots() -> Vec<Bot> {
    vec![Bot::Name("robbie".to_owned()), Bot::Id("990011".to_owned())]
}

/// A snapshot as a few lines, messages by time.
fn render(snapshot: &Snapshot) -> String {
    let mut out = format!("object {}", snapshot.object_id);
    let fields = [
        ("stream", snapshot.stream_id),
        ("status", snapshot.status_id),
        ("manager", snapshot.assigned_manager_id),
        ("channel", snapshot.channel),
    ];
    for (name, value) in fields.iter().filter_map(|(name, value)| Some((name, (*value)?))) {
        let _ = write!(out, " {name} {value}");
    }
    if let Some(name) = &snapshot.customer_name {
        let _ = write!(out, " customer {name:?}");
    }
    if let Some(at) = snapshot.answered_at {
        let _ = write!(out, " answered {at}");
    }
    if !snapshot.children_listed {
        out.push_str(" (no children listed)");
    }
    let mut messages: Vec<_> = snapshot.messages.iter().collect();
    messages.sort_by_key(|message| (message.created, &message.id));
    for message in messages {
        let created = message.created.map_or("-".to_owned(), |at| at.to_string());
        let author = &message.author;
        let _ = write!(
            out,
            "\n{} {created} {} {}",
            message.id,
            author.kind.as_str(),
            author.id.as_deref().unwrap_or("-")
        );
        if let Some(name) = &author.name {
            let _ = write!(out, " {name:?}");
        }
        let _ = write!(out, ": {:?}", message.text);
        if message.attachments > 0 {
            let _ = write!(out, " +{} files", message.attachments);
        }
        if message.text_truncated {
            out.push_str(" (cut)");
        }
    }
    for child in &snapshot.unparsed {
        let _ = write!(out, "\n{} unparsed: {} ({} bytes)", child.id, child.why, child.bytes);
    }
    out
}

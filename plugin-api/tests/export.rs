//! An exported notifier, called as a host calls it: through its table.
#![expect(unsafe_code, clippy::unwrap_used, reason = "a test that stands on the host's side of the boundary")]

use std::ffi::c_void;
use std::sync::Mutex;

use commwatch_plugin_api::abi::{self, Bytes, Delivery, HostTable, HttpRequest, HttpResponse, OutcomeOut};
use commwatch_plugin_api::{
    Auth, Host, HttpError, Level, Notification, Notifier, Outcome, Request, Secret, export_plugin, testing,
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Config {
    does: String,
    #[serde(default)]
    headers: Vec<Header>,
    token: Option<Secret>,
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "name")]
    _name: String,
}

struct Puppet(Config);

impl Notifier for Puppet {
    type Config = Config;

    fn start(config: Config, host: &Host) -> Result<Self, String> {
        host.log(Level::Warn, &format!("started, {} headers", config.headers.len()));
        match config.does.as_str() {
            "refuse" => Err("there is no such room".to_owned()),
            "panic at start" => panic!("start {}", 1),
            _ => Ok(Self(config)),
        }
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        match self.0.does.as_str() {
            "panic" => panic!("deliver {}", notification.id),
            "panic with a number" => std::panic::panic_any(7),
            "http" => {
                let token = self.0.token.clone().unwrap();
                let request = Request::post("https://a.example", "text/plain", "body")
                    .auth(Auth::Bearer { token: token.into() });
                match host.http(&request) {
                    Ok(response) => Outcome::reject(format!(
                        "{} {:?} {}",
                        response.status,
                        response.retry_after(),
                        response.text()
                    )),
                    Err(error) => Outcome::reject(format!("{error:?}")),
                }
            }
            "receipt" => Outcome::Delivered { receipt: notification.receipt.clone() },
            "retry" => {
                Outcome::Retry { after: Some(std::time::Duration::from_secs(3)), why: "é".repeat(40) }
            }
            _ => Outcome::Delivered {
                receipt: Some(format!(
                    "{} {} {} {} {}",
                    notification.id,
                    notification.attempt,
                    notification.replay,
                    notification.remaining_ms,
                    notification.events[0].as_json(),
                )),
            },
        }
    }
}

export_plugin! {
    notifier: Puppet,
    name: "puppet",
    description: "Does as \"told\"",
    concurrency: 3,
    notification_bytes_max: 4_096,
    receipts: true,
    config_schema: include_str!("export/schema.json"),
}

unsafe extern "C" {
    fn cw_plugin_entry_v1() -> *const abi::PluginTable;
}

fn table() -> abi::PluginTable {
    // SAFETY: it is the function that the macro above defined.
    unsafe { abi::read_sized(cw_plugin_entry_v1()) }
}

/// What the host saw, and what it answers to HTTP.
#[derive(Default)]
struct World {
    lines: Vec<(u32, String)>,
    requests: Vec<(Value, Vec<u8>)>,
    answer: (u32, u32, &'static str),
}

struct Instance {
    instance: *mut c_void,
    world: &'static Mutex<World>,
    /// What the host hands over with each delivery.
    receipt: &'static str,
    /// How many bytes of a delivery the host knows of.
    covers: usize,
}

unsafe extern "C" fn log(host: *mut c_void, level: u32, line: Bytes) {
    // SAFETY: the test's own world, and a line that the plugin lends.
    let (world, line) = unsafe { (&*host.cast::<Mutex<World>>(), line.to_text()) };
    world.lock().unwrap().lines.push((level, line));
}

unsafe extern "C" fn http(
    host: *mut c_void,
    request: *const HttpRequest,
    response: *mut HttpResponse,
) -> u32 {
    // SAFETY: the test's own world, and what the plugin lends.
    let (world, request) = unsafe { (&*host.cast::<Mutex<World>>(), abi::read_sized(request)) };
    let mut world = world.lock().unwrap();
    // SAFETY: lent by the plugin during this call.
    let (description, body) = unsafe { (request.description.as_slice(), request.body.as_slice()) };
    world.requests.push((serde_json::from_slice(description).unwrap(), body.to_vec()));
    let (kind, status, text) = world.answer;
    let headers = br#"{"commwatch-retry-after-ms":"1500"}"#;
    let text = Bytes::of(text.as_bytes());
    let answer =
        HttpResponse { status, headers: Bytes::of(headers), body: text, error: text, ..HttpResponse::EMPTY };
    // SAFETY: the plugin's own response.
    unsafe { abi::write_sized(response, &answer) };
    kind
}

fn start(config: &Value) -> Result<Instance, String> {
    let world: &'static Mutex<World> = Box::leak(Box::default());
    let host: &'static HostTable = Box::leak(Box::new(HostTable {
        size: size_of::<HostTable>() as u32,
        abi: abi::ABI_V1,
        host: std::ptr::from_ref(world).cast_mut().cast(),
        log: Some(log),
        http: Some(http),
        get_extension: None,
    }));
    let config = config.to_string();
    let mut room = [0; 200];
    let mut error = abi::Space::of(&mut room);
    // SAFETY: everything that is lent outlives the call.
    let instance = unsafe { table().create.unwrap()(host, Bytes::of(config.as_bytes()), &mut error) };
    let len = error.len as usize;
    if instance.is_null() {
        Err(String::from_utf8(room[..len].to_vec()).unwrap())
    } else {
        Ok(Instance { instance, world, receipt: "", covers: size_of::<Delivery>() })
    }
}

impl Instance {
    /// Kind, `retry_after_ms` and text.
    fn deliver(&self, attempt: u32, replay: u32, notification: &str, room: usize) -> (u32, u64, String) {
        let delivery = Delivery {
            size: self.covers as u32,
            attempt,
            replay,
            reserved: 0,
            remaining_ms: 1_000,
            notification: Bytes::of(notification.as_bytes()),
            receipt: Bytes::of(self.receipt.as_bytes()),
        };
        let mut room = vec![0; room];
        let mut out = OutcomeOut::unset(&mut room);
        // SAFETY: the instance lives, and everything that is lent outlives the call.
        unsafe { table().deliver.unwrap()(self.instance, &delivery, &mut out) };
        (out.kind, out.retry_after_ms, String::from_utf8(room[..out.text.len as usize].to_vec()).unwrap())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: nobody is delivering, and it is destroyed once.
        unsafe { table().destroy.unwrap()(self.instance) };
    }
}

const NOTIFICATION: &str = r#" {"id":"n-1","notifier":"ops","key":"k","action":"grow","severity":"vast","title":"t",
    "text":"","events":[{"b":2,  "a":1}]}"#;

#[test]
fn attempt_replay_and_time_are_put_beside_the_frozen_bytes_and_events_keep_theirs() {
    let puppet = start(&json!({"does": "deliver"})).unwrap();
    let outcome = puppet.deliver(7, 1, NOTIFICATION, 300);
    assert_eq!(outcome, (abi::OUTCOME_DELIVERED, 0, r#"n-1 7 true 1000 {"b":2,  "a":1}"#.to_owned()));
    assert_eq!(puppet.world.lock().unwrap().lines, [(abi::LOG_WARN, "started, 0 headers".to_owned())]);
}

#[test]
fn what_the_receiver_said_before_is_handed_over_where_it_said_anything() {
    let mut puppet = start(&json!({"does": "receipt"})).unwrap();
    assert_eq!(puppet.deliver(1, 0, NOTIFICATION, 300), (abi::OUTCOME_DELIVERED, 0, String::new()));
    puppet.receipt = "C1/17.5";
    assert_eq!(puppet.deliver(1, 0, NOTIFICATION, 300).2, "C1/17.5");
}

#[test]
fn a_host_that_knows_of_no_receipt_hands_none_over() {
    let mut puppet = start(&json!({"does": "receipt"})).unwrap();
    puppet.receipt = "beyond what this host's struct covers";
    puppet.covers = std::mem::offset_of!(Delivery, receipt);
    assert_eq!(puppet.deliver(1, 0, NOTIFICATION, 300), (abi::OUTCOME_DELIVERED, 0, String::new()));
}

#[test]
fn a_panic_while_delivering_may_have_delivered() {
    let puppet = start(&json!({"does": "panic"})).unwrap();
    assert_eq!(
        puppet.deliver(1, 0, NOTIFICATION, 99),
        (abi::OUTCOME_UNKNOWN, 0, "panic: deliver n-1".to_owned())
    );
    let puppet = start(&json!({"does": "panic with a number"})).unwrap();
    let text = "panic: (without a text)".to_owned();
    assert_eq!(puppet.deliver(1, 0, NOTIFICATION, 99), (abi::OUTCOME_UNKNOWN, 0, text));
}

#[test]
fn a_notifier_that_does_not_start_says_why() {
    let why = |config| start(&config).err().unwrap();
    assert_eq!(why(json!({"does": "refuse"})), "there is no such room");
    assert_eq!(why(json!({"does": "panic at start"})), "panic: start 1");
    assert_eq!(
        why(json!({"does": "x", "headers": [{"name": "a"}, {"name": 5}]})),
        "config.headers[1].name: invalid type: integer `5`, expected a string"
    );
    assert_eq!(why(json!({})), "config: missing field `does`");
}

#[test]
fn text_is_cut_between_characters_and_retry_after_is_kept() {
    let puppet = start(&json!({"does": "retry"})).unwrap();
    assert_eq!(puppet.deliver(1, 0, NOTIFICATION, 5), (abi::OUTCOME_RETRY, 3_000, "éé".to_owned()));
    assert_eq!(puppet.deliver(1, 0, NOTIFICATION, 0), (abi::OUTCOME_RETRY, 3_000, String::new()));
}

#[test]
fn a_notification_that_cannot_be_read_is_rejected() {
    let puppet = start(&json!({"does": "deliver"})).unwrap();
    for unreadable in ["", "[]", "{}", r#"{"id":"#] {
        assert_eq!(puppet.deliver(1, 0, unreadable, 300).0, abi::OUTCOME_REJECT, "{unreadable}");
    }
}

#[test]
fn a_request_goes_to_the_host_with_its_secret_as_a_reference() {
    let puppet = start(&json!({"does": "http", "token": {"$secret": "/token"}})).unwrap();
    puppet.world.lock().unwrap().answer = (abi::HTTP_ANSWER, 202, "thanks");
    let outcome = puppet.deliver(1, 0, NOTIFICATION, 300);
    assert_eq!(outcome.2, "202 Some(1.5s) thanks");
    let request = json!({
        "method": "POST", "url": "https://a.example", "headers": {"content-type": "text/plain"},
        "auth": {"kind": "bearer", "token": {"$secret": "/token"}}, "sign": {"kind": "none"},
    });
    assert_eq!(puppet.world.lock().unwrap().requests, [(request, b"body".to_vec())]);
}

#[test]
fn an_http_fault_keeps_what_may_have_arrived() {
    let puppet = start(&json!({"does": "http", "token": {"$secret": "/token"}})).unwrap();
    let why = "why".to_owned();
    for (kind, error) in [
        (abi::HTTP_NOT_SENT, HttpError::NotSent { why: why.clone() }),
        (abi::HTTP_NO_ANSWER, HttpError::NoAnswer { why: why.clone() }),
        (abi::HTTP_REFUSED, HttpError::Refused { why: why.clone() }),
        (99, HttpError::NoAnswer { why: why.clone() }),
    ] {
        puppet.world.lock().unwrap().answer = (kind, 0, "why");
        assert_eq!(puppet.deliver(1, 0, NOTIFICATION, 300).2, format!("{error:?}"));
    }
}

#[test]
fn the_manifest_in_the_table_is_json() {
    // SAFETY: a static of this program.
    let manifest: Value = serde_json::from_slice(unsafe { table().manifest.as_slice() }).unwrap();
    assert_eq!(manifest["name"], "puppet");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["config"]["properties"]["token"]["x-secret"], "required");
}

#[test]
fn the_fake_host_starts_a_notifier_and_remembers_what_it_asked() {
    let fake = testing::FakeHost::new();
    let config = json!({"does": "http", "token": {"$secret": "/token"}});
    let puppet: Puppet = testing::start(config, &fake.host()).unwrap();
    fake.answer(Ok(testing::response(200, "yes")));
    let outcome = puppet.deliver(&testing::notification(), &fake.host());
    assert_eq!(outcome, Outcome::reject("200 None yes"));
    let outcome = puppet.deliver(&testing::notification(), &fake.host());
    assert!(matches!(outcome, Outcome::Reject { why } if why.contains("the test gave no answer")));
    assert_eq!(fake.requests().len(), 2);
    assert_eq!(fake.lines(), [(Level::Warn, "started, 0 headers".to_owned())]);
}

//! No secret in an error, a debug print, a log line or an answer.

use std::sync::Mutex;

use commwatch_plugin_api::{Auth, Sign};
use tracing_subscriber::util::SubscriberInitExt;

use super::receiver::{Manner, Receiver, answer};
use super::*;

/// Every secret of these tests holds this text.
const MARK: &str = "TOPSECRET";

#[tokio::test]
async fn nothing_that_goes_wrong_tells_a_secret() {
    if !alone("silence::nothing_that_goes_wrong_tells_a_secret", &[]).await {
        return;
    }
    let log = Log::capture();
    let mut told = Vec::new();
    let mut check = async |url: String, change: fn(Request) -> Request| {
        let grant = grant_of_everything(&url);
        let request = change(Request::post(secret("/url"), "text/plain", "x"));
        let answer =
            service().send("test", request, &grant, Instant::now() + Duration::from_millis(300)).await;
        let why = match answer {
            Err(HttpError::NotSent { why } | HttpError::NoAnswer { why } | HttpError::Refused { why }) => why,
            Ok(response) => panic!("nothing went wrong: {response:?}"),
        };
        told.push(format!("{why} {grant:?}"));
    };
    let path = format!("/hooks/{MARK}?key={MARK}");
    for manner in [
        Manner::ResetsAtOnce,
        Manner::ReadsAndResets,
        Manner::Hangs,
        Manner::AnswersAndCloses(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec()),
        Manner::AnswersAndCloses(format!("{MARK}\r\n\r\n").into_bytes()),
    ] {
        check(Receiver::start(manner).await.url(&path), |request| request).await;
    }
    let babbler = Receiver::start(Manner::Babbles).await;
    check(babbler.url(&path).replace("http:", "https:"), |request| request).await;
    for url in ["http://nowhere.test", "http://metadata.test", "http://127.0.0.1:1", "http://169.254.169.254"]
    {
        check(format!("{url}{path}"), |request| request).await;
    }
    for change in [
        (|request| request.header("x-a", secret("/lines"))) as fn(Request) -> Request,
        |request| request.header("host", secret("/lines")),
        |request| request.auth(Auth::Bearer { token: secret("/lines").into() }),
        |request| {
            request
                .sign(Sign::StandardWebhooks { id: "msg".to_owned(), secrets: vec![secret("/lines").into()] })
        },
        |request| Request { url: secret("/lines").into(), ..request },
    ] {
        check(format!("http://receiver.test{path}"), change).await;
    }
    let said = log.text() + &told.join("\n") + &format!("{:?}", service());
    assert!(!said.contains(MARK), "{said}");
    assert!(log.text().contains("no HTTP answer"), "the log was not captured: {}", log.text());
}

#[tokio::test]
async fn a_receiver_that_repeats_what_it_was_asked_tells_the_plugin_no_secret() {
    if !alone("silence::a_receiver_that_repeats_what_it_was_asked_tells_the_plugin_no_secret", &[]).await {
        return;
    }
    let log = Log::capture();
    let path = format!("/services/T0/{MARK}");
    let said = format!("Cannot POST {path} with Bearer {MARK}-token and whsec_{KEY_TEXT} or {KEY_TEXT}");
    let headers = format!("location: https://elsewhere.test{path}\r\nx-echo: {MARK}-token\r\n");
    let receiver = Receiver::start(Manner::Answers(answer("404 Not Found", &headers, &said))).await;
    let grant = grant_of_everything(&receiver.url(&path));
    let request = Request::post(secret("/url"), "text/plain", "x")
        .auth(Auth::Bearer { token: secret("/token").into() })
        .sign(Sign::StandardWebhooks { id: "msg".to_owned(), secrets: vec![secret("/key").into()] });
    let response = send(request, &grant).await.unwrap();

    assert_eq!(response.text(), "Cannot POST [secret] with Bearer [secret] and [secret] or [secret]");
    assert_eq!(response.headers["location"], "https://elsewhere.test[secret]");
    assert_eq!(response.headers["x-echo"], "[secret]");
    let log = log.text();
    assert!(!log.contains(MARK) && !log.contains(KEY_TEXT), "{log}");
    assert!(log.contains("HTTP answer"), "the log was not captured: {log}");
}

/// 24 bytes in base64; holds [`MARK`] in its beginning.
const KEY_TEXT: &str = "TOPSECRETTOPSECRETTOPSECRETxyz12";

fn grant_of_everything(url: &str) -> Grant {
    let lines = format!("{MARK}\r\nx-evil: {MARK}");
    let (token, key) = (format!("{MARK}-token"), format!("whsec_{KEY_TEXT}"));
    grant_of_secret_url(url, [("/token", &token), ("/lines", &lines), ("/key", &key)])
}

/// All that is logged on this thread, by us at every level and by the HTTP crates down to `debug`.
struct Log {
    lines: Arc<Mutex<Vec<u8>>>,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Log {
    fn capture() -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&lines);
        let guard = tracing_subscriber::fmt()
            .with_env_filter("debug,commwatch=trace")
            .with_writer(move || Writer(Arc::clone(&writer)))
            .finish()
            .set_default();
        Self { lines, _guard: guard }
    }

    fn text(&self) -> String {
        String::from_utf8(self.lines.lock().unwrap().clone()).unwrap()
    }
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

mod engine;
mod silences;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use self::engine::Engine;
use super::*;

/// So that a test which waits for its end does not take long.
const BRIEF: Patience = Patience {
    status: Duration::from_millis(200),
    drain: Duration::from_millis(50),
    look: Duration::from_millis(10),
};

/// A form of a page of ours.
const OURS: &str = "Origin: http://localhost";

/// A listener that says that all its peers come from elsewhere.
struct Elsewhere(TcpListener);

impl Listener for Elsewhere {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, _) = Listener::accept(&mut self.0).await;
        (stream, "192.0.2.7:4711".parse().unwrap())
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

struct Server {
    address: SocketAddr,
    engine: Arc<Engine>,
    access: watch::Sender<Access>,
    shutdown: CancellationToken,
    running: JoinHandle<io::Result<()>>,
}

impl Server {
    async fn start() -> Self {
        Self::with(Engine::default(), |listener| listener).await
    }

    async fn with<L: Listener<Addr = SocketAddr>>(
        engine: Engine,
        wrap: impl FnOnce(TcpListener) -> L,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (engine, shutdown) = (Arc::new(engine), CancellationToken::new());
        let (access, reads) = watch::channel(Access::default());
        let site = Site::new(engine.clone(), engine.clone(), reads, BRIEF, shutdown.clone());
        let running = tokio::spawn(serve_on(wrap(listener), site));
        Self { address, engine, access, shutdown, running }
    }

    /// Sends one request with these header lines and reads the whole answer.
    async fn ask(&self, line: &str, headers: &[&str]) -> String {
        self.send(line, headers, "").await
    }

    async fn send(&self, line: &str, headers: &[&str], body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let request = format!("{line} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), &["Host: localhost"]).await
    }

    async fn post(&self, path: &str, form: &str, headers: &[&str]) -> String {
        let length = format!("Content-Length: {}", form.len());
        let own = ["Host: localhost", "Content-Type: application/x-www-form-urlencoded", &length];
        self.send(&format!("POST {path}"), &[&own, headers].concat(), form).await
    }

    fn token(&self, token: &str) {
        self.access.send_replace(Access { token: Some(token.into()), allowed_hosts: vec![] });
    }

    /// Logs in; gives the header that bears the cookie.
    async fn log_in(&self, token: &str) -> String {
        let answer = self.post("/login", &format!("token={token}&back=%2Fsilences"), &[OURS]).await;
        assert_status(&answer, 303);
        assert!(answer.contains("location: /silences\r\n"), "{answer}");
        let cookie = answer.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap();
        format!("Cookie: {cookie}")
    }

    fn changes(&self) -> Vec<String> {
        self.engine.changes.lock().unwrap().clone()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap().unwrap();
    }
}

#[track_caller]
fn assert_status(answer: &str, status: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "expected {status}: {answer}");
}

#[tokio::test]
async fn whoever_reaches_the_port_reads_metrics_and_health_under_any_name() {
    let server = Server::with(Engine::default(), Elsewhere).await;
    for path in ["/metrics", "/-/healthy", "/-/ready"] {
        assert_status(&server.ask(&format!("GET {path}"), &["Host: any.example"]).await, 200);
    }
    let metrics = server.get("/metrics").await;
    assert!(metrics.contains("content-type: text/plain; version=0.0.4\r\n"), "{metrics}");
    assert!(metrics.ends_with("commwatch_build_info 1\n"), "{metrics}");
    server.stop().await;
}

#[tokio::test]
async fn health_and_readiness_say_what_is_wrong() {
    let server = Server::start().await;
    assert!(server.get("/-/healthy").await.ends_with("\r\n\r\nok\n"));
    *server.engine.health.lock().unwrap() =
        Health { stuck: vec!["schedule".into()], not_ready: vec!["the store is migrating".into()] };
    let (healthy, ready) = (server.get("/-/healthy").await, server.get("/-/ready").await);
    assert_status(&healthy, 503);
    assert!(healthy.ends_with("does not answer: schedule\n"), "{healthy}");
    assert_status(&ready, 503);
    assert!(ready.ends_with("not ready: the store is migrating\n"), "{ready}");
    server.stop().await;
}

#[tokio::test]
async fn the_page_and_the_api_are_for_this_machine_under_a_name_of_the_loopback() {
    let server = Server::start().await;
    let page = server.get("/").await;
    assert_status(&page, 200);
    assert!(page.contains("content-type: text/html; charset=utf-8\r\n"), "{page}");
    assert!(page.contains(">1 of 2 VIPs is not fresh.</h1>"), "{page}");
    let api = server.get("/api/status").await;
    let status: Status = serde_json::from_str(api.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(status.watches.len(), 3);
    for path in ["/", "/style.css", "/live.js", "/login", "/api/status", "/api/stream", "/deliveries"] {
        assert_status(&server.ask(&format!("GET {path}"), &["Host: rebound.example"]).await, 403);
    }
    server.stop().await;
}

#[tokio::test]
async fn another_machine_needs_the_token_and_a_new_one_takes_effect_without_a_restart() {
    let server = Server::with(Engine::default(), Elsewhere).await;
    let bearing = |token: &str| format!("Authorization: Bearer {token}");
    assert_status(&server.get("/").await, 403);
    assert_status(&server.get("/login").await, 403);
    server.token("one");
    let refused = server.get("/api/status").await;
    assert_status(&refused, 401);
    assert!(refused.contains("www-authenticate: Bearer"), "{refused}");
    assert_status(&server.ask("GET /", &["Host: localhost", &bearing("one")]).await, 200);
    server.token("two");
    assert_status(&server.ask("GET /", &["Host: localhost", &bearing("one")]).await, 401);
    assert_status(&server.ask("GET /", &["Host: localhost", &bearing("two")]).await, 200);
    server.stop().await;
}

#[tokio::test]
async fn every_answer_forbids_scripts_in_it_frames_and_caching() {
    let server = Server::start().await;
    for path in ["/", "/metrics", "/api/status", "/nothing"] {
        let answer = server.get(path).await;
        let policy = "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; \
            connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n";
        assert!(answer.contains(policy), "{path}: {answer}");
        assert!(answer.contains("x-content-type-options: nosniff"), "{path}: {answer}");
        assert!(answer.contains("cache-control: no-store"), "{path}: {answer}");
    }
    assert_status(&server.get("/nothing").await, 404);
    server.stop().await;
}

#[tokio::test]
async fn headers_without_end_are_refused_rather_than_kept() {
    let server = Server::start().await;
    let long = format!("X-Long: {}", "x".repeat(1 << 20));
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    // The server may hang up in the middle of it.
    let _ = stream.write_all(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{long}\r\n\r\n").as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_status(&server.get("/-/healthy").await, 200);
    server.stop().await;
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_said_rather_than_waited_for() {
    let server = Server::with(Engine { silent: true, ..Engine::default() }, |listener| listener).await;
    let answer = server.get("/").await;
    assert_status(&answer, 503);
    assert_status(&server.get("/metrics").await, 200);
    server.stop().await;
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_peer_that_says_nothing() {
    let server = Server::start().await;
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    silent.write_all(b"GET / HT").await.unwrap();
    assert_status(&server.get("/-/healthy").await, 200);
    let Server { shutdown, running, .. } = server;
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(20), running).await.expect("it stops").unwrap().unwrap();
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0, "the connection is gone");
}

#[tokio::test]
async fn every_page_is_there_and_a_wrong_address_says_so() {
    let server = Server::start().await;
    for path in
        ["/", "/watches", "/deliveries", "/deliveries?dead=on&notifier=log", "/silences", "/notifiers"]
    {
        let page = server.get(path).await;
        assert_status(&page, 200);
        assert!(page.contains("<script src=\"/live.js\" defer></script>"), "{path}: {page}");
    }
    assert!(server.get("/config").await.contains("token = &quot;hidden&quot;"));
    assert!(server.get("/replay?notifier=log").await.contains("1 dead letter would be sent again"));
    for (path, kind) in [
        ("/live.js", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        assert!(server.get(path).await.contains(&format!("content-type: {kind}\r\n")), "{path}");
    }
    let missing = server.get("/watches/nobody").await;
    assert_status(&missing, 404);
    assert!(missing.contains("no such thing is kept"), "{missing}");
    let missing = server.get("/watches/w?hours=2&conversation=main%2F7").await;
    assert_status(&missing, 404);
    assert!(missing.contains("account: &quot;main&quot;, object: 7"), "it is asked for that one: {missing}");
    let none = server.get("/watches/w?conversation=%3Cb%3E").await;
    assert_status(&none, 404);
    assert!(none.contains("`&lt;b&gt;` is no conversation: write ACCOUNT/OBJECT"), "{none}");
    server.stop().await;
}

#[tokio::test]
async fn without_a_token_nothing_can_be_changed_not_even_from_here() {
    let server = Server::start().await;
    for path in ["/replay", "/ack", "/silences/new", "/silences/expire", "/notifiers/resume", "/logout"] {
        let refused = server.post(path, "event=e&watch=w&id=1&notifier=n", &[OURS]).await;
        assert_status(&refused, 403);
        assert!(refused.contains("no [http] token is configured"), "{refused}");
    }
    // Nobody can log in with nothing either.
    assert_status(&server.post("/login", "token=", &[OURS]).await, 403);
    assert!(server.get("/deliveries").await.contains("This page is read-only"));
    assert_eq!(server.changes(), Vec::<String>::new());
    server.stop().await;
}

#[tokio::test]
async fn a_browser_that_has_shown_the_token_changes_things_and_reads_what_came_of_it() {
    let server = Server::with(Engine::default(), Elsewhere).await;
    server.token("one");
    // A browser is led to where it can show the token; a program is told.
    let led = server.ask("GET /deliveries?dead=on", &["Host: localhost", "Accept: text/html"]).await;
    assert!(led.contains("location: /login?back=%2Fdeliveries%3Fdead%3Don\r\n"), "{led}");
    let wrong = server.post("/login", "token=two", &[OURS]).await;
    assert_status(&wrong, 403);
    assert!(wrong.contains("This is not the token.") && !wrong.contains("set-cookie"), "{wrong}");
    let cookie = server.log_in("one").await;
    let session: &[&str] = &[&cookie, OURS];
    let done = server.post("/replay", "event=evt_1&back=%2Fdeliveries%3Fdead%3Don", session).await;
    assert_status(&done, 303);
    let back = done.split("location: ").nth(1).unwrap().split("\r\n").next().unwrap();
    assert_eq!(back, "/deliveries?dead=on&said=1");
    let page = server.ask(&format!("GET {back}"), &["Host: localhost", &cookie]).await;
    assert!(page.contains("1 delivery is sent again, to log"), "{page}");
    for (path, form) in [
        ("/ack", "watch=acme-cfo"),
        ("/ack", "watch=acme-cfo&conversation=main%2F7"),
        ("/ack", "watch=acme-cfo&conversation=7"),
        ("/silences/expire", "id=3"),
        ("/notifiers/resume", "notifier=log&back=%2F%2Fevil.example"),
    ] {
        let done = server.post(path, form, session).await;
        assert_status(&done, 303);
        assert!(done.contains("location: /?said="), "{done}");
    }
    let by = "by status page, 192.0.2.7";
    let expected = [
        "replay evt_1".into(),
        format!("ack acme-cfo {by}"),
        format!("ack acme-cfo in main/7 {by}"),
        format!("expire 3 {by}"),
        "resume log".into(),
    ];
    assert_eq!(server.changes(), expected);
    // A new token ends the session, and so does logging out.
    server.token("two");
    assert_status(&server.post("/replay", "event=evt_1", session).await, 401);
    server.token("one");
    assert_status(&server.post("/logout", "", session).await, 303);
    assert_status(&server.post("/replay", "event=evt_1", session).await, 401);
    assert_eq!(server.changes().len(), 5);
    server.stop().await;
}

#[tokio::test]
async fn another_page_changes_nothing_whatever_it_makes_the_browser_send() {
    let server = Server::start().await;
    server.token("one");
    let cookie = server.log_in("one").await;
    let same_site = "Sec-Fetch-Site: same-site";
    for headers in [
        vec![cookie.as_str()],
        vec![&cookie, "Origin: http://localhost:3000"],
        vec![&cookie, "Origin: null"],
        vec![&cookie, OURS, same_site],
        vec!["Authorization: Bearer one", "Origin: https://evil.example"],
        vec!["Authorization: Bearer one", "Sec-Fetch-Site: cross-site"],
    ] {
        assert_status(&server.post("/replay", "event=evt_1", &headers).await, 403);
    }
    assert_status(&server.post("/login", "token=one", &["Origin: https://evil.example"]).await, 403);
    assert_status(&server.post("/login", "token=one", &[]).await, 403);
    // No change can be asked for by a link either.
    for path in ["/ack?watch=w", "/silences/expire?id=3", "/notifiers/resume?notifier=n", "/logout"] {
        assert_status(&server.ask(&format!("GET {path}"), &["Host: localhost", &cookie]).await, 405);
    }
    assert_status(&server.ask("GET /replay?dead=on", &["Host: localhost", &cookie]).await, 200);
    assert_eq!(server.changes(), Vec::<String>::new());
    let done = server.post("/replay", "event=evt_1", &["Authorization: Bearer one"]).await;
    assert!(done.ends_with(r#"{"done":true,"text":"1 delivery is sent again, to log"}"#), "{done}");
    assert_eq!(server.changes(), ["replay evt_1"]);
    server.stop().await;
}

#[tokio::test]
async fn a_form_that_is_too_long_is_refused() {
    let server = Server::start().await;
    server.token("one");
    let long = format!("event={}", "x".repeat(FORM_BYTES_MAX));
    assert_status(&server.post("/replay", &long, &["Authorization: Bearer one"]).await, 413);
    assert_eq!(server.changes(), Vec::<String>::new());
    server.stop().await;
}

/// A page's stream of what changes.
struct Listening(TcpStream, String);

impl Listening {
    async fn to(server: &Server, seen: &str) -> Self {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET /api/stream?seen={seen} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(stream, String::new())
    }

    /// Reads on until this was said.
    async fn until(&mut self, text: &str) {
        while !self.1.contains(text) {
            let mut bytes = [0; 1024];
            let count = self.0.read(&mut bytes).await.unwrap();
            assert!(count > 0, "it ended without {text:?}: {}", self.1);
            self.1 += std::str::from_utf8(&bytes[..count]).unwrap();
        }
    }
}

#[tokio::test]
async fn an_open_page_is_told_when_something_has_changed_and_not_that_time_goes_by() {
    let server = Server::start().await;
    let example = crate::ops::status::tests::example();
    let seen = format!("{:x}", example.mark());
    let mut page = Listening::to(&server, &seen).await;
    page.until("retry: 1000").await;
    assert!(page.1.contains("content-type: text/event-stream"), "{}", page.1);
    let mut changed = example.clone();
    changed.taken += Duration::from_secs(60);
    *server.engine.status.lock().unwrap() = Some(changed.clone());
    changed.watches[1].events_total += 1;
    let mark = format!("{:x}", changed.mark());
    *server.engine.status.lock().unwrap() = Some(changed);
    page.until(&format!("event: changed\ndata: {mark}\n\n")).await;
    assert_eq!(page.1.matches("event: changed").count(), 1, "{}", page.1);
    // Who has missed it is told at once.
    Listening::to(&server, &seen).await.until("event: changed").await;
    server.stop().await;
}

#[tokio::test]
async fn more_pages_than_there_is_room_for_look_by_themselves() {
    let server = Server::start().await;
    let mut pages = Vec::new();
    for _ in 0..stream::STREAMS_MAX {
        let mut page = Listening::to(&server, "").await;
        page.until("event: changed").await;
        pages.push(page);
    }
    let refused = server.get("/api/stream").await;
    assert_status(&refused, 503);
    assert!(refused.contains("retry-after: 60"), "{refused}");
    server.stop().await;
}

#[tokio::test]
async fn open_pages_do_not_delay_the_end() {
    // However long it would wait for answers under way: there is none.
    let server = Server::start().await;
    let mut page = Listening::to(&server, "").await;
    page.until("event: changed").await;
    server.shutdown.cancel();
    let mut rest = Vec::new();
    page.0.read_to_end(&mut rest).await.unwrap();
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "it was ended, not cut: {rest:?}");
    server.running.await.unwrap().unwrap();
}

use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::ops::status::tests::example;

/// So that a test which waits for its end does not take long.
const BRIEF: Patience = Patience { status: Duration::from_millis(200), drain: Duration::from_millis(50) };

/// An engine whose answers the test chooses.
#[derive(Default)]
struct Engine {
    health: Mutex<Health>,
    silent: bool,
}

impl Source for Engine {
    fn status(&self) -> BoxFuture<'_, Status> {
        if self.silent { Box::pin(std::future::pending()) } else { Box::pin(async { example() }) }
    }

    fn metrics_text(&self) -> String {
        "commwatch_build_info 1\n".into()
    }

    fn health(&self) -> Health {
        self.health.lock().unwrap().clone()
    }
}

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
        let site = Site { source: engine.clone(), access: reads, patience: BRIEF };
        let running = tokio::spawn(serve_on(wrap(listener), site, shutdown.clone()));
        Self { address, engine, access, shutdown, running }
    }

    /// Sends one request with these header lines and reads the whole answer.
    async fn ask(&self, line: &str, headers: &[&str]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let request = format!("{line} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), &["Host: localhost"]).await
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
    assert!(page.contains(">1 of 2 VIPs are not fresh.</h1>"), "{page}");
    let api = server.get("/api/status").await;
    let status: Status = serde_json::from_str(api.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(status.watches.len(), 3);
    for path in ["/", "/style.css", "/api/status"] {
        assert_status(&server.ask(&format!("GET {path}"), &["Host: rebound.example"]).await, 403);
    }
    server.stop().await;
}

#[tokio::test]
async fn another_machine_needs_the_token_and_a_new_one_takes_effect_without_a_restart() {
    let server = Server::with(Engine::default(), Elsewhere).await;
    let bearing = |token: &str| format!("Authorization: Bearer {token}");
    assert_status(&server.get("/").await, 403);
    server.access.send_replace(Access { token: Some("one".into()), allowed_hosts: vec![] });
    let refused = server.get("/api/status").await;
    assert_status(&refused, 401);
    assert!(refused.contains("www-authenticate: Bearer"), "{refused}");
    assert_status(&server.ask("GET /", &["Host: localhost", &bearing("one")]).await, 200);
    server.access.send_replace(Access { token: Some("two".into()), allowed_hosts: vec![] });
    assert_status(&server.ask("GET /", &["Host: localhost", &bearing("one")]).await, 401);
    assert_status(&server.ask("GET /", &["Host: localhost", &bearing("two")]).await, 200);
    server.stop().await;
}

#[tokio::test]
async fn every_answer_forbids_scripts_frames_and_caching() {
    let server = Server::start().await;
    for path in ["/", "/metrics", "/api/status", "/nothing"] {
        let answer = server.get(path).await;
        assert!(answer.contains("content-security-policy: default-src 'none';"), "{path}: {answer}");
        assert!(answer.contains("x-content-type-options: nosniff"), "{path}: {answer}");
        assert!(answer.contains("cache-control: no-store"), "{path}: {answer}");
    }
    assert_status(&server.get("/nothing").await, 404);
    assert_status(&server.ask("POST /", &["Host: localhost", "Content-Length: 0"]).await, 405);
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

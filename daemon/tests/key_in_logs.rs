//! A process of its own, since a log that hears everything belongs to the whole process.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use commwatch::commbox::{Client, Limits, Reaction};
use commwatch::config::{Account, Rate, SecretRef};
use commwatch::core::watch::Stream;
use secrecy::SecretString;

const KEY: &str = "k3y-Header.k3y-Claims.k3y-Signature";

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one writer at a time").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_library_below_logs_the_key_even_at_its_most_talkative() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = [0; 4_096];
        let length = stream.read(&mut request).expect("a request");
        stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").expect("an answer");
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let account = Account {
        base_url: format!("http://{address}").parse().expect("an address"),
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
    };
    let client = Client::new(&account, SecretString::from(KEY), Limits::default()).expect("a client");
    let error = client.conversation(&Stream::Number(1), 2).await.expect_err("denied");
    assert_eq!(error.reaction, Reaction::Denied);
    assert!(server.join().expect("the server").contains(KEY), "the key was sent");

    let logged = String::from_utf8(log.0.lock().unwrap().clone()).expect("text");
    assert!(logged.contains("TRACE"), "the libraries were heard: {logged}");
    assert!(!logged.contains("k3y"), "{logged}");
}

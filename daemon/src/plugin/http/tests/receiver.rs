//! A receiver that reads whole requests, keeps them, and answers as it is told, byte for byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a receiver treats each connection.
#[derive(Clone)]
pub(super) enum Manner {
    /// Answers every request with these bytes and keeps the connection.
    Answers(Vec<u8>),
    /// Answers the first request with these bytes and closes.
    AnswersAndCloses(Vec<u8>),
    /// Answers the first request with a head and then sends for ever.
    NeverStops(&'static [u8]),
    /// Resets the connection as soon as it stands.
    ResetsAtOnce,
    /// Reads a request and resets the connection.
    ReadsAndResets,
    /// Reads a request and says nothing.
    Hangs,
    /// Says something that is not TLS, whatever it hears.
    Babbles,
}

/// A listener on the loopback interface; ends with the test's runtime.
pub(super) struct Receiver {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<Vec<u8>>,
}

impl Receiver {
    pub(super) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, manner.clone(), Arc::clone(&shared)));
            }
        });
        Self { address, seen }
    }

    /// One that answers with a status line, header lines and a body.
    pub(super) async fn answering(status: &str, headers: &str, body: &str) -> Self {
        Self::start(Manner::Answers(answer(status, headers, body))).await
    }

    /// `http://127.0.0.1:PORT` and the path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// The requests, as text.
    pub(super) fn requests(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.requests.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// The value of a header of the only request.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let [request] = &self.requests()[..] else { panic!("not one request: {:?}", self.requests()) };
        let (head, _) = request.split_once("\r\n\r\n").unwrap();
        let mut pairs = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }
}

/// A whole answer with its length.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes()
}

async fn serve(mut stream: TcpStream, manner: Manner, seen: Arc<Mutex<Seen>>) {
    match manner {
        Manner::ResetsAtOnce => reset(stream),
        Manner::Babbles => {
            let _ = stream.write_all(b"220 mail.test ESMTP\r\n").await;
            let _ = stream.read(&mut [0; 1024]).await;
        }
        _ => {
            while let Some(request) = read_request(&mut stream).await {
                seen.lock().unwrap().requests.push(request);
                match &manner {
                    Manner::Answers(bytes) => stream.write_all(bytes).await.unwrap(),
                    Manner::AnswersAndCloses(bytes) => {
                        stream.write_all(bytes).await.unwrap();
                        stream.shutdown().await.unwrap();
                        return;
                    }
                    Manner::NeverStops(head) => {
                        stream.write_all(head).await.unwrap();
                        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
                        return;
                    }
                    Manner::ReadsAndResets => return reset(stream),
                    _ => std::future::pending().await,
                }
            }
        }
    }
}

fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
}

/// One request with its body, or nothing at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if let Some(head) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |text| text.parse().unwrap());
            if request.len() >= head + 4 + length {
                return Some(request);
            }
        }
        let mut chunk = [0; 16 * 1024];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(bytes) => request.extend_from_slice(&chunk[..bytes]),
        }
    }
}

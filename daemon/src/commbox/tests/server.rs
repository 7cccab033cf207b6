//! A real listener on the loopback, with scripted answers.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Answers every connection with what it was given; remembers what was asked.
pub(super) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// One connection of a client.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    stopped: Arc<AtomicBool>,
}

impl Connection {
    /// Says nothing more until the client hangs up, or the test is over.
    pub(super) fn hang(&mut self) {
        let mut rest = [0; 1024];
        while !self.stopped.load(Ordering::SeqCst) {
            match self.stream.read(&mut rest) {
                Ok(0) => return,
                Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
                _ => {}
            }
        }
    }

    /// The head of the next request; empty when the client has hung up.
    pub(super) fn head(&mut self) -> String {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && !self.stopped.load(Ordering::SeqCst) {
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                _ => break,
            }
        }
        String::from_utf8(head).expect("a head is text")
    }
}

impl Server {
    /// Hands each connection to `reply`.
    pub(super) fn new(reply: impl Fn(Connection) + Send + 'static) -> Self {
        Self::start(Arc::default(), reply)
    }

    /// Writes `answer` to whoever asks, and closes.
    pub(super) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::asked(move |connection| connection.stream.write_all(&answer))
    }

    /// Writes `said` to whoever asks, and nothing more.
    pub(super) fn hanging_after(said: impl Into<Vec<u8>>) -> Self {
        let said = said.into();
        Self::asked(move |connection| {
            connection.stream.write_all(&said)?;
            connection.hang();
            Ok(())
        })
    }

    /// Reads the request, then hands over the connection.
    pub(super) fn asked(reply: impl Fn(&mut Connection) -> io::Result<()> + Send + 'static) -> Self {
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&requests);
        Self::start(requests, move |mut connection| {
            let head = connection.head();
            seen.lock().unwrap().push(head);
            // The client may have hung up by now: that is what some tests are about.
            let _ = reply(&mut connection);
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The head of each connection's first request.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn start(requests: Arc<Mutex<Vec<String>>>, reply: impl Fn(Connection) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let stream = stream.expect("a connection");
                // How soon a connection that hangs sees that the test is over.
                stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a bound");
                reply(Connection { stream, stopped: Arc::clone(&stop) });
            }
        });
        Self { address, requests, stopped, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the loop so that it sees the flag.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// An answer with a length.
pub(super) fn http(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut answer =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

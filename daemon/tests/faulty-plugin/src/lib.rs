//! A plugin that misbehaves on request. A delivery whose title contains `on_title` does what `mode` says; every other
//! is delivered.
#![expect(unsafe_code, reason = "misbehaves as only a hostile plugin would")]

use std::path::PathBuf;
use std::time::Duration;

use commwatch_plugin_api::{
    Host, Level, Notification, Notifier, Outcome, Request, export_plugin, outcome_of,
};
use serde::Deserialize;

struct Faulty(Config);

#[derive(Deserialize)]
struct Config {
    mode: Mode,
    #[serde(default)]
    on_title: String,
    /// Where `echo` and `http` send to.
    #[serde(default)]
    url: Option<commwatch_plugin_api::Value>,
    /// Bytes of a body, milliseconds of a wait, MiB of a leak.
    #[serde(default)]
    amount: u64,
    /// The last attempt that goes wrong; 0 = all do.
    #[serde(default)]
    until_attempt: u32,
    /// While this file exists, deliveries that do not misbehave wait.
    #[serde(default)]
    gate: Option<PathBuf>,
    /// Says on standard output when a delivery begins and ends.
    #[serde(default)]
    tell: bool,
}

#[derive(Clone, Copy, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// Delivered.
    Obey,
    Panic,
    Abort,
    Segv,
    Exit,
    /// Never returns.
    Hang,
    /// Returns after `amount` milliseconds.
    Slow,
    /// Leaks `amount` MiB and is delivered.
    Leak,
    /// Returns while a thread of its own panics.
    ThreadPanic,
    /// Closes the file descriptor of the socket.
    CloseSocket,
    /// Writes bytes that are no frame into the socket.
    Garbage,
    /// Writes a frame for a delivery that was never handed over.
    ForgedToken,
    /// Announces a frame of 4 GiB.
    HugeFrame,
    /// Writes `amount` lines to standard output, and as many to the log.
    Flood,
    /// Sends a body of `amount` bytes and expects the same number to be echoed in `x-length`.
    Echo,
    /// Sends a request and reports its outcome.
    Http,
    /// Sends a request and wants to try again, whatever came of it.
    HttpAgain,
    /// Sends a request from a thread that is not delivering.
    HttpElsewhere,
    /// Cannot be made.
    RefuseStart,
    PanicAtStart,
    AbortAtStart,
    HangAtStart,
    /// `destroy` never returns.
    HangAtEnd,
}

impl Drop for Faulty {
    fn drop(&mut self) {
        if self.0.mode == Mode::HangAtEnd {
            hang();
        }
    }
}

impl Notifier for Faulty {
    type Config = Config;

    fn start(config: Config, host: &Host) -> Result<Self, String> {
        host.log(Level::Debug, "the faulty plugin starts");
        match config.mode {
            Mode::RefuseStart => Err("the room `vip` does not exist: name one that does".to_owned()),
            Mode::PanicAtStart => panic!("told to panic at the start"),
            Mode::AbortAtStart => std::process::abort(),
            Mode::HangAtStart => hang(),
            _ => Ok(Self(config)),
        }
    }

    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome {
        self.tell("begins", notification);
        let outcome = if self.is_meant(notification) {
            self.misbehave(notification, host)
        } else {
            self.wait_at_the_gate();
            receipt(notification)
        };
        self.tell("ends", notification);
        outcome
    }
}

impl Faulty {
    fn is_meant(&self, notification: &Notification) -> bool {
        let Config { on_title, until_attempt, .. } = &self.0;
        notification.title.contains(on_title)
            && (*until_attempt == 0 || notification.attempt <= *until_attempt)
    }

    fn tell(&self, what: &str, notification: &Notification) {
        if self.0.tell {
            println!("{} attempt {} {what}", notification.id, notification.attempt);
        }
    }

    fn wait_at_the_gate(&self) {
        while self.0.gate.as_ref().is_some_and(|gate| gate.exists()) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn misbehave(&self, notification: &Notification, host: &Host) -> Outcome {
        match self.0.mode {
            Mode::Panic => panic!("told to panic"),
            Mode::Abort => std::process::abort(),
            Mode::Segv => segv(),
            Mode::Exit => std::process::exit(3),
            Mode::Hang => hang(),
            Mode::Slow => std::thread::sleep(Duration::from_millis(self.0.amount)),
            Mode::Leak => std::mem::forget(std::hint::black_box(vec![1u8; (self.0.amount << 20) as usize])),
            Mode::ThreadPanic => drop(std::thread::spawn(|| panic!("told to panic in a thread")).join()),
            Mode::CloseSocket => close(),
            Mode::Garbage => write(b"this is no frame, whatever its first bytes may say"),
            Mode::ForgedToken => write(&frame(OUTCOME, 4_711, &[1, 0, 0, 0, 0, 0, 0, 0, 0])),
            Mode::HugeFrame => write(&[0xff, 0xff, 0xff, 0xff, OUTCOME, 0, 0, 0, 0, 0, 0, 0, 0]),
            Mode::Flood => flood(host, self.0.amount),
            Mode::Echo => return self.echo(host),
            Mode::Http => {
                return outcome_of(host.http(&self.request().header("x-title", notification.title.as_str())));
            }
            Mode::HttpAgain => {
                drop(host.http(&self.request()));
                return Outcome::retry("whatever came");
            }
            Mode::HttpElsewhere => {
                let (host, request) = (*host, self.request());
                let answer = std::thread::spawn(move || host.http(&request)).join();
                return Outcome::reject(format!("{:?}", answer.map(|answer| answer.map(|r| r.status))));
            }
            _ => {}
        }
        receipt(notification)
    }

    fn request(&self) -> Request {
        let url = self.0.url.clone().unwrap_or_else(|| "http://127.0.0.1:1/".into());
        Request::post(url, "application/octet-stream", vec![b'x'; self.0.amount as usize])
    }

    /// A large body, a large answer, and meanwhile (and on into the next delivery) as many bytes of log lines.
    fn echo(&self, host: &Host) -> Outcome {
        const LINE: usize = 8 << 10;
        let (host, lines) = (*host, self.0.amount as usize / LINE);
        std::thread::spawn(move || (0..lines).for_each(|_| host.log(Level::Debug, &"y".repeat(LINE))));
        match host.http(&self.request()) {
            Ok(response) if response.headers.get("x-length") == Some(&self.0.amount.to_string()) => {
                Outcome::Delivered { receipt: Some(response.body.len().to_string()) }
            }
            other => Outcome::reject(format!("{other:?}")),
        }
    }
}

fn receipt(notification: &Notification) -> Outcome {
    Outcome::Delivered { receipt: Some(format!("{} attempt {}", notification.id, notification.attempt)) }
}

fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

fn flood(host: &Host, lines: u64) {
    for line in 0..lines {
        println!("standard output, line {line}");
        host.log(Level::Info, &format!("log, line {line}"));
    }
}

/// The socket's file descriptor in a `plugin-host`, and its frames: what only a hostile plugin would touch.
const SOCKET: i32 = 3;
const OUTCOME: u8 = 67;

fn frame(kind: u8, token: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as u32).to_le_bytes().to_vec();
    frame.push(kind);
    frame.extend(token.to_le_bytes());
    frame.extend(body);
    frame
}

mod libc {
    unsafe extern "C" {
        pub(super) fn close(fd: i32) -> i32;
        pub(super) fn write(fd: i32, bytes: *const u8, len: usize) -> isize;
    }
}

fn close() {
    // SAFETY: not sound at all: the host's socket is taken from under it. That is the test.
    unsafe { libc::close(SOCKET) };
}

fn write(bytes: &[u8]) {
    // SAFETY: the bytes are readable. That they land amid the host's own frames is the test.
    unsafe { libc::write(SOCKET, bytes.as_ptr(), bytes.len()) };
}

fn segv() {
    // SAFETY: none; nothing is mapped there. That is the test.
    unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) };
}

export_plugin! {
    notifier: Faulty,
    name: "faulty",
    description: "Misbehaves as told",
    concurrency: 4,
    notification_bytes_max: 1_048_576,
    config_schema: include_str!("../schema.json"),
}

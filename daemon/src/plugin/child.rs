//! The `plugin-host` process: it loads one plugin and delivers what the daemon hands over, until its socket ends.
//!
//! Three kinds of thread, so that the socket cannot deadlock: the main thread reads frames and does nothing else
//! (it never writes, and never runs the plugin's code); a boss loads the plugin, and ends it; workers, as many as
//! there may be deliveries at once, run `deliver` and write. Whatever fails here ends the process: the daemon sees
//! that, and starts another.

mod desk;
mod services;

use std::ffi::OsStr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use self::desk::Desk;
pub(super) use self::desk::Job;
use self::services::HostServices;
use super::frame::{self, FromChild, Hello, PROTOCOL, Ready, ToChild};
use super::library::Loaded;
use super::sandbox::{end_now, has_socket, settle_in};

/// The first argument of a `plugin-host`.
pub(super) const COMMAND: &str = "plugin-host";

/// Exit statuses, for who looks at a process list: the daemon goes by what it was told before.
const ENDED: i32 = 0;
const FAILED: i32 = 1;

/// Plugins written in other languages expect the stack of a main thread. It costs address space, not memory.
const STACK_BYTES: usize = 8 << 20;

/// Becomes a plugin's host process, and never returns, if the daemon has spawned this process as one; returns at
/// once otherwise. The first line of every main whose process runs notifiers, before any thread or runtime.
pub fn enter_if_asked() {
    if std::env::args_os().nth(1).as_deref() != Some(OsStr::new(COMMAND)) || !has_socket() {
        return;
    }
    match settle_in().map(run) {
        Ok(never) => never,
        Err(error) => fail(&format!("cannot set itself up: {error}")),
    }
}

/// Says why on standard error, which the daemon logs, and ends.
fn fail(why: &str) -> ! {
    eprintln!("plugin-host: {why}");
    end_now(FAILED)
}

fn run(socket: UnixStream) -> ! {
    let socket = Arc::new(socket);
    let hello = match next(&socket) {
        Some(ToChild::Hello(hello)) => hello,
        Some(other) => fail(&format!("expected a hello, not {other:?}")),
        None => end_now(ENDED),
    };
    let desk = Arc::new(Desk::new(Arc::clone(&socket), hello.concurrency));
    spawn("boss", {
        let desk = Arc::clone(&desk);
        move || boss(&desk, &hello)
    });
    loop {
        match next(&socket) {
            Some(ToChild::Deliver { token, attempt, replay, remaining_ms, receipt, notification }) => {
                desk.hand_over(Job { token, attempt, replay, remaining_ms, receipt, notification });
            }
            Some(ToChild::HttpEnd { token, end }) => desk.http_ended(token, end),
            Some(ToChild::Stop) => desk.no_more(),
            Some(ToChild::Hello(_)) => fail("a second hello"),
            None => end_now(ENDED),
        }
    }
}

/// The next frame; nothing when the daemon is gone.
fn next(mut socket: &UnixStream) -> Option<ToChild> {
    match frame::read(&mut socket) {
        Ok(Some(frame)) => match ToChild::decode(frame) {
            Ok(said) => Some(said),
            Err(violation) => fail(&violation.to_string()),
        },
        Ok(None) => None,
        Err(error) => fail(&format!("its socket fails: {error}")),
    }
}

/// Loads the plugin, lets the workers work until there is no more to do, and ends the plugin and the process.
fn boss(desk: &Arc<Desk>, hello: &Hello) {
    let config = hello.config.to_string();
    let services = Box::new(HostServices::new(Arc::clone(desk)));
    let (library, pinned) = (Path::new(&hello.library), hello.pinned.as_deref());
    let loaded = match Loaded::start(library, pinned, config.as_bytes(), services) {
        Ok(loaded) => Arc::new(loaded),
        Err(why) => {
            desk.say(&FromChild::Refused { why: why.to_string() });
            end_now(FAILED)
        }
    };
    let workers: Vec<_> = (0..hello.concurrency)
        .map(|_| {
            let (desk, loaded) = (Arc::clone(desk), Arc::clone(&loaded));
            spawn("worker", move || work(&desk, &loaded))
        })
        .collect();
    let version = loaded.manifest.version.clone();
    desk.say(&FromChild::Ready(Ready { protocol: PROTOCOL, version }));
    for worker in workers {
        let _ = worker.join(); // A panic of ours in a worker has been printed; the rest still ends well.
    }
    drop(loaded);
    end_now(ENDED)
}

fn work(desk: &Desk, loaded: &Loaded) {
    while let Some(job) = desk.next_job() {
        let token = job.token;
        let outcome = services::delivering(token, || loaded.deliver(&job));
        desk.done(token, outcome);
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK_BYTES)
        .spawn(run)
        .unwrap_or_else(|error| fail(&format!("cannot start a thread: {error}")))
}

//! `CommBox`, in this process: conversations that look like real ones, and what was asked about them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use commwatch_simulator::{Post, Simulator};

use super::Fault;

pub(crate) const STREAM: i64 = 532;
/// The first conversation's number; the others follow.
pub(crate) const FIRST: i64 = 293_000;
/// What has been said in each of them before.
const MESSAGES: usize = 10;

/// A simulator with `conversations`.
pub(crate) fn start(conversations: usize) -> Result<Simulator, Fault> {
    let simulator = Simulator::start_blocking()?;
    for object in objects(conversations) {
        let conversation = simulator.conversation(STREAM, object).customer("Dana", "Levi");
        for number in 0..MESSAGES / 2 {
            conversation.customer_says(format!("Hello again, my order {number} has still not arrived. Why?"));
            conversation
                .says(Post::agent("Noa Cohen", "We are looking into it and will write to you today."));
        }
    }
    Ok(simulator)
}

pub(crate) fn objects(conversations: usize) -> impl Iterator<Item = i64> {
    (FIRST..).take(conversations)
}

/// Waits until something is so, and looks often; an error when it is not within 60 s.
pub(crate) fn wait(what: &str, mut is_so: impl FnMut() -> Result<bool, Fault>) -> Result<(), Fault> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let began = Instant::now();
    while !is_so()? {
        if began.elapsed() > PATIENCE {
            return Err(format!("waited in vain for {what}").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The size of an answer's body.
pub(crate) fn answer_bytes(simulator: &Simulator) -> Result<usize, Fault> {
    let mut stream = TcpStream::connect(simulator.address())?;
    write!(
        stream,
        "GET /streams/{STREAM}/objects/{FIRST}?includeChilds=true&includeActivityLog=false HTTP/1.1\r\n\
         host: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        simulator.address(),
        simulator.token()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map_or(0, |(_, body)| body.len()))
}

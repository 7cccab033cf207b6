//! The daemon's end of a child: frames in, frames out, and what it prints. Reading and writing go on side by side,
//! so that neither can wait for the other.

use std::io;
use std::pin::Pin;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::lines::{Lines, forward};
use crate::plugin::children::{Process, Spawned};
use crate::plugin::frame::{Frame, FromChild, HEADER_BYTES, Header, Violation};

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How long a process may take to end once its socket has ended.
pub(super) const END_PATIENCE: Duration = Duration::from_secs(2);
/// After the process has ended, how long its last words are waited for (somebody else may hold the pipe open).
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A running child.
pub(super) struct Link {
    process: Process,
    incoming: Incoming,
    outgoing: mpsc::Sender<Vec<u8>>,
    /// Writes what is in `outgoing`; done when the child no longer reads.
    writer: Option<Work>,
    /// Logs what the child prints; done when it can print no more.
    printer: Option<Work>,
}

impl Link {
    /// `frames_max` is how many frames may wait to be written.
    pub(super) fn new(spawned: Spawned, frames_max: usize, lines: Lines) -> io::Result<Self> {
        let Spawned { process, socket, output } = spawned;
        socket.set_nonblocking(true)?;
        let (reading, writing) = UnixStream::from_std(socket)?.into_split();
        let printed = pipe::Receiver::from_owned_fd(output.into())?;
        let (outgoing, queue) = mpsc::channel(frames_max);
        Ok(Self {
            process,
            incoming: Incoming { socket: reading, buffer: BytesMut::new() },
            outgoing,
            writer: Some(Box::pin(write(queue, writing))),
            printer: Some(Box::pin(forward(printed, lines))),
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Queues a frame. Never waits: there is room for all that is outstanding, unless the child asks for more without
    /// reading what it is told.
    pub(super) fn send(&self, frame: Vec<u8>) -> Result<(), Violation> {
        match self.outgoing.try_send(frame) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()), // The end is also seen by who reads.
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(Violation("it asks for more without reading what it is told".to_owned()))
            }
        }
    }

    /// What the child says next; nothing when its socket has ended. Writes and logs meanwhile. May be dropped and
    /// called again.
    pub(super) async fn next(&mut self) -> Option<Result<FromChild, Violation>> {
        loop {
            tokio::select! {
                said = self.incoming.next() => return said,
                () = work_of(&mut self.writer) => self.writer = None,
                () = work_of(&mut self.printer) => self.printer = None,
            }
        }
    }

    /// Waits for the end of the process, for at most `patience`; kills it then.
    pub(super) async fn end(self, patience: Duration) -> Option<ExitStatus> {
        let Self { process, incoming: _socket, mut printer, .. } = self;
        let ending = process.end(patience);
        tokio::pin!(ending);
        let status = loop {
            tokio::select! {
                status = &mut ending => break status,
                () = work_of(&mut printer) => printer = None,
            }
        };
        let _ = timeout(LAST_WORDS, printer.unwrap_or_else(|| Box::pin(async {}))).await;
        status
    }
}

async fn work_of(work: &mut Option<Work>) {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

async fn write(mut queue: mpsc::Receiver<Vec<u8>>, mut socket: OwnedWriteHalf) {
    while let Some(frame) = queue.recv().await {
        if socket.write_all(&frame).await.is_err() {
            return; // The child is gone; the reading half says so.
        }
    }
}

struct Incoming {
    socket: OwnedReadHalf,
    /// At most one frame and one read more.
    buffer: BytesMut,
}

impl Incoming {
    async fn next(&mut self) -> Option<Result<FromChild, Violation>> {
        const READ_BYTES: usize = 64 << 10;
        loop {
            match self.whole_frame() {
                Ok(Some(frame)) => return Some(FromChild::decode(frame)),
                Ok(None) => {}
                Err(violation) => return Some(Err(violation)),
            }
            self.buffer.reserve(READ_BYTES);
            // A reset is how the socket of a process ends that had not read everything.
            if !matches!(self.socket.read_buf(&mut self.buffer).await, Ok(1..)) {
                return None;
            }
        }
    }

    fn whole_frame(&mut self) -> Result<Option<Frame>, Violation> {
        let Some(header) = self.buffer.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let Header { len, kind, token } = Header::parse(*header)?;
        if self.buffer.len() < HEADER_BYTES + len {
            return Ok(None);
        }
        let body = self.buffer.split_to(HEADER_BYTES + len)[HEADER_BYTES..].to_vec();
        Ok(Some(Frame { kind, token, body }))
    }
}

//! The listening side: a thread with a runtime of its own, so that a simulator runs beside any test, asynchronous or
//! not, and stopping it closes every connection at once.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A running server. Dropping it closes the listener and every connection.
#[derive(Debug)]
pub(crate) struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A bound address that does not listen: callers are refused, and the system gives the port to
/// nobody who asks for any.
pub(crate) fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Server {
    /// Starts to listen. When this returns, callers are answered.
    pub(crate) fn start(socket: TcpSocket, router: Router) -> io::Result<Server> {
        let (stop, stopped) = oneshot::channel();
        let (ready, listening) = mpsc::channel();
        let thread = thread::Builder::new().name("simulator".to_owned()).spawn(move || {
            match serve(socket, router, stopped, &ready) {
                Ok(()) => {}
                Err(error) => drop(ready.send(Err(error))),
            }
        })?;
        let server = Server { stop: Some(stop), thread: Some(thread) };
        listening.recv().unwrap_or_else(|_| Err(io::Error::other("the simulator's thread ended")))?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been printed already, and there is nothing left to stop.
            drop(thread.join());
        }
    }
}

fn serve(
    socket: TcpSocket,
    router: Router,
    stopped: oneshot::Receiver<()>,
    ready: &mpsc::Sender<io::Result<()>>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = Listening { listener: socket.listen(BACKLOG)?, accepted: 0 };
        drop(ready.send(Ok(())));
        let service = router.into_make_service_with_connect_info::<Connection>();
        tokio::select! {
            served = axum::serve(listener, service) => served,
            _ = stopped => Ok(()),
        }
    })
}

struct Listening {
    listener: TcpListener,
    accepted: u64,
}

/// What a request knows about the connection it came on.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    number: u64,
    reset: Arc<AtomicBool>,
}

/// A connection that can be reset before a byte of the answer has left.
struct Wire {
    stream: TcpStream,
    connection: Connection,
}

impl Listener for Listening {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        // Without it a small answer can wait for the caller's acknowledgement; failing to set it costs only time.
        drop(stream.set_nodelay(true));
        self.accepted += 1;
        let connection = Connection { number: self.accepted, reset: Arc::default() };
        (Wire { stream, connection }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Listening>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Listening>) -> Connection {
        stream.io().connection.clone()
    }
}

impl Connection {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Makes the next write close the connection with a reset instead.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }
}

impl Wire {
    fn refuse_if_reset(&self) -> io::Result<()> {
        if !self.connection.reset.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.stream.set_zero_linger()?;
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.refuse_if_reset()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.refuse_if_reset()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

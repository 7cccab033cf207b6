//! A listener whose connections are bounded in number and time.
//!
//! The HTTP server below us has neither bound: a peer that sends a byte a minute, or reads none, would hold a
//! connection and its memory for ever.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Connections at once; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 64;

/// How long a connection may live, idle or not. Scrapers simply connect again.
const CONNECTION_LIFE: Duration = Duration::from_secs(60);

pub(super) struct Limited<L> {
    inner: L,
    room: Arc<Semaphore>,
    life: Duration,
    cut: CancellationToken,
}

impl<L> Limited<L> {
    /// Connections also end when `cut` is cancelled.
    pub(super) fn new(inner: L, cut: CancellationToken) -> Self {
        Self::with_limits(inner, cut, CONNECTIONS_MAX, CONNECTION_LIFE)
    }

    fn with_limits(inner: L, cut: CancellationToken, connections: usize, life: Duration) -> Self {
        Self { inner, room: Arc::new(Semaphore::new(connections)), life, cut }
    }
}

impl<L: Listener<Addr = SocketAddr>> Listener for Limited<L> {
    type Io = Bounded<L::Io>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        let permit = Arc::clone(&self.room).acquire_owned().await.expect("the semaphore is never closed");
        let (stream, peer) = self.inner.accept().await;
        let end = Box::pin(tokio::time::sleep(self.life));
        let cut = Box::pin(self.cut.clone().cancelled_owned());
        (Bounded { stream, end, cut, _permit: permit }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection that fails every operation once its time is over.
pub(super) struct Bounded<S> {
    stream: S,
    end: Pin<Box<Sleep>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _permit: OwnedSemaphorePermit,
}

impl<S> Bounded<S> {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let over = self.end.as_mut().poll(cx).is_ready() || self.cut.as_mut().poll(cx).is_ready();
        if over { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn limited(
        connections: usize,
        life: Duration,
    ) -> (Limited<TcpListener>, SocketAddr, CancellationToken) {
        let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, cut) = (inner.local_addr().unwrap(), CancellationToken::new());
        (Limited::with_limits(inner, cut.clone(), connections, life), address, cut)
    }

    #[tokio::test]
    async fn a_silent_peer_is_dropped_when_its_time_is_over() {
        let (mut listener, address, _cut) = limited(1, Duration::from_millis(20)).await;
        let _silent = TcpStream::connect(address).await.unwrap();
        let (mut stream, _) = Listener::accept(&mut listener).await;
        let error = stream.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_connection_is_cut_at_once_when_time_is_up_for_all() {
        let (mut listener, address, cut) = limited(1, Duration::from_secs(3600)).await;
        let _silent = TcpStream::connect(address).await.unwrap();
        let (mut stream, _) = Listener::accept(&mut listener).await;
        let (result, ()) = tokio::join!(stream.read_u8(), async { cut.cancel() });
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn beyond_the_limit_a_connection_waits_until_another_ends() {
        let (mut listener, address, _cut) = limited(1, Duration::from_secs(3600)).await;
        let _peers = (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        let first = Listener::accept(&mut listener).await;
        {
            let second = Listener::accept(&mut listener);
            tokio::pin!(second);
            let waits = futures_util::poll!(&mut second).is_pending();
            assert!(waits && listener_room_is_used_up(&first), "the second has to wait");
            drop(first);
            second.await;
        }
    }

    fn listener_room_is_used_up((stream, _): &(Bounded<TcpStream>, SocketAddr)) -> bool {
        stream._permit.semaphore().available_permits() == 0
    }
}

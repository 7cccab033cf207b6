//! The simulator as a test or a program holds it: start, stop, and every knob.
//!
//! All knobs take `&self` and work at once, from any thread; a request in flight meets the state it finds.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use jiff::SignedDuration;
use tokio::net::TcpSocket;

use crate::conversation::Conversation;
use crate::fault::{Fault, Scope, Times};
use crate::post::{Post, Posted};
use crate::requests::{Requests, Seen, WaitError};
use crate::server::{self, Server};
use crate::throttle::{Throttle, Window};
use crate::world::{Refused, World};

const DEFAULT_TOKEN: &str = "simulator-token";

/// A running simulator. Clones are the same one; dropping the last stops it.
#[derive(Clone, Debug)]
pub struct Simulator {
    world: Arc<World>,
    address: SocketAddr,
    admin: bool,
    listening: Arc<Mutex<Listening>>,
}

#[derive(Debug)]
enum Listening {
    Yes {
        _server: Server,
    },
    /// The port is kept, and callers are refused.
    No(TcpSocket),
    Never,
}

/// Where a simulator listens and which token it asks for.
#[derive(Clone, Debug)]
pub struct Builder {
    address: SocketAddr,
    token: String,
    admin: bool,
}

impl Builder {
    /// The address to listen on; `127.0.0.1:0` when not said.
    pub fn bind(mut self, address: SocketAddr) -> Builder {
        self.address = address;
        self
    }

    /// The bearer token it accepts.
    pub fn token(mut self, token: impl Into<String>) -> Builder {
        self.token = token.into();
        self
    }

    /// Offers the knobs over HTTP too, under `/_sim/` and without a token; refused on other than loopback addresses.
    pub fn admin(mut self, offered: bool) -> Builder {
        self.admin = offered;
        self
    }

    /// Binds, listens and answers.
    pub async fn start(self) -> io::Result<Simulator> {
        self.start_blocking()
    }

    /// The same without an asynchronous caller. The server has a thread of its own either way.
    pub fn start_blocking(self) -> io::Result<Simulator> {
        if self.admin && !self.address.ip().is_loopback() {
            let text = "knobs without a token are for loopback addresses only";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let socket = server::reserve(self.address)?;
        let simulator = Simulator {
            world: World::new(self.token),
            address: socket.local_addr()?,
            admin: self.admin,
            listening: Arc::new(Mutex::new(Listening::No(socket))),
        };
        simulator.start_listening()?;
        Ok(simulator)
    }
}

/// Starting and stopping.
impl Simulator {
    pub fn builder() -> Builder {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Builder { address, token: DEFAULT_TOKEN.to_owned(), admin: false }
    }

    pub async fn start() -> io::Result<Simulator> {
        Simulator::builder().start().await
    }

    pub fn start_blocking() -> io::Result<Simulator> {
        Simulator::builder().start_blocking()
    }

    /// Without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token it was started with.
    pub fn token(&self) -> &str {
        &self.world.token
    }

    /// An outage: closes every connection and refuses new ones. The port and all state are kept.
    pub async fn stop_listening(&self) -> io::Result<()> {
        self.stop_now()
    }

    /// Ends an outage.
    pub async fn listen_again(&self) -> io::Result<()> {
        self.start_listening()
    }

    /// Stops for good: closes every connection and gives the port back. What was seen and posted can still be read.
    pub async fn shutdown(&self) {
        self.shutdown_blocking();
    }

    pub fn shutdown_blocking(&self) {
        *self.listening() = Listening::Never;
    }

    fn stop_now(&self) -> io::Result<()> {
        let mut listening = self.listening();
        if matches!(*listening, Listening::Yes { .. }) {
            *listening = Listening::Never;
            *listening = Listening::No(server::reserve(self.address)?);
        }
        Ok(())
    }

    fn start_listening(&self) -> io::Result<()> {
        let mut listening = self.listening();
        let socket = match std::mem::replace(&mut *listening, Listening::Never) {
            Listening::No(socket) => socket,
            Listening::Never => server::reserve(self.address)?,
            already @ Listening::Yes { .. } => {
                *listening = already;
                return Ok(());
            }
        };
        *listening = Listening::Yes { _server: Server::start(socket, self.router())? };
        Ok(())
    }

    fn router(&self) -> Router {
        let router = if self.admin { crate::admin::router() } else { Router::new() };
        router.fallback(crate::api::answer).with_state(Arc::clone(&self.world))
    }

    fn listening(&self) -> MutexGuard<'_, Listening> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Knobs.
impl Simulator {
    /// The conversation of this id, made when there is none.
    ///
    /// # Panics
    /// When it is there, on another stream.
    #[track_caller]
    pub fn conversation(&self, stream_id: i64, object_id: i64) -> Conversation {
        let made = self.world.state().conversation(stream_id, object_id).map(|_| ());
        made.unwrap_or_else(|refused| panic!("{refused}"));
        Conversation { world: Arc::clone(&self.world), object_id }
    }

    /// Says something in a conversation by its id.
    pub fn say(&self, object_id: i64, post: Post) -> Result<i64, Refused> {
        self.world.state().post(object_id, post)
    }

    /// The id of the agent of this name, for [`Conversation::assign`].
    pub fn manager(&self, name: &str) -> i64 {
        self.world.state().manager(name).id
    }

    /// Lets the next requests down. Several faults wait for their turn, in the order they were set.
    pub fn fault(&self, scope: Scope, fault: Fault, times: Times) {
        self.world.state().faults.add(scope, fault, times);
    }

    /// Ends all faults. A request that hangs already goes on hanging.
    pub fn clear_faults(&self) {
        self.world.state().faults.clear();
    }

    /// Limits the rate of requests of all callers together; `None` lifts the limit.
    pub fn throttle(&self, throttle: impl Into<Option<Throttle>>) {
        self.world.state().throttle = throttle.into().map(Window::new);
    }

    /// Puts the server's clock ahead (or behind): `response_time`, the `Date` header, and the time of new messages.
    pub fn clock_skew(&self, skew: SignedDuration) {
        self.world.state().skew = skew;
    }

    /// From now on only these tokens are accepted: a key expires, is revoked, or is swapped with an overlap.
    pub fn accept_tokens<T: Into<String>>(&self, tokens: impl IntoIterator<Item = T>) {
        self.world.state().accepted_tokens = tokens.into_iter().map(Into::into).collect();
    }
}

/// What happened.
impl Simulator {
    /// Every message that was posted, in that order, also when it was edited or redacted later.
    pub fn posted(&self) -> Vec<Posted> {
        self.world.state().posted.clone()
    }

    /// [`Simulator::posted`] without the first `count`.
    pub fn posted_since(&self, count: usize) -> Vec<Posted> {
        self.world.state().posted.get(count..).unwrap_or_default().to_vec()
    }

    /// The newest requests, at most [`crate::REQUESTS_KEPT_MAX`], oldest first.
    pub fn requests(&self) -> Vec<Seen> {
        self.requested().newest()
    }

    /// All requests ever.
    pub fn total_requests(&self) -> u64 {
        self.requested().total()
    }

    /// All Get Object requests for this conversation ever.
    pub fn request_count(&self, object_id: i64) -> u64 {
        self.requested().count(object_id)
    }

    /// The greatest number of requests for one conversation that were in flight at once.
    pub fn max_concurrent(&self, object_id: i64) -> u64 {
        self.requested().greatest_in_flight(Some(object_id))
    }

    /// The greatest number of requests of any kind that were in flight at once.
    pub fn max_concurrent_total(&self) -> u64 {
        self.requested().greatest_in_flight(None)
    }

    /// Waits until `n` requests have come, all in all.
    pub async fn wait_for_requests(&self, n: u64, timeout: Duration) -> Result<(), WaitError> {
        self.requested().wait(format!("{n} requests"), timeout, |requests| requests.total() >= n).await
    }

    /// Waits until `n` more requests for this conversation have come and been answered: a poll that began after
    /// this call has seen all that was said before it.
    pub async fn wait_for_polls(&self, object_id: i64, n: u64, timeout: Duration) -> Result<(), WaitError> {
        let target = self.requested().answered_after(object_id, n);
        let enough = |requests: &Requests| requests.answered(object_id) >= target;
        self.requested().wait(format!("{n} more polls of {object_id}"), timeout, enough).await
    }

    /// Waits until the newest requests fulfil a condition; `waited_for` names it in the error.
    pub async fn wait_for(
        &self,
        waited_for: &str,
        timeout: Duration,
        mut enough: impl FnMut(&[Seen]) -> bool,
    ) -> Result<(), WaitError> {
        self.requested().wait(waited_for, timeout, |requests| enough(&requests.newest())).await
    }

    /// [`Simulator::wait_for_requests`] for a caller without a runtime.
    ///
    /// # Panics
    /// Within a runtime.
    pub fn wait_for_requests_blocking(&self, n: u64, timeout: Duration) -> Result<(), WaitError> {
        blocking(self.wait_for_requests(n, timeout))
    }

    /// [`Simulator::wait_for_polls`] for a caller without a runtime.
    ///
    /// # Panics
    /// Within a runtime.
    pub fn wait_for_polls_blocking(
        &self,
        object_id: i64,
        n: u64,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        blocking(self.wait_for_polls(object_id, n, timeout))
    }

    /// [`Simulator::wait_for`] for a caller without a runtime.
    ///
    /// # Panics
    /// Within a runtime.
    pub fn wait_for_blocking(
        &self,
        waited_for: &str,
        timeout: Duration,
        enough: impl FnMut(&[Seen]) -> bool,
    ) -> Result<(), WaitError> {
        blocking(self.wait_for(waited_for, timeout, enough))
    }

    fn requested(&self) -> &Requests {
        &self.world.requests
    }
}

fn blocking<T>(waiting: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime without I/O needs nothing from the system").block_on(waiting)
}

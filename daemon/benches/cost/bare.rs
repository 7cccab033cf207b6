//! The bare loop, in a process of its own: asks for the same answers at the same rate as the daemon, through the
//! same HTTP library with the same settings on the same kind of runtime; reads each body whole, and forgets it.
//! No engine can poll for less without another HTTP library.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use tokio::time::{Instant, sleep_until};

use super::Fault;
use super::daemon::{IN_FLIGHT_MAX, TIMEOUT};
use super::server::{STREAM, objects};

/// The first argument that makes this executable the bare loop.
pub(crate) const COMMAND: &str = "bare-loop";
/// As many threads as the daemon has.
const THREADS: usize = 2;
const INTERVAL: Duration = Duration::from_secs(1);

/// A bare loop that runs. Dropped = ended.
pub(crate) struct Bare(Child);

impl Bare {
    pub(crate) fn start(base: &str, token: &str, watches: usize) -> Result<Self, Fault> {
        let child = Command::new(std::env::current_exe()?)
            .args([COMMAND, base, token, &watches.to_string()])
            .stdin(Stdio::piped())
            .spawn()?;
        Ok(Self(child))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The loop itself; ends when its standard input does, so that it outlives nobody.
pub(crate) fn run(arguments: &[String]) -> Result<(), Fault> {
    let [base, token, watches] = arguments else { return Err("bare-loop BASE TOKEN WATCHES".into()) };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    commwatch::tls::install();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let polls = polls(base, watches.parse()?);
    let authorization = HeaderValue::try_from(format!("Bearer {token}"))?;
    let client = client()?;
    runtime.block_on(async { tokio::spawn(poll(client, authorization, polls)).await })?
}

/// The daemon's own settings.
fn client() -> Result<reqwest::Client, Fault> {
    let client = reqwest::Client::builder()
        .user_agent(concat!("commwatch/", env!("CARGO_PKG_VERSION")))
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .pool_max_idle_per_host(IN_FLIGHT_MAX)
        .pool_idle_timeout(Duration::from_secs(50))
        .tcp_keepalive(Duration::from_secs(30))
        .no_proxy()
        .tls_certs_only([])
        .build()?;
    Ok(client)
}

/// When in each interval which address is asked for, in order. The times are spread as the daemon's are: by chance.
fn polls(base: &str, watches: usize) -> Vec<(Duration, Arc<str>)> {
    let address = |object: i64| {
        format!("{base}/streams/{STREAM}/objects/{object}?includeChilds=true&includeActivityLog=false").into()
    };
    let interval = u64::try_from(INTERVAL.as_micros()).unwrap_or(u64::MAX);
    let place = |object: i64| Duration::from_micros(mixed(object.unsigned_abs()) % interval);
    let mut polls: Vec<(Duration, Arc<str>)> =
        objects(watches).map(|object| (place(object), address(object))).collect();
    polls.sort();
    polls
}

async fn poll(
    client: reqwest::Client,
    authorization: HeaderValue,
    polls: Vec<(Duration, Arc<str>)>,
) -> Result<(), Fault> {
    let began = Instant::now();
    let (mut round, mut place) = (0, 0);
    let mut under_way = FuturesUnordered::new();
    loop {
        let due = began + INTERVAL * round + polls[place].0;
        let may_begin = under_way.len() < IN_FLIGHT_MAX;
        tokio::select! {
            biased;
            () = sleep_until(due), if may_begin => {
                let request = client
                    .get(&*polls[place].1)
                    .header(AUTHORIZATION, authorization.clone())
                    .header(ACCEPT, HeaderValue::from_static("application/json"));
                under_way.push(async move { request.send().await?.error_for_status()?.bytes().await });
                place = (place + 1) % polls.len();
                round += u32::from(place == 0);
            }
            Some(answer) = under_way.next() => drop(answer?),
        }
    }
}

/// `SplitMix64`.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

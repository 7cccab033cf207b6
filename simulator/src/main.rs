//! The program: a simulated `CommBox` API with customers who write, for people to point a monitor at.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use commwatch_simulator::{Author, Posted, Scenario, Simulator};
use tokio::time::Instant;

/// The exit status for arguments that make no sense.
const USAGE: u8 = 2;
/// How often it looks for messages that are not told yet.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The `CommBox` API, simulated: a small cast of customers writes, and the knobs are under /_sim/.
#[derive(Debug, Parser)]
#[command(name = "commwatch-simulator", version)]
struct Args {
    /// A loopback address to listen on; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,

    /// The bearer token to ask for.
    #[arg(long, default_value = "simulator-token")]
    token: String,

    /// Who writes and how often; without it, the built-in cast.
    #[arg(long, value_name = "FILE.toml")]
    scenario: Option<PathBuf>,

    /// The conversations are there, and nobody writes by themselves.
    #[arg(long)]
    silent: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has gone: there is nobody left to play for.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => complain(ExitCode::FAILURE, &format!("cannot write: {error}")),
        Err(Failure::Listen(error)) => complain(ExitCode::FAILURE, &error),
        Err(Failure::Usage(error)) => complain(ExitCode::from(USAGE), &error),
    }
}

/// Why the program ends, named by what to do about it.
enum Failure {
    Usage(String),
    Listen(String),
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

async fn run(args: Args) -> Result<(), Failure> {
    if !args.listen.ip().is_loopback() {
        let text =
            format!("--listen {}: only loopback addresses, since the knobs ask for no token", args.listen);
        return Err(Failure::Usage(text));
    }
    let mut scenario = scenario(&args)?;
    let simulator = Simulator::builder()
        .bind(args.listen)
        .token(args.token)
        .admin(true)
        .start()
        .await
        .map_err(|error| Failure::Listen(format!("cannot listen on {}: {error}", args.listen)))?;
    scenario.cast().enter(&simulator);
    introduce(&simulator, &mut scenario)?;

    let mut told = 0;
    let mut speaking = !args.silent;
    let mut turns = tokio::time::interval_at(Instant::now() + scenario.every(), scenario.every());
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            ended = tokio::signal::ctrl_c() => {
                ended?;
                simulator.shutdown().await;
                return Ok(());
            }
            _ = turns.tick(), if speaking => {
                if let Err(refused) = scenario.cast().speak(&simulator) {
                    writeln!(io::stdout(), "nobody writes any more: {refused}")?;
                    speaking = false;
                }
            }
            _ = looks.tick() => told = tell(&simulator, told)?,
        }
    }
}

fn scenario(args: &Args) -> Result<Scenario, Failure> {
    let Some(path) = &args.scenario else { return Ok(Scenario::demo()) };
    let cannot =
        |error: &dyn std::fmt::Display| Failure::Usage(format!("--scenario {}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| cannot(&error))?;
    Scenario::parse(&text).map_err(|error| cannot(&error))
}

/// Says where it listens, whom it simulates, and how to ask.
fn introduce(simulator: &Simulator, scenario: &mut Scenario) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let (url, token) = (simulator.base_url(), simulator.token());
    writeln!(out, "listening on {url} with token {token}")?;
    for member in scenario.cast().members() {
        writeln!(
            out,
            "  stream {} object {}: {} ({})",
            member.stream, member.object, member.title, member.name
        )?;
    }
    if let Some(first) = scenario.cast().members().first() {
        let path = format!("{url}/streams/{}/objects/{}?includeChilds=true", first.stream, first.object);
        writeln!(out, "  curl -s -H 'Authorization: Bearer {token}' '{path}'")?;
    }
    out.flush()
}

/// Tells what was said since `told`, by the cast or through `/_sim/say`; returns the new count.
fn tell(simulator: &Simulator, told: usize) -> io::Result<usize> {
    let mut out = io::stdout().lock();
    let news = simulator.posted_since(told);
    for Posted { object_id, child_id, author, text, at, .. } in &news {
        let who = match author {
            Author::Customer => "customer",
            Author::Agent(name) => name,
            Author::Bot => "bot",
            Author::Unknown => "somebody",
        };
        let text = if text.is_empty() { "(a file)" } else { &on_one_line(text) };
        writeln!(out, "{} {object_id} #{child_id} {who}: {text}", at.strftime("%H:%M:%SZ"))?;
    }
    out.flush()?;
    Ok(told + news.len())
}

/// Without control characters, so that what people post cannot move the terminal's cursor.
fn on_one_line(text: &str) -> String {
    text.replace(char::is_control, " ").trim().to_owned()
}

fn complain(code: ExitCode, text: &str) -> ExitCode {
    eprintln!("error: {text}");
    code
}

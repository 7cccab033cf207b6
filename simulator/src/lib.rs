//! The `CommBox` API, simulated: tests turn its knobs, people run it.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use commwatch_simulator::{Fault, Scope, Simulator, Times};
//!
//! let sim = Simulator::start().await?;
//! let dana = sim.conversation(532, 293854).customer("Dana", "Levi");
//! dana.customer_says("Hello, where is my order?");
//! sim.fault(Scope::Object(293854), Fault::status(500), Times::N(2));
//! println!("ask {} with token {}", sim.base_url(), sim.token());
//! # Ok(())
//! # }
//! ```
//!
//! It is written from what is known about the API and from nothing else, so that a program that agrees with it agrees
//! with the API's description rather than with itself. In the order of a request:
//!
//! - `simulator`: start, stop and the knobs; `conversation`: what people say and do
//! - `server`: the thread that listens; `api`: one request, one answer; `call`: what a request asks for
//! - `world`, `record`: what is known, behind one lock; `listing`: the calls that list conversations
//! - `render`: a record as the API writes it, in any [`Shape`]; `answer`: the envelope
//! - `cast`: customers who write all the time; `scenario`: who they are, read from a file; `admin`: the knobs over HTTP
//! - `fault`, `throttle`: how it lets its callers down; `requests`: what was asked of it

mod admin;
mod answer;
mod api;
mod call;
mod cast;
mod conversation;
mod fault;
mod json;
mod listing;
mod post;
mod random;
mod record;
mod render;
mod requests;
mod scenario;
mod server;
pub mod shape;
mod simulator;
mod throttle;
mod world;

pub use cast::{Cast, Language, Line, Member};
pub use conversation::Conversation;
pub use fault::{Fault, FaultBody, Scope, Times};
pub use post::{Attachment, Author, Garbled, Post, Posted};
pub use record::Channel;
pub use requests::{REQUESTS_KEPT_MAX, Seen, WaitError};
pub use scenario::{Scenario, ScenarioError};
pub use shape::Shape;
pub use simulator::{Builder, Simulator};
pub use throttle::{RetryAfter, Throttle};
pub use world::{POSTS_MAX, Refused};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

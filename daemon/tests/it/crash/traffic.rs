//! Customers who write all the while, whatever is done to the daemon.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use commwatch_simulator::{Conversation, Post};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

/// The longest time from one message, or a handful at once, to the next.
const PAUSE_MAX_MS: u64 = 250;
/// Ids that are given by hand: above and below those that the simulator gives out, and in no order.
const IDS: [i64; 2] = [1_000_000, 900_000_000];

/// A seeded series: the same seed makes the same run, as far as a run can be the same.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    pub fn pause(&mut self, below_ms: u64) -> Duration {
        Duration::from_millis(self.below(below_ms))
    }

    pub fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

/// Dropped = silent.
pub struct Traffic {
    writer: Arc<Mutex<Writer>>,
    task: JoinHandle<()>,
}

struct Writer {
    conversations: Vec<Conversation>,
    random: Random,
    count: i64,
    paused: bool,
}

impl Traffic {
    pub fn start(conversations: Vec<Conversation>, seed: u64) -> Self {
        let writer = Writer { conversations, random: Random::new(seed), count: 0, paused: true };
        let writer = Arc::new(Mutex::new(writer));
        let writing = Arc::clone(&writer);
        let task = tokio::spawn(async move {
            loop {
                let pause = {
                    let mut writer = writing.lock().unwrap();
                    if !writer.paused {
                        writer.write();
                    }
                    writer.random.pause(PAUSE_MAX_MS)
                };
                tokio::time::sleep(pause).await;
            }
        });
        Self { writer, task }
    }

    /// Nobody writes any more until [`flow`](Self::flow).
    pub fn pause(&self) {
        self.writer.lock().unwrap().paused = true;
    }

    pub fn flow(&self) {
        self.writer.lock().unwrap().paused = false;
    }

    /// One message, now; gives its conversation's id.
    pub fn say_one(&self) -> i64 {
        let mut writer = self.writer.lock().unwrap();
        let conversation = writer.anyone();
        let text = writer.text();
        conversation.customer_says(text);
        conversation.object_id()
    }

    /// A message in each conversation, now; gives what they say.
    pub fn say_everywhere(&self) -> Vec<String> {
        let mut writer = self.writer.lock().unwrap();
        let everyone = writer.conversations.clone();
        let said = everyone.iter().map(|conversation| {
            let text = writer.text();
            conversation.customer_says(text.as_str());
            text
        });
        said.collect()
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Writer {
    /// Something new, of one of the kinds that are hard to put in order.
    fn write(&mut self) {
        let conversation = self.anyone();
        let text = self.text();
        let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
        match self.random.below(6) {
            // A handful at the same instant; their ids are in no order.
            0 => {
                for n in 0..3 {
                    let id = self.id();
                    conversation.says(Post::customer(format!("{text}.{n}")).at(now).id(id));
                }
            }
            // Mails that come late, the later ones written earlier.
            1 => {
                for n in 0..2 {
                    let late = SignedDuration::from_secs(i64::from(self.hour() + n) * 3600);
                    conversation.says(Post::customer(format!("{text}.{n}")).at(now - late));
                }
            }
            2 => drop(conversation.agent_says("Noa Bar", text)),
            3 => drop(conversation.says(Post::customer(text).id(self.id()))),
            _ => drop(conversation.customer_says(text)),
        }
    }

    fn anyone(&mut self) -> Conversation {
        self.random.of(&self.conversations).clone()
    }

    fn text(&mut self) -> String {
        self.count += 1;
        format!("message {}", self.count)
    }

    fn hour(&mut self) -> i32 {
        i32::try_from(self.random.below(48)).unwrap()
    }

    /// Free, since each is taken from a range of its own.
    fn id(&mut self) -> i64 {
        self.count += 1;
        let within = i64::try_from(self.random.below(1000)).unwrap();
        *self.random.of(&IDS) + self.count * 1000 + within
    }
}

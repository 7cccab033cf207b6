//! Where a service manager listens: a real datagram socket, and what the daemon sent to it.

use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::world::{World, until};

pub struct Systemd {
    said: Arc<Mutex<Vec<String>>>,
}

impl Systemd {
    /// Every daemon that this world starts from now on is a service, with a watchdog of this patience.
    pub fn of(world: &mut World, watchdog: Duration) -> Self {
        let path = world.path("notify.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        world.environment.insert("NOTIFY_SOCKET", path.display().to_string());
        world.environment.insert("WATCHDOG_USEC", watchdog.as_micros().to_string());
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::downgrade(&said);
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        std::thread::spawn(move || {
            let mut message = [0; 4096];
            // Until nobody asks any more.
            while let Some(said) = heard.upgrade() {
                if let Ok(length) = socket.recv(&mut message) {
                    let text = String::from_utf8(message[..length].to_vec()).unwrap();
                    said.lock().unwrap().push(text.trim_end().to_owned());
                }
            }
        });
        Self { said }
    }

    /// All messages so far.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// How many messages began so.
    pub fn count(&self, beginning: &str) -> usize {
        self.said().iter().filter(|said| said.starts_with(beginning)).count()
    }

    /// Waits until so many messages began so.
    pub async fn hears(&self, beginning: &str, times: usize) {
        until(&format!("{beginning} {times} times"), || self.count(beginning) >= times).await;
    }
}

//! What a plugin writes, put into the daemon's log: bounded in length by the frames, and in number here.

use commwatch_plugin_api::{Level, abi};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::time::Instant;

use crate::core::plural::many;
use crate::plugin::frame::one_line;

/// Lines that a plugin may write at once, and then again for each second.
const BURST: f64 = 200.0;
const PER_SECOND: f64 = 20.0;
/// Lines that come on top for each delivery, so that a plugin whose output is the log loses none.
const PER_DELIVERY: f64 = 8.0;
/// What may be saved up in all.
const SAVED_MAX: f64 = 2_000.0;

/// The lines of one child.
#[derive(Debug)]
pub(super) struct Lines {
    notifier: String,
    plugin: String,
    left: f64,
    filled: Instant,
    dropped: u64,
}

impl Lines {
    pub(super) fn new(notifier: &str, plugin: &str) -> Self {
        let (notifier, plugin) = (notifier.to_owned(), plugin.to_owned());
        Self { notifier, plugin, left: BURST, filled: Instant::now(), dropped: 0 }
    }

    /// A delivery begins.
    pub(super) fn delivering(&mut self) {
        self.left = (self.left + PER_DELIVERY).min(SAVED_MAX);
    }

    /// Writes a line, or counts it where there are too many.
    pub(super) fn write(&mut self, level: Level, line: &str) {
        if !self.allowed(Instant::now()) {
            self.dropped += 1;
            return;
        }
        self.say_dropped();
        let (notifier, plugin) = (&self.notifier, &self.plugin);
        match level {
            Level::Error => tracing::error!(%notifier, %plugin, "{line}"),
            Level::Warn => tracing::warn!(%notifier, %plugin, "{line}"),
            Level::Info => tracing::info!(%notifier, %plugin, "{line}"),
            Level::Debug => tracing::debug!(%notifier, %plugin, "{line}"),
        }
    }

    fn allowed(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.filled = now;
        if self.left < BURST {
            self.left = (self.left + since * PER_SECOND).min(BURST);
        }
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }

    fn say_dropped(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            let (notifier, plugin) = (&self.notifier, &self.plugin);
            tracing::warn!(%notifier, %plugin, dropped, "dropped {} of plugin {plugin}: too many", many(dropped, "log line", "log lines"));
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.say_dropped();
    }
}

/// Puts what the child writes to standard output and error into the log, until the pipe ends. Never stops reading:
/// a full pipe would block the plugin.
pub(super) async fn forward(mut pipe: pipe::Receiver, mut lines: Lines) {
    const LINE_MAX: usize = abi::LOG_LINE_MAX as usize;
    let mut buffer = Vec::with_capacity(LINE_MAX);
    loop {
        let mut chunk = (&mut pipe).take((LINE_MAX - buffer.len()) as u64);
        let read = chunk.read_buf(&mut buffer).await;
        while let Some(end) = buffer.iter().position(|&byte| byte == b'\n') {
            write_output(&mut lines, &buffer[..end]);
            buffer.drain(..=end);
        }
        let ended = !matches!(read, Ok(1..));
        if ended || buffer.len() >= LINE_MAX {
            write_output(&mut lines, &buffer);
            buffer.clear();
        }
        if ended {
            return;
        }
    }
}

fn write_output(lines: &mut Lines, line: &[u8]) {
    let line = one_line(&String::from_utf8_lossy(line));
    if !line.is_empty() {
        lines.write(Level::Warn, &line);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lines_beyond_the_burst_wait_for_their_second() {
        let mut lines = Lines::new("ops", "hook");
        let now = Instant::now();
        let allowed = (0..1_000).filter(|_| lines.allowed(now)).count();
        assert_eq!(allowed, 200);
        let later = now + Duration::from_secs(2);
        assert_eq!((0..1_000).filter(|_| lines.allowed(later)).count(), 40);
    }

    #[test]
    fn a_line_for_each_delivery_is_never_dropped() {
        let mut lines = Lines::new("ops", "log");
        let now = Instant::now();
        for _ in 0..100_000 {
            lines.delivering();
            assert!(lines.allowed(now));
        }
        assert!(lines.left <= SAVED_MAX);
    }
}

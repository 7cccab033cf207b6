//! Runs a program for each notification, with the notification as one line of JSON on its standard input. What its exit
//! status means is that of sysexits(3), as mail servers read it of the programs they run.

mod config;
mod run;

use std::io;
use std::time::Duration;

use commwatch_plugin_api::{Host, Notification, Notifier, Outcome, export_plugin};

use config::Program;
use run::Ended;

pub use config::Config;

/// The configuration's JSON Schema.
pub const SCHEMA: &str = include_str!("../schema.json");

/// Not now (sysexits.h).
const EX_TEMPFAIL: i32 = 75;
/// Something is configured wrong (sysexits.h).
const EX_CONFIG: i32 = 78;
/// So long before the host would end this process, the program is ended; at most a fifth of the time. It must do for
/// killing it and for its last words.
const ENDED_BEFORE: Duration = Duration::from_millis(1_000);

/// A program that is run.
#[derive(Debug)]
pub struct Exec {
    program: Program,
}

impl Notifier for Exec {
    type Config = Config;

    fn start(config: Config, _: &Host) -> Result<Self, String> {
        Ok(Self { program: config.check()? })
    }

    fn deliver(&self, notification: &Notification, _: &Host) -> Outcome {
        let input = match line(notification) {
            Ok(line) => line,
            Err(error) => {
                return Outcome::reject(format!("the notification cannot be written as JSON: {error}"));
            }
        };
        let remaining = Duration::from_millis(notification.remaining_ms);
        let time = remaining.saturating_sub(ENDED_BEFORE.min(remaining / 5));
        let time = self.program.timeout.map_or(time, |timeout| timeout.min(time));
        match run::run(&self.program, input, time) {
            Ok(ended) => outcome(ended, time),
            Err(error) => not_started(&error),
        }
    }
}

/// The notification as one line: line breaks between its members are not part of it.
fn line(notification: &Notification) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(notification)?;
    line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    line.push(b'\n');
    Ok(line)
}

fn outcome(ended: Ended, time: Duration) -> Outcome {
    let why = |how: String, said: &str| if said.is_empty() { how } else { format!("{how}: {said}") };
    match ended {
        Ended::Exited { code: 0, .. } => Outcome::delivered(),
        Ended::Exited { code: EX_TEMPFAIL, said } => Outcome::retry(why("exit status 75".to_owned(), &said)),
        Ended::Exited { code: EX_CONFIG, said } => Outcome::broken(why("exit status 78".to_owned(), &said)),
        Ended::Exited { code, said } => Outcome::reject(why(format!("exit status {code}"), &said)),
        // What it had done by then nobody knows.
        Ended::Killed { signal, said } => Outcome::unknown(why(format!("ended by signal {signal}"), &said)),
        Ended::Late { said } => Outcome::unknown(why(
            format!("killed, since it had not ended within {} ms", time.as_millis()),
            &said,
        )),
        Ended::Unwatched(error) => {
            Outcome::unknown(format!("killed at once, since it could not be watched: {error}"))
        }
    }
}

/// Nothing was done. Where the machine has no room for one more process, it may later; a file that is no program is none
/// for the next notification either.
fn not_started(error: &io::Error) -> Outcome {
    use io::ErrorKind::{ExecutableFileBusy, OutOfMemory, WouldBlock};
    // EMFILE and ENFILE: no room for the pipes.
    let is_for_now = matches!(error.kind(), ExecutableFileBusy | OutOfMemory | WouldBlock)
        || matches!(error.raw_os_error(), Some(23 | 24));
    let why = format!("cannot be started: {error}");
    if is_for_now { Outcome::retry(why) } else { Outcome::broken(format!("{why}; check `program`")) }
}

export_plugin! {
    notifier: Exec,
    name: "exec",
    description: "Runs a program for each notification, with the notification as JSON on its standard input",
    concurrency: 4,
    notification_bytes_max: 262_144,
    config_schema: SCHEMA,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_could_not_be_watched_is_not_said_to_have_been_slow() {
        let ended = Ended::Unwatched(io::ErrorKind::OutOfMemory.into());
        let Outcome::Unknown { why } = outcome(ended, Duration::from_secs(9)) else { panic!("unknown") };
        assert_eq!(why, "killed at once, since it could not be watched: out of memory");
    }
}

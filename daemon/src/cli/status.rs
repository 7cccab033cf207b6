//! `commwatch status`: are the VIPs fresh? `commwatch watches`: the same of each watch.

use std::io::{IsTerminal as _, stdout};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::{Console, Exit, Output, unanswered};
use crate::config::unknown;
use crate::ops::admin::{Request, ask};
use crate::ops::status::{Status, render, render_watches};

/// How often a status is taken that is looked at for long.
const LIVE_EVERY: Duration = Duration::from_secs(2);
/// From the first line of a terminal on, and nothing below (ECMA-48).
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

/// Until nobody looks any more. A daemon that is started anew is waited for.
pub(super) fn live(socket: &Path, console: &mut Console<'_>) -> Exit {
    let clear = if stdout().is_terminal() { CLEAR } else { "" };
    let mut is_first = true;
    loop {
        match (ask::<Status>(socket, &Request::Status {}), console.output) {
            (Ok(status), Output::Json) => console.line(&status),
            (Ok(status), Output::Text) => {
                console.result(&format!("{clear}{}", render(&status, console.colour)));
            }
            (Err(error), _) if is_first => return unanswered(&error, console),
            (Err(error), Output::Json) => console.message(&format!("error: {error}")),
            // In its place, so that whoever looks does not take the last one for how it is.
            (Err(error), Output::Text) => console.result(&format!("{clear}error: {error}")),
        }
        if console.is_gone() {
            return Exit::Done;
        }
        is_first = false;
        thread::sleep(LIVE_EVERY);
    }
}

pub(super) fn run(socket: &Path, console: &mut Console<'_>) -> Exit {
    match ask::<Status>(socket, &Request::Status {}) {
        Ok(status) => {
            match console.output {
                Output::Json => console.json(&status),
                Output::Text => console.result(render(&status, console.colour).trim_end()),
            }
            Exit::Done
        }
        Err(error) => unanswered(&error, console),
    }
}

/// Those that are named, or all. That none has a name is no answer.
pub(super) fn watches(socket: &Path, names: &[String], console: &mut Console<'_>) -> Exit {
    let mut status = match ask::<Status>(socket, &Request::Status {}) {
        Ok(status) => status,
        Err(error) => return unanswered(&error, console),
    };
    let known = || status.watches.iter().map(|watch| watch.name.as_str());
    if let Some(name) = names.iter().find(|name| known().all(|known| known != **name)) {
        console.message(&format!("error: {}", unknown("watch", name, known())));
        return Exit::Failed;
    }
    if !names.is_empty() {
        status.watches.retain(|watch| names.contains(&watch.name));
        status.watches_omitted = 0;
    }
    match console.output {
        Output::Json => console.json(&status.watches),
        Output::Text => console.result(render_watches(&status, console.colour).trim_end()),
    }
    Exit::Done
}

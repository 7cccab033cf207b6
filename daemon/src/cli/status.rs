//! `commwatch status`: are the VIPs fresh? `commwatch watches`: the same of each watch.

use std::path::Path;

use super::{Console, Exit, Output, unanswered};
use crate::ops::admin::{Request, ask};
use crate::ops::status::{Status, render, render_watches};

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
    if let Some(name) = names.iter().find(|name| status.watches.iter().all(|watch| watch.name != **name)) {
        console.message(&format!("error: no watch is called `{name}`"));
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

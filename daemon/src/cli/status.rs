//! `commwatch status`: are the VIPs fresh?

use std::path::Path;

use super::{Console, Exit, Output, unanswered};
use crate::ops::admin::{Request, ask};
use crate::ops::status::{Status, render};

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

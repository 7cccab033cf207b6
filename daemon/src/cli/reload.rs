//! `commwatch reload`: read the configuration again, and say what became of it.

use std::path::Path;

use super::{Console, Exit, Output, unanswered};
use crate::ops::admin::{Request, ask};

pub(super) fn run(socket: &Path, allow_removals: bool, console: &mut Console<'_>) -> Exit {
    match ask::<String>(socket, &Request::Reload { allow_removals }) {
        Ok(changes) => {
            match console.output {
                Output::Json => console.json(&serde_json::json!({ "changes": changes })),
                Output::Text => console.result(changes.trim_end()),
            }
            Exit::Done
        }
        Err(error) => unanswered(&error, console),
    }
}

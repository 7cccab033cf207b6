//! `commwatch backup FILE`: a whole, checked copy of the database while the daemon goes on.

use std::path::Path;

use super::{Console, Exit, unanswered};
use crate::ops::admin::{BackedUp, Request, ask};

pub(super) fn run(socket: &Path, file: &Path, console: &mut Console<'_>) -> Exit {
    // The daemon stands in another folder.
    let file = match std::path::absolute(file) {
        Ok(file) if file.to_str().is_some() => file,
        Ok(file) => {
            console.message(&format!("error: the name {} is not UTF-8; give another one", file.display()));
            return Exit::Usage;
        }
        Err(error) => {
            console.message(&format!("error: {}: {error}", file.display()));
            return Exit::Usage;
        }
    };
    match ask::<BackedUp>(socket, &Request::Backup { file }) {
        Ok(backup) => {
            let BackedUp { file, bytes, taken } = &backup;
            let text = format!("backed up to {} ({bytes} bytes, as of {taken:.0})", file.display());
            console.answer(&backup, &text);
            Exit::Done
        }
        Err(error) => unanswered(&error, console),
    }
}

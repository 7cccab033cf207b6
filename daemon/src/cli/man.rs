//! `commwatch man`: the manual, a page for the whole and one for each command.

use std::path::{Path, PathBuf};

use clap::Command;

use super::{Console, Exit};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Write all pages into this folder: commwatch.1, commwatch-status.1, ...
    #[arg(long, value_name = "PATH")]
    folder: Option<PathBuf>,
}

/// Writes the page of the whole, or all pages into a folder that is there.
pub(super) fn run(cli: Command, args: &Args, console: &mut Console<'_>) -> Exit {
    match &args.folder {
        None => page(cli, console),
        Some(folder) => pages(cli, folder, console),
    }
}

fn page(cli: Command, console: &mut Console<'_>) -> Exit {
    let mut page = Vec::new();
    if let Err(error) = clap_mangen::Man::new(cli).render(&mut page) {
        console.message(&format!("error: cannot write the page: {error}"));
        return Exit::Failed;
    }
    console.result(String::from_utf8_lossy(&page).trim_end());
    Exit::Done
}

fn pages(cli: Command, folder: &Path, console: &mut Console<'_>) -> Exit {
    match clap_mangen::generate_to(cli, folder) {
        Ok(()) => Exit::Done,
        Err(error) => {
            console.message(&format!("error: cannot write into {}: {error}", folder.display()));
            Exit::Failed
        }
    }
}

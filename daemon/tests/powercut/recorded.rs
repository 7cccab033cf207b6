//! Has the work done in a process of its own, and reads what it did to its files.

use std::path::Path;
use std::process::Command;

use crate::Answers;

/// One thing that was done, in the order in which it was done.
#[derive(Debug)]
pub enum Operation {
    Write {
        file: String,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        file: String,
        size: usize,
    },
    /// The empty name is the folder's.
    Sync {
        file: String,
    },
    Remove {
        file: String,
    },
    Rename {
        from: String,
        to: String,
    },
}

/// Where the process writes what the store has answered, a line each.
pub const ANSWERS: &str = "answers";

impl Operation {
    /// What the store had answered, rather than something that it did.
    pub fn answer(&self) -> Option<&str> {
        match self {
            Self::Write { file, bytes, .. } if file == ANSWERS => Some(std::str::from_utf8(bytes).unwrap()),
            _ => None,
        }
    }

    pub fn is_answer(&self) -> bool {
        self.answer().is_some()
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Write { .. } if self.is_answer() => "answers",
            Self::Write { .. } => "writes",
            Self::Truncate { .. } => "truncations",
            Self::Sync { .. } => "syncs",
            Self::Remove { .. } => "removals",
            Self::Rename { .. } => "renamings",
        }
    }
}

/// Does the work and gives what was recorded of it.
pub fn record(answers: Answers) -> Vec<Operation> {
    let place = tempfile::tempdir().unwrap();
    let [folder, log, library] = ["folder", "log", "recorder.so"].map(|name| place.path().join(name));
    std::fs::create_dir(&folder).unwrap();
    compile(&library);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["work::the_work_that_is_recorded", "--exact", "--nocapture"])
        .env("LD_PRELOAD", library)
        .env("RECORD_FOLDER", folder.canonicalize().unwrap())
        .env("RECORD_LOG", &log)
        .env("RECORD_TOO_EARLY", if answers == Answers::TooEarly { "1" } else { "" })
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    read(&std::fs::read(log).unwrap())
}

fn compile(library: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/powercut/recorder.c");
    let compiled = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-O1", "-o"])
        .args([library, &source])
        .output()
        .expect("a C compiler is present wherever Rust links");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

fn read(mut log: &[u8]) -> Vec<Operation> {
    let mut operations = Vec::new();
    while let Some((kind, rest)) = log.split_first() {
        let name = usize::from(u16::from_ne_bytes(rest[..2].try_into().unwrap()));
        let number = u64::from_ne_bytes(rest[2..10].try_into().unwrap());
        let count = u32::from_ne_bytes(rest[10..14].try_into().unwrap()) as usize;
        let file = String::from_utf8(rest[14..14 + name].to_vec()).unwrap();
        let bytes = rest[14 + name..14 + name + count].to_vec();
        log = &rest[14 + name + count..];
        let number = usize::try_from(number).unwrap();
        operations.push(match kind {
            b'w' => Operation::Write { file, at: number, bytes },
            b't' => Operation::Truncate { file, size: number },
            b's' => Operation::Sync { file },
            b'u' => Operation::Remove { file },
            b'r' => Operation::Rename { from: file, to: String::from_utf8(bytes).unwrap() },
            other => panic!("an unknown record {other}"),
        });
    }
    operations
}

//! A disk of which it is known what a power cut would leave: whatever was synced, and of the rest any part.

use std::collections::BTreeMap;
use std::path::Path;

use crate::recorded::Operation;

/// Of a write that was not synced, pieces of this size survive or do not, each by itself.
const PIECE: usize = 4096;

/// Numbers that look random and come again with the same seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

#[derive(Default)]
pub struct Disk {
    /// What is safe of each file that there ever was.
    files: Vec<Vec<u8>>,
    /// What was done to them since, in order.
    unsynced: Vec<(usize, Change)>,
    /// Which name is whose now, and which is safe; what was done in between, in order.
    names: BTreeMap<String, usize>,
    safe_names: BTreeMap<String, usize>,
    unsynced_names: Vec<Naming>,
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { size: usize },
}

enum Naming {
    Made(String, usize),
    Removed(String),
    Renamed(String, String),
}

impl Disk {
    pub fn take(&mut self, operation: &Operation) {
        match operation {
            Operation::Write { file, at, bytes } => {
                let file = self.file(file);
                self.unsynced.push((file, Change::Write { at: *at, bytes: bytes.clone() }));
            }
            Operation::Truncate { file, size } => {
                let file = self.file(file);
                self.unsynced.push((file, Change::Truncate { size: *size }));
            }
            Operation::Sync { file } if file.is_empty() => self.sync_names(self.unsynced_names.len()),
            Operation::Sync { file } => self.sync(file),
            Operation::Remove { file } => {
                self.names.remove(file);
                self.unsynced_names.push(Naming::Removed(file.clone()));
            }
            Operation::Rename { from, to } => {
                if let Some(file) = self.names.remove(from) {
                    self.names.insert(to.clone(), file);
                }
                self.unsynced_names.push(Naming::Renamed(from.clone(), to.clone()));
            }
        }
    }

    /// The file of a name; a new one when the name is nobody's.
    fn file(&mut self, name: &str) -> usize {
        if let Some(file) = self.names.get(name) {
            return *file;
        }
        let file = self.files.len();
        self.files.push(Vec::new());
        self.names.insert(name.to_owned(), file);
        self.unsynced_names.push(Naming::Made(name.to_owned(), file));
        file
    }

    /// A file that is synced has its name for sure, and with it all namings before.
    fn sync(&mut self, name: &str) {
        let file = self.file(name);
        let made = |naming: &Naming| matches!(naming, Naming::Made(_, of) if *of == file);
        if let Some(made) = self.unsynced_names.iter().position(made) {
            self.sync_names(made + 1);
        }
        let changes = std::mem::take(&mut self.unsynced);
        let (synced, rest) = changes.into_iter().partition(|(of, _)| *of == file);
        self.unsynced = rest;
        for (_, change) in Vec::<(usize, Change)>::from_iter(synced) {
            match change {
                Change::Write { at, bytes } => write(&mut self.files[file], at, &bytes),
                Change::Truncate { size } => self.files[file].resize(size, 0),
            }
        }
    }

    fn sync_names(&mut self, count: usize) {
        for naming in self.unsynced_names.drain(..count) {
            name(&mut self.safe_names, &naming);
        }
    }

    /// Writes the files as a power cut at this moment could leave them; says how many writes were not safe.
    pub fn after_a_cut(&self, dice: &mut Dice, folder: &Path) -> usize {
        let chance = [0, 50, 90, 100][dice.below(4)];
        let mut files = self.files.clone();
        for (file, change) in &self.unsynced {
            match change {
                Change::Write { at, bytes } => {
                    let mut from = 0;
                    while from < bytes.len() {
                        // To the end of the piece of the file that it lies in.
                        let to = bytes.len().min(from + PIECE - (at + from) % PIECE);
                        if dice.percent(chance) {
                            write(&mut files[*file], at + from, &bytes[from..to]);
                        }
                        from = to;
                    }
                }
                Change::Truncate { size } if dice.percent(chance) => files[*file].resize(*size, 0),
                Change::Truncate { .. } => {}
            }
        }
        // A folder's own log keeps its order.
        let mut names = self.safe_names.clone();
        for naming in &self.unsynced_names[..dice.below(self.unsynced_names.len() + 1)] {
            name(&mut names, naming);
        }
        for (name, file) in names {
            std::fs::write(folder.join(name), &files[file]).unwrap();
        }
        self.unsynced.len()
    }
}

fn write(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

fn name(names: &mut BTreeMap<String, usize>, naming: &Naming) {
    match naming {
        Naming::Made(name, file) => drop(names.insert(name.clone(), *file)),
        Naming::Removed(name) => drop(names.remove(name)),
        Naming::Renamed(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
    }
}

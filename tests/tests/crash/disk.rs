//! A disk with a volatile cache: what was flushed stays; of the rest, any part may be there after the power was cut.
//!
//! Writes since the last flush of their file may each be there, be missing, or be torn at sectors, in any order. Names
//! (a file made, removed or renamed) take effect in their order, as in a journal, and may be missing until the
//! directory is flushed.

use crate::trace::Operation;
use lab::random::Random;
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

/// What a disk writes as a whole, bytes.
const SECTOR: usize = 512;

/// Files of one directory.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    /// Which file a name means, as running programs see it.
    names: BTreeMap<String, usize>,
    /// The same on the disk.
    kept_names: BTreeMap<String, usize>,
    pending: Vec<Naming>,
}

#[derive(Clone, Debug, Default)]
struct File {
    kept: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { length: usize },
}

#[derive(Clone, Debug)]
enum Naming {
    Make { name: String, file: usize },
    Remove { name: String },
    Rename { from: String, to: String },
}

impl Disk {
    /// Takes in what happens.
    pub fn play(&mut self, operation: &Operation) {
        match operation {
            Operation::Make { name } if !self.names.contains_key(name) => {
                self.files.push(File::default());
                self.name(Naming::Make { name: name.clone(), file: self.files.len() - 1 });
            }
            Operation::Make { .. } | Operation::Say { .. } => {}
            Operation::Write { name, at, bytes } => {
                self.file(name).pending.push(Change::Write { at: *at, bytes: bytes.clone() });
            }
            Operation::Truncate { name, length } => self.file(name).pending.push(Change::Truncate { length: *length }),
            Operation::Flush { name } if name.is_empty() => {
                self.kept_names.clone_from(&self.names);
                self.pending.clear();
            }
            Operation::Flush { name } => self.file(name).flush(),
            Operation::Remove { name } => self.name(Naming::Remove { name: name.clone() }),
            Operation::Rename { from, to } => self.name(Naming::Rename { from: from.clone(), to: to.clone() }),
        }
    }

    /// Files as running programs see them.
    pub fn whole(&self) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.names.iter().map(|(name, file)| {
            let mut file = self.files[*file].clone();
            file.flush();
            (name.clone(), file.kept)
        })
    }

    /// Writes into `directory` what may be there after the power was cut now. Whether anything is missing.
    pub fn cut(&self, directory: &Path, random: &mut Random) -> io::Result<bool> {
        let mut names = self.kept_names.clone();
        let renamings = random.below(self.pending.len() + 1);
        self.pending[..renamings].iter().for_each(|naming| naming.apply(&mut names));
        let mut missing = renamings < self.pending.len();
        // Anything from next to nothing to nearly all arrived.
        let arrives = random.below(101);
        for (name, file) in names {
            let file = &self.files[file];
            let mut bytes = file.kept.clone();
            for change in &file.pending {
                missing |= !change.arrive(&mut bytes, arrives, random);
            }
            fs::write(directory.join(name), bytes)?;
        }
        Ok(missing)
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.pending.push(naming);
    }

    fn file(&mut self, name: &str) -> &mut File {
        &mut self.files[self.names[name]]
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Make { name, file } => {
                names.insert(name.clone(), *file);
            }
            Self::Remove { name } => {
                names.remove(name);
            }
            Self::Rename { from, to } => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}

impl File {
    fn flush(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            change.apply(&mut self.kept);
        }
    }
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => write(file, *at, bytes),
            Self::Truncate { length } => file.resize(*length, 0),
        }
    }

    /// Reaches the disk with so many per cent of probability, and then perhaps not all of it. Whether all of it did.
    fn arrive(&self, file: &mut Vec<u8>, percent: usize, random: &mut Random) -> bool {
        match self {
            _ if !random.chance(percent) => false,
            Self::Write { at, bytes } if random.chance(20) => {
                // Sectors are those of the disk, not of the write.
                let mut whole = true;
                let mut from = 0;
                while from < bytes.len() {
                    let to = bytes.len().min(from + SECTOR - (at + from) % SECTOR);
                    if random.chance(50) {
                        write(file, at + from, &bytes[from..to]);
                    } else {
                        whole = false;
                    }
                    from = to;
                }
                whole
            }
            _ => {
                self.apply(file);
                true
            }
        }
    }
}

fn write(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if file.len() < end {
        file.resize(end, 0);
    }
    file[at..end].copy_from_slice(bytes);
}

#[test]
fn flushed_bytes_stay_and_others_may_go() {
    let name = || "a".to_owned();
    let write = |at: usize, byte: u8| Operation::Write { name: name(), at, bytes: vec![byte; SECTOR] };
    let mut disk = Disk::default();
    for operation in [
        Operation::Make { name: name() },
        write(0, 1),
        Operation::Flush { name: name() },
        Operation::Flush { name: String::new() },
        write(0, 2),
        write(SECTOR, 3),
    ] {
        disk.play(&operation);
    }
    let directory = std::env::temp_dir().join(format!("suimon-disk-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let mut random = Random::new(1);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        disk.cut(&directory, &mut random).unwrap();
        let bytes = fs::read(directory.join("a")).unwrap();
        seen.insert((bytes[0], bytes.get(SECTOR).copied()));
    }
    fs::remove_dir_all(&directory).unwrap();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [(1, None), (1, Some(3)), (2, None), (2, Some(3))]);
}

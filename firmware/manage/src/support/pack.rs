//! The file: a folder of texts, packed, with a list of what is in it and what is not.

use super::Cleaner;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fmt::Write;
use std::io;
use tar::{Builder, Header};

/// Bytes of all texts in a bundle, before they are packed.
pub const BUNDLE_BYTES_MAX: usize = 32 << 20;
/// Bytes of one text.
pub const FILE_BYTES_MAX: usize = 8 << 20;
/// Bytes of the list of what was left out.
const LEFT_OUT_BYTES_MAX: usize = 64 << 10;
/// The list of what is in it.
const MANIFEST: &str = "MANIFEST";
/// Whoever unpacks it may read and change it.
const FILE_MODE: u32 = 0o600;

/// A bundle that is being filled.
pub struct Bundle {
    folder: String,
    made_s: u64,
    cleaner: Cleaner,
    files: Vec<(String, String)>,
    bytes: usize,
    about: String,
    left_out: String,
    left_out_more: u64,
}

impl Bundle {
    /// An empty one, whose texts will stand in `folder`; `about` is how the list begins.
    pub fn new(folder: &str, about: &str, made_s: u64, cleaner: Cleaner) -> Self {
        Self {
            folder: folder.to_owned(),
            made_s,
            cleaner,
            files: Vec::new(),
            bytes: 0,
            about: about.to_owned(),
            left_out: String::new(),
            left_out_more: 0,
        }
    }

    /// Adds a text, without secrets. Of one that is too long the beginning is kept, and what is missing is listed.
    pub fn add(&mut self, name: &str, text: &str) {
        let mut text = self.cleaner.clean(text);
        let room = FILE_BYTES_MAX.min(BUNDLE_BYTES_MAX - self.bytes);
        if text.len() > room {
            let limit = if room == FILE_BYTES_MAX { "FILE_BYTES_MAX" } else { "BUNDLE_BYTES_MAX" };
            let whole = text.len();
            text.truncate(text.floor_char_boundary(room));
            self.leave_out(name, &format!("{} of {whole} bytes: {limit}", whole - text.len()));
        }
        self.bytes += text.len();
        self.files.push((name.to_owned(), text));
    }

    /// Whether there is room for another text.
    pub fn has_room(&self) -> bool {
        self.bytes < BUNDLE_BYTES_MAX
    }

    /// Lists something that is not in it.
    pub fn leave_out(&mut self, name: &str, why: &str) {
        let line = self.cleaner.clean(&format!("{name}: {}\n", why.replace('\n', " ")));
        if self.left_out.len() + line.len() > LEFT_OUT_BYTES_MAX {
            self.left_out_more += 1;
        } else {
            self.left_out.push_str(&line);
        }
    }

    /// The file: a tar archive, packed with gzip.
    ///
    /// # Errors
    /// When a name is too long for an archive.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
        let manifest = self.manifest();
        let files = self.files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        for (name, text) in std::iter::once((MANIFEST, manifest.as_str())).chain(files) {
            let mut header = Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(FILE_MODE);
            header.set_mtime(self.made_s);
            archive.append_data(&mut header, format!("{}/{name}", self.folder), text.as_bytes())?;
        }
        archive.into_inner()?.finish()
    }

    fn manifest(&self) -> String {
        let mut text = self.about.clone();
        text.push_str(
            "\nSecrets of the configuration are replaced by ***, here and wherever else they stood. Passwords of\n",
        );
        text.push_str(
            "users, second factors, sessions, tokens, certificates' keys and backups are not part of a bundle.\n",
        );
        let more = match self.left_out_more {
            0 => String::new(),
            more => format!("and {more} more\n"),
        };
        let limits = format!("FILE_BYTES_MAX = {FILE_BYTES_MAX}, BUNDLE_BYTES_MAX = {BUNDLE_BYTES_MAX}");
        write!(text, "\nLimits: {limits}\n\nLeft out:\n").expect("writing to a string");
        text.push_str(if self.left_out.is_empty() { "nothing\n" } else { &self.left_out });
        text.push_str(&more);
        text.push_str("\nBytes, file:\n");
        for (name, file) in &self.files {
            writeln!(text, "{:>9} {name}", file.len()).expect("writing to a string");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::collections::BTreeMap;
    use std::io::Read;

    fn unpacked(file: &[u8]) -> BTreeMap<String, String> {
        let mut archive = tar::Archive::new(GzDecoder::new(file));
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let (name, mut text) = (entry.path().unwrap().display().to_string(), String::new());
            entry.read_to_string(&mut text).unwrap();
            (name, text)
        });
        entries.collect()
    }

    fn bundle() -> Bundle {
        let none: [&config::Config; 0] = [];
        Bundle::new("node-1", "node: a\n", 1, Cleaner::new(none).unwrap())
    }

    #[test]
    fn what_is_in_it_and_what_is_not() {
        let mut bundle = bundle();
        bundle.add("node/status.json", "{}");
        bundle.leave_out("kernel/dmesg.txt", "Permission\ndenied");
        let files = unpacked(&bundle.finish().unwrap());
        assert_eq!(files["node-1/node/status.json"], "{}");
        let manifest = &files["node-1/MANIFEST"];
        for line in ["node: a", "kernel/dmesg.txt: Permission denied", "        2 node/status.json"] {
            assert!(manifest.lines().any(|found| found == line), "{line}: {manifest}");
        }
    }

    #[test]
    fn no_more_than_the_limits() {
        let mut bundle = bundle();
        let long = "é".repeat(FILE_BYTES_MAX / 2 + 1);
        for number in 0..6 {
            bundle.add(&format!("{number}.txt"), &long);
        }
        assert!(!bundle.has_room());
        for number in 0..9_000 {
            bundle.leave_out(&number.to_string(), "no room");
        }
        let files = unpacked(&bundle.finish().unwrap());
        let manifest = &files["node-1/MANIFEST"];
        assert!(manifest.contains("0.txt: 2 of 8388610 bytes: FILE_BYTES_MAX"), "{manifest}");
        assert!(manifest.contains("5.txt: 8388610 of 8388610 bytes: BUNDLE_BYTES_MAX"), "{manifest}");
        assert!(manifest.contains("\nand ") && manifest.len() < 2 * LEFT_OUT_BYTES_MAX);
        let texts: usize = files.iter().filter(|(name, _)| name.ends_with(".txt")).map(|(_, text)| text.len()).sum();
        assert!(texts <= BUNDLE_BYTES_MAX);
    }
}

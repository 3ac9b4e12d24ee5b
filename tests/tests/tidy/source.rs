//! Files of the project, and Rust text without what is not code.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is, from the top of the project.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Whether all of it is tests.
    pub is_test: bool,
}

impl Source {
    /// A file that need not exist.
    pub fn new(path: &str, text: &str) -> Self {
        let is_test = path.contains("/tests/") || path.ends_with("tests.rs") || path.contains("fuzz");
        Self { path: path.into(), text: text.into(), is_test }
    }

    /// Whether it is Rust.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// What is not tests.
    pub fn product(&self) -> &str {
        if self.is_test { "" } else { self.text.split_at(self.tests_begin()).0 }
    }

    /// What is tests.
    pub fn tests(&self) -> &str {
        if self.is_test { &self.text } else { self.text.split_at(self.tests_begin()).1 }
    }

    fn tests_begin(&self) -> usize {
        self.text.find("#[cfg(test)]\nmod ").unwrap_or(self.text.len())
    }

    /// A place in it, for a complaint.
    pub fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path)
    }
}

/// The top of the project.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All text files that git has or would take.
pub fn all() -> Vec<Source> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(top()).output().expect("git runs");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut sources: Vec<Source> = names
        .lines()
        .filter(|name| !name.ends_with(".lock") && !name.contains("/vendor/"))
        .filter_map(|name| Some(Source::new(name, &std::fs::read_to_string(top().join(name)).ok()?)))
        .collect();
    mark_test_modules(&mut sources);
    assert!(sources.iter().any(|source| source.path == "Cargo.toml"), "the project's own files are not among these");
    sources
}

/// Modules that are declared for tests only, in files of their own.
fn mark_test_modules(sources: &mut [Source]) {
    let mut modules = Vec::new();
    for source in sources.iter() {
        for (at, _) in source.text.match_indices("#[cfg(test)]\n") {
            let line = source.text[at..].lines().nth(1).unwrap_or_default();
            let name = line.split_once("mod ").and_then(|(_, rest)| rest.strip_suffix(';'));
            modules.extend(name.map(|name| format!("{}/{name}", folder_of_modules(&source.path))));
        }
    }
    for source in sources {
        let (path, is_test) = (&source.path, &mut source.is_test);
        *is_test |= modules.iter().any(|of| *path == format!("{of}.rs") || path.starts_with(&format!("{of}/")));
    }
}

/// Where the modules of a file are: beside `lib.rs`, `main.rs` and `mod.rs`, and in a folder of its name for others.
fn folder_of_modules(path: &str) -> &str {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file {
        "lib.rs" | "main.rs" | "mod.rs" => folder,
        _ => path.trim_end_matches(".rs"),
    }
}

/// The same text, line by line, with comments and the content of literals blanked.
pub fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = token_end(bytes, at);
        match end {
            Some(end) => {
                out.extend(bytes[at..end].iter().map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }));
                at = end;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the comment or literal that begins at `at` ends; `None`: none begins there.
fn token_end(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = &bytes[at..];
    let word_before = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => Some(find(bytes, at, b"\n").unwrap_or(bytes.len())),
        [b'/', b'*', ..] => Some(find(bytes, at + 2, b"*/").map_or(bytes.len(), |end| end + 2)),
        [b'"', ..] => Some(quoted_end(bytes, at + 1, b'"')),
        [b'r', b'"' | b'#', ..] | [b'b', b'r', b'"' | b'#', ..] if !word_before => raw_end(bytes, at),
        [b'\'', b'\\', ..] => Some(quoted_end(bytes, at + 1, b'\'')),
        // A lifetime has no closing quote behind one character.
        [b'\'', _, b'\'', ..] => Some(at + 3),
        _ => None,
    }
}

fn quoted_end(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn raw_end(bytes: &[u8], at: usize) -> Option<usize> {
    let start = at + bytes[at..].iter().take_while(|byte| matches!(byte, b'r' | b'b')).count();
    let hashes = bytes[start..].iter().take_while(|byte| **byte == b'#').count();
    if bytes.get(start + hashes) != Some(&b'"') {
        return None;
    }
    let close = [&b"\""[..], &vec![b'#'; hashes]].concat();
    Some(find(bytes, start + hashes + 1, &close).map_or(bytes.len(), |end| end + close.len()))
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    bytes.get(from..)?.windows(what.len()).position(|window| window == what).map(|at| from + at)
}

/// Words of code: identifiers and keywords with the number of their line.
pub fn words(blanked: &str) -> impl Iterator<Item = (usize, &str)> {
    blanked.lines().enumerate().flat_map(|(number, line)| {
        line.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .map(move |word| (number + 1, word))
    })
}

#[test]
fn comments_and_literals_are_blanked() {
    for (text, expected) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b\n*/ c", "a     \n   c"),
        ("f(\"b\\\"{\", 'x', '\\'', 'a)", "f(      ,    ,     , 'a)"),
        ("r#\"a\"{\"# b", "         b"),
        ("for x in r#type", "for x in r#type"),
    ] {
        assert_eq!(blanked(text), expected, "{text}");
    }
}

#[test]
fn tests_are_told_from_the_product() {
    let inline = Source::new("firmware/net/src/a.rs", "product\n#[cfg(test)]\nmod tests {}");
    assert_eq!((inline.product(), inline.tests()), ("product\n", "#[cfg(test)]\nmod tests {}"));
    for path in ["firmware/net/tests/a.rs", "firmware/net/src/a/tests.rs", "tests/tests/a.rs"] {
        assert_eq!(Source::new(path, "x").product(), "", "{path}");
    }
    assert_eq!(Source::new("tests/src/lab.rs", "x").product(), "x");
    let mut sources = [
        Source::new("firmware/a/src/lib.rs", "mod b;\n#[cfg(test)]\nmod oracle;\n"),
        Source::new("firmware/a/src/oracle.rs", "x"),
        Source::new("firmware/a/src/b.rs", "#[cfg(test)]\npub(crate) mod sample;\n"),
        Source::new("firmware/a/src/b/sample.rs", "x"),
        Source::new("firmware/a/src/sample.rs", "x"),
    ];
    mark_test_modules(&mut sources);
    assert_eq!(sources.map(|source| source.is_test), [false, true, false, true, false]);
}

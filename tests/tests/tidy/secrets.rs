//! Rules about what must not be published: private keys, and the paths of whoever's machine.

use crate::source::Source;
use crate::{keep, shows};

/// How files of private keys begin, in parts so that this one has none of them.
fn marks() -> [&'static str; 3] {
    [concat!("PRIVATE ", "KEY-----"), concat!("minisign ", "encrypted secret key"), concat!("minisign ", "secret key")]
}

/// Folders of a particular machine.
fn folders() -> [&'static str; 5] {
    [
        concat!("/wo", "rk/"),
        concat!("/fa", "rm/"),
        concat!("/ro", "ot/"),
        concat!("/tmp/", "wt"),
        concat!("/tmp/", "bash_job"),
    ]
}

fn lines_with(sources: &[Source], marks: &[&str], why: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                complaints.push(format!("{}: {why}", source.at(number + 1)));
            }
        }
    }
    complaints
}

fn no_keys(sources: &[Source]) -> Vec<String> {
    let named = sources
        .iter()
        .filter(|source| source.path.ends_with(".key"))
        .map(|source| format!("{}: a key file", source.path));
    named.chain(lines_with(sources, &marks(), "a private key")).collect()
}

fn no_machine_paths(sources: &[Source]) -> Vec<String> {
    lines_with(sources, &folders(), "a path of one machine")
}

#[test]
fn no_private_key_is_kept() {
    for mark in marks() {
        shows(no_keys, "a.txt", &format!("-----BEGIN {mark}"), "-----BEGIN PUBLIC KEY-----");
    }
    assert!(!no_keys(&[Source::new("image/update.key", "")]).is_empty());
    keep(no_keys);
}

#[test]
fn no_path_of_a_machine_is_kept() {
    for folder in folders() {
        shows(no_machine_paths, "a.rs", &format!("open(\"{folder}x\")"), "open(\"/proc/work\")");
    }
    keep(no_machine_paths);
}

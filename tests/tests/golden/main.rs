//! Packets in and packets out, as text that a network engineer checks by eye: `tests/golden/*.txt`, whose language is in
//! `tests/golden/README.md`. `UPDATE=1 cargo test --test golden` writes what the engine does into the files; the difference is then to be reviewed.

mod check;
mod frame;
mod icmp;
mod no_allocation;
mod script;
mod setting;
mod show;
mod sums;
mod tape;
mod tshark;
mod words;
mod world;

use engine::DropReason;
use script::Played;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Where the golden files are.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

// All files, played once for all tests.
fn played() -> &'static [Played] {
    static PLAYED: OnceLock<Vec<Played>> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
            .expect("tests/golden is part of the source")
            .map(|file| file.expect("a readable folder").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
            .collect();
        paths.sort();
        paths.iter().map(|path| script::play(path)).collect()
    })
}

#[test]
fn packets_come_out_as_written() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut complaints = Vec::new();
    for played in played() {
        complaints.extend(played.complaints.iter().cloned());
        if update {
            std::fs::write(&played.path, &played.produced).expect("the golden files can be written");
        } else {
            complaints.extend(played.difference());
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_drop_reason_happens() {
    let seen: BTreeSet<&str> = played().iter().flat_map(|played| &played.reasons).map(String::as_str).collect();
    let missing: Vec<&str> =
        DropReason::ALL.iter().map(|reason| reason.name()).filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "no golden packet is dropped for: {missing:?}");
}

#[test]
fn etherparse_finds_nothing_wrong() {
    let complaints: Vec<String> = played().iter().flat_map(|played| check::frames(&played.left)).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn tshark_finds_nothing_wrong() {
    let frames: Vec<_> = played().iter().flat_map(|played| &played.left).collect();
    assert!(!frames.is_empty());
    match tshark::complaints(&frames) {
        None => println!("skipped: there is no tshark on this machine"),
        Some(complaints) => assert!(complaints.is_empty(), "{}", complaints.join("\n")),
    }
}

//! Documents and what reading them says: `golden/bad/NAME.toml` gives exactly `golden/bad/NAME.txt`; every document of
//! `golden/good` is accepted and survives export.
//!
//! `SUIMON_WRITE_GOLDEN=1 cargo test -p config` rewrites the texts; then read the difference.

use std::fs;
use std::path::{Path, PathBuf};

fn documents(folder: &str) -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).expect("the folder is in git").map(|file| file.expect("readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    assert!(!paths.is_empty());
    paths.into_iter().map(|path| (fs::read_to_string(&path).expect("readable"), path)).collect()
}

#[test]
fn bad_documents_are_explained() {
    let mut wrong = Vec::new();
    for (text, path) in documents("bad") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let errors = match config::parse(&text, name) {
            Ok(_) => format!("{name} was accepted\n"),
            Err(errors) => format!("{errors}\n"),
        };
        let expected = path.with_extension("txt");
        if std::env::var_os("SUIMON_WRITE_GOLDEN").is_some() {
            fs::write(&expected, &errors).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != errors {
            wrong.push(errors);
        }
    }
    assert!(wrong.is_empty(), "other texts than expected:\n{}", wrong.join("\n"));
}

#[test]
fn good_documents_survive_export() {
    for (text, path) in documents("good") {
        let name = path.display().to_string();
        let config = config::parse(&text, &name).unwrap_or_else(|errors| panic!("{errors}"));
        let exported = config.to_toml();
        let again = config::parse(&exported, "exported").unwrap_or_else(|errors| panic!("{errors}\n{exported}"));
        assert_eq!(config, again, "{name}");
        assert_eq!(exported, again.to_toml(), "{name}");
        assert!(config::Diff::between(&config, &again).is_empty());
    }
}

#[test]
fn export_is_readable() {
    let text = include_str!("golden/good/contract.toml");
    let exported = config::parse(text, "contract.toml").unwrap().to_toml();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/contract.exported.txt");
    if std::env::var_os("SUIMON_WRITE_GOLDEN").is_some() {
        fs::write(&path, &exported).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), exported);
}

/// Whatever is cut from a document, reading it ends with an answer.
#[test]
fn damaged_documents_are_answered() {
    let documents = [documents("good"), documents("bad")].concat();
    for (text, _) in &documents {
        let lines: Vec<&str> = text.lines().collect();
        for skipped in 0..lines.len() {
            let without = [&lines[..skipped], &lines[skipped + 1..]].concat().join("\n");
            let _ = config::parse(&without, "damaged");
            let doubled = [&lines[..=skipped], &lines[skipped..]].concat().join("\n");
            let _ = config::parse(&doubled, "damaged");
        }
        for end in (0..text.len()).step_by(7).filter(|end| text.is_char_boundary(*end)) {
            let _ = config::parse(&text[..end], "damaged");
        }
    }
}

#[test]
fn errors_are_bounded() {
    let text = format!("version = 1\n{}", "[[service]]\n".repeat(1_000));
    let errors = config::parse(&text, "many").unwrap_err();
    assert_eq!(errors.errors.len(), config::ERRORS_MAX);
    assert_eq!(errors.more, 3 * 1_000 - config::ERRORS_MAX);
}

#[test]
fn bounds_are_kept() {
    let services = |count: usize| {
        let one =
            |n: usize| format!("[[service]]\nname = \"s{n}\"\nvip = \"10.0.0.9\"\nnic = \"f0\"\nports = \"{n}\"\n");
        format!("version = 1\n[[nic]]\nname = \"f0\"\n{}", (1..=count).map(one).collect::<String>())
    };
    assert!(config::parse(&services(config::SERVICES_MAX), "full").is_ok());
    let errors = config::parse(&services(config::SERVICES_MAX + 1), "over").unwrap_err().to_string();
    assert_eq!(errors, "over:4:1: service: 4097 of them: at most 4096 are possible");
}

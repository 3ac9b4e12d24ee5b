//! Configurations of other programs and what they become: `import/SOURCE/CASE.in` gives exactly `CASE.toml` and the
//! list `CASE.txt`, or an error, which then is all of `CASE.txt`. `CASE.ha.cf` is heartbeat's second file.
//!
//! `SUIMON_WRITE_GOLDEN=1 cargo test -p config` rewrites the results; then read the difference.

#![allow(clippy::unwrap_used)]

use config::{Concern, Foreign, ForeignFile, Imported, Named};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A case and its results: the document and the list.
fn results(from: Foreign, case: &Path) -> (String, String) {
    let name = case.file_name().unwrap().to_str().unwrap();
    let content = fs::read(case).expect("readable");
    let ha_cf = fs::read(case.with_extension("ha.cf")).ok();
    let ha_cf = ha_cf.as_deref().map(|content| ForeignFile { name: "ha.cf", content });
    match config::import(from, ForeignFile { name, content: &content }, ha_cf) {
        Err(error) => (String::new(), format!("{error}\n")),
        Ok(imported) => {
            let list = listed(&imported);
            (imported.toml, list)
        }
    }
}

fn listed(imported: &Imported) -> String {
    let carried = imported.carried;
    let mut text = format!(
        "{} services, {} backends, {} checks, {} routers, {} routes\n",
        carried.services, carried.backends, carried.checks, carried.routers, carried.routes
    );
    for (_, concern) in Concern::NAMES {
        for note in imported.not_carried.iter().filter(|note| note.concern == *concern) {
            text.push_str(&format!("\n{concern}: {note}\n"));
        }
    }
    text
}

fn cases(from: Foreign) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import").join(from.name());
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder).expect("the folder is in git").map(|file| file.expect("readable").path()).collect();
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "in"));
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

#[test]
fn configurations_become_documents() {
    let mut wrong = Vec::new();
    for (_, from) in Foreign::NAMES {
        for case in cases(*from) {
            let (toml, list) = results(*from, &case);
            if !toml.is_empty() {
                config::parse(&toml, "imported")
                    .unwrap_or_else(|errors| panic!("{}:\n{errors}\n{toml}", case.display()));
            }
            for (extension, found) in [("toml", &toml), ("txt", &list)] {
                let path = case.with_extension(extension);
                if std::env::var_os("SUIMON_WRITE_GOLDEN").is_some() && !found.is_empty() {
                    fs::write(&path, found).unwrap();
                }
                if fs::read_to_string(&path).unwrap_or_default() != *found {
                    wrong.push(format!("{}:\n{found}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "other results than expected:\n{}", wrong.join("\n"));
}

/// Imports, and demands an answer that keeps the promises.
fn answered(from: Foreign, content: &[u8]) {
    let file = ForeignFile { name: "hostile", content };
    match config::import(from, file, Some(file)) {
        Ok(imported) => {
            config::parse(&imported.toml, "imported").unwrap_or_else(|errors| panic!("{errors}\n{}", imported.toml));
            assert!(imported.not_carried.len() <= config::IMPORT_NOTES_MAX);
        }
        Err(error) => assert!(error.line > 0 && error.column > 0 && !error.message.is_empty()),
    }
}

/// Whatever is cut from a configuration or doubled in it, there is an answer.
#[test]
fn damaged_configurations_are_answered() {
    for (_, from) in Foreign::NAMES {
        for case in cases(*from) {
            let content = fs::read(&case).unwrap();
            let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
            for skipped in (0..lines.len()).step_by(5) {
                answered(*from, &[&lines[..skipped], &lines[skipped + 1..]].concat().join(&b'\n'));
                answered(*from, &[&lines[..=skipped], &lines[skipped..]].concat().join(&b'\n'));
            }
            for end in (0..content.len()).step_by(97) {
                answered(*from, &content[..end]);
            }
        }
    }
}

/// Bytes of hostile input: all that is possible with LONG=1, else an eighth.
fn hostile_bytes() -> usize {
    let long = std::env::var("LONG").is_ok_and(|long| !matches!(long.as_str(), "" | "0"));
    if long { config::IMPORT_BYTES_MAX } else { config::IMPORT_BYTES_MAX / 8 }
}

/// The bounds, each with the input that reaches it. What takes time in proportion to the square of the input would not
/// be done within the minute.
#[test]
fn hostile_configurations_are_answered() {
    let binary: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let long = vec![b'a'; 10 * 1024 * 1024];
    let repeated = |text: &str| text.repeat(hostile_bytes() / text.len());
    let texts = [
        repeated("{\n"),
        repeated("a {\n"),
        repeated("}\n"),
        repeated("\"\n"),
        repeated("a \"b\n"),
        repeated("virtual=10.0.0.1:80\n real=10.0.0.1->10.0.3.255:80 masq\n"),
        repeated("virtual=10.0.0.1:80\n\tchecktype=99999999999999999999\n"),
        format!("virtual=10.0.0.1:80\n{}", repeated("\treal=10.0.0.1->10.0.3.255:80 masq\n")),
        repeated("virtual_server 10.0.0.1 80 {\n}\n"),
        format!("virtual_server_group g {{\n{}}}\nvirtual_server group g {{\n}}\n", repeated("10.0.0.0/24 80\n")),
        format!("$A=b b b b\n$B=${{A}}${{A}}\n{}", repeated("x ${B}${B}${B}\n")),
        "$A=$B$B\n$B=$A$A\nx $A\n".to_owned(),
        format!(
            "vrrp_instance a {{\nvirtual_router_id 1\nvirtual_ipaddress {{\n{}}}\n}}\n",
            repeated("10.0.0.1 dev b\n")
        ),
        repeated("-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m\n"),
        repeated("-A -f 1\n"),
        repeated("node 10.0.0.1 10.0.0.2/24/eth0\n"),
        repeated("node 10.0.0.1 \\\n"),
        repeated("ping 10.0.0.1\n"),
    ];
    let inputs = texts.iter().map(|text| text.as_bytes()).chain([&binary[..], &long[..], b"", b"\xff\xfe", b"\0"]);
    for input in inputs {
        for (_, from) in Foreign::NAMES {
            let begun = Instant::now();
            answered(*from, input);
            let shown = String::from_utf8_lossy(&input[..input.len().min(40)]).into_owned();
            println!("{:>6} ms {from} {shown:?}", begun.elapsed().as_millis());
            assert!(begun.elapsed() < Duration::from_secs(60), "{from}: {shown:?}: {:?}", begun.elapsed());
        }
    }
}

#[test]
fn limits_are_named_in_errors() {
    let error = |content: &[u8]| {
        config::import(Foreign::Keepalived, ForeignFile { name: "k", content }, None).unwrap_err().to_string()
    };
    let long = vec![b'a'; config::IMPORT_LINE_BYTES_MAX + 1];
    assert_eq!(error(&long), "k:1:1: a line of 65537 bytes: at most 65536");
    let large = vec![b'\n'; config::IMPORT_BYTES_MAX + 1];
    assert_eq!(error(&large), "k:1:1: 4194305 bytes: at most 4194304 are imported");
    assert_eq!(error(b"a\n b\0"), "k:2:3: '\\0' is not possible in a configuration: is this a text file?");
}

/// Words that mean something to one of the sources, put together by chance.
fn soup() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "virtual=",
        "real=",
        "10.0.0.1:80",
        "10.0.0.2->10.0.0.5:80",
        "masq",
        "gate",
        "\"",
        "\"a\"",
        ",",
        "=",
        "{",
        "}",
        "virtual_server",
        "real_server",
        "10.0.0.1",
        "80",
        "HTTP_GET",
        "url",
        "path /",
        "vrrp_instance",
        "a",
        "virtual_ipaddress",
        "virtual_router_id 5",
        "track_script",
        "$A=1",
        "${A}",
        "@x",
        "group",
        "fwmark",
        "1",
        "-A",
        "-a",
        "-t",
        "-u",
        "-f",
        "-r",
        "-p",
        "-m",
        "--tun-type",
        "gue",
        "[2001:db8::1]:80",
        "IPaddr::",
        "/24/eth0",
        "\\",
        "#",
        "!",
        "request=",
        "checktype=",
        "negotiate",
        "service=http",
        "persistent=",
        "0",
        "-1",
        "é",
        "node",
        "ping",
        "static_routes",
        "via",
        "dev",
        "eth0",
        "lvs_method TUN",
        "protocol UDP",
        "weight",
        "quorum",
        "sorry_server",
    ]);
    let blank = prop::sample::select(vec![" ", "\n", "\n\t", "", "\n    "]);
    prop::collection::vec((words, blank), 0..60)
        .prop_map(|parts| parts.into_iter().flat_map(|(word, blank)| [word, blank]).collect())
}

proptest! {
    #[test]
    fn any_bytes_are_answered(content in prop::collection::vec(any::<u8>(), 0..200)) {
        for (_, from) in Foreign::NAMES {
            answered(*from, &content);
        }
    }

    #[test]
    fn any_words_are_answered(content in soup()) {
        for (_, from) in Foreign::NAMES {
            answered(*from, content.as_bytes());
        }
    }
}

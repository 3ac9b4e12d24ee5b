//! `suimon ctl` as a process: exit status, standard output, one line on stderr, files.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output};

struct Folder(PathBuf);

/// The node's answer (status and body; `None`: no node), arguments, and then exit status, standard output, stderr.
type Case<'c> = (Option<(&'c str, &'c str)>, &'c [&'c str], i32, &'c str, &'c str);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn folder(name: &str) -> Folder {
    let folder = std::env::temp_dir().join(format!("suimon-ctl-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder in the temporary one");
    Folder(folder)
}

/// Runs `suimon ctl --socket …` in the folder; with an answer, a node that gives it to whoever asks.
fn ctl(folder: &Folder, answer: Option<(&str, &str)>, arguments: &[&str]) -> Output {
    let socket = folder.0.join("core.sock");
    if let Some((status, body)) = answer {
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).expect("a new socket");
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut request = vec![0; 65_536];
            let _ = stream.read(&mut request).expect("a request");
            stream.write_all(answer.as_bytes()).expect("the client waits");
        });
    }
    Command::new(env!("CARGO_BIN_EXE_suimon"))
        .arg("ctl")
        .arg("--socket")
        .arg(&socket)
        .args(arguments)
        .current_dir(&folder.0)
        .output()
        .expect("the binary was built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn exit_status_tells() {
    let folder = folder("exit");
    let killed = r#"{"killed":2}"#;
    let refused = r#"{"message":"no service is called \"x\""}"#;
    let cases: [Case<'_>; 5] = [
        (Some(("200 OK", killed)), &["kill", "--client", "10.0.0.1"], 0, "2 flows ended.\n", ""),
        (Some(("200 OK", killed)), &["kill", "0-1", "--json"], 0, "{\n  \"killed\": 2\n}\n", ""),
        (Some(("404 Not Found", refused)), &["drain", "x/s1"], 1, "", "suimon: no service is called \"x\"\n"),
        (
            Some(("404 Not Found", refused)),
            &["--json", "online", "x/s1"],
            1,
            "{\n  \"code\": \"other\",\n  \"message\": \"no service is called \\\"x\\\"\"\n}\n",
            "suimon: no service is called \"x\"\n",
        ),
        (
            None,
            &["apply", "missing.toml"],
            1,
            "",
            "suimon: read missing.toml: No such file or directory (os error 2)\n",
        ),
    ];
    for (answer, arguments, status, stdout, stderr) in cases {
        let output = ctl(&folder, answer, arguments);
        assert_eq!(text(&output.stdout), stdout, "{arguments:?}");
        assert_eq!(text(&output.stderr), stderr, "{arguments:?}");
        assert_eq!(output.status.code(), Some(status), "{arguments:?}");
    }
    assert_eq!(ctl(&folder, None, &["explain", "here"]).status.code(), Some(2));
}

#[test]
fn a_node_that_is_not_there() {
    let folder = folder("absent");
    let output = ctl(&folder, None, &["status"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("suimon: connect to /") && stderr.ends_with("; is suimon running?\n"), "{stderr}");
    assert!(output.stdout.is_empty());
}

#[test]
fn captures_reach_their_file() {
    let folder = folder("capture");
    let file = folder.0.join("out.pcap");
    let output = ctl(&folder, Some(("200 OK", "pcap bytes")), &["capture", "f0", "out.pcap"]);
    assert_eq!(text(&output.stdout), "10 B written to out.pcap\n");
    assert_eq!(std::fs::read(&file).unwrap(), b"pcap bytes");
    // A refused capture leaves the older file as it was.
    let refused = r#"{"message":"no NIC is called \"f9\""}"#;
    let output = ctl(&folder, Some(("404 Not Found", refused)), &["capture", "f9", "out.pcap"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read(&file).unwrap(), b"pcap bytes");
    let output = ctl(&folder, Some(("200 OK", "pcap bytes")), &["capture", "f0", "-"]);
    assert_eq!(text(&output.stdout), "pcap bytes");
}

//! HTTP, FTP, send-expect, connect and feedback against servers that follow a script.

mod fake;

use fake::Act::{self, Data, Dribble, Flood, Hear, HearHead, Say, SayExtendedPort, SayPassivePort, Tls};
use fake::{Case, ask_all, certificates, probe, server};

fn case(check: &'static str, script: Vec<Act>, reason: &'static str) -> Case {
    Case { check, script, reason }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall is ok";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall i\r\n4\r\ns ok\r\n0\r\n\r\n";
const UNTIL_CLOSED: &str = "HTTP/1.0 200 OK\r\n\r\nall is ok";
const MOVED: &str = "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
const UNAUTHORIZED: &str = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn http() {
    let tls = certificates::certificate(&["www.example.com"], 2090).server;
    let page = "kind = \"http\"\nexpect_body = 'is\\s+ok'";
    ask_all(vec![
        case("kind = \"http\"", vec![Hear("GET / HTTP/1.1\r\n"), HearHead, Say(OK)], "passed"),
        case(
            "kind = \"http\"\nhttp_method = \"HEAD\"\npath = \"/a?b\"",
            vec![Hear("HEAD /a?b HTTP/1.1\r\n"), HearHead, Say(OK)],
            "passed",
        ),
        case(page, vec![HearHead, Say(OK)], "passed"),
        case(page, vec![HearHead, Say(CHUNKED)], "passed"),
        case(page, vec![HearHead, Say(UNTIL_CLOSED)], "passed"),
        case(
            page,
            vec![HearHead, Say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope")],
            "expected a page that matches is\\s+ok, got \"nope\"",
        ),
        case(
            page,
            vec![HearHead, Say("HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nall is ok")],
            "waiting for the page: error reading a body from connection: end of file before message length reached",
        ),
        case("kind = \"http\"", vec![HearHead, Say(MOVED)], "expected status 200-299, got 302 Found"),
        case("kind = \"http\"\nexpect_status = \"200-399\"", vec![HearHead, Say(MOVED)], "passed"),
        case("kind = \"http\"\nexpect_status = \"302\"", vec![HearHead, Say(OK)], "expected status 302, got 200 OK"),
        case(
            "kind = \"http\"\nlogin = \"probe\"\npassword = \"hunter2\"",
            vec![HearHead, Say(UNAUTHORIZED)],
            "expected status 200-299, got 401 Unauthorized",
        ),
        case("kind = \"http\"", vec![HearHead], "waiting for the page: the server closed the connection"),
        case(
            "kind = \"http\"",
            vec![HearHead, Say("220 mail\r\n\r\n")],
            "waiting for the page: invalid HTTP version parsed",
        ),
        case("kind = \"http\"", vec![HearHead, Flood], "waiting for the page: invalid HTTP version parsed"),
        case(
            "kind = \"http\"",
            vec![HearHead, Say("HTTP/1.1 200 OK\r\nX: "), Flood],
            "waiting for the page: message head is too large",
        ),
        // A page without end: what is expected is in its beginning, or it is not.
        case(page, vec![HearHead, Say("HTTP/1.0 200 OK\r\n\r\nall is ok"), Flood], "passed"),
        case("kind = \"http\"", vec![HearHead, Say("HTTP/1.0 200 OK\r\n\r\n"), Flood], "passed"),
        case("kind = \"https\"", vec![Tls(tls.clone()), Hear("GET / HTTP/1.1\r\n"), HearHead, Say(OK)], "passed"),
        case("kind = \"https\"", vec![Tls(tls), HearHead, Say(MOVED)], "expected status 200-299, got 302 Found"),
        case(
            "kind = \"http-proxy\"\npath = \"http://www.example.com/a\"",
            vec![Hear("GET http://www.example.com/a HTTP/1.1\r\n"), HearHead, Say(OK)],
            "passed",
        ),
        case(
            "kind = \"http-proxy\"\nhost = \"www.example.com\"",
            vec![Hear("GET http://www.example.com/ HTTP/1.1\r\n"), HearHead, Say(OK)],
            "passed",
        ),
    ])
    .await;
}

/// What a request says, and that its secrets are not in the transcript.
#[tokio::test]
async fn requests_are_written_down_without_secrets() {
    let port = server(vec![HearHead, Say(OK)]).await;
    let check = "kind = \"http\"\nhost = \"www.example.com\"\nheaders = { X-Token = \"token-x\", Accept = \"text/plain\" }\n\
                 login = \"probe\"\npassword = \"hunter2\"";
    let outcome = probe::run(&probe(check, port), None).await;
    let shown = outcome.transcript.to_string();
    for part in [
        "GET / HTTP/1.1\\r\\n",
        "Host: www.example.com",
        "Authorization: Basic ***",
        "X-Token: ***",
        "< HTTP/1.1 200 OK",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    assert!(!shown.contains("token-x") && !shown.contains("cHJvYmU6aHVudGVyMg=="), "{shown}");
    assert_eq!(shown.to_lowercase().matches("accept").count(), 1);
}

#[tokio::test]
async fn ftp() {
    let anonymous = || {
        vec![
            Say("220-welcome\r\n here\r\n220 ready\r\n"),
            Hear("USER anonymous\r\n"),
            Say("331 password\r\n"),
            Hear("PASS suimon@\r\n"),
            Say("230 in\r\n"),
            Hear("CWD /\r\n"),
            Say("250 ok\r\n"),
        ]
    };
    let binary = || vec![Hear("TYPE I\r\n"), Say("200 ok\r\n"), Hear("EPSV\r\n")];
    let quit = || vec![Hear("QUIT\r\n"), Say("221 bye\r\n")];
    let sent = |text: &'static str| {
        vec![
            Hear("RETR healthz\r\n"),
            Say("150 here\r\n"),
            Data(text),
            Say("226 done\r\n"),
            Hear("QUIT\r\n"),
            Say("221 bye\r\n"),
        ]
    };
    let file = "kind = \"ftp\"\nfile = \"healthz\"\nexpect = \"^ok\"";
    let login = "kind = \"ftp\"\nlogin = \"probe\"\npassword = \"hunter2\"\nfolder = \"/pub\"";
    ask_all(vec![
        case("kind = \"ftp\"", [anonymous(), quit()].concat(), "passed"),
        case("kind = \"ftp\"", vec![Say("421 full\r\n")], "expected 220, got \"421 full\""),
        case(
            login,
            [
                vec![
                    Say("220 ready\r\n"),
                    Hear("USER probe\r\n"),
                    Say("331 password\r\n"),
                    Hear("PASS hunter2\r\n"),
                    Say("230 in\r\n"),
                ],
                vec![Hear("CWD /pub\r\n"), Say("250 ok\r\n")],
                quit(),
            ]
            .concat(),
            "passed",
        ),
        case(
            login,
            vec![Say("220 ready\r\n"), Hear("USER"), Say("331 password\r\n"), Hear("PASS"), Say("530 wrong\r\n")],
            "expected 230 or 202, got \"530 wrong\"",
        ),
        case(
            login,
            vec![Say("220 ready\r\n"), Hear("USER"), Say("230 in\r\n"), Hear("CWD"), Say("550 no such folder\r\n")],
            "expected 250 or 200, got \"550 no such folder\"",
        ),
        case(file, [anonymous(), binary(), vec![SayExtendedPort], sent("ok, all of it")].concat(), "passed"),
        case(
            file,
            [anonymous(), binary(), vec![Say("500 what\r\n"), Hear("PASV\r\n"), SayPassivePort], sent("ok")].concat(),
            "passed",
        ),
        case(
            file,
            [anonymous(), binary(), vec![SayExtendedPort], sent("not ok")].concat(),
            "expected a file that matches ^ok, got \"not ok\"",
        ),
        case(
            file,
            [anonymous(), binary(), vec![SayExtendedPort, Hear("RETR"), Say("550 no such file\r\n")]].concat(),
            "expected 125 or 150, got \"550 no such file\"",
        ),
        case(
            file,
            [anonymous(), binary(), vec![Say("229 Extended (|||0|)\r\n")]].concat(),
            "expected a port in the reply to EPSV, got \"Extended (|||0|)\"",
        ),
    ])
    .await;
}

#[tokio::test]
async fn send_expect() {
    let tls = certificates::certificate(&["www.example.com"], 2090).server;
    let steps = "kind = \"send-expect\"\nsteps = [{ expect = '^hi\\r\\n' }, { send = 'who\\x0a' }, { send = 'bye\\n', expect = '(?i)BYE' }]";
    let encrypted = "kind = \"send-expect\"\ntls = \"on\"\nsend = 'ping\\r\\n'\nexpect = \"pong\"";
    ask_all(vec![
        case(steps, vec![Say("hi\r\n"), Hear("who\n"), Hear("bye\n"), Say("bye")], "passed"),
        case(steps, vec![Say("hello\r\n")], "expected a match of ^hi\\r\\n, got \"hello\\r\\n\""),
        case(
            steps,
            vec![Say("hi\r\n"), Hear("who\n"), Hear("bye\n"), Say("?")],
            "expected a match of (?i)BYE, got \"?\"",
        ),
        case(encrypted, vec![Tls(tls), Hear("ping\r\n"), Say("pong\r\n")], "passed"),
    ])
    .await;
    let port = server(vec![Flood]).await;
    let outcome = probe::run(&probe(steps, port), None).await;
    assert!(outcome.reason.starts_with("expected a match of ^hi\\r\\n, got \"aaaa"), "{}", outcome.reason);
}

#[tokio::test]
async fn feedback() {
    let kind = "kind = \"feedback\"";
    let asked = "kind = \"feedback\"\nsend = 'load\\n'";
    for (check, script, passed, weight_percent, reason) in [
        (kind, vec![Say("75%\n")], true, Some(75), "passed"),
        (kind, vec![Say("50%")], true, Some(50), "passed"),
        (kind, vec![Say("drain\n")], true, Some(0), "passed"),
        (kind, vec![Say("up\n")], true, None, "passed"),
        (asked, vec![Hear("load\n"), Say("10%\n")], true, Some(10), "passed"),
        (kind, vec![Say("down # disk full\n")], false, None, "the agent says down: disk full"),
        (kind, vec![], false, None, "waiting for the agent's line: the server closed the connection"),
        (
            kind,
            vec![Say("hello\n")],
            false,
            None,
            "expected a weight as in 75%, or up, drain, down or maint, got \"hello\"",
        ),
    ] {
        let port = server(script).await;
        let outcome = probe::run(&probe(check, port), None).await;
        assert_eq!((outcome.passed, outcome.weight_percent, outcome.reason.as_str()), (passed, weight_percent, reason));
    }
}

/// A page that takes longer than the deadline, its status line aside.
#[tokio::test]
async fn a_dribbled_page_is_no_page() {
    let port =
        server(vec![HearHead, Say("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"), Dribble("all is ok, but slow")])
            .await;
    let outcome = probe::run(&probe("kind = \"http\"\ntimeout_ms = 400", port), None).await;
    assert!(outcome.deadline_passed, "{outcome:?}");
    assert_eq!(outcome.reason, "the deadline of 400 ms passed while waiting for the page");
    assert!(outcome.transcript.to_string().contains("< HTTP/1.1 200 OK"));
}

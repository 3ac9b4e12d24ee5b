//! SMTP, POP3, IMAP and NNTP against servers that follow a script.

mod fake;

use fake::Act::{self, Hear, Say, Tls};
use fake::{Case, ask_all, certificates};

const LOGIN: &str = "login = \"probe\"\npassword = \"hunter2\"";

fn case(check: &'static str, script: Vec<Act>, reason: &'static str) -> Case {
    Case { check, script, reason }
}

fn with_login(kind: &str) -> &'static str {
    format!("{kind}\n{LOGIN}").leak()
}

#[tokio::test]
async fn smtp() {
    let tls = certificates::certificate(&["mx.example.com"], 2090).server;
    let greeting = || vec![Say("220-mx\r\n220 ready\r\n"), Hear("EHLO [127.0.0.1]\r\n")];
    let after = |mut script: Vec<Act>, more: Vec<Act>| {
        script.extend(more);
        script
    };
    let quit = || vec![Hear("QUIT\r\n"), Say("221 bye\r\n")];
    let plain = "AUTH PLAIN AHByb2JlAGh1bnRlcjI=\r\n";
    let login = with_login("kind = \"submission\"");
    ask_all(vec![
        case("kind = \"smtp\"", after(greeting(), after(vec![Say("250 mx\r\n")], quit())), "passed"),
        case("kind = \"smtp\"", vec![Say("554 no\r\n")], "expected 220, got \"554 no\""),
        case(
            "kind = \"smtp\"",
            vec![Say("SSH-2.0-x\r\n")],
            "expected a reply that begins with a number, got \"SSH-2.0-x\"",
        ),
        case("kind = \"smtp\"", after(greeting(), vec![Say("502 what\r\n")]), "expected 250, got \"502 what\""),
        case(
            "kind = \"smtp\"",
            vec![Say("220 ok\r\n"), Hear("EHLO")],
            "waiting for the reply to EHLO: the server closed the connection",
        ),
        case(
            "kind = \"smtp\"\nehlo = \"box.example.com\"",
            after(vec![Say("220 ok\r\n"), Hear("EHLO box.example.com\r\n"), Say("250 mx\r\n")], vec![Hear("QUIT")]),
            "passed",
        ),
        case(
            "kind = \"smtp\"\ntls = \"starttls\"",
            after(
                greeting(),
                vec![
                    Say("250-mx\r\n250 STARTTLS\r\n"),
                    Hear("STARTTLS\r\n"),
                    Say("220 go\r\n"),
                    Tls(tls.clone()),
                    Hear("EHLO"),
                    Say("250 mx\r\n"),
                    Hear("QUIT"),
                    Say("221 bye\r\n"),
                ],
            ),
            "passed",
        ),
        case(
            "kind = \"smtp\"\ntls = \"starttls\"",
            after(greeting(), vec![Say("250 mx\r\n"), Hear("none")]),
            "expected STARTTLS among the extensions, it is not there",
        ),
        case(
            "kind = \"smtp\"\ntls = \"starttls\"",
            after(
                greeting(),
                vec![Say("250-mx\r\n250 STARTTLS\r\n"), Hear("STARTTLS"), Say("220 go\r\n250 injected\r\n")],
            ),
            "expected nothing before the TLS handshake, got \"250 injected\\r\\n\"",
        ),
        case(
            "kind = \"submission\"\ntls = \"on\"",
            after(vec![Tls(tls)], after(greeting(), after(vec![Say("250 mx\r\n")], quit()))),
            "passed",
        ),
        case(
            login,
            after(
                greeting(),
                after(vec![Say("250-mx\r\n250 AUTH LOGIN PLAIN\r\n"), Hear(plain), Say("235 ok\r\n")], quit()),
            ),
            "passed",
        ),
        case(
            login,
            after(
                greeting(),
                after(
                    vec![
                        Say("250-mx\r\n250 AUTH LOGIN\r\n"),
                        Hear("AUTH LOGIN\r\n"),
                        Say("334 VXNlcm5hbWU6\r\n"),
                        Hear("cHJvYmU=\r\n"),
                        Say("334 UGFzc3dvcmQ6\r\n"),
                        Hear("aHVudGVyMg==\r\n"),
                        Say("235 ok\r\n"),
                    ],
                    quit(),
                ),
            ),
            "passed",
        ),
        case(
            login,
            after(greeting(), vec![Say("250-mx\r\n250 AUTH PLAIN\r\n"), Hear(plain), Say("535 no\r\n")]),
            "expected 235, got \"535 no\"",
        ),
        case(
            login,
            after(greeting(), vec![Say("250 mx\r\n")]),
            "expected PLAIN or LOGIN among the logins offered, got \"\"",
        ),
    ])
    .await;
}

#[tokio::test]
async fn pop3() {
    let tls = certificates::certificate(&["mail.example.com"], 2090).server;
    let login = with_login("kind = \"pop3\"");
    let user = || vec![Say("+OK ready\r\n"), Hear("USER probe\r\n"), Say("+OK\r\n"), Hear("PASS hunter2\r\n")];
    ask_all(vec![
        case("kind = \"pop3\"", vec![Say("+OK\r\n"), Hear("QUIT\r\n"), Say("+OK bye\r\n")], "passed"),
        case("kind = \"pop3\"", vec![Say("-ERR busy\r\n")], "expected +OK, got \"-ERR busy\""),
        case("kind = \"pop3\"", vec![Say("+OKAY\r\n")], "expected +OK, got \"+OKAY\""),
        case(login, [user(), vec![Say("+OK 3 messages\r\n"), Hear("QUIT\r\n"), Say("+OK\r\n")]].concat(), "passed"),
        case(
            login,
            [user(), vec![Say("-ERR hunter2 is wrong\r\n")]].concat(),
            "expected +OK, got \"-ERR *** is wrong\"",
        ),
        case(
            "kind = \"pop3\"\ntls = \"starttls\"",
            vec![Say("+OK\r\n"), Hear("STLS\r\n"), Say("+OK\r\n"), Tls(tls.clone()), Hear("QUIT\r\n"), Say("+OK\r\n")],
            "passed",
        ),
        case(
            "kind = \"pop3\"\ntls = \"starttls\"",
            vec![Say("+OK\r\n"), Hear("STLS\r\n"), Say("-ERR no TLS\r\n")],
            "expected +OK, got \"-ERR no TLS\"",
        ),
        case("kind = \"pop3s\"", vec![Tls(tls), Say("+OK\r\n"), Hear("QUIT\r\n")], "passed"),
    ])
    .await;
}

#[tokio::test]
async fn imap() {
    let tls = certificates::certificate(&["mail.example.com"], 2090).server;
    let login = with_login("kind = \"imap\"");
    let quoted = "kind = \"imap\"\nlogin = \"a b\"\npassword = 'x\"y\\z'";
    let logout = || vec![Hear("a3 LOGOUT\r\n"), Say("* BYE bye\r\na3 OK done\r\n")];
    ask_all(vec![
        case("kind = \"imap\"", [vec![Say("* OK [CAPABILITY IMAP4rev1] ready\r\n")], logout()].concat(), "passed"),
        case("kind = \"imap\"", [vec![Say("* preauth hello\r\n")], logout()].concat(), "passed"),
        case("kind = \"imap\"", vec![Say("* BYE full\r\n")], "expected * OK, got \"* BYE full\""),
        case(
            login,
            [
                vec![
                    Say("* OK\r\n"),
                    Hear("a2 LOGIN \"probe\" \"hunter2\"\r\n"),
                    Say("* CAPABILITY IMAP4rev1\r\na2 OK in\r\n"),
                ],
                logout(),
            ]
            .concat(),
            "passed",
        ),
        case(
            quoted,
            [vec![Say("* OK\r\n"), Hear(r#"a2 LOGIN "a b" "x\"y\\z""#), Say("a2 OK in\r\n")], logout()].concat(),
            "passed",
        ),
        case(
            login,
            vec![Say("* OK\r\n"), Hear("a2 LOGIN"), Say("a2 NO wrong\r\n")],
            "expected a2 OK, got \"a2 NO wrong\"",
        ),
        case(login, vec![Say("* OK\r\n"), Hear("a2 LOGIN"), Say("a2 OKAY\r\n")], "expected a2 OK, got \"a2 OKAY\""),
        case(
            "kind = \"imap\"\ntls = \"starttls\"",
            [vec![Say("* OK\r\n"), Hear("a1 STARTTLS\r\n"), Say("a1 OK go\r\n"), Tls(tls.clone())], logout()].concat(),
            "passed",
        ),
        case("kind = \"imaps\"", [vec![Tls(tls), Say("* OK\r\n")], logout()].concat(), "passed"),
        case(
            login,
            vec![Say("* OK\r\n"), Hear("a2 LOGIN"), Say("* 1 EXISTS\r\n".repeat(300).leak())],
            "expected a2 OK within 256 lines, got more",
        ),
    ])
    .await;
}

#[tokio::test]
async fn nntp() {
    let tls = certificates::certificate(&["news.example.com"], 2090).server;
    let login = with_login("kind = \"nntp\"\nnewsgroup = \"local.test\"");
    let pass = || {
        vec![
            Say("201 no posting\r\n"),
            Hear("AUTHINFO USER probe\r\n"),
            Say("381 more\r\n"),
            Hear("AUTHINFO PASS hunter2\r\n"),
        ]
    };
    let quit = || vec![Hear("QUIT\r\n"), Say("205 bye\r\n")];
    ask_all(vec![
        case("kind = \"nntp\"", [vec![Say("200 ready\r\n")], quit()].concat(), "passed"),
        case("kind = \"nntp\"", vec![Say("400 full\r\n")], "expected 200 or 201, got \"400 full\""),
        case(
            login,
            [pass(), vec![Say("281 ok\r\n"), Hear("GROUP local.test\r\n"), Say("211 0 1 0 local.test\r\n")], quit()]
                .concat(),
            "passed",
        ),
        case(login, [pass(), vec![Say("481 no\r\n")]].concat(), "expected 281, got \"481 no\""),
        case(
            login,
            [pass(), vec![Say("281 ok\r\n"), Hear("GROUP"), Say("411 no such group\r\n")]].concat(),
            "expected 211, got \"411 no such group\"",
        ),
        case(
            "kind = \"nntp\"\ntls = \"starttls\"",
            [vec![Say("200 ready\r\n"), Hear("STARTTLS\r\n"), Say("382 go\r\n"), Tls(tls)], quit()].concat(),
            "passed",
        ),
    ])
    .await;
}

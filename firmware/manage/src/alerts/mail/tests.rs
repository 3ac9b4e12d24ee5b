use super::*;
use crate::alerts::Event;
use crate::clock::tests::at;
use crate::sink::{CA_FILE, Folder, PATIENCE, accept, acceptor, listen};
use config::{AlertFilter, AlertKind, Secret};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What the server of a test does besides taking mail.
#[derive(Clone, Default)]
struct Server {
    tls: Option<TlsAcceptor>,
    from_the_beginning: bool,
    /// Answers to RCPT in place of 250.
    recipients: Option<&'static str>,
}

/// The words of one dialogue, the mail included, and whether they were inside TLS.
type Heard = Vec<(bool, String)>;

async fn serve(listener: TcpListener, server: Server) -> Heard {
    let stream = accept(&listener).await;
    let mut heard = Vec::new();
    match &server.tls {
        Some(tls) if server.from_the_beginning => {
            let Ok(stream) = tls.accept(stream).await else { return heard };
            dialogue(BufReader::new(stream), &server, true, true, &mut heard).await;
        }
        Some(tls) => {
            let mut stream = BufReader::new(stream);
            if dialogue(&mut stream, &server, true, false, &mut heard).await {
                let Ok(stream) = tls.accept(stream.into_inner()).await else { return heard };
                dialogue(BufReader::new(stream), &server, false, true, &mut heard).await;
            }
        }
        None => {
            dialogue(BufReader::new(stream), &server, true, false, &mut heard).await;
        }
    }
    heard
}

/// SMTP as far as a client needs it (RFC 5321). `true` when the client asks for TLS.
async fn dialogue<S>(mut stream: S, server: &Server, greet: bool, inside: bool, heard: &mut Heard) -> bool
where
    S: AsyncBufReadExt + AsyncRead + AsyncWrite + Unpin,
{
    if greet {
        say(&mut stream, "220 sink ESMTP").await;
    }
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        heard.push((inside, line.trim_end().to_owned()));
        let answer = match line.split([' ', '\r']).next().unwrap_or_default() {
            "EHLO" if server.tls.is_some() && !inside => "250-sink\r\n250 STARTTLS",
            "EHLO" => "250-sink\r\n250 AUTH PLAIN LOGIN",
            "STARTTLS" => {
                say(&mut stream, "220 go on").await;
                return true;
            }
            "AUTH" => "235 welcome",
            "RCPT" => server.recipients.unwrap_or("250 ok"),
            "DATA" => {
                say(&mut stream, "354 go on").await;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    assert!(stream.read_line(&mut text).await.expect("text") > 0, "it ends with a dot");
                }
                heard.push((inside, text));
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        say(&mut stream, answer).await;
    }
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), line: &str) {
    // The client may have heard enough.
    let _ = stream.write_all(format!("{line}\r\n").as_bytes()).await;
    let _ = stream.flush().await;
}

fn settings(port: u16, tls: MailTls) -> AlertMail {
    AlertMail {
        name: "ops".to_owned(),
        from: "suimon@example.com".to_owned(),
        to: vec!["ops@example.com".to_owned(), "night@example.com".to_owned()],
        server: "127.0.0.1".to_owned(),
        port,
        tls,
        ca_file: None,
        user: None,
        password: None,
        filter: AlertFilter::default(),
    }
}

fn message() -> Message {
    let event = Event::new(AlertKind::BackendDown, "網/s1", "connect: timed out\n.", at(0).civil);
    Message::new("a", vec![event], 0)
}

/// Sends one mail to a server: what comes of it, and what the server heard.
async fn send(
    settings: impl FnOnce(u16) -> AlertMail,
    server: Server,
    folder: &Folder,
) -> (Result<(), MailError>, Heard) {
    let (listener, port) = listen().await;
    let heard = tokio::spawn(serve(listener, server));
    let sent = match Mailer::new(settings(port), "suimon-a", folder.path()) {
        Ok(mailer) => {
            tokio::time::timeout(PATIENCE, mailer.send(&Names::of_system(), &message())).await.expect("in time")
        }
        Err(error) => Err(error),
    };
    (sent, tokio::time::timeout(PATIENCE, heard).await.expect("in time").expect("no panic"))
}

fn words(heard: &Heard) -> Vec<&str> {
    let commands = heard.iter().filter(|(_, line)| !line.contains('\n'));
    commands.map(|(_, line)| line.split(' ').next().unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_mail_in_the_clear() {
    let folder = Folder::new("mail-plain");
    let (sent, heard) = send(|port| settings(port, MailTls::None), Server::default(), &folder).await;
    sent.expect("taken");
    assert_eq!(words(&heard), ["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]);
    assert_eq!(heard[0].1, "EHLO suimon-a");
    let text = &heard.iter().find(|(_, line)| line.contains("Subject")).expect("a mail").1;
    let [from, to] = ["From: suimon@example.com", "To: ops@example.com, night@example.com"];
    for part in [from, to, "Date: ", "Subject: [a] backend =?utf-8?b?57ayL3Mx?= is down", "\r\n    connect: timed out"]
    {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

#[tokio::test]
async fn a_mail_inside_tls_with_a_password() {
    let folder = Folder::new("mail-tls");
    let tls = Some(acceptor(&folder));
    for (mode, from_the_beginning) in [(MailTls::StartTls, false), (MailTls::Tls, true)] {
        let secured = |port| AlertMail {
            ca_file: Some(CA_FILE.to_owned()),
            user: Some("suimon".to_owned()),
            password: Some(Secret::new("opens".to_owned())),
            ..settings(port, mode)
        };
        let (sent, heard) =
            send(secured, Server { tls: tls.clone(), from_the_beginning, ..Server::default() }, &folder).await;
        sent.expect("taken");
        let clear: Vec<&str> = heard.iter().filter(|(inside, _)| !inside).map(|(_, line)| line.as_str()).collect();
        let expected: &[&str] = if from_the_beginning { &[] } else { &["EHLO suimon-a", "STARTTLS"] };
        assert_eq!(clear, expected, "nothing else goes in the clear");
        assert!(words(&heard).contains(&"AUTH") && words(&heard).contains(&"DATA"), "{heard:?}");
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing() {
    let folder = Folder::new("mail-strip");
    let (sent, heard) = send(|port| settings(port, MailTls::StartTls), Server::default(), &folder).await;
    assert!(sent.is_err());
    assert!(!words(&heard).contains(&"MAIL"), "{heard:?}");
}

#[tokio::test]
async fn a_stranger_s_certificate_is_refused() {
    let folder = Folder::new("mail-stranger");
    let server = Server { tls: Some(acceptor(&folder)), from_the_beginning: true, ..Server::default() };
    let (sent, heard) = send(|port| settings(port, MailTls::Tls), server, &folder).await;
    let error = sent.expect_err("signed by nobody the web knows");
    assert!(!error.is_permanent(), "{error}: somebody may put the certificate right");
    assert!(heard.is_empty());
}

#[tokio::test]
async fn refusals_are_final_or_not() {
    let folder = Folder::new("mail-refused");
    for (answer, permanent) in [("550 no such user", true), ("451 later", false)] {
        let server = Server { recipients: Some(answer), ..Server::default() };
        let (sent, _) = send(|port| settings(port, MailTls::None), server, &folder).await;
        let error = sent.expect_err(answer);
        assert_eq!(error.is_permanent(), permanent, "{error}");
        assert!(error.to_string().starts_with("send mail by 127.0.0.1: "), "{error}");
    }
    let missing = |port| AlertMail { ca_file: Some("none.pem".to_owned()), ..settings(port, MailTls::Tls) };
    assert!(matches!(Mailer::new(missing(1), "a", folder.path()), Err(MailError::Reach(_))));
}

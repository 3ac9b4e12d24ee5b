//! Servers that follow a script, and probes that ask them.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "of tests: a failure ends the test")]

use config::Probe;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

pub mod certificates;

/// Bytes of a flood: more than any check reads.
const FLOOD_BYTES: usize = 64 * 1024 * 1024;

/// What a server does, one after the other.
#[derive(Clone)]
pub enum Act {
    /// Sends this.
    Say(&'static str),
    /// Reads a line; one that does not begin so is answered with a complaint and the end.
    Hear(&'static str),
    /// Reads to an empty line.
    HearHead,
    /// Sends this one byte at a time, ten a second, and no end.
    Dribble(&'static str),
    /// Sends bytes without a line end, as many as are taken.
    Flood,
    /// Waits, and says nothing.
    Hang,
    /// Goes on with TLS.
    Tls(Arc<ServerConfig>),
    /// Listens for a data connection, and says its port as EPSV has it.
    SayExtendedPort,
    /// The same as PASV has it.
    SayPassivePort,
    /// Sends this over the data connection, and closes it.
    Data(&'static str),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A server on the loopback; gives its port. It serves as many connections as come.
pub async fn server(script: Vec<Act>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let script = script.clone();
            // That the check hung up is no error of the server's.
            tokio::spawn(async move { serve(stream, script).await.unwrap_or_default() });
        }
    });
    port
}

/// A port where nobody listens.
pub async fn closed_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port()
}

async fn serve(stream: TcpStream, script: Vec<Act>) -> std::io::Result<()> {
    let mut stream: Box<dyn Stream> = Box::new(stream);
    let mut data = None;
    for act in script {
        match act {
            Act::Say(text) => stream.write_all(text.as_bytes()).await?,
            Act::Hear(expected) => {
                let line = line(&mut stream).await?;
                if !line.starts_with(expected) {
                    stream.write_all(format!("599 expected {expected}, heard {line}").as_bytes()).await?;
                    return stream.flush().await;
                }
            }
            Act::HearHead => while line(&mut stream).await?.trim_end() != "" {},
            Act::Dribble(text) => {
                for byte in text.bytes() {
                    stream.write_all(&[byte]).await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                std::future::pending().await
            }
            Act::Flood => {
                for _ in 0..FLOOD_BYTES / 4096 {
                    stream.write_all(&[b'a'; 4096]).await?;
                }
            }
            Act::Hang => std::future::pending().await,
            Act::Tls(config) => stream = Box::new(TlsAcceptor::from(config).accept(stream).await?),
            Act::SayExtendedPort | Act::SayPassivePort => {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
                let port = listener.local_addr()?.port();
                let reply = match act {
                    Act::SayExtendedPort => format!("229 Entering Extended Passive Mode (|||{port}|)\r\n"),
                    // An address that is not the server's: a check must not follow it.
                    _ => format!("227 Entering Passive Mode (192,0,2,1,{},{}).\r\n", port >> 8, port & 0xff),
                };
                stream.write_all(reply.as_bytes()).await?;
                data = Some(listener);
            }
            Act::Data(text) => {
                let (mut connection, _) = data.take().expect("a port was said").accept().await?;
                connection.write_all(text.as_bytes()).await?;
            }
        }
        stream.flush().await?;
    }
    stream.shutdown().await
}

async fn line(stream: &mut Box<dyn Stream>) -> std::io::Result<String> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// A probe of a server on the loopback; `check` holds the keys of a check as in the document.
pub fn probe(check: &str, port: u16) -> Probe {
    let text = format!(
        "version = 1\n[[nic]]\nname = \"f0\"\naddresses = [\"10.1.0.1/16\"]\n[[service]]\nname = \"web\"\n\
         vip = \"10.1.0.100\"\nports = \"80\"\n[[service.check]]\nname = \"c\"\nport = {port}\n{check}\n\
         [[service.backend]]\nname = \"s1\"\naddress = \"10.1.0.2\"\n"
    );
    let config = config::parse(&text, "check").unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let service = &config.services[0];
    let probe = Probe::of(service, &service.backends[0], &service.checks[0]).expect("it asks something");
    Probe { address: Ipv4Addr::LOCALHOST.into(), ..probe }
}

/// A script, a check of it, and the reason it ends with.
pub struct Case {
    pub check: &'static str,
    pub script: Vec<Act>,
    pub reason: &'static str,
}

/// Asks every server of the table; the deadline is one that no healthy server comes near.
pub async fn ask_all(cases: Vec<Case>) {
    let mut wrong = Vec::new();
    for Case { check, script, reason } in cases {
        let port = server(script).await;
        let outcome = probe::run(&probe(&format!("{check}\ntimeout_ms = 10_000"), port), None).await;
        let found = outcome.reason.replace(&port.to_string(), "PORT");
        if found != reason || outcome.passed != (reason == "passed") {
            wrong.push(format!("{check}\n  expected: {reason}\n  found:    {found}\n{}", outcome.transcript));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! How many checks one core carries: `load KIND PROBES SECONDS`, with `connect`, `http` or `https` as the kind.
//!
//! Servers on 64 loopback addresses run in a thread of their own; the role runs in another one, as it does on the box.
//! Prints the counters: what was missed, what missed its deadline, and why checks failed. `taskset -c 0` before it puts
//! the role and the servers on one core.

use config::Probe;
use probe::{LineReader, ProbeId, Report, Request, Settings, line_of};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UnixStream};
use tokio::runtime::Builder;
use tokio_rustls::TlsAcceptor;

const PORT: u16 = 18_080;
const TLS_PORT: u16 = 18_443;
/// Failures whose reasons are printed.
const REASONS_MAX: usize = 5;
const SERVERS: u8 = 64;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, probes, seconds] = &arguments[..] else {
        return Err("usage: load connect|http|https PROBES SECONDS".into());
    };
    let (probes, seconds) = (probes.parse::<u64>()?, seconds.parse::<u64>()?);
    let probe = probe_of(kind)?;
    let (own, other) = std::os::unix::net::UnixStream::pair()?;
    for stream in [&own, &other] {
        stream.set_nonblocking(true)?;
    }
    let tls = acceptor()?;
    let (listening, wait) = std::sync::mpsc::channel();
    thread::spawn(|| Builder::new_current_thread().enable_all().build()?.block_on(serve_pages(tls, listening)));
    wait.recv()?;
    thread::spawn(move || {
        Builder::new_current_thread().enable_all().build()?.block_on(async {
            let (reader, writer) = UnixStream::from_std(other)?.into_split();
            let ended = probe::serve(reader, writer, Settings { in_flight_max: 1_024, seed: 1 }).await;
            ended.map_err(std::io::Error::other)
        })
    });
    Builder::new_current_thread().enable_all().build()?.block_on(ask(own, &probe, probes, Duration::from_secs(seconds)))
}

fn probe_of(kind: &str) -> Result<Probe> {
    let port = if kind == "https" { TLS_PORT } else { PORT };
    let more = if kind == "https" { "tls_verify = false\n" } else { "" };
    let text = format!(
        "version = 1\n[[nic]]\nname = \"f0\"\naddresses = [\"10.1.0.1/16\"]\n[[service]]\nname = \"web\"\n\
         vip = \"10.1.0.100\"\nports = \"{port}\"\n[[service.check]]\nname = \"c\"\nkind = \"{kind}\"\n{more}\
         [[service.backend]]\nname = \"s1\"\naddress = \"10.1.0.2\"\n"
    );
    let config = config::parse(&text, "load")?;
    let service = &config.services[0];
    Probe::of(service, &service.backends[0], &service.checks[0]).ok_or_else(|| "this kind asks nothing".into())
}

/// Sets the probes, counts what is reported, and asks for the counters in the end.
async fn ask(core: std::os::unix::net::UnixStream, probe: &Probe, probes: u64, time: Duration) -> Result<()> {
    let (reader, mut writer) = UnixStream::from_std(core)?.into_split();
    let mut reports = LineReader::new(BufReader::new(reader));
    let probe = probe.clone();
    let asking = async move {
        for id in 0..probes {
            let server = 1 + (id % u64::from(SERVERS)) as u8;
            let probe = Box::new(Probe { address: IpAddr::V4(Ipv4Addr::new(127, 1, 0, server)), ..probe.clone() });
            writer.write_all(&line_of(&Request::Set { id: ProbeId(id), probe, mark: None })).await?;
        }
        tokio::time::sleep(time).await;
        writer.write_all(&line_of(&Request::Count)).await?;
        std::io::Result::Ok(writer)
    };
    let counting = async {
        let (mut long, mut short, mut slowest_us, mut reasons) = (0_u64, 0_u64, 0, 0);
        while let Some(report) = reports.next().await? {
            match report {
                Report::Done { outcome, .. } => {
                    long += 1;
                    slowest_us = slowest_us.max(outcome.latency_us);
                    if !outcome.passed && reasons < REASONS_MAX {
                        reasons += 1;
                        println!("failed: {}", outcome.reason);
                    }
                }
                Report::Same { latency_us, .. } => {
                    short += 1;
                    slowest_us = slowest_us.max(latency_us);
                }
                Report::Hop { .. } => {}
                Report::Counters(counters) => {
                    println!("{counters:#?}\n{long} reports, {short} short ones, slowest run {slowest_us} us");
                    break;
                }
            }
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    };
    let (asked, counted) = tokio::join!(asking, counting);
    asked.map(drop)?;
    counted
}

/// What HTTPS servers answer with: a certificate that nothing trusts.
fn acceptor() -> Result<TlsAcceptor> {
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(vec!["load.test".to_owned()])?;
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve_pages(tls: TlsAcceptor, listening: Sender<()>) -> std::io::Result<()> {
    for server in 1..=SERVERS {
        let plain = TcpListener::bind((Ipv4Addr::new(127, 1, 0, server), PORT)).await?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = plain.accept().await {
                tokio::spawn(serve_page(stream));
            }
        });
        let (protected, tls) = (TcpListener::bind((Ipv4Addr::new(127, 1, 0, server), TLS_PORT)).await?, tls.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = protected.accept().await {
                let tls = tls.clone();
                tokio::spawn(async move { serve_page(tls.accept(stream).await?).await });
            }
        });
    }
    // Whoever waits for it may have given up.
    let _ = listening.send(());
    std::future::pending().await
}

/// A connection that only comes and goes gets no page.
async fn serve_page(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut head = [0; 1024];
    if stream.read(&mut head).await? > 0 {
        stream.write_all(ANSWER).await?;
        stream.shutdown().await?;
    }
    Ok(())
}

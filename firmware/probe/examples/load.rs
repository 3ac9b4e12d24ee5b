//! How many checks one core carries: `load KIND PROBES SECONDS`, with `connect` or `http` as the kind.
//!
//! Servers on 64 loopback addresses run in a thread of their own; the role runs in another one, as it does on the box.
//! Prints the counters: what was missed, and what missed its deadline.

use config::Probe;
use probe::{LineReader, ProbeId, Report, Request, Settings, line_of};
use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Builder;

const PORT: u16 = 18_080;
const SERVERS: u8 = 64;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, probes, seconds] = &arguments[..] else { return Err("usage: load connect|http PROBES SECONDS".into()) };
    let (probes, seconds) = (probes.parse::<u64>()?, seconds.parse::<u64>()?);
    let probe = probe_of(kind)?;
    let (own, other) = std::os::unix::net::UnixStream::pair()?;
    for stream in [&own, &other] {
        stream.set_nonblocking(true)?;
    }
    thread::spawn(|| Builder::new_current_thread().enable_all().build()?.block_on(serve_pages()));
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
    let text = format!(
        "version = 1\n[[nic]]\nname = \"f0\"\naddresses = [\"10.1.0.1/16\"]\n[[service]]\nname = \"web\"\n\
         vip = \"10.1.0.100\"\nports = \"{PORT}\"\n[[service.check]]\nname = \"c\"\nkind = \"{kind}\"\n\
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
        let (mut long, mut short, mut slowest_us) = (0_u64, 0_u64, 0);
        while let Some(report) = reports.next().await? {
            match report {
                Report::Done { outcome, .. } => {
                    long += 1;
                    slowest_us = slowest_us.max(outcome.latency_us);
                }
                Report::Same { latency_us, .. } => {
                    short += 1;
                    slowest_us = slowest_us.max(latency_us);
                }
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

async fn serve_pages() -> std::io::Result<()> {
    for server in 1..=SERVERS {
        let listener = TcpListener::bind((Ipv4Addr::new(127, 1, 0, server), PORT)).await?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve_page(stream));
            }
        });
    }
    std::future::pending().await
}

/// A connection that only comes and goes gets no page.
async fn serve_page(mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = [0; 1024];
    if stream.read(&mut head).await? > 0 {
        stream.write_all(ANSWER).await?;
    }
    Ok(())
}

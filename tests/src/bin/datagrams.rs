//! A client of a UDP echo: `datagrams SOURCE ADDRESS:PORT SIZE,…`. Each size is sent and has to come back unchanged.

use lab::client::datagrams;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((source, target, sizes)) = parse(&arguments) else {
        eprintln!("usage: datagrams SOURCE ADDRESS:PORT SIZE,...");
        return ExitCode::from(2);
    };
    match datagrams(source, target, &sizes) {
        Ok(()) => {
            println!("{} datagrams of {} bytes came back", sizes.len(), arguments[2]);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<(IpAddr, SocketAddr, Vec<usize>)> {
    let [source, target, sizes] = arguments else { return None };
    let sizes = sizes.split(',').map(|size| size.parse().ok()).collect::<Option<_>>()?;
    Some((source.parse().ok()?, target.parse().ok()?, sizes))
}

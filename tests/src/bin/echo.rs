//! UDP echo: `echo ADDRESS:PORT…`. One socket per address, so that an answer comes from the address that was asked,
//! VIPs on `lo` included; an address may appear later than the program.

use socket2::{Domain, Protocol, Socket, Type};
use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::{io, thread};

/// Largest payload of UDP over IPv4.
const PAYLOAD_MAX: usize = 65_507;

fn main() -> ExitCode {
    let sockets: Result<Vec<UdpSocket>, String> = std::env::args()
        .skip(1)
        .map(|text| {
            let address: SocketAddr = text.parse().map_err(|error| format!("{text}: {error}"))?;
            bind(address).map_err(|error| format!("bind {address}: {error}"))
        })
        .collect();
    match sockets {
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        Ok(sockets) => {
            let threads: Vec<_> = sockets.into_iter().map(|socket| thread::spawn(move || serve(&socket))).collect();
            for thread in threads {
                let _ = thread.join();
            }
            ExitCode::SUCCESS
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    match address {
        SocketAddr::V4(_) => socket.set_freebind_v4(true)?,
        SocketAddr::V6(_) => socket.set_freebind_v6(true)?,
    }
    socket.set_recv_buffer_size(4 << 20)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn serve(socket: &UdpSocket) {
    let mut buffer = vec![0; PAYLOAD_MAX];
    loop {
        // An error here is the report of an ICMP message about an earlier answer: nothing to do with the next request.
        if let Ok((length, client)) = socket.recv_from(&mut buffer)
            && let Err(error) = socket.send_to(&buffer[..length], client)
        {
            eprintln!("{length} bytes to {client}: {error}");
            // The error may be the note of a smaller path MTU: with it known, the kernel fragments.
            let _ = socket.send_to(&buffer[..length], client);
        }
    }
}

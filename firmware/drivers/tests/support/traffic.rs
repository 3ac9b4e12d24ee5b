//! Real senders and receivers whose bytes can be checked: everything sent is a function of a seed and a position.

use super::{CLIENT, Line, Net, SERVER};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

/// Bytes that only their seed predicts.
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            chunk.copy_from_slice(&self.0.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// Sends `length` bytes over TCP from one namespace to another and checks every byte; the time it took.
pub fn stream(from: &Net, to: &Net, address: &str, length: usize) -> Duration {
    const CHUNK: usize = 256 * 1024;
    let address: SocketAddr = (address.parse::<std::net::IpAddr>().unwrap(), 5001).into();
    let (ready, is_ready) = channel();
    let receiver = to.spawn(move || {
        let listener = TcpListener::bind(address).unwrap();
        ready.send(()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (mut noise, mut expected, mut received) = (Noise::new(1), vec![0; CHUNK], vec![0; CHUNK]);
        let mut position = 0;
        while position < length {
            let part = CHUNK.min(length - position);
            stream.read_exact(&mut received[..part]).unwrap_or_else(|error| panic!("at byte {position}: {error}"));
            noise.fill(&mut expected[..part]);
            assert!(received[..part] == expected[..part], "wrong bytes behind {position}");
            position += part;
        }
        assert_eq!(stream.read(&mut received).unwrap(), 0);
    });
    is_ready.recv().unwrap();
    let start = Instant::now();
    let sender = from.spawn(move || {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        let (mut noise, mut bytes) = (Noise::new(1), vec![0; CHUNK]);
        let mut position = 0;
        while position < length {
            let part = CHUNK.min(length - position);
            noise.fill(&mut bytes[..part]);
            stream.write_all(&bytes[..part]).unwrap();
            position += part;
        }
    });
    sender.join().unwrap();
    receiver.join().unwrap();
    start.elapsed()
}

/// Sends over TCP as fast as it goes, unchecked. Gbit/s.
pub fn bulk(from: &Net, to: &Net, address: &str, time: Duration) -> f64 {
    let address: SocketAddr = (address.parse::<std::net::IpAddr>().unwrap(), 5004).into();
    let (ready, is_ready) = channel();
    let receiver = to.spawn(move || {
        let listener = TcpListener::bind(address).unwrap();
        ready.send(()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = vec![0; MIB];
        let (start, mut received) = (Instant::now(), 0);
        while let Ok(length @ 1..) = stream.read(&mut bytes) {
            received += length;
        }
        received as f64 * 8e-9 / start.elapsed().as_secs_f64()
    });
    is_ready.recv().unwrap();
    let sender = from.spawn(move || {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        let (start, bytes) = (Instant::now(), vec![0; MIB]);
        while start.elapsed() < time {
            stream.write_all(&bytes).unwrap();
        }
    });
    sender.join().unwrap();
    receiver.join().unwrap()
}

/// Round trips of one small datagram after the other. The median and the 99th percentile.
pub fn ping_pong(line: &Line, count: usize) -> [Duration; 2] {
    let (ready, is_ready) = channel();
    let echo = line.server.spawn(move || {
        let socket = UdpSocket::bind((SERVER[0], 5005)).unwrap();
        ready.send(()).unwrap();
        let mut bytes = [0; 64];
        for _ in 0..count {
            let (length, from) = socket.recv_from(&mut bytes).unwrap();
            socket.send_to(&bytes[..length], from).unwrap();
        }
    });
    is_ready.recv().unwrap();
    let asking = line.client.spawn(move || {
        let socket = UdpSocket::bind((CLIENT[0], 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut times: Vec<Duration> = (0..count)
            .map(|_| {
                let start = Instant::now();
                socket.send_to(b"ping", (SERVER[0], 5005)).unwrap();
                socket.recv(&mut [0; 64]).unwrap();
                start.elapsed()
            })
            .collect();
        times.sort();
        [times[count / 2], times[count * 99 / 100]]
    });
    echo.join().unwrap();
    asking.join().unwrap()
}

/// Echoes one datagram of each length through the line, in both families.
pub fn udp_echo(line: &Line, lengths: &'static [usize]) {
    for (server, client) in SERVER.into_iter().zip(CLIENT) {
        let (ready, is_ready) = channel();
        let echo = line.server.spawn(move || {
            let socket = UdpSocket::bind((server, 5002)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            ready.send(()).unwrap();
            let mut bytes = vec![0; 65_536];
            for _ in lengths {
                let (length, from) = socket.recv_from(&mut bytes).unwrap();
                socket.send_to(&bytes[..length], from).unwrap();
            }
        });
        is_ready.recv().unwrap();
        let asking = line.client.spawn(move || {
            let socket = UdpSocket::bind((client, 0)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let (mut sent, mut received) = (vec![0; 65_536], vec![0; 65_536]);
            for &length in lengths {
                Noise::new(length as u64).fill(&mut sent[..length]);
                socket.send_to(&sent[..length], (server, 5002)).unwrap();
                let echoed = socket.recv(&mut received).unwrap_or_else(|e| panic!("{length} bytes to {server}: {e}"));
                assert!(received[..echoed] == sent[..length], "{length} bytes to {server}: wrong bytes");
            }
        });
        asking.join().unwrap();
        echo.join().unwrap();
    }
}

/// Datagrams of 64 to 1,464 bytes as fast as one thread can send them, each checked on arrival. How many came.
pub fn udp_flood(line: &Line, count: u64) -> u64 {
    let (ready, is_ready) = channel();
    let sink = line.server.spawn(move || {
        let socket = UdpSocket::bind((SERVER[0], 5003)).unwrap();
        nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::RcvBufForce, &(16 << 20)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        ready.send(()).unwrap();
        let (mut received, mut expected) = ([0; 2048], [0; 2048]);
        let mut good = 0;
        while let Ok(length) = socket.recv(&mut received) {
            let number = u64::from_le_bytes(*received.first_chunk().unwrap());
            datagram(number, &mut expected);
            assert!(length == size(number) && received[..length] == expected[..length], "datagram {number}");
            good += 1;
        }
        good
    });
    is_ready.recv().unwrap();
    let flood = line.client.spawn(move || {
        let socket = UdpSocket::bind((CLIENT[0], 0)).unwrap();
        socket.connect((SERVER[0], 5003)).unwrap();
        let mut bytes = [0; 2048];
        for number in 0..count {
            datagram(number, &mut bytes);
            // A full queue is a loss like any other.
            let _ = socket.send(&bytes[..size(number)]);
        }
    });
    flood.join().unwrap();
    sink.join().unwrap()
}

fn size(number: u64) -> usize {
    64 + (number.wrapping_mul(7919) % 1400) as usize
}

fn datagram(number: u64, bytes: &mut [u8]) {
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Noise::new(number).fill(&mut bytes[8..size(number)]);
}

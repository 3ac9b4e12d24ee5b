//! A small world for tests of the engine: two NICs, a router, three backends per service, packets as etherparse makes
//! them, and a look at what comes out.

#![allow(dead_code, clippy::unwrap_used)]

use engine::tables::*;
use engine::{
    BACKENDS_MAX, BackendIndex, DropReason, Engine, HEADROOM, Head, HopIndex, NicId, Packet, SERVICES_MAX,
    ServiceIndex, Tables, Verdict, WorkerCounters, WorkerId,
};
use etherparse::{PacketBuilder, SlicedPacket, TransportSlice};
use net::offload::Offload;
use net::siphash::Key;
use net::{Address, Mac, Now, Prefix};
use std::net::IpAddr;
use std::sync::Arc;

pub const FRONT: NicId = NicId(0);
pub const BACK: NicId = NicId(1);
pub const ROUTER_MAC: Mac = Mac([2, 0, 0, 0, 9, 9]);
pub const FRONT_MAC: Mac = Mac([2, 0, 0, 0, 1, 1]);
pub const BACK_MAC: Mac = Mac([2, 0, 0, 0, 2, 1]);

pub fn address(text: &str) -> Address {
    text.parse::<IpAddr>().expect("an address").into()
}

pub fn prefix(text: &str) -> Prefix {
    let (network, bits) = text.split_once('/').expect("a prefix");
    Prefix::new(address(network), bits.parse().expect("a number of bits"))
}

/// MAC of backend `n` (1..): what it is addressed by.
pub fn backend_mac(n: u8) -> Mac {
    Mac([2, 0, 0, 0, 2, 10 + n])
}

pub fn service(name: &str, tcp: bool) -> Service {
    Service {
        name: name.into(),
        tcp,
        scheduler: SchedulerKind::Rr,
        scheduler_flags: SchedulerFlags::default(),
        persistence: None,
        on_backend_down: OnBackendDown::Reselect,
        midstream: Midstream::Reset,
        one_packet: false,
        mss_clamp: MssClamp::Auto,
        timeouts: Timeouts::default(),
        ftp: false,
        claim_flows: false,
        reply_ports: Vec::new(),
        backends: Vec::new(),
        fallback: None,
        generation: 1,
    }
}

/// Tables with `methods` as services 0.. on 10.1.0.100+n and 2001:db8:1::100+n, TCP and UDP port 80, three backends each
/// (10.2.0.2.., port 8080 for the NATs).
pub fn tables(methods: &[Method]) -> Tables {
    let mut vips = Vips::default();
    let (mut services, mut backends, mut hops) = (Vec::new(), Vec::new(), Vec::new());
    hops.push(Hop { address: address("10.1.0.254"), nic: FRONT, mac: Some(ROUTER_MAC) });
    hops.push(Hop { address: address("2001:db8:1::fe"), nic: FRONT, mac: Some(ROUTER_MAC) });
    for family in ["10.2.0.", "2001:db8:2::"] {
        for n in 1..=3u8 {
            let address = address(&format!("{family}{}", n + 1));
            hops.push(Hop { address, nic: BACK, mac: Some(backend_mac(n)) });
        }
    }
    for (at, method) in methods.iter().enumerate() {
        for (family, vip) in
            [("10.2.0.", format!("10.1.0.{}", 100 + at)), ("2001:db8:2::", format!("2001:db8:1::{}", 100 + at))]
        {
            let vip_address = address(&vip);
            let mut entry = Vip::default();
            for tcp in [true, false] {
                let index = ServiceIndex(services.len() as u16);
                let mut new = service(&format!("{method:?}-{vip}-{tcp}"), tcp);
                for n in 1..=3u8 {
                    new.backends.push(BackendIndex(backends.len() as u16));
                    let address = address(&format!("{family}{}", n + 1));
                    let hop = hops.iter().position(|hop| hop.address == address).expect("made above");
                    backends.push(Some(Backend {
                        name: format!("s{n}"),
                        service: index,
                        address,
                        port: method.sees_replies().then_some(8080),
                        method: *method,
                        weight: 1,
                        state: BackendState::Online,
                        healthy: true,
                        standby: None,
                        flows_max: 0,
                        flows_low: 0,
                        hop: Some(HopIndex(hop as u16)),
                        tunnel_source: None,
                        tunnel_port: 6080,
                        tunnel_checksum: false,
                        generation: 1,
                    }));
                }
                services.push(Some(new));
                let range = PortRange { first: 80, last: 80, service: index };
                if tcp { entry.tcp.push(range) } else { entry.udp.push(range) }
            }
            vips.exact.insert(vip_address, entry);
        }
    }
    let own = |text: &str| (address(text.split_once('/').expect("a prefix").0), prefix(text));
    let nic = |name: &str, mac, addresses| Nic { name: name.into(), mac, mtu: 1500, up: true, addresses };
    Tables {
        epoch: 1,
        workers: 1,
        key: Key(1, 2),
        nics: [
            nic("f0", FRONT_MAC, vec![own("10.1.0.1/16"), own("2001:db8:1::1/64")]),
            nic("b0", BACK_MAC, vec![own("10.2.0.1/16"), own("2001:db8:2::1/64")]),
        ]
        .into(),
        routes: [
            Route { to: prefix("2001:db8:1::/64"), nic: FRONT, via: None },
            Route { to: prefix("2001:db8:2::/64"), nic: BACK, via: None },
            Route { to: prefix("10.1.0.0/16"), nic: FRONT, via: None },
            Route { to: prefix("10.2.0.0/16"), nic: BACK, via: None },
            Route { to: prefix("0.0.0.0/0"), nic: FRONT, via: Some(HopIndex(0)) },
            Route { to: prefix("::/0"), nic: FRONT, via: Some(HopIndex(1)) },
        ]
        .into(),
        hops: hops.into(),
        vips: Arc::new(vips),
        services: services.into(),
        backends: backends.into(),
        snat: [
            Snat { address: address("10.2.0.250"), in_use: true },
            Snat { address: address("2001:db8:2::250"), in_use: true },
        ]
        .into(),
        ..Tables::default()
    }
}

pub fn change_backend(tables: &mut Tables, at: usize, change: impl FnOnce(&mut Backend)) {
    let mut backends = tables.backends.to_vec();
    change(backends[at].as_mut().expect("a backend there"));
    tables.backends = backends.into();
    tables.epoch += 1;
}

pub fn change_service(tables: &mut Tables, at: usize, change: impl FnOnce(&mut Service)) {
    let mut services = tables.services.to_vec();
    change(services[at].as_mut().expect("a service there"));
    tables.services = services.into();
    tables.epoch += 1;
}

pub fn counters(workers: usize) -> Arc<[Arc<WorkerCounters>]> {
    (0..workers).map(|_| Arc::new(WorkerCounters::new(SERVICES_MAX, BACKENDS_MAX))).collect()
}

pub fn engine(tables: Tables) -> Engine {
    Engine::new(WorkerId(0), Arc::new(tables), counters(1), 42)
}

pub fn builder(nic: NicId, source: &str, destination: &str) -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
    let (from, to) = if nic == FRONT { (ROUTER_MAC, FRONT_MAC) } else { (backend_mac(1), BACK_MAC) };
    let step = PacketBuilder::ethernet2(from.0, to.0);
    match (source.parse().expect("an address"), destination.parse().expect("an address")) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => step.ipv4(source.octets(), destination.octets(), 64),
        (IpAddr::V6(source), IpAddr::V6(destination)) => step.ipv6(source.octets(), destination.octets(), 64),
        _ => panic!("two families"),
    }
}

/// A TCP packet; `flags` of the letters S A F R P.
pub fn tcp(nic: NicId, from: (&str, u16), to: (&str, u16), flags: &str, numbers: (u32, u32), data: &[u8]) -> Vec<u8> {
    let mut step = builder(nic, from.0, to.0).tcp(from.1, to.1, numbers.0, 64_000);
    for flag in flags.chars() {
        step = match flag {
            'S' => step.syn(),
            'A' => step.ack(numbers.1),
            'F' => step.fin(),
            'R' => step.rst(),
            'P' => step.psh(),
            other => panic!("flag {other}"),
        };
    }
    let mut bytes = Vec::new();
    step.write(&mut bytes, data).expect("memory has room");
    bytes
}

pub fn udp(nic: NicId, from: (&str, u16), to: (&str, u16), data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    builder(nic, from.0, to.0).udp(from.1, to.1).write(&mut bytes, data).expect("memory has room");
    bytes
}

/// What became of a frame.
#[derive(Debug)]
pub struct Outcome {
    pub verdict: Verdict,
    /// The frame as it left, when the verdict was to transmit it.
    pub frame: Vec<u8>,
    pub offload: Offload,
    /// Frames that the engine made.
    pub emitted: Vec<(NicId, Vec<u8>)>,
}

impl Outcome {
    pub fn drop(&self) -> Option<DropReason> {
        match self.verdict {
            Verdict::Drop(reason) => Some(reason),
            _ => None,
        }
    }
}

pub fn send_at(engine: &mut Engine, now: Now, nic: NicId, frame: &[u8]) -> Outcome {
    send_with(engine, now, nic, frame, Offload::NONE)
}

/// A frame in a buffer with headroom and `room` bytes behind it.
pub fn send_buffer(nic: NicId, frame: &[u8], offload: Offload, room: usize) -> (Vec<u8>, Head) {
    let mut buffer = vec![0; HEADROOM];
    buffer.extend_from_slice(frame);
    let head = Head { nic, start: HEADROOM as u32, end: buffer.len() as u32, offload };
    buffer.resize(buffer.len() + room, 0);
    (buffer, head)
}

pub fn send_with(engine: &mut Engine, now: Now, nic: NicId, frame: &[u8], offload: Offload) -> Outcome {
    let (mut buffer, mut head) = send_buffer(nic, frame, offload, 256);
    let verdict = engine.handle(now, &mut Packet { head: &mut head, buffer: &mut buffer });
    let emitted = engine.emissions().iter().map(|(nic, _, bytes)| (nic, bytes.to_vec())).collect();
    engine.emissions().clear();
    Outcome { verdict, frame: buffer[head.start as usize..head.end as usize].to_vec(), offload: head.offload, emitted }
}

pub fn send(engine: &mut Engine, nic: NicId, frame: &[u8]) -> Outcome {
    send_at(engine, Now::from_secs(100), nic, frame)
}

/// Source and destination as `address:port`, of TCP or UDP.
pub fn ends(frame: &[u8]) -> (String, String) {
    let packet = SlicedPacket::from_ethernet(frame).expect("a frame that parses");
    let (source, destination): (IpAddr, IpAddr) = match packet.net.as_ref().expect("an IP header") {
        etherparse::NetSlice::Ipv4(v4) => (v4.header().source_addr().into(), v4.header().destination_addr().into()),
        etherparse::NetSlice::Ipv6(v6) => (v6.header().source_addr().into(), v6.header().destination_addr().into()),
        _ => panic!("not IP"),
    };
    let (from, to) = match packet.transport.as_ref().expect("a transport header") {
        TransportSlice::Tcp(tcp) => (tcp.source_port(), tcp.destination_port()),
        TransportSlice::Udp(udp) => (udp.source_port(), udp.destination_port()),
        _ => panic!("no ports"),
    };
    let join = |address: IpAddr, port: u16| std::net::SocketAddr::new(address, port).to_string();
    (join(source, from), join(destination, to))
}

//! Conversations that are under way, and the packets that belong to them.

use super::random::Random;
use super::shape::{Built, L4, Shape, Sum};
use super::support::{BACK, BACK_MAC, FRONT, FRONT_MAC, ROUTER_MAC, address, backend_mac};
use super::{mutate, world};
use engine::{NicId, Tuple};
use net::offload::Offload;
use net::{Address, Mac};

/// Conversations remembered at once.
const TALKS_MAX: usize = 96;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// A frame for the engine.
#[derive(Clone, Debug)]
pub struct Input {
    pub nic: NicId,
    pub built: Built,
    /// Which conversation learns from what becomes of it.
    pub talk: Option<usize>,
}

/// A client and a VIP.
#[derive(Clone, Debug)]
pub struct Talk {
    pub service: usize,
    pub tuple: Tuple,
    /// The replies as the backend sends them, once known.
    pub replies: Option<Tuple>,
    goes_on: bool,
    sequence: (u32, u32),
}

/// All that are under way.
#[derive(Debug, Default)]
pub struct Talks {
    list: Vec<Talk>,
    /// An encapsulated packet that left lately.
    pub outer: Option<Vec<u8>>,
}

impl Talks {
    /// Learns where the backend's replies come from: `sent` is the tuple of a client's packet as it left.
    pub fn learn(&mut self, talk: usize, sent: Tuple) {
        let talk = &mut self.list[talk];
        if sent.source != talk.tuple.destination {
            talk.replies = (sent.destination != talk.tuple.destination).then(|| sent.reversed());
        }
    }

    /// Learns whether the conversation is still one.
    pub fn note(&mut self, talk: usize, goes_on: bool) {
        self.list[talk].goes_on = goes_on;
    }

    /// Some client, if there is any.
    pub fn some_client(&self, random: &mut Random) -> Option<Address> {
        let at = random.below(self.list.len().max(1));
        self.list.get(at).map(|talk| talk.tuple.source)
    }

    /// The next packet as it is meant, with nothing odd about it: where it comes in, and whose it is.
    pub fn next(&mut self, random: &mut Random) -> (NicId, Shape, Option<usize>) {
        match random.below(100) {
            _ if self.list.is_empty() => self.begin(random),
            0..=3 => self.begin(random),
            4..=79 => self.go_on(random),
            80..=87 => {
                let (nic, shape) = self.icmp_error(random);
                (nic, shape, None)
            }
            88 => (FRONT, echo(random), None),
            89 => (random.pick(&[FRONT, BACK]), neighbor(random), None),
            90..=97 => self.ftp(random),
            _ => (random.pick(&[FRONT, BACK]), stray(random), None),
        }
    }

    fn begin(&mut self, random: &mut Random) -> (NicId, Shape, Option<usize>) {
        let (v4, service) = (random.chance(60), random.below(world::SERVICES));
        let tuple = Tuple {
            source: client(v4, random),
            destination: world::vip(service, v4, random),
            source_port: 40_000 + random.below(8) as u16,
            destination_port: world::port(service, random),
            protocol: if random.chance(if world::is_one_packet(service) { 90 } else { 65 }) { 6 } else { 17 },
        };
        let sequence = (random.next() as u32, random.next() as u32);
        let talk = Talk { service, tuple, replies: None, goes_on: true, sequence };
        let at = if self.list.len() < TALKS_MAX {
            self.list.push(talk);
            self.list.len() - 1
        } else {
            let at = random.below(TALKS_MAX);
            self.list[at] = talk;
            at
        };
        let shape = self.list[at].inbound(SYN, random);
        (FRONT, shape, Some(at))
    }

    fn go_on(&mut self, random: &mut Random) -> (NicId, Shape, Option<usize>) {
        let at = random.below(self.list.len());
        let talk = &mut self.list[at];
        match talk.replies {
            // Most clients know when it is time to begin anew.
            _ if !talk.goes_on && random.chance(80) => (FRONT, talk.inbound(SYN, random), Some(at)),
            Some(replies) if random.chance(45) => {
                let flags =
                    random.pick(&[ACK, ACK, ACK | PSH, ACK | PSH, SYN | ACK, SYN | ACK, SYN | ACK, FIN | ACK, RST]);
                (BACK, talk.outbound(replies, flags, random), Some(at))
            }
            _ => {
                let flags = random.pick(&[SYN, ACK, ACK, ACK | PSH, ACK | PSH, FIN | ACK, RST, RST | ACK]);
                (FRONT, talk.inbound(flags, random), Some(at))
            }
        }
    }

    // About a packet of a conversation, from its clients' side, its backends' side, or from within a tunnel.
    fn icmp_error(&mut self, random: &mut Random) -> (NicId, Shape) {
        let outer = self.outer.take().filter(|_| random.chance(70));
        let at = random.below(self.list.len());
        let talk = &mut self.list[at];
        let (nic, quoted, to, from) = if let Some(outer) = outer {
            let look = super::look::Look::at_packet(&outer).expect("an outer packet that was looked at before");
            (BACK, outer, look.source, look.destination)
        } else if let Some(replies) = talk.replies.filter(|_| random.chance(50)) {
            let quoted = talk.shape(replies.reversed(), talk.sequence, ACK, random);
            (BACK, quoted.build().bytes[14..].to_vec(), replies.destination, replies.source)
        } else {
            let quoted = talk.shape(talk.tuple.reversed(), talk.sequence, ACK, random);
            let from = if random.chance(50) { talk.tuple.source } else { client(talk.tuple.source.is_v4(), random) };
            (FRONT, quoted.build().bytes[14..].to_vec(), talk.tuple.destination, from)
        };
        let length = if random.chance(70) { quoted.len() } else { random.below(quoted.len() + 1) };
        let kinds: &[(u8, u8)] = if to.is_v4() {
            &[(3, 4), (3, 4), (3, 4), (3, 1), (3, 3), (11, 0), (12, 0), (4, 0), (5, 1)]
        } else {
            &[(2, 0), (2, 0), (2, 0), (1, 4), (3, 0), (3, 0), (4, 1), (100, 0), (137, 0)]
        };
        let (kind, code) = random.pick(kinds);
        let mtu = random.pick(&[0, 68, 576, 1_280, 1_400, 65_535]);
        let rest = if to.is_v4() { [0, 0, (mtu >> 8) as u8, mtu as u8] } else { (mtu as u32).to_be_bytes() };
        let mut payload = quoted[..length.min(1_200)].to_vec();
        if random.chance(25) {
            mutate::smudge(&mut payload, random);
        }
        (nic, plain(nic, from, to, L4::Icmp { kind, code, rest }, payload, random))
    }

    // What a control connection of FTP says, and the data connections that follow.
    fn ftp(&mut self, random: &mut Random) -> (NicId, Shape, Option<usize>) {
        let found = self.list.iter().position(|talk| talk.service == world::FTP && talk.tuple.protocol == 6);
        let Some(at) = found else { return self.begin(random) };
        let talk = &mut self.list[at];
        let Some(replies) = talk.replies else { return (FRONT, talk.inbound(SYN, random), Some(at)) };
        let data_port = 50_000 + random.below(4) as u16;
        match random.below(4) {
            0 => {
                let text = command(&talk.tuple, data_port, random);
                (FRONT, talk.said(talk.tuple, text, true, random), Some(at))
            }
            1 => {
                let text = answer(&replies, data_port, random);
                (BACK, talk.said(replies, text, false, random), None)
            }
            2 => {
                let data = Tuple { destination_port: data_port, source_port: 45_000, ..talk.tuple };
                (FRONT, talk.shape(data, talk.sequence, random.pick(&[SYN, ACK]), random), None)
            }
            _ => {
                let data = Tuple { source_port: 20, destination_port: data_port, ..replies };
                (BACK, talk.shape(data, talk.sequence, random.pick(&[SYN, ACK]), random), None)
            }
        }
    }
}

impl Talk {
    fn inbound(&mut self, flags: u8, random: &mut Random) -> Shape {
        self.sequence.0 = self.sequence.0.wrapping_add(100);
        self.shape(self.tuple, self.sequence, flags, random)
    }

    fn outbound(&mut self, replies: Tuple, flags: u8, random: &mut Random) -> Shape {
        self.sequence.1 = self.sequence.1.wrapping_add(100);
        self.shape(replies, (self.sequence.1, self.sequence.0), flags, random)
    }

    fn said(&mut self, tuple: Tuple, text: Vec<u8>, by_client: bool, random: &mut Random) -> Shape {
        let said = text.len() as u32;
        let mine = if by_client { &mut self.sequence.0 } else { &mut self.sequence.1 };
        let before = *mine;
        if !random.chance(20) {
            *mine = before.wrapping_add(said);
        }
        let other = if by_client { self.sequence.1 } else { self.sequence.0 };
        let mut shape = self.shape(tuple, (before, other), ACK | PSH, random);
        shape.payload = text;
        if random.chance(10) {
            mutate::smudge(&mut shape.payload, random);
        }
        shape
    }

    fn shape(&self, tuple: Tuple, (sequence, acknowledgement): (u32, u32), flags: u8, random: &mut Random) -> Shape {
        let ports = (tuple.source_port, tuple.destination_port);
        let is_tcp = tuple.protocol == 6;
        let l4 = if is_tcp {
            L4::Tcp { ports, sequence, acknowledgement, flags, options: tcp_options(flags & SYN != 0, random) }
        } else {
            L4::Udp { ports }
        };
        let length = match random.below(10) {
            _ if is_tcp && flags & SYN != 0 => 0,
            0..=5 => random.below(40),
            6..=8 => random.below(600),
            _ => random.between(1_300, 1_472),
        };
        let nic = if self.replies.is_some_and(|replies| replies.source == tuple.source) { BACK } else { FRONT };
        plain(nic, tuple.source, tuple.destination, l4, random.bytes(length), random)
    }
}

/// A packet that comes in on `nic`, with nothing odd about it.
fn plain(nic: NicId, source: Address, destination: Address, l4: L4, payload: Vec<u8>, random: &mut Random) -> Shape {
    let macs = if nic == FRONT { (FRONT_MAC, neighbor_mac(source)) } else { (BACK_MAC, backend_mac(1)) };
    Shape {
        macs,
        tags: Vec::new(),
        source,
        destination,
        hop_limit: random.pick(&[64, 63, 128, 255]),
        traffic_class: 0,
        dont_fragment: random.chance(50),
        identification: random.next() as u32,
        options: Vec::new(),
        extensions: Vec::new(),
        l4,
        payload,
        sum: Sum::Right,
        segment_size: 0,
        padding: 0,
    }
}

// Clients of 10.1.0.0/16 and 2001:db8:1::/64 are on the link, others behind a router.
fn neighbor_mac(source: Address) -> Mac {
    let on_link = (source.is_v4() && source.octets_v4()[1] == 1) || (!source.is_v4() && source.octets()[5] == 1);
    if on_link { Mac([2, 0, 0, 0, 7, source.0 as u8]) } else { ROUTER_MAC }
}

fn client(v4: bool, random: &mut Random) -> Address {
    let (network, host) = (random.below(4), random.between(1, 12));
    match (v4, network) {
        (true, 0) => address(&format!("10.1.0.{}", 40 + host)),
        (true, _) => address(&format!("10.9.{network}.{host}")),
        (false, 0) => address(&format!("2001:db8:1::{}", 40 + host)),
        (false, _) => address(&format!("2001:db8:9:{network}::{host}")),
    }
}

fn tcp_options(syn: bool, random: &mut Random) -> Vec<u8> {
    if !syn {
        return match random.below(4) {
            0 => [&[1, 1, 5, 10][..], &random.bytes(8)].concat(),
            1 => [&[1, 1, 8, 10][..], &random.bytes(8)].concat(),
            _ => Vec::new(),
        };
    }
    let [high, low] = random.pick(&[1_460u16, 1_460, 9_000, 536, 0]).to_be_bytes();
    match random.below(4) {
        0 => vec![2, 4, high, low],
        // The value at an odd place.
        1 => vec![1, 2, 4, high, low, 1, 0, 0],
        2 => vec![1, 1, 1, 2, 4, high, low, 0],
        _ => Vec::new(),
    }
}

fn echo(random: &mut Random) -> Shape {
    let v4 = random.chance(50);
    let (source, service) = (client(v4, random), random.below(world::SERVICES));
    let destination = world::vip(service, v4, random);
    let kind = if v4 { random.pick(&[8, 8, 8, 0, 13]) } else { random.pick(&[128, 128, 129, 133]) };
    let length = random.below(100);
    let payload = random.bytes(length);
    plain(FRONT, source, destination, L4::Icmp { kind, code: 0, rest: [1, 2, 3, 4] }, payload, random)
}

// Solicitations and advertisements of VIPs.
fn neighbor(random: &mut Random) -> Shape {
    let service = random.below(world::SERVICES);
    let target = world::vip(service, false, random);
    let kind = random.pick(&[135, 135, 136]);
    let mut payload = target.octets().to_vec();
    if random.chance(80) {
        payload.extend([if kind == 135 { 1 } else { 2 }, 1, 2, 0, 0, 0, 7, 7]);
    }
    if random.chance(20) {
        mutate::smudge(&mut payload, random);
    }
    let source = if random.chance(80) { client(false, random) } else { Address::UNSPECIFIED };
    let destination = if random.chance(50) { net::nd::solicited_node(target) } else { target };
    let rest = if kind == 136 { [0x20, 0, 0, 0] } else { [0; 4] };
    let mut shape = plain(FRONT, source, destination, L4::Icmp { kind, code: 0, rest }, payload, random);
    shape.hop_limit = random.pick(&[255, 255, 255, 64]);
    shape
}

// To nobody we know, from nobody we know, or of a protocol that is none of ours.
fn stray(random: &mut Random) -> Shape {
    let v4 = random.chance(60);
    let service = random.below(world::SERVICES);
    let places = [client(v4, random), client(v4, random), world::vip(service, v4, random), {
        address(if v4 { "10.2.0.250" } else { "2001:db8:2::250" })
    }];
    let odd: &[&str] =
        if v4 { &["127.0.0.1", "224.0.0.5", "255.255.255.255", "0.0.0.0"] } else { &["ff02::1", "::1", "::"] };
    let place = |random: &mut Random| {
        if random.chance(10) { address(random.pick(odd)) } else { random.pick(&places) }
    };
    let (source, destination) = (place(random), place(random));
    let ports = (random.word(), random.pick(&[80, 21, 53, 6_080, 0]));
    let l4 = match random.below(3) {
        0 => L4::Udp { ports },
        1 => {
            let flags = random.byte();
            L4::Tcp { ports, sequence: 7, acknowledgement: 9, flags, options: Vec::new() }
        }
        _ => L4::Other(random.pick(&[0, 4, 41, 43, 44, 47, 50, 51, 58, 59, 60, 132, 255])),
    };
    let length = random.below(120);
    let payload = random.bytes(length);
    plain(FRONT, source, destination, l4, payload, random)
}

fn numbers(address: Address, port: u16) -> String {
    let [a, b, c, d] = address.octets_v4();
    format!("{a},{b},{c},{d},{},{}", port >> 8, port & 0xff)
}

fn command(tuple: &Tuple, port: u16, random: &mut Random) -> Vec<u8> {
    let client = tuple.source;
    let who = if random.chance(85) { client } else { self::client(client.is_v4(), random) };
    match random.below(6) {
        0 => b"PASV\r\n".to_vec(),
        1 => b"EPSV\r\n".to_vec(),
        2 => format!("PORT {}\r\n", numbers(who, port)).into_bytes(),
        3 => format!("EPRT |{}|{who}|{port}|\r\n", if who.is_v4() { 1 } else { 2 }).into_bytes(),
        4 => format!("USER x\r\nPASV\r\nPORT {},{}\r\n", random.word(), random.word()).into_bytes(),
        _ => random.bytes(20),
    }
}

fn answer(replies: &Tuple, port: u16, random: &mut Random) -> Vec<u8> {
    let own = if random.chance(85) { replies.source } else { replies.destination };
    match random.below(4) {
        0 | 1 => format!("227 Entering Passive Mode ({}).\r\n", numbers(own, port)).into_bytes(),
        2 => format!("229 Extended (|||{port}|)\r\n").into_bytes(),
        _ => format!("220 hello\r\n227 {}\r\n", numbers(own, port)).into_bytes(),
    }
}

/// Bytes that are no packet at all.
pub fn noise(random: &mut Random) -> Built {
    let length = random.below(90);
    let mut bytes = random.bytes(length);
    if bytes.len() > 14 {
        let ethertype: u16 = random.pick(&[0x0800, 0x86dd, 0x8100, 0x0806, 0x88a8]);
        bytes[12..14].copy_from_slice(&ethertype.to_be_bytes());
    }
    Built { bytes, offload: Offload::NONE }
}

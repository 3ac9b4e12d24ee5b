//! For tests: packets built and read by another implementation (etherparse), with checksums summed the slow way.

use crate::{Emissions, HEADROOM, Head, NicId, Packet};
use etherparse::{
    IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv6Header, NetSlice, PacketBuilder, SlicedPacket, TcpHeader,
    TransportSlice,
};
use net::offload::{Offload, Segmentation};
use net::{Address, Mac, Parsed};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};

pub(crate) const OUR_MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const THEIR_MAC: Mac = Mac([2, 0, 0, 0, 0, 7]);
pub(crate) const NIC: NicId = NicId(3);

pub(crate) fn address(text: &str) -> Address {
    text.parse::<IpAddr>().unwrap_or_else(|_| panic!("{text}")).into()
}

/// A frame in a buffer of its own, with room in front and behind.
#[derive(Clone, Debug)]
pub(crate) struct Bed {
    pub buffer: Vec<u8>,
    pub head: Head,
}

impl Bed {
    pub(crate) fn new(frame: &[u8]) -> Self {
        let mut buffer = vec![0xaa; HEADROOM];
        buffer.extend_from_slice(frame);
        let end = buffer.len() as u32;
        buffer.extend([0xbb; 64]);
        Self { buffer, head: Head { nic: NIC, start: HEADROOM as u32, end, offload: Offload::NONE } }
    }

    pub(crate) fn packet(&mut self) -> Packet<'_> {
        Packet { head: &mut self.head, buffer: &mut self.buffer }
    }

    pub(crate) fn parsed(&mut self) -> Parsed {
        let is_super_frame = self.head.offload.is_super_frame();
        net::parse(self.packet().bytes(), is_super_frame).expect("a well-formed frame")
    }

    pub(crate) fn frame(&self) -> Vec<u8> {
        self.buffer[self.head.start as usize..self.head.end as usize].to_vec()
    }

    /// As [`describe`].
    pub(crate) fn text(&self) -> String {
        describe(&self.frame(), self.head.offload)
    }

    /// Opens the L4 checksum, as a sender does that leaves it to its NIC.
    pub(crate) fn partial(mut self) -> Self {
        let parsed = self.parsed();
        let offset = if parsed.protocol == 6 { 16 } else { 6 };
        let at = usize::from(parsed.l4) + offset;
        let sum = pseudo(parsed.source, parsed.destination, parsed.protocol, parsed.end as usize - at + offset);
        self.packet().bytes_mut()[at..at + 2].copy_from_slice(&fold(sum).to_be_bytes());
        self.head.offload = Offload {
            partial_checksum: true,
            checksum_start: parsed.l4,
            checksum_offset: offset as u16,
            ..self.head.offload
        };
        self
    }

    /// Says that the frame is a super-frame, with an open checksum as all of them have.
    pub(crate) fn super_frame(self, segment_size: u16) -> Self {
        let mut bed = self.partial();
        let parsed = bed.parsed();
        bed.head.offload.segmentation = match (parsed.protocol, parsed.source.is_v4()) {
            (6, true) => Segmentation::TcpV4,
            (6, false) => Segmentation::TcpV6,
            _ => Segmentation::Udp,
        };
        bed.head.offload.segment_size = segment_size;
        bed
    }

    /// Puts an 802.1Q tag in front.
    pub(crate) fn tagged(mut self, id: u16) -> Self {
        let mut frame = self.frame();
        let [high, low] = id.to_be_bytes();
        frame.splice(12..12, [0x81, 0x00, high, low]);
        let offload = self.head.offload;
        self = Self::new(&frame);
        self.head.offload = offload;
        if offload.partial_checksum {
            self.head.offload.checksum_start += 4;
        }
        self
    }

    /// Two fragments, cut behind `at` bytes of data.
    pub(crate) fn fragments(mut self, at: usize) -> [Self; 2] {
        let parsed = self.parsed();
        let frame = self.frame();
        let (l3, l4) = (usize::from(parsed.l3), usize::from(parsed.l4));
        [(0, at, true), (at, parsed.end as usize - l4, false)].map(|(from, to, more)| {
            let mut part = frame[..l4].to_vec();
            if parsed.source.is_v4() {
                let field = (from / 8) as u16 | if more { 0x2000 } else { 0 };
                part[l3 + 2..l3 + 4].copy_from_slice(&((l4 - l3 + to - from) as u16).to_be_bytes());
                part[l3 + 6..l3 + 8].copy_from_slice(&field.to_be_bytes());
                write_header_checksum(&mut part[l3..]);
            } else {
                let field = from as u16 | u16::from(more);
                let next = std::mem::replace(&mut part[l3 + 6], 44);
                part.extend([next, 0, (field >> 8) as u8, field as u8, 0, 0, 0x12, 0x34]);
                part[l3 + 4..l3 + 6].copy_from_slice(&((8 + to - from) as u16).to_be_bytes());
            }
            part.extend_from_slice(&frame[l4 + from..l4 + to]);
            Self::new(&part)
        })
    }
}

/// All emitted frames, as [`describe`] shows them.
pub(crate) fn emitted(emissions: &Emissions) -> Vec<String> {
    emissions.iter().map(|(_, offload, bytes)| describe(bytes, offload)).collect()
}

/// All emitted frames.
pub(crate) fn emitted_frames(emissions: &Emissions) -> Vec<Vec<u8>> {
    emissions.iter().map(|(_, _, bytes)| bytes.to_vec()).collect()
}

/// A TCP packet from the client's router to us; `flags` of "SFRPACE.", C for CWR.
pub(crate) fn tcp(from: &str, to: &str, flags: &str, sequence: (u32, u32), payload: &[u8]) -> Bed {
    tcp_with(from, to, flags, sequence, &[], payload)
}

/// The same with options, whose length is a multiple of four.
pub(crate) fn tcp_with(
    from: &str,
    to: &str,
    flags: &str,
    (sequence, acknowledgement): (u32, u32),
    options: &[u8],
    payload: &[u8],
) -> Bed {
    let (from, to) = (from.parse::<SocketAddr>().unwrap(), to.parse::<SocketAddr>().unwrap());
    let mut header = TcpHeader::new(from.port(), to.port(), sequence, 512);
    header.acknowledgment_number = acknowledgement;
    let has = |flag| flags.contains(flag);
    (header.syn, header.fin, header.rst, header.psh) = (has('S'), has('F'), has('R'), has('P'));
    (header.ack, header.cwr, header.ece) = (has('A'), has('C'), has('E'));
    header.set_options_raw(options).unwrap();
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2(THEIR_MAC.0, OUR_MAC.0).ip(ip(from.ip(), to.ip(), IpNumber::TCP));
    builder.tcp_header(header).write(&mut frame, payload).unwrap();
    Bed::new(&frame)
}

/// A UDP packet.
pub(crate) fn udp(from: &str, to: &str, payload: &[u8]) -> Bed {
    let (from, to) = (from.parse::<SocketAddr>().unwrap(), to.parse::<SocketAddr>().unwrap());
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2(THEIR_MAC.0, OUR_MAC.0).ip(ip(from.ip(), to.ip(), IpNumber::UDP));
    builder.udp(from.port(), to.port()).write(&mut frame, payload).unwrap();
    Bed::new(&frame)
}

/// An ICMP or ICMPv6 message of any type; `rest` are the four bytes that depend on it.
pub(crate) fn icmp(from: &str, to: &str, kind: u8, code: u8, rest: [u8; 4], payload: &[u8]) -> Bed {
    let (from, to) = (from.parse::<IpAddr>().unwrap(), to.parse::<IpAddr>().unwrap());
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2(THEIR_MAC.0, OUR_MAC.0);
    if from.is_ipv4() {
        let builder = builder.ip(ip(from, to, IpNumber::ICMP));
        builder.icmpv4_raw(kind, code, rest).write(&mut frame, payload).unwrap();
    } else {
        let builder = builder.ip(ip(from, to, IpNumber::IPV6_ICMP));
        builder.icmpv6_raw(kind, code, rest).write(&mut frame, payload).unwrap();
    }
    Bed::new(&frame)
}

fn ip(from: IpAddr, to: IpAddr, protocol: IpNumber) -> IpHeaders {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let header = Ipv4Header {
                identification: 0x1234,
                dont_fragment: false,
                fragment_offset: IpFragOffset::ZERO,
                time_to_live: 63,
                protocol,
                source: from.octets(),
                destination: to.octets(),
                ..Ipv4Header::default()
            };
            IpHeaders::Ipv4(header, Default::default())
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let header = Ipv6Header {
                next_header: protocol,
                hop_limit: 63,
                source: from.octets(),
                destination: to.octets(),
                ..Ipv6Header::default()
            };
            IpHeaders::Ipv6(header, Default::default())
        }
        _ => panic!("two families"),
    }
}

/// What the frame says, after every length and every checksum in it was verified; an open one is completed first.
pub(crate) fn describe(frame: &[u8], offload: Offload) -> String {
    let mut frame = frame.to_vec();
    if offload.partial_checksum {
        let start = usize::from(offload.checksum_start);
        let at = start + usize::from(offload.checksum_offset);
        let sum = !fold(sum(&frame[start..]));
        frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    let sliced = SlicedPacket::from_ethernet(&frame).expect("etherparse reads the frame");
    let tags: String = sliced.vlan_ids().iter().map(|id| format!("vlan {} ", id.value())).collect();
    let l3 = 14 + 4 * sliced.vlan_ids().len();
    tags + &describe_ip(&frame[l3..])
}

/// The same for a packet without link header.
pub(crate) fn describe_ip(bytes: &[u8]) -> String {
    let sliced = SlicedPacket::from_ip(bytes).expect("etherparse reads the packet");
    let mut text = String::new();
    let (source, destination): (IpAddr, IpAddr) = match sliced.net.as_ref().expect("an IP packet") {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            assert_eq!(header.to_header().calc_header_checksum(), header.header_checksum(), "IPv4 header checksum");
            assert_eq!(usize::from(header.total_len()), bytes.len(), "IPv4 length");
            write!(text, "{} > {} ttl {} id {:#x}", header.source_addr(), header.destination_addr(), header.ttl(), {
                header.identification()
            })
            .unwrap();
            for (is_set, name) in [(header.dont_fragment(), " DF"), (header.more_fragments(), " MF")] {
                text.push_str(if is_set { name } else { "" });
            }
            (header.source_addr().into(), header.destination_addr().into())
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            assert_eq!(usize::from(header.payload_length()) + 40, bytes.len(), "IPv6 length");
            write!(text, "{} > {} hl {}", header.source_addr(), header.destination_addr(), header.hop_limit()).unwrap();
            (header.source_addr().into(), header.destination_addr().into())
        }
        NetSlice::Arp(_) => panic!("ARP in IP"),
    };
    let payload = sliced.ip_payload().expect("a payload");
    if payload.fragmented {
        let offset = match sliced.net.as_ref() {
            Some(NetSlice::Ipv4(ip)) => ip.header().fragments_offset().byte_offset(),
            _ => u16::from_be_bytes([bytes[42], bytes[43]]) & 0xfff8,
        };
        write!(text, " frag {offset}+{} proto {}", payload.payload.len(), payload.ip_number.0).unwrap();
        return text;
    }
    let pseudo = pseudo(source.into(), destination.into(), payload.ip_number.0, payload.payload.len());
    match &sliced.transport {
        Some(transport) => describe_transport(&mut text, transport, payload.payload, pseudo),
        None => describe_tunnel(&mut text, payload.ip_number.0, payload.payload),
    }
    text
}

fn describe_transport(text: &mut String, transport: &TransportSlice<'_>, bytes: &[u8], pseudo: u32) {
    let whole = fold(pseudo + sum(bytes));
    match transport {
        TransportSlice::Tcp(tcp) => {
            assert_eq!(whole, 0xffff, "TCP checksum");
            let flags = [
                (tcp.syn(), 'S'),
                (tcp.fin(), 'F'),
                (tcp.rst(), 'R'),
                (tcp.psh(), 'P'),
                (tcp.ack(), 'A'),
                (tcp.ece(), 'E'),
                (tcp.cwr(), 'C'),
            ];
            let flags: String = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name).collect();
            let (sequence, acknowledgement) = (tcp.sequence_number(), tcp.acknowledgment_number());
            let ports = (tcp.source_port(), tcp.destination_port());
            write!(text, " | tcp {} > {} {flags} {sequence}/{acknowledgement}", ports.0, ports.1).unwrap();
            write!(text, " len {}", tcp.payload().len()).unwrap();
        }
        TransportSlice::Udp(udp) => {
            let is_open = udp.checksum() == 0;
            assert!(is_open || whole == 0xffff, "UDP checksum");
            assert_eq!(usize::from(udp.length()), bytes.len(), "UDP length");
            write!(text, " | udp {} > {}", udp.source_port(), udp.destination_port()).unwrap();
            // The tests' GUE port.
            if udp.destination_port() == 6080 {
                assert_eq!((udp.payload()[0], &udp.payload()[2..4]), (0, &[0, 0][..]), "GUE variant 0, no flags");
                write!(text, " gue{}", if is_open { "" } else { " sum" }).unwrap();
                describe_inner(text, udp.payload()[1], &udp.payload()[4..]);
            } else {
                write!(text, "{} len {}", if is_open { " nosum" } else { "" }, udp.payload().len()).unwrap();
            }
        }
        TransportSlice::Icmpv4(message) => {
            assert_eq!(fold(sum(bytes)), 0xffff, "ICMP checksum");
            write!(text, " | icmp {}/{} {:02x?} len {}", message.type_u8(), message.code_u8(), &bytes[4..8], {
                bytes.len() - 8
            })
            .unwrap();
        }
        TransportSlice::Icmpv6(message) => {
            assert_eq!(whole, 0xffff, "ICMPv6 checksum");
            write!(text, " | icmp6 {}/{} {:02x?} len {}", message.type_u8(), message.code_u8(), &bytes[4..8], {
                bytes.len() - 8
            })
            .unwrap();
        }
        TransportSlice::Igmp(_) => panic!("IGMP"),
    }
}

fn describe_tunnel(text: &mut String, protocol: u8, bytes: &[u8]) {
    match protocol {
        4 | 41 => {
            text.push_str(" | ipip");
            describe_inner(text, protocol, bytes);
        }
        47 => {
            let with_checksum = bytes[0] & 0x80 != 0;
            text.push_str(if with_checksum { " | gre sum" } else { " | gre" });
            if with_checksum {
                assert_eq!(fold(sum(bytes)), 0xffff, "GRE checksum");
            }
            let inner = if [bytes[2], bytes[3]] == [8, 0] { 4 } else { 41 };
            describe_inner(text, inner, &bytes[if with_checksum { 8 } else { 4 }..]);
        }
        other => write!(text, " | proto {other} len {}", bytes.len()).unwrap(),
    }
}

fn describe_inner(text: &mut String, protocol: u8, bytes: &[u8]) {
    assert_eq!(bytes[0] >> 4, if protocol == 4 { 4 } else { 6 }, "protocol number and version agree");
    write!(text, " | {}", describe_ip(bytes)).unwrap();
}

/// The datagram that IPv4 or IPv6 fragments (untagged frames, in any order) make up.
pub(crate) fn rejoin(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut parts: Vec<(usize, bool, &[u8], &[u8])> = frames
        .iter()
        .map(|frame| {
            let is_v4 = frame[12..14] == [8, 0];
            if is_v4 {
                let header = usize::from(frame[14] & 15) * 4;
                let field = u16::from_be_bytes([frame[20], frame[21]]);
                let (head, data) = frame.split_at(14 + header);
                (usize::from(field & 0x1fff) * 8, field & 0x2000 != 0, head, data)
            } else {
                let field = u16::from_be_bytes([frame[56], frame[57]]);
                (usize::from(field & 0xfff8), field & 1 != 0, &frame[..62], &frame[62..])
            }
        })
        .collect();
    parts.sort_by_key(|part| part.0);
    let mut joined = parts[0].2.to_vec();
    let is_v4 = joined[12..14] == [8, 0];
    let header = joined.len();
    for (at, (offset, more, _, data)) in parts.iter().enumerate() {
        assert_eq!(joined.len() - header, *offset, "fragments adjoin");
        assert_eq!(*more, at + 1 < parts.len(), "more fragments");
        joined.extend_from_slice(data);
    }
    if is_v4 {
        let length = (joined.len() - 14) as u16;
        joined[16..18].copy_from_slice(&length.to_be_bytes());
        joined[20..22].fill(0);
        write_header_checksum(&mut joined[14..]);
    } else {
        joined[20] = joined[54];
        joined.drain(54..62);
        let length = (joined.len() - 54) as u16;
        joined[18..20].copy_from_slice(&length.to_be_bytes());
    }
    joined
}

pub(crate) fn write_header_checksum(header: &mut [u8]) {
    let length = usize::from(header[0] & 15) * 4;
    header[10..12].fill(0);
    let sum = !fold(sum(&header[..length]));
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

fn pseudo(source: Address, destination: Address, protocol: u8, length: usize) -> u32 {
    let octets = |address: Address| match IpAddr::from(address) {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    sum(&octets(source)) + sum(&octets(destination)) + u32::from(protocol) + length as u32
}

fn sum(bytes: &[u8]) -> u32 {
    bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

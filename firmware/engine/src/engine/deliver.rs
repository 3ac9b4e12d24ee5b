//! Sending a packet of a flow on its way: to the backend by its method, or back to the client.

use super::{Engine, Moment};
use crate::flow::{Direction, Flow, SNAT_NONE, flag};
use crate::forward::fit::{Fit, fit};
use crate::forward::icmp::Error;
use crate::forward::nat::{Rewrite, rewrite};
use crate::forward::tunnel::{self, Outer};
use crate::forward::{fragment, mss, segment};
use crate::tables::{Backend, Method, MssClamp, Nic};
use crate::{BackendIndex, DropReason, NicId, Packet, ServiceIndex, Tables, Tuple, Verdict};
use net::fields::read_u16;
use net::ip::protocol;
use net::{Address, Family, Mac, Parsed, ethernet, ip, tcp};

/// Hop limit of outer headers (IANA's recommended default).
const OUTER_HOP_LIMIT: u8 = 64;

/// A flow's addresses and ports, both sides, copied out of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversation {
    pub client: (Address, u16),
    pub vip: (Address, u16),
    pub backend: (Address, u16),
    /// The translated source, towards the backend.
    pub snat: Option<(Address, u16)>,
    pub snat_slot: Option<u8>,
    pub backend_index: BackendIndex,
    pub service: ServiceIndex,
    pub protocol: u8,
    pub client_mac: Mac,
    pub client_nic: NicId,
    pub ftp: bool,
}

impl Conversation {
    /// Of a flow; its backend's slot is taken as long as the flow lives.
    pub(super) fn of(flow: &Flow, tables: &Tables) -> Self {
        let backend = tables
            .backend(flow.backend)
            .map_or((Address::UNSPECIFIED, 0), |backend| (backend.address, flow.backend_port(backend)));
        Self {
            client: (flow.client(), flow.client_port),
            vip: (flow.vip(), flow.vip_port),
            backend,
            snat: flow.source(tables),
            snat_slot: (flow.snat != SNAT_NONE).then_some(flow.snat),
            backend_index: flow.backend,
            service: flow.service,
            protocol: flow.protocol,
            client_mac: flow.client_mac,
            client_nic: flow.client_nic,
            ftp: flow.has(flag::FTP),
        }
    }

    /// Client to VIP.
    pub(super) const fn inbound(&self) -> Tuple {
        Tuple {
            source: self.client.0,
            destination: self.vip.0,
            source_port: self.client.1,
            destination_port: self.vip.1,
            protocol: self.protocol,
        }
    }

    /// Replies as they arrive at this box: from the backend to the client, or to full NAT's source.
    pub(super) fn replies(&self) -> Tuple {
        let towards = self.snat.unwrap_or(self.client);
        Tuple {
            source: self.backend.0,
            destination: towards.0,
            source_port: self.backend.1,
            destination_port: towards.1,
            protocol: self.protocol,
        }
    }

    /// What NAT changes on the way to the backend.
    pub(super) const fn inbound_rewrite(&self) -> Rewrite {
        Rewrite { source: self.snat, destination: Some(self.backend) }
    }

    /// What NAT changes on the way to the client.
    pub(super) fn outbound_rewrite(&self) -> Rewrite {
        Rewrite { source: Some(self.vip), destination: self.snat.map(|_| self.client) }
    }
}

/// Where a frame leaves, and its new hardware addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exit {
    pub nic: NicId,
    pub destination: Mac,
    pub source: Mac,
    pub mtu: u16,
}

impl Exit {
    /// Writes the hardware addresses. 802.1Q tags of the side it came from do not travel along: a VLAN is a NIC of its own.
    /// Offsets in the frame are void afterwards.
    pub(super) fn address(&self, packet: &mut Packet<'_>) {
        untag(packet);
        ethernet::set_addresses(packet.bytes_mut(), self.destination, self.source);
    }
}

impl Engine {
    /// To the other side.
    pub(super) fn deliver(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        conversation: &Conversation,
        direction: Direction,
    ) -> Verdict {
        match direction {
            Direction::Inbound => self.deliver_inbound(moment, packet, parsed, conversation),
            Direction::Outbound => self.deliver_outbound(moment, packet, parsed, conversation),
        }
    }

    /// To the backend.
    pub(super) fn deliver_inbound(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        conversation: &Conversation,
    ) -> Verdict {
        let tables = moment.tables;
        let Some(backend) = tables.backend(conversation.backend_index) else {
            return Verdict::Drop(DropReason::BackendDown);
        };
        let exit = match self.exit_to_backend(tables, backend) {
            Ok(exit) => exit,
            Err(reason) => return Verdict::Drop(reason),
        };
        if parsed.hop_limit <= 1 {
            return self.refuse_hop_limit(moment, packet, parsed);
        }
        if is_syn(parsed) {
            self.clamp_mss(tables, packet, parsed, conversation, backend.method, exit.mtu);
        }
        match backend.method {
            Method::Nat | Method::FullNat => {
                self.send_rewritten(moment, packet, parsed, Some(&conversation.inbound_rewrite()), &exit)
            }
            Method::Direct => self.send_rewritten(moment, packet, parsed, None, &exit),
            Method::TunnelIpip | Method::TunnelGre | Method::TunnelGue => {
                self.send_through_tunnel(moment, packet, parsed, (conversation.backend_index, backend), &exit)
            }
        }
    }

    /// To the client.
    pub(super) fn deliver_outbound(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        conversation: &Conversation,
    ) -> Verdict {
        let exit = match self.exit_to_client(moment.tables, conversation) {
            Ok(exit) => exit,
            Err(reason) => return Verdict::Drop(reason),
        };
        if parsed.hop_limit <= 1 {
            return self.refuse_hop_limit(moment, packet, parsed);
        }
        if is_syn(parsed) {
            self.clamp_mss(moment.tables, packet, parsed, conversation, Method::Nat, exit.mtu);
        }
        self.send_rewritten(moment, packet, parsed, Some(&conversation.outbound_rewrite()), &exit)
    }

    /// Rewrites (or not), takes one from the hop limit, addresses and sends; cuts or answers what does not fit the link.
    pub(super) fn send_rewritten(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        to: Option<&Rewrite>,
        exit: &Exit,
    ) -> Verdict {
        match fit(packet, parsed, usize::from(exit.mtu), 0, false) {
            Fit::Fits => {
                if let Some(to) = to {
                    rewrite(packet, parsed, to);
                }
                ip::decrement_hop_limit(packet.bytes_mut(), usize::from(parsed.l3), parsed.family);
                exit.address(packet);
                if packet.head.offload.is_super_frame() {
                    self.counters.totals.super_frames_transmitted.add(1);
                }
                Verdict::Transmit(exit.nic)
            }
            Fit::TooBig => self.refuse_too_big(moment, packet, parsed, exit.mtu),
            Fit::Fragment | Fit::Segment => {
                // Pieces of a super-frame are summed anew, with the addresses they leave under.
                let mut rewritten = *parsed;
                if let Some(to) = to {
                    rewrite(packet, parsed, to);
                    rewritten = to.describe(parsed);
                }
                let parsed = &rewritten;
                ip::decrement_hop_limit(packet.bytes_mut(), usize::from(parsed.l3), parsed.family);
                let mtu = usize::from(exit.mtu);
                let cut = fragment::fragment(packet, parsed, mtu, exit.nic, &mut self.emissions, |piece, _| {
                    exit.address(piece);
                    Ok(())
                });
                self.counters.totals.fragments_cut.add(pieces(&cut));
                consumed(&cut)
            }
        }
    }

    fn send_through_tunnel(
        &mut self,
        moment: Moment<'_>,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        (index, backend): (BackendIndex, &Backend),
        exit: &Exit,
    ) -> Verdict {
        let outer_family = backend.address.family();
        let Some(source) = backend.tunnel_source.or_else(|| moment.tables.own_address(exit.nic, outer_family)) else {
            return Verdict::Drop(DropReason::NoRoute);
        };
        // RFC 8200 8.1: over IPv6 a receiver drops UDP without a checksum unless it was told otherwise, and Linux' is not.
        let is_udp6 = matches!(backend.method, Method::TunnelGue) && outer_family == Family::V6;
        let checksum = backend.tunnel_checksum || is_udp6;
        let overhead = tunnel::overhead(backend.method, outer_family, checksum);
        let path = self.tunnel_paths.mtu(index, exit.mtu, moment.now);
        let outer = Outer {
            method: backend.method,
            source,
            destination: backend.address,
            hop_limit: OUTER_HOP_LIMIT,
            entropy: entropy(parsed, moment.tables.key),
            port: backend.tunnel_port,
            checksum,
            identification: self.next_identification(),
        };
        let l3 = usize::from(parsed.l3);
        let encapsulate = |piece: &mut Packet<'_>, parsed: &Parsed| {
            tunnel::encapsulate(piece, parsed, &outer)?;
            exit.address(piece);
            Ok(())
        };
        match fit(packet, parsed, usize::from(path), overhead, true) {
            Fit::Fits => {
                ip::decrement_hop_limit(packet.bytes_mut(), l3, parsed.family);
                match encapsulate(packet, parsed) {
                    Ok(()) => Verdict::Transmit(exit.nic),
                    Err(reason) => Verdict::Drop(reason),
                }
            }
            Fit::TooBig => self.refuse_too_big(moment, packet, parsed, path.saturating_sub(overhead as u16)),
            Fit::Segment => {
                ip::decrement_hop_limit(packet.bytes_mut(), l3, parsed.family);
                let cut = segment::segment(packet, parsed, exit.nic, &mut self.emissions, encapsulate);
                self.counters.totals.segments_cut.add(pieces(&cut));
                consumed(&cut)
            }
            Fit::Fragment => {
                ip::decrement_hop_limit(packet.bytes_mut(), l3, parsed.family);
                let room = usize::from(path).saturating_sub(overhead);
                let cut = fragment::fragment(packet, parsed, room, exit.nic, &mut self.emissions, encapsulate);
                self.counters.totals.fragments_cut.add(pieces(&cut));
                consumed(&cut)
            }
        }
    }

    /// Where packets to a backend leave.
    pub(super) fn exit_to_backend(&mut self, tables: &Tables, backend: &Backend) -> Result<Exit, DropReason> {
        let hop = backend.hop.and_then(|hop| tables.hops.get(hop.at())).ok_or(DropReason::NoRoute)?;
        self.exit_to(tables, hop.nic, hop.address, hop.mac)
    }

    /// Where packets to a client leave: by the route, or, when the client is on the link (or no route is known), to the
    /// hardware address its own packets come from.
    pub(super) fn exit_to_client(&mut self, tables: &Tables, conversation: &Conversation) -> Result<Exit, DropReason> {
        let client = conversation.client.0;
        let known = (!conversation.client_mac.is_zero()).then_some(conversation.client_mac);
        match tables.route(client) {
            Some(route) => match route.via.and_then(|hop| tables.hops.get(hop.at())) {
                Some(hop) => self.exit_to(tables, hop.nic, hop.address, hop.mac),
                None => self.exit_to(tables, route.nic, client, known),
            },
            None if known.is_some() => self.exit_to(tables, conversation.client_nic, client, known),
            None => Err(DropReason::NoRoute),
        }
    }

    fn exit_to(&mut self, tables: &Tables, id: NicId, neighbor: Address, mac: Option<Mac>) -> Result<Exit, DropReason> {
        let Some(nic) = tables.nics.get(id.at()).filter(|nic| nic.up) else { return Err(DropReason::NicDown) };
        match mac {
            Some(destination) => Ok(Exit { nic: id, destination, source: nic.mac, mtu: nic.mtu }),
            None => {
                self.events.push(super::Event::NeighborWanted { nic: id, address: neighbor });
                Err(DropReason::NeighborUnresolved)
            }
        }
    }

    fn clamp_mss(
        &self,
        tables: &Tables,
        packet: &mut Packet<'_>,
        parsed: &Parsed,
        conversation: &Conversation,
        method: Method,
        exit_mtu: u16,
    ) {
        let clamp = tables.service(conversation.service).map_or(MssClamp::Off, |service| service.mss_clamp);
        let came_from = tables.nics.get(packet.head.nic.at()).map_or(exit_mtu, |nic: &Nic| nic.mtu);
        let headers = match parsed.family {
            Family::V4 => ip::V4_HEADER + tcp::HEADER,
            Family::V6 => ip::V6_HEADER + tcp::HEADER,
        } as u16;
        let max = match clamp {
            MssClamp::Off => return,
            MssClamp::Bytes(max) => max,
            // With direct and tunnel the data that this option limits never comes through this box.
            MssClamp::Auto if !method.sees_replies() => return,
            MssClamp::Auto => exit_mtu.min(came_from).saturating_sub(headers),
        };
        if mss::clamp(packet, parsed, max) {
            self.counters.totals.mss_clamped.add(1);
        }
    }

    pub(super) fn refuse_hop_limit(&mut self, moment: Moment<'_>, packet: &Packet<'_>, parsed: &Parsed) -> Verdict {
        self.answer_error(moment, packet, parsed, Error::HopLimit);
        Verdict::Drop(DropReason::HopLimit)
    }

    fn refuse_too_big(&mut self, moment: Moment<'_>, packet: &Packet<'_>, parsed: &Parsed, mtu: u16) -> Verdict {
        self.answer_error(moment, packet, parsed, Error::TooBig { mtu });
        Verdict::Drop(DropReason::TooBig)
    }

    const fn next_identification(&mut self) -> u16 {
        self.identification = self.identification.wrapping_add(1);
        self.identification
    }
}

fn pieces(cut: &Result<usize, DropReason>) -> u64 {
    cut.as_ref().map_or(0, |pieces| *pieces as u64)
}

/// The verdict on a packet that was cut into others.
const fn consumed(cut: &Result<usize, DropReason>) -> Verdict {
    match cut {
        Ok(_) => Verdict::Consumed,
        Err(reason) => Verdict::Drop(*reason),
    }
}

// Takes the tags out by starting the frame behind them; the hardware addresses are lost.
fn untag(packet: &mut Packet<'_>) {
    let mut tags = 0;
    while tags < 2 && matches!(read_u16(packet.bytes(), 12 + tags * 4), ethernet::VLAN | ethernet::SERVICE_VLAN) {
        tags += 1;
    }
    if tags > 0 {
        let length = (tags * ethernet::VLAN_TAG) as u16;
        let offload = &mut packet.head.offload;
        offload.checksum_start = offload.checksum_start.saturating_sub(length);
        offload.header_length = offload.header_length.saturating_sub(length);
        packet.head.start += u32::from(length);
    }
}

const fn is_syn(parsed: &Parsed) -> bool {
    parsed.tcp_flags & tcp::flag::SYN != 0 && parsed.protocol == protocol::TCP
}

/// GUE's source port: the same for all packets of a flow, spread over the dynamic ports (RFC 7510 3).
fn entropy(parsed: &Parsed, key: net::siphash::Key) -> u16 {
    // Later fragments have no ports; addresses alone keep all fragments of a datagram together.
    let ports =
        if parsed.fragment == net::Fragment::Whole { (parsed.source_port, parsed.destination_port) } else { (0, 0) };
    let tuple = Tuple {
        source: parsed.source,
        destination: parsed.destination,
        source_port: ports.0,
        destination_port: ports.1,
        protocol: parsed.protocol,
    };
    0xc000 | (tuple.hash(key) as u16 & 0x3fff)
}

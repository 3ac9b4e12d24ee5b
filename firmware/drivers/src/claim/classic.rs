//! The claim decision as classic BPF, for kernels that refuse eBPF.
//!
//! One generator, two uses: as the filter of sockets on ETH_P_ALL, which see a frame before tc does, and as the tc
//! filter that drops the same frames behind them. Both work from the Ethernet header on. The program knows addresses
//! and ports, but remembers nothing: it is generated anew for every change.
//!
//! GAP(datapath.md 4): without maps no flows and expectations (FTP data from a backend), no ICMP errors that only
//! embed a packet of ours, and no IPv6 extension headers but a fragment header; every later fragment of a backend is
//! claimed.

use super::ClaimError;
use super::set::ClaimSet;
use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IND, BPF_JA, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_LDX,
    BPF_MSH, BPF_RET, BPF_W, sock_filter,
};
use net::ip::protocol;
use net::{Address, Family, Mac, Prefix, ethernet, icmp};
use std::collections::BTreeMap;

/// Instructions that the kernel takes (BPF_MAXINSNS).
pub const INSTRUCTIONS_MAX: usize = 4_096;

// Offsets in an untagged frame.
const ETHERTYPE: u32 = 12;
const V4_FRAGMENT: u32 = 20;
const V4_PROTOCOL: u32 = 23;
const V4_SOURCE: u32 = 26;
const V4_DESTINATION: u32 = 30;
const V6_NEXT: u32 = 20;
const V6_SOURCE: u32 = 22;
const V6_DESTINATION: u32 = 38;
const V6_UPPER: u32 = 54;
const ND_TARGET: u32 = 62;

// linux/filter.h: what the kernel knows beside the bytes.
const AD_PACKET_TYPE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE) as u32;
const AD_VLAN_TAG: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_VLAN_TAG) as u32;
const AD_VLAN_TAG_PRESENT: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_VLAN_TAG_PRESENT) as u32;

/// What the program returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdicts {
    /// For a packet of the engine.
    pub claimed: u32,
    /// For any other.
    pub other: u32,
}

impl Verdicts {
    /// A socket filter: all bytes, or none.
    pub const SOCKET: Self = Self { claimed: u32::MAX, other: 0 };
    /// A tc filter in direct-action mode: TC_ACT_SHOT, or TC_ACT_UNSPEC for the next filter to decide.
    pub const DROP: Self = Self { claimed: 2, other: u32::MAX };
}

/// The program that claims `set`.
///
/// # Errors
/// When it would be too large for the kernel.
pub fn program(set: &ClaimSet, verdicts: Verdicts) -> Result<Vec<sock_filter>, ClaimError> {
    let (claimed, other) = (vec![ret(verdicts.claimed)], vec![ret(verdicts.other)]);
    let generator = Generator { set, claimed, other };
    let code = generator.whole();
    if code.len() > INSTRUCTIONS_MAX {
        return Err(ClaimError::TooLarge { instructions: code.len() });
    }
    Ok(code)
}

/// Instructions that end in a return, or go on behind themselves.
type Code = Vec<sock_filter>;

/// Words of an address, and what to do when they are there.
type Case = (Vec<u32>, Code);

struct Generator<'a> {
    set: &'a ClaimSet,
    claimed: Code,
    other: Code,
}

impl Generator<'_> {
    fn whole(&self) -> Code {
        let mut code = vec![load(BPF_W, AD_PACKET_TYPE)];
        code.extend(when(u32::from(libc::PACKET_OUTGOING), self.other.clone()));
        code.extend(when(u32::from(libc::PACKET_OTHERHOST), self.unless_virtual_mac()));
        // The VLAN's own device has its own filter; VID 0 is only a priority. A kernel before 6.2 leaves the tag's value
        // behind when it takes the tag off for that device: it counts only while there is one.
        let mut tagged = vec![load(BPF_W, AD_VLAN_TAG), and(0x0fff)];
        tagged.extend(unless(0, self.other.clone()));
        code.push(load(BPF_W, AD_VLAN_TAG_PRESENT));
        code.extend(unless(0, tagged));
        code.push(load(BPF_H, ETHERTYPE));
        code.extend(when(u32::from(ethernet::IPV4), self.v4()));
        code.extend(when(u32::from(ethernet::IPV6), self.v6()));
        code.extend(self.other.clone());
        code
    }

    // Goes on behind itself for a frame to one of the virtual hardware addresses, and is the end of any other.
    fn unless_virtual_mac(&self) -> Code {
        self.set.macs.iter().fold(self.other.clone(), |rest, Mac([a, b, c, d, e, f])| {
            let on = vec![jump(rest.len())];
            let mut low = vec![load(BPF_H, 0)];
            low.extend(when(u32::from(u16::from_be_bytes([*a, *b])), on));
            let mut code = vec![load(BPF_W, 2)];
            code.extend(when(u32::from_be_bytes([*c, *d, *e, *f]), low));
            code.extend(rest);
            code
        })
    }

    fn v4(&self) -> Code {
        let mut code = self.by_destination(V4_DESTINATION, Family::V4);
        let mut backends = Vec::new();
        for (backend, ports) in self.backends(Family::V4) {
            let mut from = vec![load(BPF_H, V4_FRAGMENT), jump_if(BPF_JSET, 0x1fff, 0, 1), self.claimed[0]];
            from.push(load(BPF_B, V4_PROTOCOL));
            for (protocol, ports) in ports {
                // The header's length goes to X, so that the port is at X + 14.
                let load_port =
                    vec![instruction(BPF_LDX | BPF_B | BPF_MSH, 14), instruction(BPF_LD | BPF_H | BPF_IND, 14)];
                from.extend(when(u32::from(protocol), self.by_port(load_port, &ports)));
            }
            from.extend(self.other.clone());
            backends.push((words(backend), from));
        }
        code.extend(select(V4_SOURCE, backends));
        code.extend(self.other.clone());
        code
    }

    fn v6(&self) -> Code {
        let mut neighbor = vec![load(BPF_B, V6_UPPER)];
        for kind in [icmp::v6::NEIGHBOR_SOLICITATION, icmp::v6::NEIGHBOR_ADVERTISEMENT] {
            let mut code = select(ND_TARGET, self.owned(Family::V6));
            code.extend(self.other.clone());
            neighbor.extend(when(u32::from(kind), code));
        }
        let mut code = vec![load(BPF_B, V6_NEXT)];
        code.extend(when(u32::from(protocol::ICMPV6), neighbor));
        code.extend(self.by_destination(V6_DESTINATION, Family::V6));
        let mut backends = Vec::new();
        for (backend, ports) in self.backends(Family::V6) {
            let mut from = vec![load(BPF_B, V6_NEXT)];
            from.extend(when(u32::from(protocol::FRAGMENT), self.claimed.clone()));
            for (protocol, ports) in ports {
                from.extend(when(u32::from(protocol), self.by_port(vec![load(BPF_H, V6_UPPER)], &ports)));
            }
            from.extend(self.other.clone());
            backends.push((words(backend), from));
        }
        code.extend(select(V6_SOURCE, backends));
        code.extend(self.other.clone());
        code
    }

    // The address at `at`: one of ours, the box's own, or nobody's here (then the code goes on behind itself).
    fn by_destination(&self, at: u32, family: Family) -> Code {
        let mut addresses = self.owned(family);
        let own = self.set.own.iter().filter(|own| own.family() == family);
        addresses.extend(own.map(|own| (words(*own), self.other.clone())));
        let mut code = select(at, addresses);
        let mut networks = Code::new();
        for Prefix { network, bits } in self.set.vip_prefixes.iter().filter(|prefix| prefix.network.family() == family)
        {
            networks.extend(when_address(at, *network, *bits, self.claimed.clone()));
        }
        if networks.is_empty() {
            return code;
        }
        // A network of VIPs does not mean the backends inside.
        let guarded = self.backends(family).into_keys().fold(networks, |rest, backend| {
            let mut code = when_address(at, backend, family.bits(), vec![jump(rest.len())]);
            code.extend(rest);
            code
        });
        code.extend(guarded);
        code
    }

    fn owned(&self, family: Family) -> Vec<Case> {
        let owned = self.set.vips.iter().chain(&self.set.snat).filter(|address| address.family() == family);
        owned.map(|address| (words(*address), self.claimed.clone())).collect()
    }

    fn by_port(&self, load_port: Code, ports: &[u16]) -> Code {
        let mut code = load_port;
        for port in ports {
            code.extend(when(u32::from(*port), self.claimed.clone()));
        }
        code.extend(self.other.clone());
        code
    }

    // Ports by protocol, by backend.
    fn backends(&self, family: Family) -> BTreeMap<Address, BTreeMap<u8, Vec<u16>>> {
        let mut backends: BTreeMap<Address, BTreeMap<u8, Vec<u16>>> = BTreeMap::new();
        for endpoint in self.set.endpoints.iter().filter(|endpoint| endpoint.address.family() == family) {
            backends.entry(endpoint.address).or_default().entry(endpoint.protocol).or_default().push(endpoint.port);
        }
        backends
    }
}

// Runs the code of the case whose words are at `at`, the first of them when there are two; goes on behind itself when
// there is none. All codes end in a return. Each word is loaded once for all cases that share what is before it: the
// kernel makes some eight instructions of a load, and before 6.8 it gives a socket no more than 20 KB for all of them.
fn select(at: u32, cases: Vec<Case>) -> Code {
    let mut groups: BTreeMap<u32, Vec<Case>> = BTreeMap::new();
    for (words, then) in cases {
        let Some((first, rest)) = words.split_first() else { return then };
        groups.entry(*first).or_default().push((rest.to_vec(), then));
    }
    let mut code = Code::new();
    for (word, group) in groups.into_iter().rev() {
        let is_last_word = group.iter().any(|(rest, _)| rest.is_empty());
        let mut then = select(at + 4, group);
        if !is_last_word {
            // None of this group, so none at all: past the other groups.
            then.push(jump(code.len()));
        }
        let mut whole = when(word, then);
        whole.extend(code);
        code = whole;
    }
    if !code.is_empty() {
        code.insert(0, load(BPF_W, at));
    }
    code
}

fn words(address: Address) -> Vec<u32> {
    let octets = address.octets();
    let bytes = match address.family() {
        Family::V4 => &octets[12..],
        Family::V6 => &octets[..],
    };
    bytes.chunks_exact(4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]])).collect()
}

// Runs `then` when the first `bits` of the address at `at` are those of `address`; goes on behind itself otherwise.
fn when_address(at: u32, address: Address, bits: u8, then: Code) -> Code {
    let mut code = then;
    for (index, word) in words(address).into_iter().enumerate().rev() {
        let bits = u32::from(bits).saturating_sub(32 * index as u32).min(32);
        let Some(mask) = u32::MAX.checked_shl(32 - bits) else { continue };
        let mut compare = vec![load(BPF_W, at + 4 * index as u32)];
        if bits < 32 {
            compare.push(and(mask));
        }
        compare.extend(when(word, code));
        code = compare;
    }
    code
}

// Runs `then` when A is `value`. The long jump around it: the conditional ones reach 255 instructions only.
fn when(value: u32, then: Code) -> Code {
    let mut code = match u8::try_from(then.len()) {
        Ok(over) => vec![jump_if(BPF_JEQ, value, 0, over)],
        Err(_) => vec![jump_if(BPF_JEQ, value, 1, 0), jump(then.len())],
    };
    code.extend(then);
    code
}

// Runs `then` when A is not `value`.
fn unless(value: u32, then: Code) -> Code {
    let mut code = vec![jump_if(BPF_JEQ, value, 0, 1), jump(then.len())];
    code.extend(then);
    code
}

fn load(width: u32, at: u32) -> sock_filter {
    instruction(BPF_LD | width | BPF_ABS, at)
}

fn and(mask: u32) -> sock_filter {
    instruction(BPF_ALU | BPF_AND | BPF_K, mask)
}

fn jump(over: usize) -> sock_filter {
    instruction(BPF_JMP | BPF_JA, over as u32)
}

fn jump_if(test: u32, value: u32, then: u8, otherwise: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | test | BPF_K) as u16, jt: then, jf: otherwise, k: value }
}

fn ret(value: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, value)
}

fn instruction(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

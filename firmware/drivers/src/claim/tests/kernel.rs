//! On real devices: a client's and a server's namespace, and the box between them as a router.

use super::*;
use crate::netlink::{KernelRoute, sysctl};
use crate::testbed::{Namespace, Tap, configure, is_between};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(3);
/// How long a frame that must not come is waited for.
const SILENCE: Duration = Duration::from_millis(300);

/// The box with f0 (10.1.0.1, towards the client) and b0 (10.2.0.1, towards the server), forwarding.
struct Bed {
    client: Namespace,
    server: Namespace,
    netlink: Netlink,
    front: Link,
    back: Link,
}

impl Bed {
    // In the namespace of the calling thread.
    fn new() -> Self {
        let (client, server) = (Namespace::new(), Namespace::new());
        let mut netlink = Netlink::open().unwrap();
        netlink.add_veth("suimonf0", "suimonf1").unwrap();
        netlink.add_veth("suimonb0", "suimonb1").unwrap();
        client.take("suimonf1", "10.1.0.9", 16);
        server.take("suimonb1", "10.2.0.2", 16);
        let (front, back) = (configure("suimonf0", "10.1.0.1", 16), configure("suimonb0", "10.2.0.1", 16));
        sysctl::write("net/ipv4/ip_forward", "1").unwrap();
        // The client's network is behind 10.1.0.9; everybody's hardware address is known, so that nothing waits.
        let macs = [&client, &server].map(|side| {
            side.run(|| {
                Netlink::open()
                    .unwrap()
                    .links()
                    .unwrap()
                    .into_iter()
                    .find_map(|link| link.mac.filter(|_| link.ethernet))
            })
        });
        netlink.set_neighbor(front.index, ip("10.1.0.9"), macs[0].unwrap()).unwrap();
        netlink.set_neighbor(back.index, ip("10.2.0.2"), macs[1].unwrap()).unwrap();
        netlink.add_route(&KernelRoute::through(Prefix::new(ip("192.0.2.0"), 24), ip("10.1.0.9"))).unwrap();
        Self { client, server, netlink, front, back }
    }

    fn tap(&self, side: &Namespace, name: &'static str) -> Tap {
        side.run(|| Tap::open(&Netlink::open().unwrap().link(name).unwrap(), libc::ETH_P_ALL))
    }

    /// Whether a packet that the client sends leaves towards the server.
    fn goes_through(&self, packet: &[u8], source: &str, destination: &str, patience: Duration) -> bool {
        let (client, server) = (self.tap(&self.client, "suimonf1"), self.tap(&self.server, "suimonb1"));
        let frame = frame(self.front.mac.unwrap(), packet);
        arrives(&client, &frame, &server, patience, |frame| is_between(frame, source, destination)).is_some()
    }

    /// Whether a packet that the server sends leaves towards the client.
    fn comes_back(&self, packet: &[u8], source: &str, destination: &str, patience: Duration) -> bool {
        let (client, server) = (self.tap(&self.client, "suimonf1"), self.tap(&self.server, "suimonb1"));
        let frame = frame(self.back.mac.unwrap(), packet);
        arrives(&server, &frame, &client, patience, |frame| is_between(frame, source, destination)).is_some()
    }

    /// With a kernel that would forward all of it, only what is nobody's of ours passes.
    fn assert_shielded(&self) {
        let to_vip = packet(C4, "10.1.0.100", UDP, &udp(4000, 80));
        let to_backend = packet(C4, "10.2.0.2", UDP, &udp(4000, 22));
        let reply = packet("10.2.0.2", C4, UDP, &udp(53, 4000));
        let own = packet("10.2.0.2", C4, UDP, &udp(999, 4000));
        assert!(self.goes_through(&to_backend, C4, "10.2.0.2", PATIENCE), "what is not claimed is forwarded");
        assert!(!self.goes_through(&to_vip, C4, "10.1.0.100", SILENCE), "a client's packet for a VIP leaked");
        assert!(self.comes_back(&own, "10.2.0.2", C4, PATIENCE), "a backend's own packets are forwarded");
        assert!(!self.comes_back(&reply, "10.2.0.2", C4, SILENCE), "a reply leaked untranslated");
    }
}

// A veth that has just got its carrier drops for a moment: the frame is sent again until it arrives.
fn arrives(from: &Tap, frame: &[u8], to: &Tap, patience: Duration, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let deadline = Instant::now() + patience;
    loop {
        from.send(frame);
        let seen = to.next(Duration::from_millis(100), &wanted);
        if seen.is_some() || Instant::now() > deadline {
            return seen;
        }
    }
}

// Accepts what carries this mark.
fn has_mark(mark: u32) -> [libc::sock_filter; 4] {
    let mark_of_packet = (libc::SKF_AD_OFF + libc::SKF_AD_MARK) as u32;
    let instruction = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    [
        instruction((libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, 0, 0, mark_of_packet),
        instruction((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, 0, 1, mark),
        instruction((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, u32::MAX),
        instruction((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, 0),
    ]
}

#[test]
fn a_claimed_packet_reaches_the_tap_with_its_mark_and_the_kernel_not() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        let mut bed = Bed::new();
        let set = set();
        // The kernel has a way to the VIP, so that it would forward.
        bed.netlink.add_route(&KernelRoute::through(Prefix::new(ip("10.1.0.100"), 32), ip("10.2.0.2"))).unwrap();
        let to_vip = packet(C4, "10.1.0.100", UDP, &udp(4000, 80));
        assert!(bed.goes_through(&to_vip, C4, "10.1.0.100", PATIENCE), "the kernel would forward it");

        let claim = loaded(&set);
        claim.attach(&mut bed.netlink, &bed.front).unwrap();
        claim.attach(&mut bed.netlink, &bed.back).unwrap();
        bed.assert_shielded();

        let tap = Tap::open(&bed.front, libc::ETH_P_IP);
        tap.filter(&has_mark(mark::of(set.worker(ip(C4)))));
        let client = bed.tap(&bed.client, "suimonf1");
        client.send(&frame(bed.front.mac.unwrap(), &packet(C4, "10.2.0.2", UDP, &udp(4000, 22))));
        let to_vip_frame = frame(bed.front.mac.unwrap(), &to_vip);
        let seen = arrives(&client, &to_vip_frame, &tap, PATIENCE, |_| true).expect("the tap sees what is claimed");
        assert!(is_between(&seen, C4, "10.1.0.100"), "and nothing else");
        assert!(claim.statistics().unwrap().count(Reason::ClaimedVip) >= 2);

        claim.detach(&mut bed.netlink, bed.front.index).unwrap();
        assert!(bed.goes_through(&to_vip, C4, "10.1.0.100", PATIENCE));
        let loopback = bed.netlink.link("lo").unwrap();
        let error = claim.attach(&mut bed.netlink, &loopback).unwrap_err();
        assert_eq!(error.to_string(), "attach claim program to lo: not an Ethernet device");
    });
}

#[test]
fn the_classic_shield_drops_behind_the_tap() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        let mut bed = Bed::new();
        let set = set();
        bed.netlink.add_route(&KernelRoute::through(Prefix::new(ip("10.1.0.100"), 32), ip("10.2.0.2"))).unwrap();
        let mut shield = Shield::load(ShieldChoice::Classic, ClaimLimits::default()).unwrap();
        let (front, back) = (bed.front.clone(), bed.back.clone());
        shield.attach(&mut bed.netlink, &front).unwrap();
        shield.attach(&mut bed.netlink, &back).unwrap();
        shield.apply(&mut bed.netlink, &set).unwrap();
        assert!(shield.flow_claims().unwrap().is_none());
        bed.assert_shielded();

        let tap = Tap::open(&bed.front, libc::ETH_P_ALL);
        tap.filter(&classic::program(&set, classic::Verdicts::SOCKET).unwrap());
        let to_vip = packet(C4, "10.1.0.100", UDP, &udp(4000, 80));
        let client = bed.tap(&bed.client, "suimonf1");
        client.send(&frame(bed.front.mac.unwrap(), &packet(C4, "10.2.0.2", UDP, &udp(4000, 22))));
        let to_vip_frame = frame(bed.front.mac.unwrap(), &to_vip);
        let seen = arrives(&client, &to_vip_frame, &tap, PATIENCE, |_| true).expect("the tap sees what is claimed");
        assert!(is_between(&seen, C4, "10.1.0.100"), "and nothing else");

        shield.detach(&mut bed.netlink, front.index).unwrap();
        assert!(bed.goes_through(&to_vip, C4, "10.1.0.100", PATIENCE));
    });
}

/// Not a test: what the next one kills.
#[test]
#[ignore = "a part of the_shield_outlives_the_process"]
fn child_attaches_and_waits() {
    let mut netlink = Netlink::open().unwrap();
    let claim = loaded(&set());
    for name in ["suimonf0", "suimonb0"] {
        let link = netlink.link(name).unwrap();
        claim.attach(&mut netlink, &link).unwrap();
    }
    println!("attached");
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn the_shield_outlives_the_process() {
    if !is_root() {
        return;
    }
    Namespace::new().run(|| {
        let mut bed = Bed::new();
        bed.netlink.add_route(&KernelRoute::through(Prefix::new(ip("10.1.0.100"), 32), ip("10.2.0.2"))).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "claim::tests::kernel::child_attaches_and_waits", "--ignored", "--nocapture"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains("attached")));
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(bed.netlink.has_filter(bed.front.index).unwrap());
        bed.assert_shielded();

        // The next start takes its place; in between the old one holds.
        let claim = loaded(&set());
        claim.attach(&mut bed.netlink, &bed.front).unwrap();
        claim.attach(&mut bed.netlink, &bed.back).unwrap();
        bed.assert_shielded();
        assert!(claim.statistics().unwrap().claimed() >= 2, "the new program decides");
        drop(claim);
        bed.assert_shielded();
        let residue = crate::residue::clean().unwrap();
        assert!(residue.removed.iter().any(|line| line == "filter on suimonf0"), "{:?}", residue.removed);
        assert!(residue.failed.is_empty(), "{:?}", residue.failed);
    });
}

//! The box that is fuzzed: services of every method and policy in both families, and changes of its tables.

use super::random::Random;
use super::support::{address, prefix, tables};
use engine::tables::*;
use engine::{BackendIndex, HopIndex, NicId, ServiceIndex, Tables};
use net::siphash::Key;
use std::sync::Arc;

/// Methods of the services, whose VIPs are 10.1.0.100, .101 and so on, and 2001:db8:1::100, ::101 and so on.
const METHODS: [Method; 14] = [
    Method::Nat,
    Method::Direct,
    Method::TunnelIpip,
    Method::TunnelGre,
    Method::TunnelGue,
    Method::FullNat,
    Method::Nat,
    Method::Nat,
    Method::Direct,
    Method::Nat,
    Method::Nat,
    Method::FullNat,
    Method::TunnelIpip,
    Method::Nat,
];

/// Services in [`METHODS`] that the fuzzer treats in their own way.
pub const ALL_PORTS: usize = 7;
pub const FTP: usize = 9;
pub const SERVICES: usize = METHODS.len();

/// Whether its datagrams make no flows.
pub const fn is_one_packet(service: usize) -> bool {
    matches!(service, 8 | 10 | 11)
}

/// Port of a service.
pub fn port(service: usize, random: &mut Random) -> u16 {
    match service {
        FTP => 21,
        ALL_PORTS => random.pick(&[80, 443, 5_000]),
        _ => 80,
    }
}

/// The VIP of a service; now and then one out of a whole network of them.
pub fn vip(service: usize, v4: bool, random: &mut Random) -> net::Address {
    match (service, v4) {
        (1, true) if random.chance(30) => address(&format!("10.1.7.{}", random.between(1, 9))),
        (1, false) if random.chance(30) => address(&format!("2001:db8:7::{}", random.between(1, 9))),
        (_, true) => address(&format!("10.1.0.{}", 100 + service)),
        (_, false) => address(&format!("2001:db8:1::{}", 100 + service)),
    }
}

/// The world at the start of a round.
pub fn world(random: &mut Random, workers: u8) -> Tables {
    let mut world = tables(&METHODS);
    world.workers = workers;
    world.key = Key(random.next(), random.next());
    world.limits.flows_max = random.pick(&[100, 300, 1_000, 5_000]);
    world.limits.persistence_max = random.pick(&[8, 500]);
    world.limits.fragments_max = random.pick(&[4, 64, 512]);
    world.limits.ftp_max = random.pick(&[2, 64]);
    world.limits.replies_per_second_max = random.pick(&[10, 1_000]);
    world.limits.flow_statistics = random.chance(80);
    world.spread.seed = random.next() as u32;
    if workers > 1 {
        // The shortest persistence prefix in use, as the compiler of the tables takes it.
        (world.spread.ipv4_prefix, world.spread.ipv6_prefix) = (24, 64);
    }
    let mut services = world.services.to_vec();
    for (at, slot) in services.iter_mut().enumerate() {
        let slot = slot.as_mut().expect("all slots are in use at the start");
        policy(slot, at / 4);
    }
    world.services = services.into();
    let mut backends = world.backends.to_vec();
    for (at, slot) in backends.iter_mut().enumerate() {
        let backend = slot.as_mut().expect("all slots are in use at the start");
        way(backend, at / 12, at % 3);
    }
    add_fallback(&mut world, &mut backends);
    world.backends = backends.into();
    spread_ports(&mut world);
    world
}

fn policy(service: &mut Service, kind: usize) {
    let persistence = |group| Some(Persistence { timeout_s: 60, ipv4_prefix: 24, ipv6_prefix: 64, group });
    let schedulers =
        [SchedulerKind::Rr, SchedulerKind::Wlc, SchedulerKind::Sh, SchedulerKind::Mh, SchedulerKind::Lblcr];
    service.scheduler = schedulers[kind % schedulers.len()];
    service.timeouts.udp_s = 30;
    service.one_packet = is_one_packet(kind) && !service.tcp;
    match kind {
        1 => service.scheduler = SchedulerKind::Dh,
        3 => service.on_backend_down = OnBackendDown::Keep,
        6 => {
            service.persistence = persistence(0);
            service.midstream = Midstream::Adopt;
            service.mss_clamp = MssClamp::Bytes(1_001);
        }
        7 => {
            service.persistence = persistence(0);
            service.claim_flows = true;
            service.midstream = Midstream::Adopt;
        }
        8 => {
            service.midstream = Midstream::Drop;
            service.on_backend_down = OnBackendDown::Reset;
            service.persistence = persistence(0);
        }
        9 => service.ftp = service.tcp,
        10 => {
            service.on_backend_down = OnBackendDown::Keep;
            service.persistence = persistence(3);
        }
        11 => {
            service.on_backend_down = OnBackendDown::Drop;
            service.persistence = persistence(3);
        }
        13 => service.midstream = Midstream::Adopt,
        _ => {}
    }
}

fn way(backend: &mut Backend, kind: usize, number: usize) {
    let v4 = backend.address.is_v4();
    match kind {
        3 | 4 => backend.tunnel_checksum = number > 0,
        7 => backend.port = None,
        // To a backend of the other family.
        12 => {
            let hop = 2 + number + if v4 { 3 } else { 0 };
            backend.hop = Some(HopIndex(hop as u16));
            let number = number + 2;
            backend.address = address(&if v4 { format!("2001:db8:2::{number}") } else { format!("10.2.0.{number}") });
        }
        13 => backend.method = [Method::Nat, Method::Direct, Method::TunnelGre][number],
        _ => {}
    }
    if backend.method == Method::Direct || backend.method.is_tunnel() {
        backend.port = None;
    }
}

// Service 13 over IPv4 has a place of last resort.
fn add_fallback(world: &mut Tables, backends: &mut Vec<Option<Backend>>) {
    let index = BackendIndex(backends.len() as u16);
    let mut services = world.services.to_vec();
    let service = services[13 * 4].as_mut().expect("in use");
    let mut last = backends[service.backends[0].at()].clone().expect("in use");
    last.name = "last".into();
    last.address = address("10.2.0.2");
    last.port = Some(9_090);
    service.fallback = Some(index);
    backends.push(Some(last));
    world.services = services.into();
}

// All ports for one service, FTP's for another, and networks of VIPs.
fn spread_ports(world: &mut Tables) {
    let mut vips = (*world.vips).clone();
    for v4 in [true, false] {
        let mut random = Random::new(0);
        let entry = |service: usize, random: &mut Random| {
            if v4 { address(&format!("10.1.0.{}", 100 + service)) } else { vip(service, false, random) }
        };
        let all = vips.exact.get_mut(&entry(ALL_PORTS, &mut random)).expect("made by `tables`");
        for range in all.tcp.iter_mut().chain(&mut all.udp) {
            (range.first, range.last) = (0, u16::MAX);
        }
        let ftp = vips.exact.get_mut(&entry(FTP, &mut random)).expect("made by `tables`");
        (ftp.tcp[0].first, ftp.tcp[0].last) = (21, 21);
        let cache = ServiceIndex(if v4 { 4 } else { 6 });
        let range = |service| vec![PortRange { first: 80, last: 80, service }];
        let network = prefix(if v4 { "10.1.7.0/24" } else { "2001:db8:7::/64" });
        vips.prefixes.push((network, Vip { tcp: range(cache), udp: range(ServiceIndex(cache.0 + 1)) }));
    }
    world.vips = Arc::new(vips);
}

/// Changes something, as the control loop does; the epoch grows.
pub fn change(world: &Tables, random: &mut Random) -> Tables {
    let mut world = world.clone();
    world.epoch += 1;
    match random.below(15) {
        0..=5 => {
            let mut backends = world.backends.to_vec();
            let at = random.below(backends.len());
            change_backend(backends[at].as_mut().expect("slots stay in use"), random);
            world.backends = backends.into();
        }
        6 | 7 => {
            let mut nics = world.nics.to_vec();
            let nic = &mut nics[random.below(2)];
            nic.mtu = random.pick(&[1_500, 1_500, 1_280, 1_400, 9_000, 600, 576]);
            nic.up = random.chance(90);
            world.nics = nics.into();
        }
        8 => world.limits.flows_max = random.pick(&[80, 200, 1_000, 3_000]),
        9 => {
            let mut hops = world.hops.to_vec();
            let hop = &mut hops[random.below(8)];
            hop.mac = random.chance(80).then(|| super::support::backend_mac(random.between(1, 3) as u8));
            world.hops = hops.into();
        }
        10 => {
            let mut services = world.services.to_vec();
            let at = random.below(services.len());
            change_service(services[at].as_mut().expect("slots stay in use"), random);
            world.services = services.into();
        }
        // Everything is well again, for a while.
        _ => heal(&mut world),
    }
    world
}

fn change_backend(backend: &mut Backend, random: &mut Random) {
    use BackendState::{Disabled, Drain, Online, Removed};
    match random.below(5) {
        0 => backend.healthy = !backend.healthy,
        1 | 2 => backend.state = random.pick(&[Online, Online, Drain, Disabled, Removed]),
        3 => backend.weight = random.pick(&[0, 1, 1, 7, u32::MAX >> 1]),
        _ => backend.flows_max = random.pick(&[0, 0, 1, 10]),
    }
}

fn change_service(service: &mut Service, random: &mut Random) {
    match random.below(4) {
        0 => service.midstream = random.pick(&[Midstream::Reset, Midstream::Adopt, Midstream::Drop]),
        1 => service.scheduler = random.pick(&[SchedulerKind::Wrr, SchedulerKind::Twos, SchedulerKind::Ovf]),
        2 => service.timeouts.udp_s = random.pick(&[1, 30, 300]),
        _ if service.persistence.is_some() => {
            let group = random.pick(&[0, 3]);
            let bits = random.pick(&[24, 28]);
            let persistence = Persistence { timeout_s: 60, ipv4_prefix: bits, ipv6_prefix: 64, group };
            service.persistence = random.chance(70).then_some(persistence);
        }
        _ => service.persistence = None,
    }
}

fn heal(world: &mut Tables) {
    let mut backends = world.backends.to_vec();
    for backend in backends.iter_mut().flatten() {
        (backend.state, backend.healthy, backend.flows_max, backend.weight) = (BackendState::Online, true, 0, 1);
    }
    world.backends = backends.into();
    let mut nics = world.nics.to_vec();
    nics.iter_mut().for_each(|nic| (nic.mtu, nic.up) = (1_500, true));
    world.nics = nics.into();
    let mut hops = world.hops.to_vec();
    hops.iter_mut().for_each(|hop| hop.mac = hop.mac.or(Some(super::support::backend_mac(1))));
    world.hops = hops.into();
}

/// The MTU of a NIC.
pub fn mtu(world: &Tables, nic: NicId) -> usize {
    usize::from(world.nics[nic.at()].mtu)
}

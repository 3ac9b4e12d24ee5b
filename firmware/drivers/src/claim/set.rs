//! What the engine claims, as a set that two versions of can be compared.

use engine::WorkerId;
use engine::tables::{Method, Service, Spread, Tables};
use net::ip::protocol;
use net::{Address, Mac, Prefix};
use std::collections::BTreeSet;

/// Everything that makes a packet the engine's.
///
/// A backend that left the configuration stays in here as long as flows refer to it: without its endpoint the kernel
/// would forward its replies untranslated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimSet {
    /// Addresses that clients ask.
    pub vips: BTreeSet<Address>,
    /// Networks that clients ask. An address inside that is the box's own or a backend's is not meant.
    pub vip_prefixes: Vec<Prefix>,
    /// Source addresses of full NAT.
    pub snat: BTreeSet<Address>,
    /// Where replies come from that have to be translated back.
    pub endpoints: BTreeSet<Endpoint>,
    /// Backends without an endpoint: they serve too many ports, and their flows are claimed one by one.
    ///
    /// GAP(datapath.md 4): a restart after a crash knows no flows, so the kernel may forward what these backends still
    /// send for old ones.
    pub backends: BTreeSet<Address>,
    /// The box's own addresses: what goes there is the kernel's.
    pub own: BTreeSet<Address>,
    /// Tunnels to backends: errors about their outer headers.
    pub tunnels: BTreeSet<Tunnel>,
    /// Hardware addresses beside the NICs' own ones that frames for us may carry (virtual router addresses).
    pub macs: BTreeSet<Mac>,
    /// How clients are spread over workers.
    pub spread: Spread,
    /// How many workers there are; 0 counts as 1.
    pub workers: u8,
}

/// Where replies of a backend come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The backend's address.
    pub address: Address,
    /// TCP or UDP.
    pub protocol: u8,
    /// The port it serves on.
    pub port: u16,
}

/// One direction of a tunnel: what its outer headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tunnel {
    /// Source of the outer header.
    pub source: Address,
    /// Destination of the outer header: the backend.
    pub end: Address,
    /// IPIP, IPv6, GRE or UDP.
    pub protocol: u8,
    /// Destination port of UDP; 0 for the others.
    pub port: u16,
}

impl ClaimSet {
    /// What `tables` make the engine's. Virtual hardware addresses are not in the tables.
    pub fn of(tables: &Tables) -> Self {
        let mut set = Self {
            vips: tables.vips.exact.keys().copied().collect(),
            vip_prefixes: tables.vips.prefixes.iter().map(|(prefix, _)| *prefix).collect(),
            snat: tables.snat.iter().map(|snat| snat.address).collect(),
            own: tables.nics.iter().flat_map(|nic| nic.addresses.iter().map(|(own, _)| *own)).collect(),
            spread: tables.spread,
            workers: tables.workers,
            ..Self::default()
        };
        for backend in tables.backends.iter().flatten() {
            let Some(service) = tables.service(backend.service) else { continue };
            match backend.method {
                Method::Nat => {
                    let protocol = if service.tcp { protocol::TCP } else { protocol::UDP };
                    let address = backend.address;
                    let endpoint = |port| Endpoint { address, protocol, port };
                    match backend.port {
                        Some(port) => set.endpoints.extend([endpoint(port)]),
                        None => set.endpoints.extend(reply_ports(service).map(endpoint)),
                    }
                    if backend.port.is_none() && service.claim_flows {
                        set.backends.insert(address);
                    }
                }
                // Replies go to the SNAT address, or straight to the client.
                Method::FullNat | Method::Direct => {}
                Method::TunnelIpip | Method::TunnelGre | Method::TunnelGue => {
                    let Some(source) = backend.tunnel_source else { continue };
                    set.tunnels.extend(
                        outer_headers(backend.method, backend.tunnel_port).map(|(protocol, port)| Tunnel {
                            source,
                            end: backend.address,
                            protocol,
                            port,
                        }),
                    );
                }
            }
        }
        set
    }

    /// The worker of a client, as the program computes it.
    pub fn worker(&self, client: Address) -> WorkerId {
        self.spread.worker(client, self.workers)
    }
}

// Not many: a service with more ports claims its flows one by one.
fn reply_ports(service: &Service) -> impl Iterator<Item = u16> {
    service.reply_ports.iter().flat_map(|(first, last)| *first..=*last)
}

// Protocol and port of the outer header. IP in IP has one number for each family inside.
fn outer_headers(method: Method, port: u16) -> impl Iterator<Item = (u8, u16)> {
    let headers: &[(u8, u16)] = match method {
        Method::TunnelIpip => &[(protocol::IPIP, 0), (protocol::IPV6, 0)],
        Method::TunnelGre => &[(protocol::GRE, 0)],
        _ => &[],
    };
    let gue = (method == Method::TunnelGue).then_some((protocol::UDP, port));
    headers.iter().copied().chain(gue)
}

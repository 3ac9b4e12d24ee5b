//! The maps of `claim.bpf.c`: how a [`ClaimSet`] looks in them, and how they get from one to the next.
//!
//! Keys are byte arrays in the layout of the C structures. Addresses are 16 bytes in network order, ports too.

use super::ClaimError;
use super::set::ClaimSet;
use aya::Ebpf;
use aya::maps::lpm_trie::Key;
use aya::maps::{Array, HashMap, LpmTrie, Map, MapData, MapError};
use engine::Tuple;
use net::{Address, Prefix};
use std::collections::BTreeMap;

/// What an address is: bits of the values of `addresses`.
mod kind {
    pub const VIP: u32 = 0x01;
    pub const SNAT: u32 = 0x02;
    pub const OWN: u32 = 0x04;
    pub const BACKEND: u32 = 0x08;
    pub const TUNNEL_SOURCE: u32 = 0x10;
    pub const TUNNEL_END: u32 = 0x20;
}

/// What an endpoint is: bits of the values of `endpoints`.
mod role {
    pub const REPLIES: u32 = 0x01;
    pub const TUNNEL: u32 = 0x02;
}

/// Bits of `settings.flags`.
const HAS_VIP_PREFIXES: u32 = 0x01;

/// `struct settings`: workers, seed, flags, mask for IPv4, mask for IPv6.
type Settings = [u32; 11];
type AddressKey = [u8; 16];
type EndpointKey = [u8; 20];
type MacKey = [u8; 8];
/// `struct flow_key`.
pub(super) type FlowKey = [u8; 40];

/// What is in the maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    settings: Settings,
    addresses: BTreeMap<AddressKey, u32>,
    prefixes: BTreeMap<(u32, AddressKey), u32>,
    endpoints: BTreeMap<EndpointKey, u32>,
    macs: BTreeMap<MacKey, u32>,
}

impl Contents {
    pub(super) fn of(set: &ClaimSet) -> Self {
        let mut contents = Self { settings: settings_of(set), ..Self::default() };
        let kinds =
            [(&set.vips, kind::VIP), (&set.snat, kind::SNAT), (&set.own, kind::OWN), (&set.backends, kind::BACKEND)];
        for (addresses, kind) in kinds {
            addresses.iter().for_each(|address| contents.mark(*address, kind));
        }
        for prefix in &set.vip_prefixes {
            contents.prefixes.insert(prefix_key(prefix), 1);
        }
        for endpoint in &set.endpoints {
            contents.mark(endpoint.address, kind::BACKEND);
            let key = endpoint_key(endpoint.address, endpoint.protocol, endpoint.port);
            *contents.endpoints.entry(key).or_default() |= role::REPLIES;
        }
        for tunnel in &set.tunnels {
            contents.mark(tunnel.source, kind::TUNNEL_SOURCE);
            contents.mark(tunnel.end, kind::TUNNEL_END);
            let key = endpoint_key(tunnel.end, tunnel.protocol, tunnel.port);
            *contents.endpoints.entry(key).or_default() |= role::TUNNEL;
        }
        for mac in &set.macs {
            let mut key = [0; 8];
            key[..6].copy_from_slice(&mac.0);
            contents.macs.insert(key, 1);
        }
        contents
    }

    fn mark(&mut self, address: Address, kind: u32) {
        *self.addresses.entry(address.octets()).or_default() |= kind;
    }
}

/// The maps, and what is in them.
pub(super) struct Maps {
    settings: Array<MapData, Settings>,
    addresses: HashMap<MapData, AddressKey, u32>,
    prefixes: LpmTrie<MapData, AddressKey, u32>,
    endpoints: HashMap<MapData, EndpointKey, u32>,
    macs: HashMap<MapData, MacKey, u32>,
    contents: Contents,
}

impl Maps {
    /// Takes the maps out of a loaded object.
    pub(super) fn take(object: &mut Ebpf) -> Result<Self, ClaimError> {
        Ok(Self {
            settings: take(object, "settings")?,
            addresses: take(object, "addresses")?,
            prefixes: take(object, "vip_prefixes")?,
            endpoints: take(object, "endpoints")?,
            macs: take(object, "macs")?,
            contents: Contents::default(),
        })
    }

    /// Goes over to `new`: first everything that comes, beside what there is, then away with what goes. In between
    /// both sets are claimed, at no moment less than what is in both. What failed is tried again by the next call.
    pub(super) fn apply(&mut self, new: Contents) -> Result<(), ClaimError> {
        let old = &mut self.contents;
        let wide = widened(old, &new);
        put(&mut self.endpoints, &mut old.endpoints, &wide.endpoints, "endpoints")?;
        put(&mut self.prefixes, &mut old.prefixes, &wide.prefixes, "vip_prefixes")?;
        put(&mut self.macs, &mut old.macs, &wide.macs, "macs")?;
        put(&mut self.addresses, &mut old.addresses, &wide.addresses, "addresses")?;
        for settings in [wide.settings, new.settings] {
            if old.settings != settings {
                self.settings.set(0, settings, 0).map_err(|source| full("settings", source))?;
                old.settings = settings;
            }
        }
        put(&mut self.addresses, &mut old.addresses, &new.addresses, "addresses")?;
        put(&mut self.endpoints, &mut old.endpoints, &new.endpoints, "endpoints")?;
        put(&mut self.prefixes, &mut old.prefixes, &new.prefixes, "vip_prefixes")?;
        put(&mut self.macs, &mut old.macs, &new.macs, "macs")
    }
}

// Both at once: no entry of `old` is missing, values have the bits of both.
fn widened(old: &Contents, new: &Contents) -> Contents {
    fn union<K: Ord + Copy>(old: &BTreeMap<K, u32>, new: &BTreeMap<K, u32>) -> BTreeMap<K, u32> {
        let mut both = old.clone();
        for (key, value) in new {
            *both.entry(*key).or_default() |= value;
        }
        both
    }
    let mut settings = new.settings;
    settings[2] |= old.settings[2];
    Contents {
        settings,
        addresses: union(&old.addresses, &new.addresses),
        prefixes: union(&old.prefixes, &new.prefixes),
        endpoints: union(&old.endpoints, &new.endpoints),
        macs: union(&old.macs, &new.macs),
    }
}

/// A map of the kernel that holds one value for each key.
trait Store<K> {
    fn insert(&mut self, key: K, value: u32) -> Result<(), MapError>;
    fn remove(&mut self, key: K) -> Result<(), MapError>;
}

impl<const N: usize> Store<[u8; N]> for HashMap<MapData, [u8; N], u32> {
    fn insert(&mut self, key: [u8; N], value: u32) -> Result<(), MapError> {
        HashMap::insert(self, key, value, 0)
    }

    fn remove(&mut self, key: [u8; N]) -> Result<(), MapError> {
        HashMap::remove(self, &key)
    }
}

impl Store<(u32, AddressKey)> for LpmTrie<MapData, AddressKey, u32> {
    fn insert(&mut self, (bits, address): (u32, AddressKey), value: u32) -> Result<(), MapError> {
        LpmTrie::insert(self, &Key::new(bits, address), value, 0)
    }

    fn remove(&mut self, (bits, address): (u32, AddressKey)) -> Result<(), MapError> {
        LpmTrie::remove(self, &Key::new(bits, address))
    }
}

// Makes the kernel's map, known to hold `held`, hold `wanted`.
fn put<K: Ord + Copy>(
    store: &mut impl Store<K>,
    held: &mut BTreeMap<K, u32>,
    wanted: &BTreeMap<K, u32>,
    name: &'static str,
) -> Result<(), ClaimError> {
    for (key, value) in wanted {
        if held.get(key) != Some(value) {
            store.insert(*key, *value).map_err(|source| full(name, source))?;
            held.insert(*key, *value);
        }
    }
    let gone: Vec<K> = held.keys().filter(|key| !wanted.contains_key(key)).copied().collect();
    for key in gone {
        store.remove(key).map_err(|source| full(name, source))?;
        held.remove(&key);
    }
    Ok(())
}

fn full(map: &'static str, source: MapError) -> ClaimError {
    ClaimError::Map { map, source }
}

/// Takes one map out of a loaded object.
pub(super) fn take<M: TryFrom<Map, Error = MapError>>(object: &mut Ebpf, name: &'static str) -> Result<M, ClaimError> {
    let map = object.take_map(name).ok_or(ClaimError::MapMissing { map: name })?;
    M::try_from(map).map_err(|source| ClaimError::Map { map: name, source })
}

fn settings_of(set: &ClaimSet) -> Settings {
    let all = Address(u128::MAX);
    // Masked as addresses of their family are: of a mapped IPv4 address the first 96 bits always count.
    let v4 = all.masked(set.spread.ipv4_prefix.saturating_add(96));
    let v6 = all.masked(set.spread.ipv6_prefix);
    let mut settings = [0; 11];
    settings[0] = u32::from(set.workers.max(1));
    settings[1] = set.spread.seed;
    settings[2] = if set.vip_prefixes.is_empty() { 0 } else { HAS_VIP_PREFIXES };
    for (at, mask) in [(3, v4), (7, v6)] {
        for (word, bytes) in mask.octets().chunks_exact(4).enumerate() {
            settings[at + word] = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
    }
    settings
}

fn prefix_key(prefix: &Prefix) -> (u32, AddressKey) {
    let mapped = if prefix.network.is_v4() { 96 } else { 0 };
    (u32::from(prefix.bits) + mapped, prefix.network.octets())
}

fn endpoint_key(address: Address, protocol: u8, port: u16) -> EndpointKey {
    let mut key = [0; 20];
    key[..16].copy_from_slice(&address.octets());
    key[16..18].copy_from_slice(&port.to_be_bytes());
    key[18] = protocol;
    key
}

/// The key of a reply.
pub(super) fn flow_key(reply: &Tuple) -> FlowKey {
    let mut key = [0; 40];
    key[..16].copy_from_slice(&reply.source.octets());
    key[16..32].copy_from_slice(&reply.destination.octets());
    key[32..34].copy_from_slice(&reply.source_port.to_be_bytes());
    key[34..36].copy_from_slice(&reply.destination_port.to_be_bytes());
    key[36] = reply.protocol;
    key
}

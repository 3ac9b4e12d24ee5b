//! Which packets are the engine's: the loader of `bpf/claim.bpf.c`.
//!
//! The program sits at the tc ingress of every data NIC. A packet that it claims gets a mark naming its worker (see
//! [`crate::mark`]) and a type that makes the kernel's IP drop it; the engine's taps, which stand behind tc, still see
//! it. The filter belongs to the kernel and keeps its program and maps: when the process dies, claimed packets are
//! still dropped, and the next start replaces the filter without a gap. Where eBPF is refused, [`classic`] makes a
//! smaller version of the same decision.
//!
//! Order at start: [`Claim::load`], [`Claim::apply`], then [`Claim::attach`]: an attached program with empty maps
//! would leave everything to the kernel.

pub mod classic;
mod maps;
mod set;
mod shield;
mod statistics;

pub use set::{ClaimSet, Endpoint, Tunnel};
pub use shield::{Shield, ShieldChoice};
pub use statistics::{ClaimStatistics, Reason};

use crate::netlink::traffic::FilterProgram;
use crate::netlink::{Link, Netlink, NetlinkError};
use aya::maps::{HashMap, Map, MapData, MapError};
use aya::programs::{ProgramError, SchedClassifier};
use aya::{Ebpf, EbpfError, EbpfLoader};
use engine::Tuple;
use std::error::Error;
use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};

/// The compiled program. `bpf/build.sh` makes it; a test compares it with its source.
static OBJECT: &[u8] = aya::include_bytes_aligned!("bpf/claim.bpf.o");
/// Name of the program and of the filter.
const NAME: &str = "claim";
/// How often loading is tried when a signal interrupts the verifier.
const LOAD_ATTEMPTS_MAX: u32 = 16;

/// VIPs, SNAT addresses, backends and own addresses together.
pub const ADDRESSES_MAX: u32 = 65_536;
/// VIP networks.
pub const VIP_PREFIXES_MAX: u32 = 4_096;
/// Endpoints: backend, protocol and port.
pub const ENDPOINTS_MAX: u32 = 65_536;
/// Virtual hardware addresses.
pub const MACS_MAX: u32 = 512;
/// Fragmented datagrams remembered; the least recently used gives way.
pub const FRAGMENTS_MAX: u32 = 8_192;

/// Why packets cannot be claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The kernel refuses eBPF, or this program.
    #[error("load claim program: {}", causes(.0))]
    Load(#[from] EbpfError),
    /// The kernel refuses the program.
    #[error("load claim program: {}", causes(.0))]
    Program(#[from] ProgramError),
    /// The object lacks a map: it was built from another source.
    #[error("load claim program: no map {map} in the object")]
    MapMissing {
        /// Its name.
        map: &'static str,
    },
    /// A map is full, or cannot be changed.
    #[error("change claim map {map}: {}", causes(.source))]
    Map {
        /// Its name.
        map: &'static str,
        /// What the kernel said.
        source: MapError,
    },
    /// The filter cannot be attached or detached.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The device has no Ethernet frames.
    #[error("attach claim program to {name}: not an Ethernet device")]
    NotEthernet {
        /// The device.
        name: String,
    },
    /// The classic program has more instructions than the kernel takes.
    #[error(
        "generate classic claim program: {instructions} instructions, the kernel takes {}",
        classic::INSTRUCTIONS_MAX
    )]
    TooLarge {
        /// How many it would be.
        instructions: usize,
    },
}

impl ClaimError {
    /// Whether a map had no room.
    pub fn is_full(&self) -> bool {
        let Self::Map { source: MapError::SyscallError(error), .. } = self else { return false };
        error.io_error.raw_os_error() == Some(libc::E2BIG)
    }
}

// aya keeps the error number in the source of the source.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// Sizes that are not fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimLimits {
    /// Flows and expectations claimed one by one. Without flows, each costs 16 bytes.
    pub flows_max: u32,
}

impl Default for ClaimLimits {
    fn default() -> Self {
        Self { flows_max: 65_536 }
    }
}

/// The loaded program and its maps.
///
/// Dropping it changes nothing in the kernel as long as it is attached: that is what a crash looks like. A clean stop
/// calls [`Claim::detach`] for every NIC.
pub struct Claim {
    object: Ebpf,
    maps: maps::Maps,
    flows: MapData,
    counters: statistics::Counters,
}

impl Claim {
    /// Loads the program with empty maps. Nothing is attached.
    ///
    /// # Errors
    /// When the kernel refuses it: [`classic`] is what is left then.
    pub fn load(limits: ClaimLimits) -> Result<Self, ClaimError> {
        let mut object = EbpfLoader::new()
            .map_max_entries("addresses", ADDRESSES_MAX)
            .map_max_entries("vip_prefixes", VIP_PREFIXES_MAX)
            .map_max_entries("endpoints", ENDPOINTS_MAX)
            .map_max_entries("macs", MACS_MAX)
            .map_max_entries("fragments", FRAGMENTS_MAX)
            .map_max_entries("flows", limits.flows_max.max(1))
            .load(OBJECT)?;
        let maps = maps::Maps::take(&mut object)?;
        let counters = statistics::Counters::take(&mut object)?;
        let Some(Map::HashMap(flows)) = object.take_map("flows") else {
            return Err(ClaimError::MapMissing { map: "flows" });
        };
        load_program(&mut object)?;
        Ok(Self { object, maps, flows, counters })
    }

    /// Puts the program at a NIC's ingress, in place of whatever an earlier start left there.
    ///
    /// # Errors
    /// When the device is not Ethernet, or the kernel refuses.
    pub fn attach(&self, netlink: &mut Netlink, link: &Link) -> Result<(), ClaimError> {
        check_ethernet(link)?;
        netlink.set_filter(link.index, NAME, FilterProgram::Loaded(self.program_fd()?))?;
        Ok(())
    }

    /// Takes the program from a NIC's ingress.
    ///
    /// # Errors
    /// When the kernel refuses. That it was not there is none.
    pub fn detach(&self, netlink: &mut Netlink, index: u32) -> Result<(), ClaimError> {
        netlink.remove_filter(index)?;
        Ok(())
    }

    /// Claims `set` from now on. New entries come before old ones go; what failed is tried again by the next call.
    ///
    /// # Errors
    /// When a map is full or the kernel refuses.
    pub fn apply(&mut self, set: &ClaimSet) -> Result<(), ClaimError> {
        self.maps.apply(maps::Contents::of(set))
    }

    /// A handle for one thread that claims flows.
    ///
    /// # Errors
    /// When there is no file descriptor left.
    pub fn flow_claims(&self) -> Result<FlowClaims, ClaimError> {
        let failed = |source| ClaimError::Map { map: "flows", source };
        let fd = self.flows.fd().as_fd().try_clone_to_owned().map_err(|error| failed(MapError::IoError(error)))?;
        let data = MapData::from_fd(fd).map_err(failed)?;
        Ok(FlowClaims { flows: HashMap::try_from(Map::HashMap(data)).map_err(failed)? })
    }

    /// What the program counted since it was loaded.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn statistics(&self) -> Result<ClaimStatistics, ClaimError> {
        self.counters.read()
    }

    fn program(&self) -> Result<&SchedClassifier, ClaimError> {
        let program = self.object.program(NAME).ok_or(ProgramError::NotLoaded)?;
        Ok(program.try_into()?)
    }

    fn program_fd(&self) -> Result<BorrowedFd<'_>, ClaimError> {
        Ok(self.program()?.fd()?.as_fd())
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").finish_non_exhaustive()
    }
}

// The verifier gives up with EAGAIN when a signal is waiting for the thread: nothing is wrong then, but the moment.
fn load_program(object: &mut Ebpf) -> Result<(), ClaimError> {
    let program: &mut SchedClassifier = object.program_mut(NAME).ok_or(ProgramError::NotLoaded)?.try_into()?;
    let mut attempts = 1;
    loop {
        match program.load() {
            Err(ProgramError::LoadError { io_error, .. })
                if io_error.kind() == std::io::ErrorKind::WouldBlock && attempts < LOAD_ATTEMPTS_MAX =>
            {
                attempts += 1;
            }
            other => return Ok(other?),
        }
    }
}

fn check_ethernet(link: &Link) -> Result<(), ClaimError> {
    if link.ethernet { Ok(()) } else { Err(ClaimError::NotEthernet { name: link.name.clone() }) }
}

/// Claims single flows of backends: those whose endpoint is not in the [`ClaimSet`] (FTP data connections, services on
/// very many ports). Each call is one system call.
#[derive(Debug)]
pub struct FlowClaims {
    flows: HashMap<MapData, maps::FlowKey, u32>,
}

impl FlowClaims {
    /// Claims what a backend sends: `reply` goes from it to the client. Source port 0 stands for any: an expectation.
    /// Its address has to be that of an endpoint or a backend in the [`ClaimSet`].
    ///
    /// # Errors
    /// When the map is full ([`ClaimError::is_full`]).
    pub fn claim_flow(&mut self, reply: &Tuple) -> Result<(), ClaimError> {
        let claimed = self.flows.insert(maps::flow_key(reply), 1, 0);
        claimed.map_err(|source| ClaimError::Map { map: "flows", source })
    }

    /// Takes a claim back; that it was not there is no error.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn unclaim_flow(&mut self, reply: &Tuple) -> Result<(), ClaimError> {
        match self.flows.remove(&maps::flow_key(reply)) {
            Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
            Err(MapError::SyscallError(error)) if error.io_error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            Err(source) => Err(ClaimError::Map { map: "flows", source }),
        }
    }
}

#[cfg(test)]
mod tests;

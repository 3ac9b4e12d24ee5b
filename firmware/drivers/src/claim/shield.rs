//! The claim program, or what stands in for it where eBPF is refused.

use super::classic::{self, Verdicts};
use super::{Claim, ClaimError, ClaimLimits, ClaimSet, ClaimStatistics, FlowClaims, NAME, check_ethernet};
use crate::netlink::traffic::FilterProgram;
use crate::netlink::{Link, Netlink};
use std::collections::BTreeSet;

/// Which of the two to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShieldChoice {
    /// The program; classic BPF when the kernel refuses it.
    #[default]
    Auto,
    /// The program or an error.
    Program,
    /// Classic BPF.
    Classic,
}

/// What decides which packets are the engine's, and keeps the kernel from them.
#[derive(Debug)]
pub enum Shield {
    /// Marks packets for taps behind tc (ETH_P_IP, ETH_P_IPV6).
    Program(Box<Claim>),
    /// Drops packets behind taps before tc (ETH_P_ALL).
    Classic(ClassicShield),
}

impl Shield {
    /// Loads what `choice` says. Nothing is attached.
    ///
    /// # Errors
    /// When the program was asked for and the kernel refuses it.
    pub fn load(choice: ShieldChoice, limits: ClaimLimits) -> Result<Self, ClaimError> {
        if choice == ShieldChoice::Classic {
            return Ok(Self::Classic(ClassicShield::default()));
        }
        match Claim::load(limits) {
            Ok(claim) => Ok(Self::Program(Box::new(claim))),
            Err(error) if choice == ShieldChoice::Auto => {
                tracing::warn!(%error, "no eBPF: packets are claimed by classic BPF");
                Ok(Self::Classic(ClassicShield::default()))
            }
            Err(error) => Err(error),
        }
    }

    /// Claims `set` from now on, on every NIC attached to. With classic BPF the sockets' filters are the caller's:
    /// [`classic::program`] with [`Verdicts::SOCKET`], new ones before this call.
    ///
    /// # Errors
    /// When a map is full, the program too large, or the kernel refuses.
    pub fn apply(&mut self, netlink: &mut Netlink, set: &ClaimSet) -> Result<(), ClaimError> {
        match self {
            Self::Program(claim) => claim.apply(set),
            Self::Classic(shield) => shield.apply(netlink, set),
        }
    }

    /// Begins at a NIC. [`Shield::apply`] comes first.
    ///
    /// # Errors
    /// When the device is not Ethernet, or the kernel refuses.
    pub fn attach(&mut self, netlink: &mut Netlink, link: &Link) -> Result<(), ClaimError> {
        match self {
            Self::Program(claim) => claim.attach(netlink, link),
            Self::Classic(shield) => shield.attach(netlink, link),
        }
    }

    /// Ends at a NIC.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn detach(&mut self, netlink: &mut Netlink, index: u32) -> Result<(), ClaimError> {
        match self {
            Self::Program(claim) => claim.detach(netlink, index),
            Self::Classic(shield) => {
                shield.attached.remove(&index);
                netlink.remove_filter(index)?;
                Ok(())
            }
        }
    }

    /// A handle for one thread that claims flows; `None` with classic BPF, which knows none.
    ///
    /// # Errors
    /// When there is no file descriptor left.
    pub fn flow_claims(&self) -> Result<Option<FlowClaims>, ClaimError> {
        match self {
            Self::Program(claim) => claim.flow_claims().map(Some),
            Self::Classic(_) => Ok(None),
        }
    }

    /// What was counted; nothing with classic BPF.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn statistics(&self) -> Result<ClaimStatistics, ClaimError> {
        match self {
            Self::Program(claim) => claim.statistics(),
            Self::Classic(_) => Ok(ClaimStatistics::default()),
        }
    }
}

/// The tc filters of classic BPF.
#[derive(Debug, Default)]
pub struct ClassicShield {
    program: Vec<libc::sock_filter>,
    attached: BTreeSet<u32>,
}

impl ClassicShield {
    fn apply(&mut self, netlink: &mut Netlink, set: &ClaimSet) -> Result<(), ClaimError> {
        self.program = classic::program(set, Verdicts::DROP)?;
        for index in self.attached.clone() {
            match netlink.set_filter(index, NAME, FilterProgram::Classic(&self.program)) {
                // The NIC went away, and its filter with it.
                Err(error) if error.is_missing() => {
                    self.attached.remove(&index);
                }
                other => other?,
            }
        }
        Ok(())
    }

    fn attach(&mut self, netlink: &mut Netlink, link: &Link) -> Result<(), ClaimError> {
        check_ethernet(link)?;
        if self.program.is_empty() {
            self.program = classic::program(&ClaimSet::default(), Verdicts::DROP)?;
        }
        netlink.set_filter(link.index, NAME, FilterProgram::Classic(&self.program))?;
        self.attached.insert(link.index);
        Ok(())
    }
}

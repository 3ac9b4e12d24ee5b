//! Our filter at a device's tc ingress.
//!
//! It lives in the clsact qdisc, at a fixed priority and handle, and belongs to nobody's file descriptor: it stays when
//! the process dies. Other filters and the qdisc's own state are not touched.

use super::{Netlink, NetlinkError};
use netlink_packet_core::{DefaultNla, NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{
    TcAttribute, TcBpfFlags, TcFilterBpf, TcFilterBpfOption, TcHandle, TcMessage, TcOption,
};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Priority of our filter among those of a device; the lowest runs first.
pub const PRIORITY: u16 = 83;
/// Handle of our filter; "Su".
pub const HANDLE: u32 = 0x5375;

const CLSACT: &str = "clsact";
// linux/pkt_sched.h: TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), and egress.
const INGRESS: TcHandle = TcHandle { major: u16::MAX, minor: TcHandle::MIN_INGRESS };
const EGRESS: TcHandle = TcHandle { major: u16::MAX, minor: TcHandle::MIN_EGRESS };
// linux/pkt_cls.h: classic programs.
const TCA_BPF_OPS_LEN: u16 = 4;
const TCA_BPF_OPS: u16 = 5;

/// What the filter runs. Its verdict is taken directly.
#[derive(Clone, Copy, Debug)]
pub enum FilterProgram<'a> {
    /// A loaded eBPF program.
    Loaded(BorrowedFd<'a>),
    /// Classic instructions.
    Classic(&'a [libc::sock_filter]),
}

impl Netlink {
    /// Puts `program` at a device's ingress, in place of one that is there already: at no moment there is none.
    ///
    /// # Errors
    /// When the device is gone, the place is taken by something else, or the kernel refuses.
    pub fn set_filter(&mut self, index: u32, name: &str, program: FilterProgram<'_>) -> Result<(), NetlinkError> {
        match self.add_clsact(index) {
            Err(error) if !error.is_existing() => return Err(error),
            _ => {}
        }
        let mut options = match program {
            FilterProgram::Loaded(program) => vec![TcFilterBpfOption::ProgFd(program.as_raw_fd() as u32)],
            FilterProgram::Classic(instructions) => vec![
                TcFilterBpfOption::Other(DefaultNla::new(
                    TCA_BPF_OPS_LEN,
                    (instructions.len() as u16).to_ne_bytes().to_vec(),
                )),
                TcFilterBpfOption::Other(DefaultNla::new(TCA_BPF_OPS, bytes_of(instructions))),
            ],
        };
        options.push(TcFilterBpfOption::ProgName(name.to_owned()));
        options.push(TcFilterBpfOption::Flags(TcBpfFlags::DirectAction));
        let mut message = ours(index);
        message.attributes.push(TcAttribute::Options(options.into_iter().map(TcOption::Bpf).collect()));
        let act = || format!("attach {name} to link {index}");
        self.change(RouteNetlinkMessage::NewTrafficFilter(message), NLM_F_CREATE, act)
    }

    /// Removes our filter from a device, and the qdisc with it when nothing else is in it. `false`: there was none.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remove_filter(&mut self, index: u32) -> Result<bool, NetlinkError> {
        let act = || format!("detach filter from link {index}");
        match self.change(RouteNetlinkMessage::DelTrafficFilter(ours(index)), 0, act) {
            Err(error) if error.is_missing() || error.errno() == Some(libc::EINVAL) => return Ok(false),
            other => other?,
        }
        if self.count_filters(index, INGRESS)? == 0 && self.count_filters(index, EGRESS)? == 0 {
            self.remove_clsact(index)?;
        }
        Ok(true)
    }

    /// Whether our filter is at a device's ingress.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn has_filter(&mut self, index: u32) -> Result<bool, NetlinkError> {
        let handle = TcHandle::from(HANDLE);
        Ok(self
            .filters(index, INGRESS)?
            .iter()
            .any(|filter| filter.header.handle == handle && filter.header.info >> 16 == u32::from(PRIORITY)))
    }

    fn count_filters(&mut self, index: u32, parent: TcHandle) -> Result<usize, NetlinkError> {
        self.filters(index, parent).map(|filters| filters.len())
    }

    fn filters(&mut self, index: u32, parent: TcHandle) -> Result<Vec<TcMessage>, NetlinkError> {
        let mut message = TcMessage::with_index(index as i32);
        message.header.parent = parent;
        let act = format!("list filters of link {index}");
        let list = match self.dump(RouteNetlinkMessage::GetTrafficFilter(message), &act) {
            Err(error) if error.is_missing() || error.errno() == Some(libc::EINVAL) => return Ok(Vec::new()),
            other => other?,
        };
        Ok(list
            .into_iter()
            .filter_map(|message| match message {
                RouteNetlinkMessage::NewTrafficFilter(filter) => Some(filter),
                _ => None,
            })
            .collect())
    }

    fn add_clsact(&mut self, index: u32) -> Result<(), NetlinkError> {
        let act = || format!("add clsact to link {index}");
        self.change(RouteNetlinkMessage::NewQueueDiscipline(clsact(index)), NLM_F_CREATE | NLM_F_EXCL, act)
    }

    fn remove_clsact(&mut self, index: u32) -> Result<(), NetlinkError> {
        let act = || format!("remove clsact from link {index}");
        match self.change(RouteNetlinkMessage::DelQueueDiscipline(clsact(index)), 0, act) {
            // The older ingress qdisc in the same place: not ours.
            Err(error) if error.errno() == Some(libc::EINVAL) => Ok(()),
            other => other,
        }
    }
}

fn clsact(index: u32) -> TcMessage {
    let mut message = TcMessage::with_index(index as i32);
    message.header.parent = TcHandle::CLSACT;
    message.header.handle = TcHandle { major: u16::MAX, minor: 0 };
    message.attributes.push(TcAttribute::Kind(CLSACT.to_owned()));
    message
}

fn ours(index: u32) -> TcMessage {
    let mut message = TcMessage::with_index(index as i32);
    message.header.parent = INGRESS;
    message.header.handle = TcHandle::from(HANDLE);
    // tcm_info: priority above, protocol (network order) below.
    message.header.info = u32::from(PRIORITY) << 16 | u32::from((libc::ETH_P_ALL as u16).to_be());
    message.attributes.push(TcAttribute::Kind(TcFilterBpf::KIND.to_owned()));
    message
}

fn bytes_of(instructions: &[libc::sock_filter]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(instructions.len() * 8);
    for instruction in instructions {
        bytes.extend_from_slice(&instruction.code.to_ne_bytes());
        bytes.extend_from_slice(&[instruction.jt, instruction.jf]);
        bytes.extend_from_slice(&instruction.k.to_ne_bytes());
    }
    bytes
}

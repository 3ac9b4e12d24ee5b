//! Which super-frames a NIC cuts itself, by ETHTOOL_GFEATURES.
//!
//! Ownership: the kernel reads and writes the request's buffer for the duration of one ioctl only.

use super::socket;
use net::offload::{Offload, Segmentation};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSSET_INFO: u32 = 0x37;
const ETHTOOL_GFEATURES: u32 = 0x3a;
const ETH_SS_FEATURES: u32 = 4;
/// Bytes of a feature's name.
const NAME_BYTES: usize = 32;
/// 32-bit words of each block of ETHTOOL_GFEATURES: available, requested, active, never changed.
const BLOCK_WORDS: usize = 4;
/// A bound for what a kernel may say; Linux 6.18 has 64.
const FEATURES_MAX: usize = 1024;

/// The features that decide where a super-frame may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    tcp4: bool,
    tcp6: bool,
    ecn: bool,
    udp: bool,
}

impl Features {
    /// Of the NIC called `name`; none when it cannot be asked.
    pub(crate) fn of(socket: BorrowedFd<'_>, name: &str) -> Self {
        let Ok(active) = active(socket, name) else { return Self::default() };
        let has = |feature: &str| active.iter().any(|name| name == feature);
        Self {
            tcp4: has("tx-tcp-segmentation"),
            tcp6: has("tx-tcp6-segmentation"),
            ecn: has("tx-tcp-ecn-segmentation"),
            udp: has("tx-udp-segmentation"),
        }
    }

    /// Whether TCP super-frames of both families leave uncut. If not, they need the queueing discipline's path, and
    /// then everything does: small frames on a faster path would overtake them.
    pub(crate) fn cut_tcp(self) -> bool {
        self.tcp4 && self.tcp6
    }

    /// Whether this frame leaves uncut.
    #[inline]
    pub(crate) fn cover(self, offload: &Offload) -> bool {
        let kind = match offload.segmentation {
            Segmentation::None => return true,
            Segmentation::TcpV4 => self.tcp4,
            Segmentation::TcpV6 => self.tcp6,
            Segmentation::Udp => self.udp,
            Segmentation::UdpFragments => false,
        };
        // Without an open checksum the kernel cuts a super-frame in software, whatever the NIC can do.
        kind && offload.partial_checksum && (self.ecn || !offload.ecn)
    }
}

/// The names of the features that are switched on.
fn active(socket: BorrowedFd<'_>, name: &str) -> io::Result<Vec<String>> {
    // struct ethtool_sset_info: cmd, reserved, mask of sets (64 bits), a number per set.
    let mut info = [ETHTOOL_GSSET_INFO, 0, 1 << ETH_SS_FEATURES, 0, 0];
    ask(socket, name, &mut info)?;
    let count = info[4] as usize;
    if count > FEATURES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // struct ethtool_gstrings: cmd, set, how many, names.
    let mut strings = vec![0; 3 + count * NAME_BYTES / 4];
    strings[..3].copy_from_slice(&[ETHTOOL_GSTRINGS, ETH_SS_FEATURES, count as u32]);
    ask(socket, name, &mut strings)?;
    // struct ethtool_gfeatures: cmd, how many blocks, blocks.
    let blocks = count.div_ceil(32);
    let mut features = vec![0; 2 + blocks * BLOCK_WORDS];
    features[..2].copy_from_slice(&[ETHTOOL_GFEATURES, blocks as u32]);
    ask(socket, name, &mut features)?;
    let names = strings[3..].chunks_exact(NAME_BYTES / 4).map(text);
    let is_active = |at: usize| features[2 + at / 32 * BLOCK_WORDS + 2] & 1 << (at % 32) != 0;
    Ok(names.enumerate().filter(|&(at, _)| is_active(at)).map(|(_, name)| name).collect())
}

/// A name that the kernel padded with zeros.
fn text(words: &[u32]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).take_while(|&byte| byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn ask(socket: BorrowedFd<'_>, name: &str, command: &mut [u32]) -> io::Result<()> {
    let mut request = socket::named(name)?;
    request.ifr_ifru.ifru_data = command.as_mut_ptr().cast();
    // SAFETY: `request` points at `command`, which has room for the answer: one number, or as many names or blocks as
    // the kernel has features, a number that never changes while it runs. Both outlive the call.
    socket::check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_covered_super_frames_bypass_the_queue() {
        let nic = Features { tcp4: true, tcp6: true, ecn: false, udp: false };
        let frame = |segmentation, partial_checksum, ecn| Offload {
            segmentation,
            partial_checksum,
            ecn,
            segment_size: 1448,
            ..Offload::NONE
        };
        let table = [
            (Offload::NONE, true),
            (frame(Segmentation::TcpV4, true, false), true),
            (frame(Segmentation::TcpV6, true, false), true),
            (frame(Segmentation::TcpV4, false, false), false),
            (frame(Segmentation::TcpV4, true, true), false),
            (frame(Segmentation::Udp, true, false), false),
            (frame(Segmentation::UdpFragments, true, false), false),
        ];
        for (offload, covered) in table {
            assert_eq!(nic.cover(&offload), covered, "{offload:?}");
        }
        assert!(!Features { tcp6: false, ..nic }.cut_tcp());
    }
}

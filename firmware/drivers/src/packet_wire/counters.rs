//! What a worker's wire counts, per NIC. Written by the worker, read by anybody.

use engine::{Count, NicId};

/// NICs that a wire can have; a bound of the configuration.
pub const NIC_IDS_MAX: usize = 64;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What one worker counts on one NIC.
        #[derive(Debug, Default)]
        pub struct NicCounters {
            $($(#[$doc])* pub $name: Count,)*
        }

        impl NicCounters {
            /// All of them, by name.
            pub fn list(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.value()),)*]
            }
        }
    };
}

counters! {
    /// Frames received.
    received,
    /// Bytes received.
    received_bytes,
    /// Of the frames received: super-frames.
    super_frames_received,
    /// Of the frames received: too large for a slot, so copied once more.
    copied,
    /// Dropped by the kernel: the ring was full.
    ring_full,
    /// Dropped: larger than its slot, and the kernel had no room for a copy.
    truncated,
    /// Dropped: tagged for a VLAN that no NIC here stands for.
    tagged,
    /// Frames sent.
    transmitted,
    /// Bytes sent.
    transmitted_bytes,
    /// Of the frames sent: super-frames.
    super_frames_transmitted,
    /// Not sent: the socket, the queue or the NIC's ring was full.
    send_full,
    /// Not sent: longer than the link's MTU.
    send_too_long,
    /// Not sent: the NIC is down or gone.
    send_down,
    /// Not sent: the kernel refused the frame.
    send_refused,
    /// Not sent: no buffer for a frame that the engine made.
    emit_full,
    /// Times that the NIC was lost: it went down, or away.
    lost,
}

/// What one worker's wire counts.
#[derive(Debug)]
pub struct WireCounters {
    nics: Box<[NicCounters]>,
    /// Frames not handed over: the other worker's queue was full.
    pub handover_full: Count,
    /// Waits that really slept.
    pub sleeps: Count,
    /// Submits that the kernel refused; what was prepared is kept.
    pub submits_failed: Count,
}

impl Default for WireCounters {
    fn default() -> Self {
        Self {
            nics: (0..NIC_IDS_MAX).map(|_| NicCounters::default()).collect(),
            handover_full: Count::default(),
            sleeps: Count::default(),
            submits_failed: Count::default(),
        }
    }
}

impl WireCounters {
    /// Those of one NIC.
    #[inline]
    pub fn nic(&self, nic: NicId) -> &NicCounters {
        &self.nics[nic.at()]
    }

    /// All NICs' together with the wire's own, by name.
    pub fn list(&self) -> Vec<(&'static str, u64)> {
        let mut list = vec![
            ("handover_full", self.handover_full.value()),
            ("sleeps", self.sleeps.value()),
            ("submits_failed", self.submits_failed.value()),
        ];
        let first = self.nics[0].list();
        list.extend(
            first.iter().enumerate().map(|(at, &(name, _))| (name, self.nics.iter().map(|nic| nic.list()[at].1).sum())),
        );
        list
    }
}

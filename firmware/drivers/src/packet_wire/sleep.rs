//! Waiting, and noticing that a NIC is lost.

use super::{PacketWire, WAKER_TAG, socket};
use crate::clock;
use engine::NicId;
use net::Now;
use std::time::Duration;

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// A frame waits.
    Frames,
    /// Somebody called the waker: the control loop, or another worker that handed a frame over.
    Control,
    /// The deadline came, or something that needs no answer.
    Deadline,
}

impl PacketWire {
    /// Waits until a frame comes, somebody calls the waker, or the deadline; looks again and again for the time of
    /// `spin` before it sleeps. Everything must be flushed.
    pub fn wait(&mut self, deadline: Now, spin: Duration) -> Wake {
        if let Some(wake) = self.is_ready() {
            return wake;
        }
        if !spin.is_zero() {
            let until = (clock::now() + spin).min(deadline);
            while clock::now() < until {
                if let Some(wake) = self.is_ready() {
                    return wake;
                }
                std::hint::spin_loop();
            }
        }
        let timeout = deadline.since(clock::now());
        if timeout.is_zero() {
            // Nothing was polled, so a lost NIC would stay unnoticed as long as the worker spins.
            self.check_taps();
            self.drop_lost();
            return Wake::Deadline;
        }
        if self.waker.fall_asleep() {
            self.sleep(timeout);
        }
        self.waker.wake_up();
        self.is_ready().unwrap_or(Wake::Deadline)
    }

    fn is_ready(&self) -> Option<Wake> {
        if self.waker.take() {
            return Some(Wake::Control);
        }
        let mut taps = self.serving.iter().filter_map(|&place| self.taps[place as usize].as_ref());
        taps.any(|tap| tap.ring.is_ready()).then_some(Wake::Frames)
    }

    /// Polls are armed here and nowhere else: each armed one costs the kernel time per frame.
    fn sleep(&mut self, timeout: Duration) {
        for &place in &self.serving {
            if let Some(tap) = &mut self.taps[place as usize]
                && !tap.armed
            {
                tap.armed = self.ring.poll(tap.file, tap.tag);
            }
        }
        if !self.waker_armed {
            self.waker_armed = self.ring.poll(self.waker_file, WAKER_TAG);
        }
        self.counters.sleeps.add(1);
        if self.ring.wait(timeout).is_err() {
            self.counters.submits_failed.add(1);
            // The kernel is short of memory; without a pause this would become a busy loop.
            std::thread::sleep(timeout.min(Duration::from_millis(1)));
        }
        self.reap();
        self.drop_lost();
    }

    pub(super) fn polled(&mut self, tag: u64, result: i32) {
        let Some(tap) = self.taps.iter_mut().flatten().find(|tap| tap.tag == tag) else { return };
        tap.armed = false;
        if result > 0 && result & i32::from(libc::POLLERR) != 0 {
            self.check_taps();
        }
    }

    /// Looks for taps whose NIC went down or away.
    pub(super) fn check_taps(&mut self) {
        for tap in self.taps.iter().flatten().filter(|tap| !tap.closed) {
            if matches!(socket::pending_error(tap.ring.socket()), Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV))
                && let Some(Some(nic)) = self.nics.get_mut(tap.nic.at())
            {
                nic.lost = true;
            }
        }
    }

    /// Lets go of NICs that were found lost. The kernel puts sockets of a returned NIC of the same index back to
    /// work, but in any order within their group: they are opened again in every case.
    pub(super) fn drop_lost(&mut self) {
        for id in 0..self.nics.len() {
            if self.nics[id].as_ref().is_some_and(|nic| nic.lost) {
                let nic = NicId(id as u8);
                self.counters.nic(nic).lost.add(1);
                self.detach(nic);
                if !self.lost.contains(&nic) {
                    self.lost.push(nic);
                }
            }
        }
    }
}

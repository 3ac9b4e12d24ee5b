//! From a frame of the engine to a completed send.

use super::slot::{Flight, Slot};
use super::{Nic, PacketWire, vnet};
use crate::uring::Ring;
use engine::{Frame, Head, NicId};

impl PacketWire {
    /// Prepares the send of a frame.
    #[inline]
    pub(super) fn send(&mut self, mut frame: Frame<Slot>, id: NicId) {
        let Head { start, end, offload, .. } = frame.head;
        let counters = self.counters.nic(id);
        let Some(Some(nic)) = self.nics.get(id.at()) else {
            counters.send_down.add(1);
            return self.take_back(frame.slot);
        };
        let (start, end) = (start as usize, end as usize);
        if start < vnet::BYTES || end <= start || end > frame.slot.length as usize {
            counters.send_refused.add(1);
            return self.take_back(frame.slot);
        }
        let (file, bypassed) = match nic.bypass {
            Some(bypass) if nic.features.cover(&offload) => (bypass, true),
            _ => (nic.ordinary, false),
        };
        let length = end - start;
        let begin = start - vnet::BYTES;
        frame.slot.as_mut()[begin..start].copy_from_slice(&vnet::Header::new(&offload, length).bytes());
        if self.flights.is_full() {
            self.submit();
            if self.flights.is_full() {
                self.counters.nic(id).send_full.add(1);
                return self.take_back(frame.slot);
            }
        }
        // SAFETY: `begin` was checked to lie inside the slot's buffer.
        let bytes = unsafe { frame.slot.base.add(begin).as_ptr() };
        let super_frame = offload.is_super_frame();
        let flight = Flight { slot: frame.slot, nic: id, length: length as u32, super_frame, bypassed };
        let tag = self.flights.begin(flight);
        // SAFETY: from `begin` the bytes up to the frame's end were checked to be in the slot, which now lies in
        // `flights`, untouched, until this tag's completion takes it out.
        let prepared = unsafe { self.ring.send(file, bytes, (length + vnet::BYTES) as u32, u64::from(tag)) };
        if !prepared && let Some(flight) = self.flights.end(tag) {
            self.counters.nic(id).send_full.add(1);
            self.take_back(flight.slot);
        }
    }

    /// A send is over: count it, and give its slot back.
    pub(super) fn landed(&mut self, tag: u32, result: i32) {
        let Some(flight) = self.flights.end(tag) else { return };
        let counters = self.counters.nic(flight.nic);
        if result >= 0 {
            counters.transmitted.add(1);
            counters.transmitted_bytes.add(u64::from(flight.length));
            counters.super_frames_transmitted.add(u64::from(flight.super_frame));
        } else {
            match -result {
                libc::ENOBUFS | libc::EAGAIN | libc::ENOMEM => counters.send_full.add(1),
                libc::EMSGSIZE => counters.send_too_long.add(1),
                libc::ENETDOWN | libc::ENXIO | libc::ENODEV => counters.send_down.add(1),
                _ => counters.send_refused.add(1),
            }
            if let Some(Some(nic)) = self.nics.get_mut(flight.nic.at()) {
                nic.lost |= matches!(-result, libc::ENETDOWN | libc::ENXIO | libc::ENODEV);
                // The NIC's features or limits are not what they were, or its ring was full. The queueing discipline
                // handles both; all frames go there, because two paths would reorder them.
                if flight.bypassed && flight.super_frame && -result == libc::ENOBUFS {
                    nic.bypass_off(&mut self.ring);
                }
            }
        }
        self.take_back(flight.slot);
    }
}

impl Nic {
    /// Sends everything through the queueing discipline from now on.
    fn bypass_off(&mut self, ring: &mut Ring) {
        if let Some(file) = self.bypass.take() {
            ring.unregister(file);
        }
    }
}

//! GRUB's environment block: where GRUB and the firmware agree on the slot to start.
//!
//! The file has 1,024 bytes, and everything that changes is in the first 512: a sector is written whole or not at all.
//! `grub.cfg` counts `tries` down before each start of a slot that is not yet good; the firmware makes it good.

use crate::disk::Slot;

/// Bytes of the file.
pub const BLOCK_BYTES: usize = 1024;
/// Bytes of the part that changes.
pub const SECTOR_BYTES: usize = 512;
/// How often a new firmware is started before the one before returns.
pub const TRIES: u8 = 3;
/// How GRUB knows the file.
const SIGNATURE: &str = "# GRUB Environment Block\n";
/// What GRUB fills it up with.
const FILLING: u8 = b'#';

/// What is agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootEnvironment {
    /// The slot to start.
    pub slot: Slot,
    /// Starts left while it is not good.
    pub tries: u8,
    /// Whether it has shown that it works.
    pub good: bool,
}

impl BootEnvironment {
    /// As shipped: slot A, and whoever built the image has tried it.
    pub const SHIPPED: Self = Self { slot: Slot::A, tries: 0, good: true };

    /// A slot that an update has written.
    pub const fn on_trial(slot: Slot) -> Self {
        Self { slot, tries: TRIES, good: false }
    }

    /// A slot that works.
    pub const fn proven(slot: Slot) -> Self {
        Self { slot, tries: 0, good: true }
    }

    /// Reads the block, or its first sector. `None`: it is damaged, and GRUB tries A, then B.
    pub fn parse(block: &[u8]) -> Option<Self> {
        let text = block.get(..SECTOR_BYTES)?.strip_prefix(SIGNATURE.as_bytes())?;
        let (mut slot, mut tries, mut good) = (None, None, None);
        for line in text.split(|byte| *byte == b'\n').take_while(|line| line.first() != Some(&FILLING)) {
            let (name, value) = std::str::from_utf8(line).ok()?.split_once('=')?;
            match name {
                "slot" => slot = Some(value.parse().ok()?),
                "tries" => tries = Some(value.parse().ok().filter(|tries| *tries <= TRIES)?),
                "good" => good = Some(value == "1"),
                // Another GRUB's.
                _ => {}
            }
        }
        Some(Self { slot: slot?, tries: tries?, good: good? })
    }

    /// The whole file.
    pub fn emit(&self) -> [u8; BLOCK_BYTES] {
        let text = format!("{SIGNATURE}slot={}\ntries={}\ngood={}\n", self.slot, self.tries, u8::from(self.good));
        let mut block = [FILLING; BLOCK_BYTES];
        // Three short variables: far from 512 bytes.
        block[..text.len()].copy_from_slice(text.as_bytes());
        block
    }

    /// The slots that GRUB tries, in this order; an empty one is left out by GRUB itself.
    pub fn order(environment: Option<Self>) -> [Slot; 2] {
        match environment {
            None => [Slot::A, Slot::B],
            Some(Self { slot, good: false, tries: 0 }) => [slot.other(), slot],
            Some(Self { slot, .. }) => [slot, slot.other()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for environment in [
            BootEnvironment::SHIPPED,
            BootEnvironment::on_trial(Slot::B),
            BootEnvironment { slot: Slot::A, tries: 1, good: false },
        ] {
            let block = environment.emit();
            assert_eq!(BootEnvironment::parse(&block), Some(environment));
            assert_eq!(BootEnvironment::parse(&block[..SECTOR_BYTES]), Some(environment));
            assert!(block[SECTOR_BYTES..].iter().all(|byte| *byte == b'#'), "the second sector never changes");
        }
        let text = String::from_utf8(BootEnvironment::SHIPPED.emit().to_vec()).unwrap();
        assert!(text.starts_with("# GRUB Environment Block\nslot=a\ntries=0\ngood=1\n####"), "{text}");
    }

    #[test]
    fn what_grub_wrote_is_read() {
        let mut block = b"# GRUB Environment Block\ntries=2\ngood=0\nsaved_entry=x\nslot=b\n".to_vec();
        block.resize(BLOCK_BYTES, b'#');
        let found = BootEnvironment { slot: Slot::B, tries: 2, good: false };
        assert_eq!(BootEnvironment::parse(&block), Some(found));
    }

    #[test]
    fn damage_is_told_from_content() {
        let good = BootEnvironment::on_trial(Slot::B).emit();
        let text = String::from_utf8(good.to_vec()).unwrap();
        for (from, to) in [("# GRUB", "# grub"), ("slot=b", "slot=c"), ("tries=3", "tries=9"), ("good=", "goof=")] {
            assert_eq!(BootEnvironment::parse(text.replace(from, to).as_bytes()), None, "{to}");
        }
        assert_eq!(BootEnvironment::parse(&[0; BLOCK_BYTES]), None);
        assert_eq!(BootEnvironment::parse(&good[..100]), None);
    }

    #[test]
    fn a_slot_that_used_up_its_tries_comes_last() {
        let order = |slot, tries, good| BootEnvironment::order(Some(BootEnvironment { slot, tries, good }));
        assert_eq!(BootEnvironment::order(None), [Slot::A, Slot::B]);
        assert_eq!(order(Slot::B, 0, true), [Slot::B, Slot::A]);
        assert_eq!(order(Slot::B, 1, false), [Slot::B, Slot::A]);
        assert_eq!(order(Slot::B, 0, false), [Slot::A, Slot::B]);
    }
}

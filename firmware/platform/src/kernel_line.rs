//! The kernel's command line: what GRUB knows and the firmware does not.

use crate::Guid;
use crate::disk::Slot;

/// What of it concerns the firmware. A word that makes no sense is as good as one that is not there: a typing error in
/// GRUB's editor must not keep a box from starting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KernelLine {
    /// The slot that was started (`suimon.slot=a`).
    pub slot: Option<Slot>,
    /// The EFI system partition of the disk that was started from (`suimon.esp=GUID`); its disk is the box's.
    pub esp: Option<Guid>,
    /// The sector of the environment block, from the beginning of the disk (`suimon.environment=SECTOR`).
    pub environment: Option<u64>,
    /// Start nothing but the consoles (`suimon.rescue`).
    pub rescue: bool,
    /// Devices of the consoles, each once (`console=ttyS0,115200n8`).
    pub consoles: Vec<String>,
}

impl KernelLine {
    /// Reads `/proc/cmdline`.
    pub fn parse(line: &str) -> Self {
        let mut found = Self::default();
        for word in line.split_whitespace() {
            match word.split_once('=') {
                Some(("suimon.slot", slot)) => found.slot = slot.parse().ok(),
                Some(("suimon.esp", guid)) => found.esp = guid.parse().ok(),
                Some(("suimon.environment", sector)) => found.environment = sector.parse().ok(),
                Some(("console", console)) => found.add_console(console),
                None if word == "suimon.rescue" => found.rescue = true,
                _ => {}
            }
        }
        found
    }

    fn add_console(&mut self, console: &str) {
        let device = console.split(',').next().unwrap_or_default();
        let plain = device.starts_with("tty") && device.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain && self.consoles.iter().all(|known| known != device) {
            self.consoles.push(device.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_among_others() {
        let line = "BOOT_IMAGE=/vmlinuz suimon.slot=b suimon.esp=c12a7328-f81f-11d2-ba4b-00a0c93ec93b quiet \
                    suimon.environment=6216 console=tty0 console=ttyS0,115200n8 console=ttyS0 panic=10\n";
        let found = KernelLine::parse(line);
        assert_eq!((found.slot, found.environment, found.rescue), (Some(Slot::B), Some(6216), false));
        assert_eq!(found.esp, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b".parse().ok());
        assert_eq!(found.consoles, ["tty0", "ttyS0"]);
    }

    #[test]
    fn nonsense_is_not_there() {
        let found = KernelLine::parse("suimon.slot=c suimon.esp=x suimon.environment=-1 console=../sda suimon.rescue");
        assert_eq!(found, KernelLine { rescue: true, ..KernelLine::default() });
    }
}

//! The layout of the disk: five partitions, the last of which takes what is left.

use crate::Guid;
use std::fmt;
use std::str::FromStr;

/// Bytes of a sector. Disks of 4,096 have another table in another place; GRUB's BIOS half cannot start from them.
pub const SECTOR_BYTES: u64 = 512;
/// Sectors of a MiB: partitions begin and end there, as flash and RAID like it.
pub const MIB_SECTORS: u64 = 1024 * 1024 / SECTOR_BYTES;
/// Sectors of the table at the end of the disk: 32 of entries and the header.
pub const BACKUP_SECTORS: u64 = 33;
/// The smallest disk: all that is fixed, 64 MiB of data, and room for both tables.
pub const DISK_SECTORS_MIN: u64 = 643 * MIB_SECTORS;

/// One of the two places for a firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// As shipped.
    A,
    /// Empty as shipped.
    B,
}

impl Slot {
    /// Where an update goes.
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Its partition.
    pub const fn part(self) -> Part {
        match self {
            Self::A => Part::SlotA,
            Self::B => Part::SlotB,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

/// A text that names no slot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no slot: a or b")]
pub struct SlotError(String);

impl FromStr for Slot {
    type Err = SlotError;

    fn from_str(text: &str) -> Result<Self, SlotError> {
        match text {
            "a" => Ok(Self::A),
            "b" => Ok(Self::B),
            _ => Err(SlotError(text.to_owned())),
        }
    }
}

/// A partition, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// GRUB for BIOS, which has no file system to be in.
    BiosBoot,
    /// EFI system partition: GRUB for UEFI, and what both GRUBs read.
    Esp,
    /// Firmware.
    SlotA,
    /// Firmware.
    SlotB,
    /// Everything that a box knows.
    Data,
}

impl Part {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::BiosBoot, Self::Esp, Self::SlotA, Self::SlotB, Self::Data];

    /// Its number in the table, from 1.
    pub const fn number(self) -> u32 {
        self as u32 + 1
    }

    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BiosBoot => "bios-boot",
            Self::Esp => "esp",
            Self::SlotA => "slot-a",
            Self::SlotB => "slot-b",
            Self::Data => "data",
        }
    }

    /// What it is, to other systems: BIOS boot (GNU GRUB), EFI system (UEFI 2.10 table 5.7), Linux file system.
    pub const fn kind(self) -> Guid {
        match self {
            Self::BiosBoot => Guid(*b"Hah!IdontNeedEFI"),
            Self::Esp => Guid(0x2873_2ac1_1ff8_d211_ba4b_00a0_c93e_c93b_u128.to_be_bytes()),
            Self::SlotA | Self::SlotB | Self::Data => {
                Guid(0xaf3d_c60f_8384_7247_8e79_3d69_d847_7de4_u128.to_be_bytes())
            }
        }
    }

    /// Its size in MiB; `None`: what is left.
    const fn size_mib(self) -> Option<u64> {
        match self {
            Self::BiosBoot => Some(1),
            Self::Esp => Some(64),
            Self::SlotA | Self::SlotB => Some(256),
            Self::Data => None,
        }
    }
}

/// Where a partition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first sector.
    pub first: u64,
    /// How many it has.
    pub sectors: u64,
}

impl Span {
    /// Its last sector.
    pub const fn last(self) -> u64 {
        self.first + self.sectors - 1
    }

    /// Bytes before it.
    pub const fn offset(self) -> u64 {
        self.first * SECTOR_BYTES
    }

    /// Its bytes.
    pub const fn bytes(self) -> u64 {
        self.sectors * SECTOR_BYTES
    }
}

/// A disk that is too small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the disk has {} MiB; at least {} are needed", self.0 / MIB_SECTORS, DISK_SECTORS_MIN / MIB_SECTORS)]
pub struct TooSmall(pub u64);

/// Where each partition of a disk of `sectors` is, in the order of [`Part::ALL`].
///
/// # Errors
/// When there is no room for all of them.
pub fn layout(sectors: u64) -> Result<[(Part, Span); 5], TooSmall> {
    if sectors < DISK_SECTORS_MIN {
        return Err(TooSmall(sectors));
    }
    let mut first = MIB_SECTORS;
    Ok(Part::ALL.map(|part| {
        let room = part.size_mib().map_or_else(|| data_end(sectors) - first, |mib| mib * MIB_SECTORS);
        let span = Span { first, sectors: room };
        first += room;
        (part, span)
    }))
}

/// Where a part is on a disk of any size that fits; `None` for the data, whose end depends on the disk.
pub fn fixed(part: Part) -> Option<Span> {
    part.size_mib()?;
    layout(DISK_SECTORS_MIN).ok()?.into_iter().find(|(of, _)| *of == part).map(|(_, span)| span)
}

/// The sector behind the last one of the data, on a disk of `sectors`.
pub const fn data_end(sectors: u64) -> u64 {
    (sectors - BACKUP_SECTORS) / MIB_SECTORS * MIB_SECTORS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_and_end_before_the_backup() {
        for sectors in [DISK_SECTORS_MIN, DISK_SECTORS_MIN + 1, 4_000_000_000] {
            let layout = layout(sectors).unwrap();
            assert_eq!(layout[0].1.first, MIB_SECTORS);
            for pair in layout.windows(2) {
                assert_eq!(pair[0].1.last() + 1, pair[1].1.first);
            }
            let (_, data) = layout[4];
            assert!(data.last() + BACKUP_SECTORS < sectors && data.sectors >= 64 * MIB_SECTORS, "{sectors}");
            assert!(layout.iter().all(|(_, span)| span.first % MIB_SECTORS == 0 && span.sectors % MIB_SECTORS == 0));
        }
        assert_eq!(layout(DISK_SECTORS_MIN - 1), Err(TooSmall(DISK_SECTORS_MIN - 1)));
        assert_eq!(TooSmall(MIB_SECTORS).to_string(), "the disk has 1 MiB; at least 643 are needed");
    }

    #[test]
    fn kinds_are_those_that_others_know() {
        let kinds: Vec<String> = Part::ALL.iter().map(|part| part.kind().to_string()).collect();
        assert_eq!(kinds[0], "21686148-6449-6e6f-744e-656564454649");
        assert_eq!(kinds[1], "c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        assert_eq!(kinds[4], "0fc63daf-8483-4772-8e79-3d69d8477de4");
        assert_eq!(fixed(Part::Esp), Some(Span { first: 2 * MIB_SECTORS, sectors: 64 * MIB_SECTORS }));
        assert_eq!(fixed(Part::Data), None);
    }

    #[test]
    fn slots_are_a_and_b() {
        assert_eq!("a".parse::<Slot>().map(Slot::other), Ok(Slot::B));
        assert_eq!(Slot::B.to_string(), "b");
        assert!("c".parse::<Slot>().is_err());
    }
}

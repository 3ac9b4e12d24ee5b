//! The partition table (GPT, UEFI 2.10 chapter 5): made, read, and grown to the disk it is on.
//!
//! It is written in an order in which one of its two copies is valid whatever write the power is cut at: the copy at the
//! end first, list before header, and only then the one at the beginning. Readers take the first if it is valid, else the
//! one in the last sector (Linux with `gpt` on its command line; UEFI by itself).

use crate::Guid;
use crate::disk::{self, Part, SECTOR_BYTES, Span, TooSmall};
use gptman::{GPT, GPTPartitionEntry};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

#[cfg(test)]
mod tests;

/// The header at the beginning.
const PRIMARY_LBA: u64 = 1;
/// Bytes of a sector, as an index.
const SECTOR: usize = SECTOR_BYTES as usize;

/// What is wrong with a table or its disk.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// There is no place for it.
    #[error(transparent)]
    TooSmall(#[from] TooSmall),
    /// The disk.
    #[error("{act} the partition table: {source}")]
    Disk {
        /// What was tried.
        act: &'static str,
        /// Why it did not work.
        source: io::Error,
    },
    /// Neither copy is valid.
    #[error("read the partition table: {0}")]
    Invalid(gptman::Error),
    /// It is valid, and not one of ours.
    #[error("the partition table is not that of an appliance: no partition {} named {}", .0.number(), .0.name())]
    Foreign(Part),
}

impl TableError {
    fn disk(act: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { act, source }
    }
}

/// Names of a disk and its partitions. No two disks may share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// The disk's.
    pub disk: Guid,
    /// Its partitions', in the order of [`Part::ALL`].
    pub parts: [Guid; 5],
}

/// A table that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    gpt: GPT,
}

impl Table {
    /// Reads it, from whichever copy is valid. That it is one of ours is looked at too.
    ///
    /// # Errors
    /// When there is none, or it is another system's.
    pub fn read<D: Read + Seek>(disk: &mut D) -> Result<Self, TableError> {
        let gpt = GPT::read_from(disk, SECTOR_BYTES).map_err(TableError::Invalid)?;
        if gpt.header.number_of_partition_entries < Part::ALL.len() as u32 {
            return Err(TableError::Foreign(Part::Data));
        }
        for part in Part::ALL {
            let found = &gpt[part.number()];
            if found.partition_type_guid != part.kind().0 || found.partition_name.as_str() != part.name() {
                return Err(TableError::Foreign(part));
            }
        }
        Ok(Self { gpt })
    }

    /// Where a part is.
    pub fn span(&self, part: Part) -> Span {
        let found = &self.gpt[part.number()];
        Span { first: found.starting_lba, sectors: found.ending_lba + 1 - found.starting_lba }
    }

    /// The name of a part (PARTUUID).
    pub fn name(&self, part: Part) -> Guid {
        Guid(self.gpt[part.number()].unique_partition_guid)
    }

    /// The disk's name.
    pub fn disk_name(&self) -> Guid {
        Guid(self.gpt.header.disk_guid)
    }
}

/// Writes the table of an empty disk, and gives back where its parts are. The first 440 bytes are left alone: a boot
/// program is there.
///
/// # Errors
/// When the disk is too small, or fails.
pub fn create<D: Read + Write + Seek>(disk: &mut D, names: &Names) -> Result<[(Part, Span); 5], TableError> {
    let sectors = size(disk)?;
    let layout = disk::layout(sectors)?;
    let mut gpt = GPT::new_from(disk, SECTOR_BYTES, names.disk.0).map_err(TableError::Invalid)?;
    for ((part, span), name) in layout.iter().zip(names.parts) {
        gpt[part.number()] = GPTPartitionEntry {
            partition_type_guid: part.kind().0,
            unique_partition_guid: name.0,
            starting_lba: span.first,
            ending_lba: span.last(),
            attribute_bits: 0,
            partition_name: part.name().into(),
        };
    }
    write(disk, &mut gpt)?;
    Ok(layout)
}

/// Gives the data what the disk has behind it, and the disk's end its copy of the table. `None`: both are so already.
///
/// # Errors
/// When there is no valid table, or the disk fails; one of the copies is valid even then.
pub fn grow<D: Read + Write + Seek>(disk: &mut D) -> Result<Option<Table>, TableError> {
    let sectors = size(disk)?;
    let mut table = Table::read(disk)?;
    let end = disk::data_end(sectors).max(table.span(Part::Data).last() + 1);
    let as_wanted = table.span(Part::Data).last() + 1 == end && table.gpt.is_primary();
    if as_wanted && table.gpt.header.backup_lba == sectors - 1 {
        return Ok(None);
    }
    // Whichever copy was read, it is written anew as the first one.
    let header = &mut table.gpt.header;
    (header.primary_lba, header.partition_entry_lba) = (PRIMARY_LBA, PRIMARY_LBA + 1);
    header.update_from(disk, SECTOR_BYTES).map_err(TableError::Invalid)?;
    table.gpt[Part::Data.number()].ending_lba = end - 1;
    write(disk, &mut table.gpt)?;
    Ok(Some(table))
}

/// Gives a disk names of its own: the copy of an image is another disk.
///
/// # Errors
/// As [`grow`].
pub fn rename<D: Read + Write + Seek>(disk: &mut D, names: &Names) -> Result<Table, TableError> {
    let mut table = Table::read(disk)?;
    let header = &mut table.gpt.header;
    (header.primary_lba, header.partition_entry_lba) = (PRIMARY_LBA, PRIMARY_LBA + 1);
    header.update_from(disk, SECTOR_BYTES).map_err(TableError::Invalid)?;
    header.disk_guid = names.disk.0;
    for (part, name) in Part::ALL.into_iter().zip(names.parts) {
        table.gpt[part.number()].unique_partition_guid = name.0;
    }
    write(disk, &mut table.gpt)?;
    Ok(table)
}

fn size<D: Seek>(disk: &mut D) -> Result<u64, TableError> {
    Ok(disk.seek(SeekFrom::End(0)).map_err(TableError::disk("find the end of"))? / SECTOR_BYTES)
}

/// Both copies and the MBR that keeps older programs away, in the order above.
fn write<D: Read + Write + Seek>(disk: &mut D, gpt: &mut GPT) -> Result<(), TableError> {
    let last = size(disk)? - 1;
    let mut sectors = Sectors { changed: BTreeMap::new(), at: 0, disk };
    gpt.write_into(&mut sectors).map_err(TableError::Invalid)?;
    GPT::write_protective_mbr_into(&mut sectors, SECTOR_BYTES).map_err(TableError::Invalid)?;
    let Sectors { changed, disk, .. } = sectors;
    let is = |from: u64, to: u64| changed.iter().filter(move |(lba, _)| (from..=to).contains(*lba));
    let steps: [(u64, u64); 5] =
        [(last - disk::BACKUP_SECTORS + 1, last - 1), (last, last), (2, 1 + disk::BACKUP_SECTORS), (1, 1), (0, 0)];
    for (from, to) in steps {
        for (lba, content) in is(from, to) {
            disk.seek(SeekFrom::Start(lba * SECTOR_BYTES)).map_err(TableError::disk("write"))?;
            disk.write_all(content).map_err(TableError::disk("write"))?;
        }
        // Each step is on the disk before the next one begins. Files are flushed by their owner, see `Flushed`.
        disk.flush().map_err(TableError::disk("flush"))?;
    }
    Ok(())
}

/// A disk whose writes are kept in memory, sector by sector.
struct Sectors<'a, D> {
    changed: BTreeMap<u64, [u8; SECTOR]>,
    at: u64,
    disk: &'a mut D,
}

impl<D: Read + Seek> Write for Sectors<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (lba, offset) = (self.at / SECTOR_BYTES, (self.at % SECTOR_BYTES) as usize);
        if !self.changed.contains_key(&lba) {
            let mut content = [0; SECTOR];
            self.disk.seek(SeekFrom::Start(lba * SECTOR_BYTES))?;
            self.disk.read_exact(&mut content)?;
            self.changed.insert(lba, content);
        }
        let content = self.changed.get_mut(&lba).expect("inserted above");
        let length = bytes.len().min(SECTOR - offset);
        content[offset..offset + length].copy_from_slice(&bytes[..length]);
        self.at += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<D: Seek> Seek for Sectors<'_, D> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            other => {
                self.disk.seek(SeekFrom::Start(self.at))?;
                self.disk.seek(other)?
            }
        };
        Ok(self.at)
    }
}

/// A disk whose `flush` waits for the medium.
#[derive(Debug)]
pub struct Flushed(pub std::fs::File);

impl Read for Flushed {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Write for Flushed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}

impl Seek for Flushed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

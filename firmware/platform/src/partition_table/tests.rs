use super::*;
use crate::disk::{DISK_SECTORS_MIN, MIB_SECTORS};

/// A disk of zeros where nothing was written; the power is cut after so many sectors.
#[derive(Clone)]
struct Disk {
    sectors: BTreeMap<u64, [u8; SECTOR]>,
    size: u64,
    at: u64,
    writes_left: usize,
    writes: usize,
}

impl Disk {
    fn of(sectors: u64) -> Self {
        Self { sectors: BTreeMap::new(), size: sectors, at: 0, writes_left: usize::MAX, writes: 0 }
    }
}

impl Read for Disk {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let (lba, offset) = (self.at / SECTOR_BYTES, (self.at % SECTOR_BYTES) as usize);
        if lba >= self.size {
            return Ok(0);
        }
        let length = bytes.len().min(SECTOR - offset);
        match self.sectors.get(&lba) {
            Some(content) => bytes[..length].copy_from_slice(&content[offset..offset + length]),
            None => bytes[..length].fill(0),
        }
        self.at += length as u64;
        Ok(length)
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert_eq!((self.at % SECTOR_BYTES, bytes.len()), (0, SECTOR), "whole sectors only");
        if self.writes_left == 0 {
            return Err(io::Error::other("power cut"));
        }
        (self.writes_left, self.writes) = (self.writes_left - 1, self.writes + 1);
        self.sectors.insert(self.at / SECTOR_BYTES, bytes.try_into().expect("a sector"));
        self.at += SECTOR_BYTES;
        Ok(SECTOR)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => (self.size * SECTOR_BYTES).saturating_add_signed(by),
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}

fn names(first: u8) -> Names {
    let guid = |number: u8| Guid::random([number; 16]);
    Names { disk: guid(first), parts: [1, 2, 3, 4, 5].map(|number| guid(first + number)) }
}

fn made(sectors: u64) -> Disk {
    let mut disk = Disk::of(sectors);
    create(&mut disk, &names(10)).unwrap();
    disk
}

#[test]
fn a_table_is_read_as_it_was_made() {
    let mut disk = Disk::of(DISK_SECTORS_MIN);
    disk.sectors.insert(0, [0xfa; SECTOR]);
    let layout = create(&mut disk, &names(10)).unwrap();
    let table = Table::read(&mut disk).unwrap();
    for (index, (part, span)) in layout.into_iter().enumerate() {
        assert_eq!((table.span(part), table.name(part)), (span, names(10).parts[index]));
    }
    assert_eq!(table.disk_name(), names(10).disk);
    let mbr = disk.sectors[&0];
    assert!(mbr[..446].iter().all(|byte| *byte == 0xfa), "the boot program stays");
    assert_eq!((mbr[450], &mbr[510..]), (0xee, &[0x55, 0xaa][..]), "the rest is protective");
    assert!(matches!(create(&mut Disk::of(1000), &names(10)), Err(TableError::TooSmall(_))));
}

#[test]
fn it_grows_with_the_disk_once() {
    let mut disk = made(DISK_SECTORS_MIN);
    assert_eq!(grow(&mut disk).unwrap(), None, "there is nothing to gain");
    disk.size = 10 * DISK_SECTORS_MIN + 7;
    let table = grow(&mut disk).unwrap().unwrap();
    assert_eq!(table.span(Part::Data).last() + 1, disk::data_end(disk.size));
    assert_eq!(Table::read(&mut disk).unwrap().span(Part::Data), table.span(Part::Data));
    assert_eq!(table.name(Part::Esp), names(10).parts[1]);
    assert_eq!(grow(&mut disk).unwrap(), None, "once");
}

#[test]
fn a_power_cut_at_any_write_leaves_a_valid_table() {
    let before = Table::read(&mut made(DISK_SECTORS_MIN)).unwrap();
    let mut grown = made(DISK_SECTORS_MIN);
    (grown.size, grown.writes) = (DISK_SECTORS_MIN + 100 * MIB_SECTORS, 0);
    let small = grown.clone();
    let after = grow(&mut grown).unwrap().unwrap();
    let writes = grown.writes;
    assert!(writes > 60, "both copies are written");
    let mut kinds = [0, 0];
    for cut in 0..writes {
        let mut disk = Disk { writes_left: cut, ..small.clone() };
        assert!(grow(&mut disk).is_err(), "cut at {cut}");
        disk.writes_left = usize::MAX;
        let found = Table::read(&mut disk).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        let is_new = found.span(Part::Data) == after.span(Part::Data);
        assert!(is_new || found.span(Part::Data) == before.span(Part::Data), "cut at {cut}");
        kinds[usize::from(is_new)] += 1;
        // And the next start finishes what was begun.
        grow(&mut disk).unwrap();
        let table = Table::read(&mut disk).unwrap();
        assert_eq!(table.span(Part::Data), after.span(Part::Data), "cut at {cut}");
        assert_eq!(grow(&mut disk).unwrap(), None, "cut at {cut}");
    }
    assert!(kinds[0] > 0 && kinds[1] > 0, "{kinds:?}: cuts before and after it counts");
}

#[test]
fn a_copy_gets_names_of_its_own() {
    let mut disk = made(DISK_SECTORS_MIN);
    let spans = Table::read(&mut disk).unwrap();
    rename(&mut disk, &names(50)).unwrap();
    let table = Table::read(&mut disk).unwrap();
    assert_eq!((table.disk_name(), table.name(Part::Data)), (names(50).disk, names(50).parts[4]));
    assert_eq!(table.span(Part::Data), spans.span(Part::Data));
}

#[test]
fn tables_of_others_are_left_alone() {
    let mut disk = Disk::of(DISK_SECTORS_MIN);
    assert!(matches!(grow(&mut disk), Err(TableError::Invalid(_))));
    let mut gpt = GPT::new_from(&mut disk, SECTOR_BYTES, [1; 16]).unwrap();
    gpt[1] = GPTPartitionEntry {
        partition_type_guid: Part::Data.kind().0,
        unique_partition_guid: [2; 16],
        starting_lba: 2048,
        ending_lba: 4096,
        attribute_bits: 0,
        partition_name: "root".into(),
    };
    write(&mut disk, &mut gpt).unwrap();
    let error = grow(&mut disk).unwrap_err().to_string();
    assert_eq!(error, "the partition table is not that of an appliance: no partition 1 named bios-boot");
}

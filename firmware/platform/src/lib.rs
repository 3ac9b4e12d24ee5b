//! What the box has that a lab has not: the layout of its disk, the partition table and how it grows, the block in which
//! GRUB and the firmware agree on a slot, the kernel's command line, and which modules its hardware asks for.
//!
//! Nothing here opens anything: disks, files and times are passed in.

pub mod boot_environment;
pub mod disk;
pub mod guid;
pub mod kernel_line;
pub mod modules;
pub mod partition_table;
pub mod restart;

pub use guid::Guid;

//! Switches below `/proc/sys`.
//!
//! What is below `net` there belongs to the network namespace of the calling thread, whoever mounted `/proc`.

use super::NetlinkError;
use std::path::PathBuf;

/// Reads a switch: `net/ipv4/conf/f0/rp_filter`.
///
/// # Errors
/// When there is no such switch.
pub fn read(name: &str) -> Result<String, NetlinkError> {
    let text = std::fs::read_to_string(path(name));
    text.map(|text| text.trim().to_owned()).map_err(|source| NetlinkError::new(format!("read sysctl {name}"), source))
}

/// Sets a switch, and returns what it was before. Nothing is written when it is right already.
///
/// # Errors
/// When there is no such switch, or the kernel refuses the value.
pub fn write(name: &str, value: &str) -> Result<String, NetlinkError> {
    let before = read(name)?;
    if before != value {
        let failed = |source| NetlinkError::new(format!("set sysctl {name} to {value}"), source);
        std::fs::write(path(name), value).map_err(failed)?;
    }
    Ok(before)
}

// Names have slashes, as a device's name may have dots; `..` is no part of any.
fn path(name: &str) -> PathBuf {
    let mut path = PathBuf::from("/proc/sys");
    path.extend(name.split('/').filter(|part| !part.is_empty() && *part != ".."));
    path
}

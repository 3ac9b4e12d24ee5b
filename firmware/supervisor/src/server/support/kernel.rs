//! What the kernel knows: processors, memory, devices, addresses, routes, neighbours, interrupts, messages. All of it is
//! read from files and netlink: the box has no programs to ask.

use drivers::netlink::{Netlink, NetlinkError};
use manage::support::{Bundle, FILE_BYTES_MAX};
use nix::libc::O_NONBLOCK;
use std::fmt::{Debug, Write};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Files of the kernel that hold no secret. Its command line is not among them: on boxes of others it may.
const FILES: &[&str] = &[
    "/proc/version",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/cpuinfo",
    "/proc/stat",
    "/proc/meminfo",
    "/proc/vmstat",
    "/proc/buddyinfo",
    "/proc/pressure/cpu",
    "/proc/pressure/memory",
    "/proc/pressure/io",
    "/proc/interrupts",
    "/proc/softirqs",
    "/proc/modules",
    "/proc/mounts",
    "/proc/partitions",
    "/proc/diskstats",
    "/proc/self/status",
    "/proc/self/limits",
    "/proc/self/net/dev",
    "/proc/self/net/snmp",
    "/proc/self/net/snmp6",
    "/proc/self/net/netstat",
    "/proc/self/net/softnet_stat",
    "/proc/self/net/sockstat",
    "/proc/self/net/sockstat6",
    "/proc/self/net/packet",
    "/proc/self/net/ptype",
    "/proc/self/net/fib_trie",
    "/proc/self/net/ipv6_route",
    "/proc/self/net/if_inet6",
    "/sys/devices/system/cpu/online",
    "/sys/devices/system/cpu/isolated",
    "/sys/devices/system/clocksource/clocksource0/current_clocksource",
];
/// Bytes of one file: `/proc/cpuinfo` of a large box has most.
const KERNEL_FILE_BYTES_MAX: u64 = 1 << 20;
/// Devices that are told of.
const DEVICES_MAX: usize = 256;
/// What is told of a device, as files below `/sys/class/net/NAME`.
const DEVICE_FACTS: &[&str] = &[
    "address",
    "mtu",
    "operstate",
    "carrier",
    "carrier_changes",
    "speed",
    "duplex",
    "tx_queue_len",
    "flags",
    "type",
    "gro_flush_timeout",
    "napi_defer_hard_irqs",
    "threaded",
    "device/uevent",
    "device/numa_node",
    "device/local_cpulist",
];
/// Folders of a device whose files are all told.
const DEVICE_FOLDERS: &[&str] = &["statistics", "queues"];
/// Bytes of one message of the kernel (`/dev/kmsg` gives one for each read, and refuses a smaller room).
const MESSAGE_BYTES_MAX: usize = 8_192;

/// All of it.
pub(super) fn add(bundle: &mut Bundle) {
    for path in FILES {
        let name = format!("kernel{path}");
        match read(Path::new(path)) {
            Ok(text) => bundle.add(&name, &text),
            Err(error) => bundle.leave_out(&name, &error.to_string()),
        }
    }
    bundle.add("kernel/netlink.txt", &netlink());
    add_devices(bundle);
    match messages() {
        Ok(text) => bundle.add("kernel/dmesg.txt", &text),
        Err(error) => bundle.leave_out("kernel/dmesg.txt", &error.to_string()),
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(KERNEL_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Links, addresses, routes, neighbours and rules, one a line.
fn netlink() -> String {
    let mut text = String::new();
    let mut netlink = match Netlink::open() {
        Ok(netlink) => netlink,
        Err(error) => return format!("{error}\n"),
    };
    list(&mut text, "links", netlink.links());
    list(&mut text, "addresses", netlink.addresses());
    list(&mut text, "routes", netlink.routes());
    list(&mut text, "neighbours", netlink.neighbors());
    list(&mut text, "rules for replies", netlink.reply_rules());
    list(&mut text, "rules for marks", netlink.mark_rules());
    text
}

fn list<T: Debug>(text: &mut String, what: &str, found: Result<Vec<T>, NetlinkError>) {
    writeln!(text, "== {what}").expect("writing to a string");
    match found {
        Ok(items) => items.iter().try_for_each(|item| writeln!(text, "{item:?}")),
        Err(error) => writeln!(text, "{error}"),
    }
    .expect("writing to a string");
}

fn add_devices(bundle: &mut Bundle) {
    let root = Path::new("/sys/class/net");
    let mut devices = entries(root);
    if devices.len() > DEVICES_MAX {
        bundle.leave_out("kernel/devices.txt", &format!("{} devices: DEVICES_MAX", devices.len() - DEVICES_MAX));
        devices.truncate(DEVICES_MAX);
    }
    let mut text = String::new();
    for device in &devices {
        writeln!(text, "== {}", device.file_name().unwrap_or_default().display()).expect("writing to a string");
        DEVICE_FACTS.iter().for_each(|fact| tell(&mut text, device, &device.join(fact)));
        DEVICE_FOLDERS.iter().for_each(|folder| walk(&mut text, device, &device.join(folder)));
    }
    bundle.add("kernel/devices.txt", &text);
}

/// All files of a folder and of those in it; the kernel nests them twice (`queues/rx-0/rps_cpus`).
fn walk(text: &mut String, device: &Path, folder: &Path) {
    for path in entries(folder) {
        if path.is_dir() {
            entries(&path).iter().filter(|path| path.is_file()).for_each(|path| tell(text, device, path));
        } else {
            tell(text, device, &path);
        }
    }
}

/// A fact in one line; what a device does not know is left out.
fn tell(text: &mut String, device: &Path, path: &Path) {
    let fact = path.strip_prefix(device).unwrap_or(path).display();
    if let Ok(value) = read(path) {
        writeln!(text, "{fact}: {}", value.trim().replace('\n', ", ")).expect("writing to a string");
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = found.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// What the kernel has said, as far as it still knows.
fn messages() -> std::io::Result<String> {
    let mut from = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open("/dev/kmsg")?;
    let (mut text, mut message) = (String::new(), vec![0; MESSAGE_BYTES_MAX]);
    while text.len() < FILE_BYTES_MAX {
        match from.read(&mut message) {
            Ok(0) => break,
            Ok(length) => text.push_str(&String::from_utf8_lossy(&message[..length])),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            // Overwritten while we read: the next read goes on behind the gap.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => text.push_str("(gap)\n"),
            Err(error) => return Err(error),
        }
    }
    Ok(text)
}

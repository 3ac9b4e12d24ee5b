//! What left, looked at by Wireshark's dissectors with checksum checking on.

use super::check::completed;
use super::script::Frame;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// Nothing is taken for what is usually behind a port.
const AS_DATA: [&str; 4] = ["-d", "tcp.port==1-65535,data", "-d", "udp.port==1-65535,data"];

/// Anything that is wrong with a frame. Of TCP segments that an ICMP error quotes the end is missing, which tshark takes
/// for a wrong checksum; those that are quoted whole were summed when they were shown.
const FAULTS: &str = "_ws.malformed || _ws.short || ip.checksum.status == 0 || udp.checksum.status == 0 \
    || icmp.checksum.status == 0 || icmpv6.checksum.status == 0 \
    || ((tcp.checksum.status == 0 || _ws.expert.severity == \"Error\" || _ws.expert.group == \"Checksum\") \
        && !icmp && !icmpv6)";

/// What it complains about; `None` without tshark.
pub fn complaints(frames: &[&Frame]) -> Option<Vec<String>> {
    Command::new("tshark").arg("--version").output().ok().filter(|output| output.status.success())?;
    let path = capture("golden.pcap", frames);
    let faults = tshark(&path, FAULTS);
    let all = tshark(&path, "frame");
    assert_eq!(all.len(), wire_frames(frames).count(), "tshark read every frame");
    // What shows that it would complain: the same frames with one byte of their content wrong.
    let harmed: Vec<Frame> = frames.iter().map(|frame| harm(frame)).collect();
    let path = capture("golden-harmed.pcap", &harmed.iter().collect::<Vec<_>>());
    assert!(!tshark(&path, FAULTS).is_empty(), "tshark does not check checksums");
    let places: Vec<&str> = wire_frames(frames).map(|(place, _)| place).collect();
    let place = |line: &String| {
        let number = line.split_whitespace().next().and_then(|number| number.parse::<usize>().ok());
        let place = number.and_then(|number| places.get(number - 1)).copied().unwrap_or("?");
        format!("{place}: {line}")
    };
    Some(faults.iter().map(place).collect())
}

fn harm(frame: &Frame) -> Frame {
    let mut harmed = frame.clone();
    if let Some(last) = harmed.bytes.last_mut() {
        *last ^= 0x55;
    }
    harmed
}

fn tshark(path: &PathBuf, filter: &str) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path).args(["-n", "-Y", filter]).args(AS_DATA);
    for option in [
        "ip.check_checksum:TRUE",
        "tcp.check_checksum:TRUE",
        "udp.check_checksum:TRUE",
        "tcp.analyze_sequence_numbers:FALSE",
        "ip.defragment:TRUE",
        "ipv6.defragment:TRUE",
    ] {
        command.args(["-o", option]);
    }
    let output = command.output().expect("tshark runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

// As on a wire; of GUE, which tshark does not know, the packet inside as a frame of its own behind it.
fn wire_frames<'f>(frames: &'f [&'f Frame]) -> impl Iterator<Item = (&'f str, Vec<u8>)> {
    frames.iter().flat_map(|frame| {
        let bytes = completed(frame);
        let inner = gue_content(&bytes);
        std::iter::once(bytes).chain(inner).map(|bytes| (frame.place.as_str(), bytes))
    })
}

fn gue_content(frame: &[u8]) -> Option<Vec<u8>> {
    let (header, kind) = match frame.get(12..14)? {
        [0x08, 0] if frame[23] == 17 => (20, 4),
        [0x86, 0xdd] if frame[20] == 17 => (40, 6),
        _ => return None,
    };
    let udp = &frame[14 + header..];
    let inner = udp.get(12..).filter(|_| kind > 0 && udp[2..4] == 6080u16.to_be_bytes())?;
    let family: [u8; 2] = if inner[0] >> 4 == 4 { [0x08, 0] } else { [0x86, 0xdd] };
    Some([&frame[..12], &family, inner].concat())
}

// One frame a second, so that fragments of different cases are never put together (Wireshark forgets after 30 s).
fn capture(name: &str, frames: &[&Frame]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("the target folder can be written"));
    let mut header = 0xa1b2_c3d4u32.to_le_bytes().to_vec();
    for field in [2 | 4 << 16, 0, 0, 262_144, 1u32] {
        header.extend(field.to_le_bytes());
    }
    file.write_all(&header).expect("room on the disk");
    let mut time = 0;
    let mut case = "";
    for frame in frames {
        if frame.case != case {
            (time, case) = (time + 1_000, &frame.case);
        }
        for (_, bytes) in wire_frames(std::slice::from_ref(frame)) {
            for field in [time, 0, bytes.len() as u32, bytes.len() as u32] {
                file.write_all(&field.to_le_bytes()).expect("room on the disk");
            }
            file.write_all(&bytes).expect("room on the disk");
        }
    }
    path
}

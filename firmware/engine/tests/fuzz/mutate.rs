//! What may be odd about a packet: first in what it means, then in its bytes.

use super::random::Random;
use super::shape::{Built, L4, Shape, Sum, write_v4_sum};
use net::offload::Segmentation;

/// Makes up to three things odd about a packet.
pub fn bend(shape: &mut Shape, random: &mut Random) {
    for _ in 0..random.between(1, 3) {
        bend_once(shape, random);
    }
}

fn bend_once(shape: &mut Shape, random: &mut Random) {
    match random.below(15) {
        0 => shape.hop_limit = random.pick(&[0, 1, 2]),
        1 => shape.traffic_class = random.byte(),
        2 => shape.options = v4_options(random),
        3 => {
            for _ in 0..random.between(1, 3) {
                shape.extensions.push(extension(random));
            }
        }
        4 => {
            for _ in 0..random.pick(&[1, 1, 1, 2, 3]) {
                shape.tags.push((random.pick(&[0x8100, 0x88a8]), random.word()));
            }
        }
        5 => shape.sum = Sum::Wrong,
        6 => shape.sum = Sum::Absent,
        7 | 8 => shape.sum = Sum::Open,
        9 => super_frame(shape, random),
        10 => shape.padding = random.between(1, 46),
        11 => {
            if let L4::Tcp { flags, .. } = &mut shape.l4 {
                *flags = random.byte();
            }
        }
        12 => {
            if let L4::Tcp { options, .. } = &mut shape.l4 {
                let words = random.below(11);
                *options = random.bytes(words * 4);
            }
        }
        13 => shape.dont_fragment = !shape.dont_fragment,
        _ => {
            let length = random.pick(&[0, 1, 2, 1_400, 1_473, 2_000, 4_000]);
            shape.payload = random.bytes(length);
        }
    }
}

fn super_frame(shape: &mut Shape, random: &mut Random) {
    if !matches!(shape.l4, L4::Tcp { .. } | L4::Udp { .. }) {
        return;
    }
    let length = if random.chance(3) { random.between(30_000, 65_000) } else { random.between(600, 6_000) };
    shape.payload = random.bytes(length);
    shape.segment_size = random.pick(&[33, 100, 536, 999, 1_000, 1_380, 1_399, 1_448, 9_000]);
    shape.sum = Sum::Open;
}

// Each a multiple of four bytes.
fn v4_options(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => vec![1, 1, 1, 0],
        // Record route, copied into no fragment; a stream identifier and router alert, copied into each.
        1 => vec![7, 7, 4, 0, 0, 0, 0, 0],
        2 => vec![136, 4, 1, 2, 148, 4, 0, 0],
        3 => vec![random.pick(&[131, 137]), 7, 4, 10, 0, 0, 1, 0],
        4 => vec![68, 40, 5, 0],
        _ => {
            let words = random.between(1, 10);
            random.bytes(words * 4)
        }
    }
}

fn extension(random: &mut Random) -> (u8, Vec<u8>) {
    match random.below(5) {
        0 => (0, vec![1, 4, 0, 0, 0, 0]),
        1 => (60, vec![1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        // Routing: segments left are none, or a way that was taken away (type 0).
        2 => (43, vec![4, 0, 0, 0, 0, 0]),
        3 => (43, vec![random.pick(&[0, 2]), random.pick(&[0, 1]), 0, 0, 0, 0]),
        // "Atomic": a fragment header of a whole datagram.
        _ => (44, vec![0, 0, 1, 2, 3, 4]),
    }
}

/// Cuts a packet into fragments: in order or not, overlapping, with the first or the last missing, or tiny.
pub fn fragments(shape: &Shape, random: &mut Random) -> Vec<Built> {
    let whole = shape.payload.len() + 20;
    let mut cuts = vec![0];
    let step = match random.below(4) {
        0 => 8,
        1 => 24,
        _ => (whole / random.between(2, 4)).next_multiple_of(8).max(8),
    };
    while cuts.len() < 6 && cuts[cuts.len() - 1] + step < whole {
        cuts.push(cuts[cuts.len() - 1] + step);
    }
    let overlap = if random.chance(15) { 8 } else { 0 };
    let mut frames = shape.fragments(&cuts, overlap);
    match random.below(6) {
        // A header without data makes no fragment.
        _ if frames.is_empty() => {}
        0 => frames.reverse(),
        1 => {
            let at = random.below(frames.len());
            frames.rotate_left(at);
        }
        2 => drop(frames.remove(0)),
        3 => {
            let again = frames[random.below(frames.len())].clone();
            frames.push(again);
        }
        _ => {}
    }
    frames
}

/// Changes some bytes, for content whose checksum is still to be made.
pub fn smudge(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..random.between(1, 3) {
        if bytes.is_empty() {
            return;
        }
        // Headers are at the start.
        let near = bytes.len().min(random.pick(&[8, 44, 1_500]));
        let at = random.below(near);
        match random.below(4) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.pick(&[0, 1, 0xff]),
            2 => bytes[at] = random.byte(),
            _ => bytes.truncate(random.below(bytes.len()) + 1),
        }
    }
}

/// Spoils the bytes of a frame, or what is said about them.
pub fn spoil(built: &mut Built, random: &mut Random) {
    let length = built.bytes.len();
    if length == 0 {
        return;
    }
    match random.below(10) {
        0 => built.bytes.truncate(random.below(length + 1)),
        1..=3 => {
            for _ in 0..random.between(1, 4) {
                let bit = random.below(length * 8);
                built.bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        4 | 5 => {
            // A field of the IP or L4 header becomes a value that is often a border.
            let at = 14 + random.below(60).min(length.saturating_sub(15));
            let value = random.pick(&[0, 1, 0x7f, 0x80, 0xff, 8, 20, 40]);
            if let Some(byte) = built.bytes.get_mut(at) {
                *byte = value;
            }
        }
        6 => {
            built.offload.partial_checksum = true;
            built.offload.checksum_start = random.pick(&[0, 14, 33, 34, 54, 60, 1_000, u16::MAX]);
            built.offload.checksum_offset = random.pick(&[0, 2, 6, 16, 1_000, u16::MAX]);
        }
        7 => {
            use Segmentation::{None, TcpV4, TcpV6, Udp, UdpFragments};
            built.offload.segmentation = random.pick(&[None, TcpV4, TcpV6, Udp, UdpFragments]);
            built.offload.segment_size = random.pick(&[0, 1, 8, 100, 1_400, u16::MAX]);
            built.offload.ecn = random.chance(50);
            built.offload.header_length = random.word();
        }
        8 => {
            let more = random.below(64);
            built.bytes.resize(length + more, 0xee);
        }
        _ => {
            let at = random.below(length);
            let upto = (at + random.below(16)).min(length);
            let noise = random.bytes(upto.saturating_sub(at));
            built.bytes.splice(at..upto, noise);
        }
    }
    // With a right header checksum what is odd gets farther.
    if random.chance(80) && built.bytes.get(12..14) == Some(&[8, 0]) {
        write_v4_sum(&mut built.bytes, 14);
    }
}

//! What must hold of every frame that leaves, seen beside the one that came in.

use super::look::{Look, Part, Sum};
use super::world::mtu;
use engine::{NicId, Tables, Verdict};
use net::offload::Offload;

/// `Err` with what is wrong.
pub type Judged = Result<(), String>;

/// Destination port of GUE in the tables of the tests.
const GUE_PORT: u16 = 6_080;

macro_rules! ensure {
    ($condition:expr, $($text:tt)*) => {
        if !$condition {
            return Err(format!($($text)*));
        }
    };
}
pub(crate) use ensure;

/// The frame that came in.
#[derive(Clone, Debug)]
pub struct Before {
    /// `None` when another reader makes nothing of it.
    pub look: Option<Look>,
    pub offload: Offload,
}

/// A frame that left.
#[derive(Clone, Debug)]
pub struct After {
    pub nic: NicId,
    pub bytes: Vec<u8>,
    pub offload: Offload,
}

impl Before {
    pub fn new(bytes: &[u8], offload: Offload) -> Self {
        Self { look: Look::at_frame(bytes, &offload), offload }
    }

    // Whether the checksum can be judged: complete, or open in the right place.
    fn has_sane_sum(&self, look: &Look) -> bool {
        let field = match look.protocol {
            6 => 16,
            17 => 6,
            _ => 2,
        };
        let offload = &self.offload;
        !offload.partial_checksum
            || (usize::from(offload.checksum_start) == look.l4 && offload.checksum_offset == field)
    }
}

/// A frame that was sent on as it is.
pub fn judge_transmitted(tables: &Tables, before: &Before, after: &After) -> Judged {
    let look = sound(after)?;
    let Some(was) = &before.look else { return Ok(()) };
    if !before.has_sane_sum(was) {
        // The other reader completed what is no checksum, perhaps the type of the message.
        return fits(tables, after, &look);
    }
    let answers = matches!(was.protocol, 1 | 58) && !was.is_icmp_error();
    // Answers leave under the hardware address that was asked.
    let mac = tables.nics[after.nic.at()].mac.0;
    ensure!(answers || after.bytes[6..12] == mac, "it leaves under another hardware address");
    ensure!(answers || tables.nics[after.nic.at()].up, "it leaves on a NIC that is down");
    ensure!(answers || after.bytes[0] & 1 == 0, "it leaves for a group of neighbours");
    ensure!(!was.is_strict || look.is_strict, "a strict packet no longer is one");
    if answers {
        ensure!(
            look.sum == was.sum || before.offload.partial_checksum,
            "checksum of the answer: {:?}, was {:?}",
            look.sum,
            was.sum
        );
        return Ok(());
    }
    fits(tables, after, &look)?;
    match inside(&look, was)? {
        Some(inner) => compare(before, was, &inner),
        None => compare(before, was, &look),
    }
}

/// Frames that the engine made, `of` a frame or by itself.
pub fn judge_emitted(tables: &Tables, of: Option<(&Before, Verdict)>, emitted: &[After]) -> Judged {
    let was = of.and_then(|(before, _)| before.look.as_ref().filter(|look| before.has_sane_sum(look)));
    let mut pieces = Vec::new();
    for after in emitted {
        let look = sound(after)?;
        ensure!(after.offload == Offload::NONE, "an emitted frame has offloads");
        let small_link = mtu(tables, after.nic) < 1_280 && !look.source.is_v4();
        if !small_link {
            fits(tables, after, &look)?;
        }
        let look = match was {
            Some(was) => inside(&look, was)?.unwrap_or(look),
            None => look,
        };
        let was_broken = was.is_some_and(|was| was.sum == Sum::Wrong);
        ensure!(look.sum != Sum::Wrong || was_broken, "the checksum of an emitted frame is wrong");
        let may_be_loose = look.part == Part::Later || was.is_some_and(|was| !was.is_strict || was.part != Part::Whole);
        ensure!(look.is_strict || may_be_loose, "an emitted frame is not strict");
        ensure!(look.hop_limit > 0, "an emitted frame has no hops left");
        pieces.push(look);
    }
    match of {
        Some((before, Verdict::Consumed)) => judge_pieces(before, &pieces),
        _ => Ok(()),
    }
}

// A frame that was cut: its pieces are the whole.
fn judge_pieces(before: &Before, pieces: &[Look]) -> Judged {
    let Some(was) = before.look.as_ref().filter(|was| before.has_sane_sum(was)) else { return Ok(()) };
    let is_answer = was.is_icmp_error() || pieces.is_empty();
    // Of a super-frame the frame's own length counts, of which the other reader knows nothing.
    let has_tail = before.offload.is_super_frame() && was.end != was.bytes.len();
    if is_answer || has_tail || was.part != Part::Whole || !was.is_strict {
        return Ok(());
    }
    for piece in pieces {
        ensure!(
            piece.hop_limit + 1 == was.hop_limit,
            "a piece has {} hops left, of {}",
            piece.hop_limit,
            was.hop_limit
        );
    }
    if pieces.iter().all(|piece| piece.part == Part::Whole) {
        let data = |look: &Look| match look.protocol {
            6 => look.body()[usize::from(look.body()[12] >> 4) * 4..].to_vec(),
            _ => look.body()[8..].to_vec(),
        };
        let joined: Vec<u8> = pieces.iter().flat_map(data).collect();
        ensure!(joined == data(was), "the segments are not the super-frame");
        return Ok(());
    }
    if before.offload.is_super_frame() {
        return Ok(());
    }
    compare(before, was, &rejoin(pieces)?)
}

// The packet that IPv4 fragments in order are cut from.
fn rejoin(pieces: &[Look]) -> Result<Look, String> {
    let first = &pieces[0];
    let mut whole = first.bytes[first.l3..first.l4].to_vec();
    let header = whole.len();
    for (at, piece) in pieces.iter().enumerate() {
        let field = u16::from_be_bytes([piece.bytes[piece.l3 + 6], piece.bytes[piece.l3 + 7]]);
        let offset = usize::from(field & 0x1fff) * 8;
        ensure!(offset == whole.len() - header, "fragment {at} does not adjoin");
        ensure!((field & 0x2000 != 0) == (at + 1 < pieces.len()), "fragment {at}: more fragments");
        whole.extend_from_slice(piece.body());
    }
    let length = whole.len() as u16;
    whole[2..4].copy_from_slice(&length.to_be_bytes());
    whole[6..8].fill(0);
    super::shape::write_v4_sum(&mut whole, 0);
    Look::at_packet(&whole).ok_or_else(|| "the fragments make no packet".into())
}

// What holds of all frames that leave.
fn sound(after: &After) -> Result<Look, String> {
    let look = Look::at_frame(&after.bytes, &after.offload).ok_or("no IP packet leaves")?;
    ensure!(look.v4_sum_is_right, "the IPv4 header checksum is wrong");
    // Linux' largest super-frames say 0, so of a super-frame the frame's own length counts.
    ensure!(look.end == after.bytes.len() || after.offload.is_super_frame(), "padding leaves");
    let offload = &after.offload;
    if offload.partial_checksum {
        let start = usize::from(offload.checksum_start);
        let fits = start >= look.l4 && start + usize::from(offload.checksum_offset) + 2 <= after.bytes.len();
        ensure!(fits, "the open checksum is not in the frame: {offload:?}");
    }
    if offload.is_super_frame() {
        ensure!(offload.segment_size > 0, "a super-frame without segment size leaves");
        ensure!(look.part == Part::Whole, "a fragment leaves as a super-frame");
        ensure!(matches!(look.protocol, 6 | 17), "a super-frame of protocol {} leaves", look.protocol);
    }
    Ok(look)
}

// What the link can carry; of a super-frame, each segment.
fn fits(tables: &Tables, after: &After, look: &Look) -> Judged {
    let mtu = mtu(tables, after.nic);
    let unit = if after.offload.is_super_frame() {
        let header = if look.protocol == 6 { usize::from(look.body()[12] >> 4) * 4 } else { 8 };
        look.length().min(look.l4 - look.l3 + header + usize::from(after.offload.segment_size))
    } else {
        look.length()
    };
    ensure!(unit <= mtu, "{unit} bytes leave on a link of {mtu}");
    Ok(())
}

// The packet in a tunnel, when it went into one here.
fn inside(look: &Look, was: &Look) -> Result<Option<Look>, String> {
    let body = look.body();
    let is_gue =
        look.protocol == 17 && look.part == Part::Whole && body.len() > 12 && body[2..4] == GUE_PORT.to_be_bytes();
    let was_gue = was.protocol == 17 && was.body().get(2..4) == Some(&GUE_PORT.to_be_bytes());
    let shim = match look.protocol {
        4 | 41 => 0,
        47 if body[0] & 0x80 != 0 => {
            ensure!(super::shape::fold(super::shape::add(body)) == 0xffff, "the GRE checksum is wrong");
            8
        }
        47 => 4,
        17 if is_gue && !was_gue => 12,
        _ => return Ok(None),
    };
    ensure!(look.sum != Sum::Wrong, "the checksum of the outer header is wrong");
    match Look::at_packet(&body[shim..]) {
        Some(inner) => {
            ensure!(inner.v4_sum_is_right, "the inner IPv4 header checksum is wrong");
            Ok(Some(inner))
        }
        None => Err("there is no packet in the tunnel".into()),
    }
}

// A packet as it came in and as it left, tunnels aside.
fn compare(before: &Before, was: &Look, is: &Look) -> Judged {
    ensure!(is.hop_limit.wrapping_add(1) == was.hop_limit, "hop limit {}, was {}", is.hop_limit, was.hop_limit);
    ensure!(is.part == was.part, "{:?} became {:?}", was.part, is.part);
    ensure!(is.protocol == was.protocol, "protocol {} became {}", was.protocol, is.protocol);
    if !before.has_sane_sum(was) {
        return Ok(());
    }
    if was.is_icmp_error() {
        // An open checksum is taken for right: whoever left it open is no wire away.
        let passes = is.sum == Sum::Right && was.sum == Sum::Right || before.offload.partial_checksum;
        ensure!(passes, "an ICMP error with checksum {:?} leaves: {:?}", was.sum, is.sum);
        ensure!(is.length() == was.length(), "an ICMP error changed its length");
        return Ok(());
    }
    ensure!(is.sum == was.sum, "the checksum was {:?} and is {:?}", was.sum, is.sum);
    let ports = was.tuple().map_or((0, 0), |tuple| (tuple.source_port, tuple.destination_port));
    let may_be_ftp = was.protocol == 6 && [ports.0, ports.1].iter().any(|port| matches!(port, 21 | 8_080));
    if !may_be_ftp {
        ensure!(is.content() == was.content(), "the content changed");
    }
    Ok(())
}

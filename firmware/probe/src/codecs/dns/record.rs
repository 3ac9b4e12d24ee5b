//! The data of a record as text, as a zone file has it but without dots at the end of names and quotes around text.

use super::{Name, Type};
use crate::codecs::Malformed;
use crate::codecs::reader::{self, Reader};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// The record's data, which stands in `place` of the message: names in it may point anywhere before.
pub(super) fn text(kind: Type, message: &[u8], place: Range<usize>) -> Result<String, Malformed> {
    // The message ends with the record, so that an offset can be told from what is left of either.
    let message = message.get(..place.end).ok_or(Malformed::SHORT)?;
    let mut data = Reader::new(message.get(place).ok_or(Malformed::SHORT)?);
    let text = match kind {
        Type::A => Ipv4Addr::from(data.array::<4>()?).to_string(),
        Type::Aaaa => Ipv6Addr::from(data.array::<16>()?).to_string(),
        Type::Ns | Type::Ptr => Name::read(message, &mut data)?.to_string(),
        Type::Mx => {
            let preference = data.u16()?;
            format!("{preference} {}", Name::read(message, &mut data)?)
        }
        Type::Soa => {
            let (primary, mailbox) = (Name::read(message, &mut data)?, Name::read(message, &mut data)?);
            let [serial, refresh, retry] = [data.u32()?, data.u32()?, data.u32()?];
            let [expire, minimum] = [data.u32()?, data.u32()?];
            format!("{primary} {mailbox} {serial} {refresh} {retry} {expire} {minimum}")
        }
        Type::Txt => {
            let mut strings = Vec::new();
            while !data.is_empty() {
                let length = usize::from(data.byte()?);
                strings.extend(data.take(length)?);
            }
            reader::text(&strings)
        }
    };
    if data.is_empty() { Ok(text) } else { Err(Malformed("a DNS record is longer than its data")) }
}

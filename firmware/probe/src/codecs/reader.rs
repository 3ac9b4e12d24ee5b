//! A cursor over bytes that a stranger wrote: every read is checked.

use super::Malformed;

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'b> {
    rest: &'b [u8],
}

impl<'b> Reader<'b> {
    /// At the start of `bytes`.
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub const fn rest(&self) -> &'b [u8] {
        self.rest
    }

    /// Whether all was read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<&'b [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed::SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed::SHORT)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Two bytes, the high one first.
    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, the high one first.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// Two bytes, the low one first.
    pub fn u16_le(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    /// What stands before the next NUL, which is read too.
    pub fn until_nul(&mut self) -> Result<&'b [u8], Malformed> {
        let length = self.rest.iter().position(|byte| *byte == 0).ok_or(Malformed::SHORT)?;
        let taken = self.take(length)?;
        self.take(1)?;
        Ok(taken)
    }
}

/// What a stranger wrote, as text that can be shown: what is not UTF-8 is replaced.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_behind_the_end() {
        let mut reader = Reader::new(b"\x01\x02\x03abc\0d");
        assert_eq!(reader.u16(), Ok(0x0102));
        assert_eq!(reader.byte(), Ok(3));
        assert_eq!(reader.until_nul(), Ok(&b"abc"[..]));
        assert_eq!(reader.until_nul(), Err(Malformed::SHORT));
        assert_eq!(reader.u16_le(), Err(Malformed::SHORT));
        assert_eq!(reader.take(2), Err(Malformed::SHORT));
        assert_eq!(reader.rest(), b"d");
        assert_eq!(reader.take(1), Ok(&b"d"[..]));
        assert!(reader.is_empty());
    }
}

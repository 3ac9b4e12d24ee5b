//! A QR code as the path of an SVG picture: nothing is fetched and nothing runs.

use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write;

/// Empty modules around the code, as readers need (ISO/IEC 18004 5.3.8).
const QUIET: i32 = 4;

/// A code, ready for a template.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Modules of a side, the quiet zone included.
    pub side: i32,
    /// The dark modules, row by row.
    pub path: String,
}

/// The code of a text; `None`: it is too long for one.
pub(crate) fn picture(text: &str) -> Option<Picture> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let begin = x;
            while code.get_module(x, y) {
                x += 1;
            }
            let width = x - begin;
            if width > 0 {
                write!(path, "M{} {}h{width}v1h-{width}z", begin + QUIET, y + QUIET).expect("writing to a string");
            }
            x += 1;
        }
    }
    Some(Picture { side: code.size() + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dark_modules_are_drawn() {
        let Picture { side, path } = picture("otpauth://totp/a?secret=B").unwrap();
        assert_eq!(side, 25 + 8, "version 2");
        // The upper left finder: its first row is seven modules, and the third begins with one.
        assert!(path.starts_with("M4 4h7v1h-7z") && path.contains("M4 5h1v1h-1z"), "{path}");
        assert_eq!(picture(&"x".repeat(5_000)), None);
    }
}

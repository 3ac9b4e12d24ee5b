//! The text of a foreign file: decoded, limited, in lines that know their number.

use super::ForeignFile;
use crate::limits::{IMPORT_BYTES_MAX, IMPORT_LINE_BYTES_MAX};
use crate::report::Error;

/// A foreign file as text without control characters but tabs.
pub(super) struct Text<'f> {
    file: &'f str,
    text: String,
}

/// One line of it.
#[derive(Clone, Copy)]
pub(super) struct Line<'t> {
    file: &'t str,
    /// From 1.
    pub(super) number: u32,
    /// Without its end.
    pub(super) text: &'t str,
}

impl<'f> Text<'f> {
    pub(super) fn decode(file: ForeignFile<'f>) -> Result<Self, Error> {
        let ForeignFile { name, content } = file;
        if content.len() > IMPORT_BYTES_MAX {
            let message = format!("{} bytes: at most {IMPORT_BYTES_MAX} are imported", content.len());
            return Err(error(name, 1, 1, message));
        }
        let text = match str::from_utf8(content) {
            Ok(text) => text.to_owned(),
            // The sources are older than UTF-8's victory; a name in a comment should not stop an import.
            Err(_) => content.iter().map(|byte| char::from(*byte)).collect(),
        };
        let text = Self { file: name, text };
        for line in text.lines() {
            if line.text.len() > IMPORT_LINE_BYTES_MAX {
                let message = format!("a line of {} bytes: at most {IMPORT_LINE_BYTES_MAX}", line.text.len());
                return Err(line.error(0, message));
            }
            if let Some((at, bad)) = line.text.char_indices().find(|(_, c)| c.is_control() && *c != '\t') {
                return Err(line.error(at, format!("{bad:?} is not possible in a configuration: is this a text file?")));
            }
        }
        Ok(text)
    }

    /// The name of the file.
    pub(super) fn file(&self) -> &'f str {
        self.file
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.text.lines().zip(1..).map(|(text, number)| Line { file: self.file, number, text })
    }
}

impl<'t> Line<'t> {
    /// The same line with its substitutions made.
    pub(super) fn with_text<'e>(&'e self, text: &'e str) -> Line<'e> {
        Line { file: self.file, number: self.number, text }
    }

    /// An error at byte `at` of the line.
    pub(super) fn error(&self, at: usize, message: impl Into<String>) -> Error {
        let column = self.text.get(..at).unwrap_or(self.text).chars().count() as u32 + 1;
        error(self.file, self.number, column, message)
    }

    /// An error at `part`, which is a slice of the line.
    pub(super) fn error_at(&self, part: &str, message: impl Into<String>) -> Error {
        self.error((part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize), message)
    }
}

/// An error of a foreign file.
pub(super) fn error(file: &str, line: u32, column: u32, message: impl Into<String>) -> Error {
    Error { file: file.to_owned(), line, column, path: String::new(), message: message.into() }
}

//! Statements of `keepalived.conf`: words, and a block of statements for some.

use super::lines::{Token, Tokens};
use crate::import::text::error;
use crate::limits::IMPORT_DEPTH_MAX;
use crate::report::Error;

/// A statement. It ends with its line, or with the block that follows.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) line: u32,
    column: u32,
    pub(super) condition: Option<String>,
    pub(super) words: Vec<String>,
    pub(super) block: Option<Vec<Statement>>,
}

impl Statement {
    pub(super) fn key(&self) -> &str {
        &self.words[0]
    }

    /// The word behind the key, or the empty text.
    pub(super) fn value(&self) -> &str {
        self.word(1)
    }

    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// As it is written, without its block.
    pub(super) fn shown(&self) -> String {
        self.words.join(" ")
    }

    /// The statements of its block.
    pub(super) fn inside(&self) -> &[Statement] {
        self.block.as_deref().unwrap_or_default()
    }

    /// The last of the statements in its block that have one of these keys and no condition.
    pub(super) fn last(&self, keys: &[&str]) -> Option<&Statement> {
        self.inside().iter().rev().find(|inside| inside.condition.is_none() && keys.contains(&inside.key()))
    }

    /// The value of such a statement, or the empty text.
    pub(super) fn text(&self, keys: &[&str]) -> &str {
        self.last(keys).map_or("", Statement::value)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.last(&[key]).is_some()
    }

    /// Whether a statement that may say on or off says on; `None`: it is not there.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.last(&[key]).map(|inside| !matches!(inside.value(), "off" | "no" | "false"))
    }

    pub(super) fn all<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'s Statement> {
        self.inside().iter().filter(move |inside| inside.condition.is_none() && inside.key() == key)
    }

    /// An error at the statement, which the message begins with.
    pub(super) fn error(&self, file: &str, message: &str) -> Error {
        error(file, self.line, self.column, format!("{}: {message}", self.shown()))
    }
}

/// Puts statements and blocks together.
pub(super) fn statements(file: &str, lines: Vec<Tokens>) -> Result<Vec<Statement>, Error> {
    // Blocks that are open, the outermost first; the first is the file.
    let mut open: Vec<Vec<Statement>> = vec![Vec::new()];
    for Tokens { line, condition, tokens } in lines {
        // Whether the next word begins a statement.
        let mut begins = true;
        for (column, token) in tokens {
            let depth = open.len();
            let Some(inside) = open.last_mut() else { break };
            match token {
                Token::Word(word) if begins => {
                    let condition = condition.clone();
                    inside.push(Statement { line, column, condition, words: vec![word], block: None });
                    begins = false;
                }
                Token::Word(word) => inside.last_mut().expect("it began in this line").words.push(word),
                Token::Open => {
                    if inside.last().is_none_or(|last| last.block.is_some()) {
                        return Err(error(file, line, column, "{ without a word before it that names the block"));
                    }
                    if depth > IMPORT_DEPTH_MAX {
                        let message = format!("more than {IMPORT_DEPTH_MAX} blocks within each other");
                        return Err(error(file, line, column, message));
                    }
                    open.push(Vec::new());
                    begins = true;
                }
                Token::Close => {
                    let block = open.pop().filter(|_| depth > 1);
                    let (Some(block), Some(named)) = (block, open.last_mut().and_then(|outside| outside.last_mut()))
                    else {
                        return Err(error(file, line, column, "} closes nothing"));
                    };
                    named.block = Some(block);
                    begins = true;
                }
            }
        }
    }
    let block = open.pop().unwrap_or_default();
    match open.last().and_then(|outside| outside.last()) {
        Some(named) => Err(named.error(file, "its block is not closed: } is missing")),
        None => Ok(block),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::ForeignFile;
    use crate::import::draft::Draft;
    use crate::import::keepalived::lines::tokens;
    use crate::import::text::Text;

    fn read(text: &str) -> Result<Vec<Statement>, Error> {
        let text = Text::decode(ForeignFile { name: "k", content: text.as_bytes() })?;
        statements("k", tokens(&text, &mut Draft::new("k"))?)
    }

    #[test]
    fn blocks_nest() {
        let statements = read("a 1 {\n b {\n c d\n }\n e\n}\nf\n{\n g { h i }\n}\n").unwrap();
        let shown = |statements: &[Statement]| statements.iter().map(Statement::shown).collect::<Vec<_>>().join(", ");
        assert_eq!(shown(&statements), "a 1, f");
        assert_eq!(shown(statements[0].inside()), "b, e");
        assert_eq!(shown(statements[0].inside()[0].inside()), "c d");
        assert_eq!(shown(statements[1].inside()[0].inside()), "h i");
    }

    #[test]
    fn braces_must_match() {
        for (text, expected) in [
            ("a {\n b {\n}\n", "k:1:1: a: its block is not closed: } is missing"),
            ("a {\n}\n }\n", "k:3:2: } closes nothing"),
            ("{\n", "k:1:1: { without a word before it that names the block"),
            ("a {\n}\n{\n", "k:3:1: { without a word before it that names the block"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), expected, "{text}");
        }
        let deep = "a {\n".repeat(100_000);
        assert_eq!(read(&deep).unwrap_err().to_string(), "k:17:3: more than 16 blocks within each other");
    }
}

//! Lines of `keepalived.conf` before they mean anything: definitions, conditions, words and braces.

use crate::import::draft::Draft;
use crate::import::text::{Line, Text};
use crate::limits::{IMPORT_BYTES_MAX, IMPORT_LINE_BYTES_MAX};
use crate::report::Error;
use std::collections::HashMap;
use winnow::combinator::{alt, delimited, preceded, repeat};
use winnow::prelude::*;
use winnow::token::{any, none_of, take_while};

/// How deep definitions may name each other.
const SUBSTITUTIONS_MAX: usize = 8;

/// A word or a brace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Open,
    Close,
}

/// The tokens of a line.
pub(super) struct Tokens {
    pub(super) line: u32,
    /// The line counts on these nodes only: `name`, or `^name` for all others.
    pub(super) condition: Option<String>,
    /// Each with its column.
    pub(super) tokens: Vec<(u32, Token)>,
}

/// Splits the text, with definitions put in.
pub(super) fn tokens(text: &Text<'_>, draft: &mut Draft) -> Result<Vec<Tokens>, Error> {
    let mut definitions = HashMap::new();
    let (mut all, mut expanded_bytes) = (Vec::new(), 0);
    let mut continued = false;
    for line in text.lines() {
        let within = std::mem::replace(&mut continued, false);
        let trimmed = line.text.trim();
        if within {
            continued = trimmed.ends_with('\\');
            continue;
        }
        if let Some((name, value)) = definition(trimmed) {
            continued = value.ends_with('\\');
            if continued {
                let why = "definitions of several lines are not written out";
                draft.notes.fill_in(line.number, format!("${name}=…"), why, "write its lines where it is used");
            } else {
                definitions.insert(name.to_owned(), value.to_owned());
            }
            continue;
        }
        if trimmed.starts_with("~SEQ") || trimmed.starts_with("~LST") {
            draft.notes.fill_in(line.number, trimmed, "sequences are not written out", "write a line for each value");
            continue;
        }
        let expanded = substituted(&line, &definitions)?;
        expanded_bytes += expanded.len();
        if expanded_bytes > IMPORT_BYTES_MAX {
            return Err(
                line.error(0, format!("with its definitions written out, the file has over {IMPORT_BYTES_MAX} bytes"))
            );
        }
        all.push(split(&line.with_text(&expanded))?);
    }
    Ok(all)
}

/// `$NAME=VALUE`.
fn definition(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix('$')?.split_once('=')?;
    is_name(name).then(|| (name, value.trim()))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The line with `$NAME` and `${NAME}` replaced, as far as they are defined.
fn substituted(line: &Line<'_>, definitions: &HashMap<String, String>) -> Result<String, Error> {
    let mut text = line.text.to_owned();
    if definitions.is_empty() {
        return Ok(text);
    }
    for _ in 0..SUBSTITUTIONS_MAX {
        let mut next = String::with_capacity(text.len());
        let mut replaced = false;
        let mut rest = text.as_str();
        while let Some(at) = rest.find('$') {
            next.push_str(&rest[..at]);
            rest = &rest[at..];
            let (name, length) = parameter(rest);
            match definitions.get(name) {
                Some(value) => {
                    next.push_str(value);
                    rest = &rest[length..];
                    replaced = true;
                }
                None => {
                    next.push('$');
                    rest = &rest[1..];
                }
            }
            if next.len() > IMPORT_LINE_BYTES_MAX {
                let message =
                    format!("with its definitions written out, the line has over {IMPORT_LINE_BYTES_MAX} bytes");
                return Err(line.error(0, message));
            }
        }
        next.push_str(rest);
        text = next;
        if !replaced {
            return Ok(text);
        }
    }
    Err(line.error(0, format!("definitions name each other more than {SUBSTITUTIONS_MAX} deep")))
}

/// The name of the parameter that the text begins with, and how long its mention is; an empty name for none.
fn parameter(text: &str) -> (&str, usize) {
    if let Some((name, _)) = text.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
        return (name, name.len() + 3);
    }
    let name = &text[1..];
    let end = name.find([' ', '\t']).unwrap_or(name.len());
    (&name[..end], end + 1)
}

fn split(line: &Line<'_>) -> Result<Tokens, Error> {
    let mut rest = line.text.trim_start();
    let mut condition = None;
    if let Some(conditional) = rest.strip_prefix('@') {
        let end = conditional.find([' ', '\t']).unwrap_or(conditional.len());
        condition = Some(conditional[..end].to_owned());
        rest = &conditional[end..];
    }
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start();
        let at = line.text.len() - rest.len();
        let column = line.text[..at].chars().count() as u32 + 1;
        match rest.chars().next() {
            None | Some('#' | '!') => return Ok(Tokens { line: line.number, condition, tokens }),
            Some('{') => tokens.push((column, Token::Open)),
            Some('}') => tokens.push((column, Token::Close)),
            Some(_) => {
                let word = word(&mut rest)
                    .map_err(|_| line.error_at(rest, "the quote is not closed at the end of the line"))?;
                push_word(&mut tokens, column, word);
                continue;
            }
        }
        rest = &rest[1..];
    }
}

/// A brace may touch the end of a word: `group{`, `80}`; those of an undefined `${NAME}` belong to it.
fn push_word(tokens: &mut Vec<(u32, Token)>, column: u32, word: String) {
    let brace = match word.chars().last() {
        Some('{') => Token::Open,
        Some('}') if !word.contains('{') => Token::Close,
        _ => return tokens.push((column, Token::Word(word))),
    };
    tokens.push((column, Token::Word(word[..word.len() - 1].to_owned())));
    tokens.push((column, brace));
}

/// A word: quoted and bare parts without blanks between them.
fn word(input: &mut &str) -> winnow::Result<String> {
    fn inside<'t>(quote: char) -> impl FnMut(&mut &'t str) -> winnow::Result<String> {
        // A backslash keeps a quote or another backslash from its meaning. All other escapes stay as they are written.
        move |input: &mut &'t str| {
            let escaped = preceded('\\', any).map(|c| match c {
                '"' | '\'' | '\\' => String::from(c),
                c => format!("\\{c}"),
            });
            let plain = none_of([quote, '\\']).map(String::from);
            repeat(0.., alt((escaped, plain))).parse_next(input)
        }
    }
    let bare = take_while(1.., |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '#' | '!')).map(str::to_owned);
    let part = alt((delimited('"', inside('"'), '"'), delimited('\'', inside('\''), '\''), bare));
    repeat(1.., part).parse_next(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::ForeignFile;

    fn tokens_of(text: &str) -> String {
        let file = ForeignFile { name: "k", content: text.as_bytes() };
        let lines = tokens(&Text::decode(file).unwrap(), &mut Draft::new("k"));
        let show = |token: &(u32, Token)| match &token.1 {
            Token::Word(word) => word.clone(),
            Token::Open => "OPEN".to_owned(),
            Token::Close => "CLOSE".to_owned(),
        };
        match lines {
            Err(error) => error.to_string(),
            Ok(lines) => lines.iter().flat_map(|line| line.tokens.iter().map(show)).collect::<Vec<_>>().join("|"),
        }
    }

    #[test]
    fn lines_are_words() {
        for (text, expected) in [
            ("a  b # c", "a|b"),
            ("a!b", "a"),
            (r#"abcd" efg h jkl "mnop"#, "abcd efg h jkl mnop"),
            (r#"abcd "efg h jkl" mnop"#, "abcd|efg h jkl|mnop"),
            (r#"x "a \"b\" # \n" y"#, r#"x|a "b" # \n|y"#),
            ("group { a }", "group|OPEN|a|CLOSE"),
            ("group{", "group|OPEN"),
            ("port 80}", "port|80|CLOSE"),
            ("${UNKNOWN}", "${UNKNOWN}"),
            ("x \"a", "k:1:3: the quote is not closed at the end of the line"),
            ("$A=1\n$B=${A}2\nport ${B}3 $A", "port|123|1"),
            ("$A=$A $A\nx $A", "k:2:1: definitions name each other more than 8 deep"),
        ] {
            assert_eq!(tokens_of(text), expected, "{text}");
        }
    }
}

//! The rule about the length of functions: counted from `fn` to the closing brace.

use crate::source::{Source, blanked};
use crate::{keep, shows};

/// A function has fewer lines than this.
const LINES_MAX: usize = 70;

fn short_functions(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust()) {
        for function in functions(&blanked(source.product())) {
            if function.lines >= LINES_MAX {
                let (place, name, lines) = (source.at(function.line), &function.name, function.lines);
                complaints.push(format!("{place}: {name} has {lines} lines, fewer than {LINES_MAX} are allowed"));
            }
        }
    }
    complaints
}

/// A function with a body.
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

fn functions(code: &str) -> Vec<Function> {
    let mut functions = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let starts_a_word = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let rest = &code[at + 3..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        // Without a name it is a function type.
        if starts_a_word
            && !name.is_empty()
            && let Some(length) = body_end(rest)
        {
            let line = code[..at].matches('\n').count() + 1;
            functions.push(Function { name, line, lines: rest[..length].matches('\n').count() + 1 });
        }
    }
    functions
}

/// Where the body ends that follows a signature; `None`: a declaration without one.
fn body_end(code: &str) -> Option<usize> {
    let (mut braces, mut others) = (0, 0);
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' => others += 1,
            b')' | b']' => others -= 1,
            b';' if braces == 0 && others == 0 => return None,
            b'{' => braces += 1,
            b'}' if braces <= 1 => return Some(at),
            b'}' => braces -= 1,
            _ => {}
        }
    }
    None
}

#[test]
fn functions_are_short() {
    let body = |lines: usize| {
        format!("impl A {{\n    pub fn long(&self, a: [u8; 3]) -> u8 {{\n{}    }}\n}}\n", "        a;\n".repeat(lines))
    };
    shows(short_functions, "a.rs", &body(68), &body(67));
    let found = functions("trait T { fn declared(&self) -> [u8; 2]; }\nfn one() { if a { b } }\ntype F = fn (u8);");
    assert_eq!(
        found.iter().map(|function| (function.name.as_str(), function.line, function.lines)).collect::<Vec<_>>(),
        [("one", 2, 1)]
    );
    keep(short_functions);
}

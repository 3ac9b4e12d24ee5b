//! What the result of a query has to have: a row, and in the first one a value that matches.

use crate::{Failure, compiled};
use config::Sql;

/// Rows read, so that the server is not interrupted while it sends them; a check has no use for more than one.
pub(super) const ROWS_MAX: usize = 1_000;

/// Judges the values of the first row; `None`: there is none.
pub(super) fn judge(options: &Sql, first: Option<&[String]>) -> Result<(), Failure> {
    let Some(values) = first else {
        return Err(Failure::Answer("the query gave no row".into()));
    };
    match options.expect.as_ref().map(compiled).transpose()? {
        Some(expected) if !values.iter().any(|value| expected.is_match(value.as_bytes())) => {
            Err(Failure::answer(&format!("a value that matches {expected}"), values.join(" | ")))
        }
        _ => Ok(()),
    }
}

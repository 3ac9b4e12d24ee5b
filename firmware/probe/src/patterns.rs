//! Compiled regular expressions, kept from run to run.

use crate::Failure;
use config::Pattern;
use regex::bytes::Regex;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Expressions kept. A document may have more; then some are compiled again, which costs about 0.1 ms each.
const PATTERNS_KEPT_MAX: usize = 1_024;

static KEPT: Mutex<Option<HashMap<Pattern, Regex>>> = Mutex::new(None);

/// The expression ready for use.
pub fn compiled(pattern: &Pattern) -> Result<Regex, Failure> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    if let Some(regex) = kept.get(pattern) {
        return Ok(regex.clone());
    }
    let regex = pattern.compile().map_err(Failure::Impossible)?;
    if kept.len() >= PATTERNS_KEPT_MAX {
        kept.clear();
    }
    kept.insert(pattern.clone(), regex.clone());
    Ok(regex)
}

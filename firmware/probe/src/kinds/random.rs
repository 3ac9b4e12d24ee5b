//! Numbers that nobody can guess: they tell an answer from a forged or a late one.

use crate::Failure;

/// Draws once. The generator may open a device at its first use, which a confined process cannot any more.
pub(crate) fn prepare() -> Result<(), Failure> {
    number().map(drop)
}

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Impossible(format!("no random numbers: {error}")))?;
    Ok(bytes)
}

/// A random number.
pub(super) fn number() -> Result<u64, Failure> {
    bytes().map(u64::from_be_bytes)
}

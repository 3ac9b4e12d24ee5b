//! What must be done while a process may still do everything.

use crate::kinds;

/// Opens what dialogues need. Before the process is confined; the error says what is missing.
pub fn prepare() -> Result<(), String> {
    kinds::prepare().map_err(|failure| failure.to_string())
}

//! A TCP connection, and a TLS handshake where it is asked for.

use crate::{Dialogue, Failure};
use config::TlsConnect;

pub(super) async fn ask(options: &TlsConnect, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect_with(options.tls.as_ref(), None).await
}

//! SIP: an OPTIONS request.

use super::{random, repeat};
use crate::codecs::sip::{Request, Response, Transport};
use crate::{Dialogue, Failure};
use config::{Ranges, Sip};

/// Bytes of the head of a message.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a body, which is passed over.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// The status that passes where none is asked for.
const OK: u16 = 200;
/// Below this a response says that the answer is still to come.
const FINAL: u16 = 200;

pub(super) async fn ask(options: &Sip, dialogue: &mut Dialogue) -> Result<(), Failure> {
    let response = match options.transport {
        config::Transport::Udp => over_udp(options, dialogue).await?,
        config::Transport::Tcp => over_tcp(options, dialogue).await?,
    };
    let passes = match &options.expect_status {
        Some(statuses) => statuses.contains(response.status),
        None => response.status == OK,
    };
    let expected = || options.expect_status.as_ref().map_or(OK.to_string(), Ranges::to_string);
    if passes {
        Ok(())
    } else {
        let came = format!("{} {}", response.status, response.reason);
        Err(Failure::answer(&format!("status {}", expected()), came))
    }
}

async fn over_udp(options: &Sip, dialogue: &mut Dialogue) -> Result<Response, Failure> {
    dialogue.open_datagrams().await?;
    let request = request(options, Transport::Udp, dialogue)?;
    dialogue.act("waiting for the answer to OPTIONS");
    let text = request.emit();
    repeat::ask(dialogue, repeat::Question::plain(text.as_bytes()), |datagram| {
        Ok(request.parse(datagram)?.filter(|response| response.status >= FINAL))
    })
    .await
}

async fn over_tcp(options: &Sip, dialogue: &mut Dialogue) -> Result<Response, Failure> {
    dialogue.connect().await?;
    let request = request(options, Transport::Tcp, dialogue)?;
    dialogue.act("waiting for the answer to OPTIONS");
    dialogue.send(request.emit()).await?;
    loop {
        let head = dialogue.read_until(b"\r\n\r\n", HEAD_BYTES_MAX).await?;
        // RFC 5626 3.5.1: empty lines between messages keep the connection open.
        if head.trim_ascii().is_empty() {
            continue;
        }
        let response = request.parse(&head)?.ok_or_else(|| Failure::answer("the answer to the request", head))?;
        dialogue.read_exact(response.body_length, BODY_BYTES_MAX).await?;
        if response.status >= FINAL {
            return Ok(response);
        }
    }
}

fn request(options: &Sip, transport: Transport, dialogue: &Dialogue) -> Result<Request, Failure> {
    let local = dialogue.own_endpoint().ok_or_else(|| Failure::Impossible("the own address is not known".into()))?;
    let uri = options.uri.clone().unwrap_or_else(|| format!("sip:{}", dialogue.server()));
    Ok(Request { transport, local, uri, cookie: random::number()? })
}

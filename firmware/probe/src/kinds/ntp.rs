//! NTP: one question of a client to a server that has to have the time.

use super::{random, repeat};
use crate::codecs::ntp::{self, Answer};
use crate::{Dialogue, Failure};
use config::Ntp;

pub(super) async fn ask(options: &Ntp, dialogue: &mut Dialogue) -> Result<(), Failure> {
    let cookie = random::number()?;
    dialogue.act("waiting for the answer");
    dialogue.open_datagrams().await?;
    let request = ntp::request(cookie);
    let question = repeat::Question::plain(&request);
    match repeat::ask(dialogue, question, |datagram| Ok(ntp::parse(cookie, datagram)?)).await? {
        Answer::Synchronized { stratum } if stratum <= options.stratum_max => {
            dialogue.note(format!("stratum {stratum}"));
            Ok(())
        }
        Answer::Synchronized { stratum } => {
            Err(Failure::Answer(format!("the server is of stratum {stratum}, {} is allowed", options.stratum_max)))
        }
        Answer::Unsynchronized => Err(Failure::Answer("the server's clock is not synchronised".into())),
        Answer::Kiss(code) => {
            let code = String::from_utf8_lossy(&code).into_owned();
            Err(Failure::Answer(format!("kiss-o'-death {code}: the server wants to be asked {}", wish(&code))))
        }
    }
}

// RFC 5905 7.4: what the codes ask of a client.
fn wish(code: &str) -> &'static str {
    match code {
        "RATE" => "less often",
        "DENY" | "RSTR" => "no more by this box",
        _ => "no more",
    }
}

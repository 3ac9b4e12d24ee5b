//! RADIUS: an Access-Request that has to be accepted.

use super::{random, repeat};
use crate::codecs::radius::{Answer, PASSWORD_MAX, Request, USER_MAX};
use crate::{Dialogue, Failure};
use config::Radius;

/// The name of this client in requests.
const IDENTIFIER: &[u8] = b"suimon";

pub(super) async fn ask(options: &Radius, dialogue: &mut Dialogue) -> Result<(), Failure> {
    let (user, password) = (options.login.as_str(), options.password.reveal());
    if user.len() > USER_MAX || password.len() > PASSWORD_MAX {
        let limits = format!("a RADIUS login has at most {USER_MAX} bytes and its password {PASSWORD_MAX}");
        return Err(Failure::Impossible(limits));
    }
    let [id] = random::bytes()?;
    let request = Request {
        id,
        authenticator: random::bytes()?,
        secret: options.secret.reveal().as_bytes(),
        user: user.as_bytes(),
        password: password.as_bytes(),
        identifier: IDENTIFIER,
    };
    // RFC 2865 3: a server drops what was made with another secret, so silence may mean that too.
    dialogue.act("waiting for the answer to Access-Request (a server that has another secret gives none)");
    dialogue.open_datagrams().await?;
    let bytes = request.emit();
    let shown = format!("(Access-Request for \"{user}\")");
    let question = repeat::Question { bytes: &bytes, shown: shown.as_bytes() };
    let answer = repeat::ask(dialogue, question, |datagram| {
        request.parse(datagram).map_err(|why| Failure::Answer(format!("the answer cannot be believed: {why}")))
    });
    let with = |message: String| if message.is_empty() { message } else { format!(": {message}") };
    match answer.await? {
        Answer::Accept(message) => {
            dialogue.note(format!("Access-Accept{}", with(message)));
            Ok(())
        }
        Answer::Reject(message) => Err(Failure::Answer(format!("Access-Reject{}", with(message)))),
        Answer::Challenge(message) => {
            Err(Failure::Answer(format!("Access-Challenge, which a check cannot answer{}", with(message))))
        }
    }
}

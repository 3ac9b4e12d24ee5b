//! PostgreSQL: a login, and a query that has to give a row.

use super::{random, rows};
use crate::codecs::postgresql::{self, HEADER, Message, Step};
use crate::codecs::{Malformed, scram};
use crate::{Dialogue, Failure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::{Login, Sql};

/// Bytes of one message.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Random bytes that make one login's proof useless for another.
const NONCE: usize = 18;

pub(super) async fn ask(options: &Sql, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect().await?;
    // The server does not speak first. Whether it has TLS is a question that it answers without a login.
    if options.tls.is_some() || options.login.is_none() {
        let has_tls = ask_for_tls(dialogue).await?;
        match &options.tls {
            Some(tls) if has_tls => dialogue.start_tls(tls, None).await?,
            Some(_) => return Err(Failure::Answer("the server has no TLS".into())),
            None => {}
        }
    }
    let Some(login) = &options.login else {
        return Ok(());
    };
    log_in(login, options.database.as_deref(), dialogue).await?;
    if let Some(sql) = &options.query {
        let first = query(sql, dialogue).await?;
        rows::judge(options, first.as_deref())?;
    }
    dialogue.act("saying goodbye");
    dialogue.send(postgresql::terminate()).await
}

async fn ask_for_tls(dialogue: &mut Dialogue) -> Result<bool, Failure> {
    dialogue.act("waiting for the answer to the request for TLS");
    dialogue.send(postgresql::tls_request()).await?;
    match dialogue.read_exact(1, 1).await?[..] {
        [b'S'] => Ok(true),
        [b'N'] => Ok(false),
        ref other => Err(Failure::answer("S or N", other)),
    }
}

async fn log_in(login: &Login, database: Option<&str>, dialogue: &mut Dialogue) -> Result<(), Failure> {
    let (user, password) = (&login.login, login.password());
    dialogue.act("waiting for the answer to the login");
    dialogue.hide(password);
    dialogue.send(postgresql::startup(user, database)).await?;
    let mut login = None;
    let mut proof = None;
    loop {
        let step = match receive(dialogue).await? {
            Message::Authentication(step) => step,
            Message::Ready => return Ok(()),
            _ => continue,
        };
        match step {
            Step::Welcome if proof.is_some() => {
                return Err(Failure::Answer("the server lets in without a proof that it knows the password".into()));
            }
            Step::Welcome => {}
            Step::Cleartext => dialogue.send_shown_as(postgresql::password(password), "(password)").await?,
            Step::Md5(salt) => {
                let hash = postgresql::md5(user, password, salt);
                dialogue.send_shown_as(postgresql::password(&hash), "(password, hashed by MD5)").await?;
            }
            Step::Sasl(mechanisms) => login = Some(begin(&mechanisms, dialogue).await?),
            Step::SaslContinue(words) => {
                let login: scram::Login = login.take().ok_or(OUT_OF_ORDER)?;
                let proved = login.prove(password, &words).map_err(refused)?;
                dialogue.send_shown_as(postgresql::sasl_response(&proved.message), "(proof of the password)").await?;
                proof = Some(proved);
            }
            Step::SaslFinal(words) => proof.take().ok_or(OUT_OF_ORDER)?.check(&words).map_err(refused)?,
            Step::Unsupported(code) => {
                return Err(Failure::Answer(format!("the server wants authentication {code}, which is not supported")));
            }
        }
    }
}

// Begins a login by SCRAM. The user was named before, so that the server does not look at the name in it.
async fn begin(mechanisms: &[String], dialogue: &mut Dialogue) -> Result<scram::Login, Failure> {
    if !mechanisms.iter().any(|mechanism| mechanism == scram::NAME) {
        return Err(Failure::answer(scram::NAME, mechanisms.join(" ")));
    }
    let login = scram::Login::new("", &STANDARD.encode(random::bytes::<NONCE>()?));
    dialogue.send(postgresql::sasl_initial(scram::NAME, &login.first())).await?;
    Ok(login)
}

// The values of the first row, if there is one.
async fn query(sql: &str, dialogue: &mut Dialogue) -> Result<Option<Vec<String>>, Failure> {
    dialogue.act("waiting for the result of the query");
    dialogue.send(postgresql::query(sql)).await?;
    let mut first = None;
    let mut count = 0;
    while count < rows::ROWS_MAX {
        match receive(dialogue).await? {
            Message::Row(values) => {
                first = first.or(Some(values));
                count += 1;
            }
            Message::Ready => break,
            Message::Other => {}
            Message::Authentication(_) | Message::Error(_) => return Err(OUT_OF_ORDER.into()),
        }
    }
    Ok(first)
}

// The next message that is no error.
async fn receive(dialogue: &mut Dialogue) -> Result<Message, Failure> {
    let header = dialogue.read_exact(HEADER, HEADER).await?;
    let header = header.try_into().map_err(|_| Malformed::SHORT)?;
    let (kind, length) = postgresql::parse_header(header)?;
    match postgresql::parse(kind, &dialogue.read_exact(length, MESSAGE_BYTES_MAX).await?)? {
        Message::Error(error) => Err(Failure::Answer(error.to_string())),
        message => Ok(message),
    }
}

fn refused(why: scram::Refused) -> Failure {
    Failure::Answer(format!("login by {}: {why}", scram::NAME))
}

const OUT_OF_ORDER: Malformed = Malformed("a message of PostgreSQL comes out of order");

//! The visitor's own account: second factor, sessions, tokens. The password has its own page, which is also the first one.

use crate::language::Text;
use crate::qr::{Picture, picture};
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, done, page};
use api::{NewToken, Role, SecondFactorCode, SecondFactorRemoval, Session, Token};
use askama::Template;
use axum::Form;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    t: Text,
    sessions: Vec<Session>,
    tokens: Vec<Token>,
    /// The name of a token and its secret, shown this once.
    secret: Option<(String, String)>,
}

/// A second factor that waits for its first code.
#[derive(Template)]
#[template(path = "account_factor.html")]
struct Factor {
    frame: Frame,
    t: Text,
    given: Confirmed,
    picture: Option<Picture>,
}

/// What was offered comes back with the code: it is shown again when the code is wrong, and this process keeps nothing.
#[derive(Deserialize)]
pub(crate) struct Confirmed {
    secret: String,
    url: String,
    /// Recovery codes, with blanks between.
    recovery: String,
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
pub(crate) struct Named {
    id: String,
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    name: String,
    role: Role,
    days: String,
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    show(&signed, None, None).await
}

pub(crate) async fn offer(signed: SignedIn) -> Answer {
    match signed.client.offer_second_factor().await {
        Ok(offer) => {
            let recovery = offer.recovery_codes.join(" ");
            let given = Confirmed { secret: offer.secret, url: offer.url, recovery, code: String::new() };
            Ok(show_factor(&signed, given, None))
        }
        Err(error) => show(&signed, None, Some(signed.told(error)?)).await,
    }
}

pub(crate) async fn confirm(signed: SignedIn, Form(given): Form<Confirmed>) -> Answer {
    match signed.client.confirm_second_factor(&SecondFactorCode { code: given.code.trim().to_owned() }).await {
        Ok(_) => Ok(done("factor_on", "/account")),
        // A wrong code is answered as a failed sign-in is; the session itself was looked at before.
        Err(error) => Ok(show_factor(&signed, given, Some(Problem::from(error)))),
    }
}

pub(crate) async fn remove(signed: SignedIn, Form(removal): Form<SecondFactorRemoval>) -> Answer {
    match signed.client.remove_second_factor(&removal).await {
        Ok(_) => Ok(done("factor_off", "/account")),
        Err(error) => show(&signed, None, Some(Problem::from(error))).await,
    }
}

pub(crate) async fn end_session(signed: SignedIn, Form(named): Form<Named>) -> Answer {
    match signed.client.end_own_session(&named.id).await {
        Ok(_) => Ok(done("session_ended", "/account")),
        Err(error) => show(&signed, None, Some(signed.told(error)?)).await,
    }
}

pub(crate) async fn make_token(signed: SignedIn, Form(wanted): Form<Wanted>) -> Answer {
    let Ok(days) = wanted.days.trim().parse() else {
        return show(&signed, None, Some(Problem::refuse(signed.t.say("people.days_wrong")))).await;
    };
    let new = NewToken { name: wanted.name.trim().to_owned(), role: wanted.role, days, user: None };
    match signed.client.make_own_token(&new).await {
        Ok(made) => show(&signed, Some((made.token.name, made.secret)), None).await,
        Err(error) => show(&signed, None, Some(signed.told(error)?)).await,
    }
}

pub(crate) async fn revoke_token(signed: SignedIn, Form(named): Form<Named>) -> Answer {
    match signed.client.revoke_own_token(&named.id).await {
        Ok(_) => Ok(done("token_revoked", "/account")),
        Err(error) => show(&signed, None, Some(signed.told(error)?)).await,
    }
}

async fn show(signed: &SignedIn, secret: Option<(String, String)>, problem: Option<Problem>) -> Answer {
    let sessions = signed.client.own_sessions().await.map_err(|error| signed.stop(error))?;
    let tokens = signed.client.own_tokens().await.map_err(|error| signed.stop(error))?;
    let code = problem.as_ref().map(|problem| problem.status);
    let frame = signed.frame("account", problem);
    Ok(page(&Account { frame, t: signed.t, sessions, tokens, secret }, code))
}

fn show_factor(signed: &SignedIn, given: Confirmed, problem: Option<Problem>) -> axum::response::Response {
    let code = problem.as_ref().map(|problem| problem.status);
    let picture = picture(&given.url);
    page(&Factor { frame: signed.frame("account", problem), t: signed.t, given, picture }, code)
}

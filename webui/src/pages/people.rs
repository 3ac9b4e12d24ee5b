//! Users and tokens, for administrators.

use crate::language::Text;
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, done, page};
use api::{NewToken, NewUser, PasswordReset, Role, Token, User, UserChange};
use askama::Template;
use axum::Form;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "people.html")]
struct People {
    frame: Frame,
    t: Text,
    users: Vec<User>,
    tokens: Vec<Token>,
    /// A password or token that is shown this once, and whose.
    secret: Option<(String, String)>,
}

#[derive(Deserialize)]
pub(crate) struct Named {
    name: String,
}

#[derive(Deserialize)]
pub(crate) struct NewPerson {
    name: String,
    role: Role,
}

#[derive(Deserialize)]
pub(crate) struct Changed {
    name: String,
    role: Role,
    #[serde(default)]
    disabled: bool,
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    name: String,
    user: String,
    role: Role,
    days: String,
}

#[derive(Deserialize)]
pub(crate) struct Revoked {
    id: String,
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    show(&signed, None, None).await
}

pub(crate) async fn add_user(signed: SignedIn, Form(new): Form<NewPerson>) -> Answer {
    let new = NewUser { name: new.name.trim().to_owned(), role: new.role, password: None };
    match signed.client.add_user(&new).await {
        Ok(made) => show(&signed, made.password.map(|password| (made.user.name, password)), None).await,
        Err(error) => show(&signed, None, Some(signed.told(error)?)).await,
    }
}

pub(crate) async fn change_user(signed: SignedIn, Form(changed): Form<Changed>) -> Answer {
    let change = UserChange { role: Some(changed.role), disabled: Some(changed.disabled), second_factor: None };
    match signed.client.change_user(&changed.name, &change).await {
        Ok(_) => Ok(done("user_changed", "/people")),
        Err(error) => show(&signed, None, Some(signed.told(error)?)).await,
    }
}

pub(crate) async fn set_password(signed: SignedIn, Form(named): Form<Named>) -> Answer {
    match signed.client.set_password(&named.name, &PasswordReset::default()).await {
        Ok(made) => show(&signed, made.password.map(|password| (made.user.name, password)), None).await,
        Err(error) => show(&signed, None, Some(signed.told(error)?)).await,
    }
}

pub(crate) async fn remove_user(signed: SignedIn, Form(named): Form<Named>) -> Answer {
    match signed.client.remove_user(&named.name).await {
        Ok(_) => Ok(done("user_removed", "/people")),
        Err(error) => show(&signed, None, Some(signed.told(error)?)).await,
    }
}

pub(crate) async fn make_token(signed: SignedIn, Form(wanted): Form<Wanted>) -> Answer {
    let Ok(days) = wanted.days.trim().parse() else {
        return show(&signed, None, Some(Problem::refuse(signed.t.say("people.days_wrong")))).await;
    };
    let name = wanted.name.trim().to_owned();
    match signed.client.make_token(&NewToken { name, role: wanted.role, days, user: Some(wanted.user) }).await {
        Ok(made) => show(&signed, Some((made.token.name, made.secret)), None).await,
        Err(error) => show(&signed, None, Some(signed.told(error)?)).await,
    }
}

pub(crate) async fn revoke_token(signed: SignedIn, Form(revoked): Form<Revoked>) -> Answer {
    match signed.client.revoke_token(&revoked.id).await {
        Ok(_) => Ok(done("token_revoked", "/people")),
        Err(error) => show(&signed, None, Some(signed.told(error)?)).await,
    }
}

async fn show(signed: &SignedIn, secret: Option<(String, String)>, problem: Option<Problem>) -> Answer {
    let users = signed.client.users().await.map_err(|error| signed.stop(error))?;
    let tokens = signed.client.tokens().await.map_err(|error| signed.stop(error))?;
    let code = problem.as_ref().map(|problem| problem.status);
    let frame = signed.frame("people", problem);
    Ok(page(&People { frame, t: signed.t, users, tokens, secret }, code))
}

//! Users, sessions, tokens and the audit log.

use super::access::{Call, Peer};
use super::gate::{Gate, not_kept, refused};
use super::routes::{Answer, Body, Named, Words};
use super::{Core, Refused};
use api::{
    AuditCheck, AuditPage, AuditQuery, Ended, LoggedIn, Login, Me, NewToken, NewUser, PasswordChange, PasswordReset,
    SecondFactorCode, SecondFactorOffer, SecondFactorRemoval, TokenMade, UserChange, UserPassword,
};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use manage::access::{Change, PeopleError};
use manage::keep::{self, KeepError};
use store::Store;
use tokio::task::spawn_blocking;

pub(super) async fn login(
    State(core): State<Core>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    Body(mut login): Body<Login>,
) -> Answer<LoggedIn> {
    if login.agent.is_none() {
        login.agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned);
    }
    core.gate.login(peer.source(&headers), login).await.map(Json)
}

pub(super) async fn logout(State(core): State<Core>, Extension(call): Extension<Call>) -> Answer<Ended> {
    let Some(id) = call.caller.session().map(str::to_owned) else {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "only a session can be logged out"));
    };
    core.gate.change(&call, |_, _| Ok(((), vec![Change::SessionsGone(vec![id])]))).await?;
    Ok(Json(Ended { ended: 1 }))
}

pub(super) async fn me(Extension(call): Extension<Call>) -> Json<Me> {
    Json(call.caller.me())
}

pub(super) async fn own_password(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(change): Body<PasswordChange>,
) -> Answer<Me> {
    let (gate, caller) = (&core.gate, &call.caller);
    if core.gate.look(|access, _| access.user(&caller.user)).await.is_none() {
        return Err(refused(PeopleError::NoUser));
    }
    // The old one first: what is wrong with the new one is nobody else's business.
    let same = change.old == change.new;
    let checked = gate.check_again(caller, change.old).await?;
    gate.look(|access, _| access.check_password(&caller.user, &change.new)).await.map_err(refused)?;
    if same {
        return Err(refused(PeopleError::SamePassword));
    }
    let hash = gate.hash(change.new).await?;
    gate.change(&call, |access, _| {
        let user = access.show_again(checked)?;
        Ok(((), access.change_own_password(caller, user, hash)))
    })
    .await?;
    Ok(Json(Me { must_change_password: false, ..caller.me() }))
}

pub(super) async fn offer_second_factor(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
) -> Answer<SecondFactorOffer> {
    call.note("offered");
    let box_name = core.gate.box_name().to_owned();
    let make = |access: &mut manage::access::Access, now| {
        Ok((access.offer_second_factor(now, &call.caller, &box_name)?, Vec::new()))
    };
    let offer = core.gate.change(&call, make).await?;
    Ok(Json(SecondFactorOffer { secret: offer.secret, url: offer.url, recovery_codes: offer.recovery_codes }))
}

pub(super) async fn confirm_second_factor(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(code): Body<SecondFactorCode>,
) -> Answer<Me> {
    call.note("in force");
    let make = |access: &mut manage::access::Access, now| {
        Ok(((), vec![access.confirm_second_factor(now, &call.caller, &code.code)?]))
    };
    core.gate.change(&call, make).await?;
    Ok(Json(Me { second_factor: true, ..call.caller.me() }))
}

pub(super) async fn remove_second_factor(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(removal): Body<SecondFactorRemoval>,
) -> Answer<Me> {
    call.note("taken away");
    if core.gate.look(|access, _| access.user(&call.caller.user)).await.is_none() {
        return Err(refused(PeopleError::NoUser));
    }
    let checked = core.gate.check_again(&call.caller, removal.password).await?;
    let make = |access: &mut manage::access::Access, now| {
        Ok(((), vec![access.remove_second_factor(now, checked, &removal.code)?]))
    };
    core.gate.change(&call, make).await?;
    Ok(Json(Me { second_factor: false, ..call.caller.me() }))
}

pub(super) async fn own_logins(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
) -> Answer<Vec<api::Session>> {
    let own = Some(call.caller.user.as_str());
    Ok(Json(core.gate.look(|access, now| access.sessions(now, &call.caller, own)).await))
}

pub(super) async fn all_logins(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
) -> Answer<Vec<api::Session>> {
    Ok(Json(core.gate.look(|access, now| access.sessions(now, &call.caller, None)).await))
}

pub(super) async fn end_own_login(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Named(id): Named,
) -> Answer<Ended> {
    end_login(&core.gate, &call, &id, Some(&call.caller.user)).await
}

pub(super) async fn end_any_login(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Named(id): Named,
) -> Answer<Ended> {
    end_login(&core.gate, &call, &id, None).await
}

async fn end_login(gate: &Gate, call: &Call, id: &str, own: Option<&str>) -> Answer<Ended> {
    call.note(id);
    gate.change(call, |access, _| Ok(((), vec![access.end_session(id, own)?]))).await?;
    Ok(Json(Ended { ended: 1 }))
}

pub(super) async fn end_logins_of(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Named(name): Named,
) -> Answer<Ended> {
    call.note(&name);
    let make = |access: &mut manage::access::Access, _| {
        let user = access.user(&name).ok_or_else(|| manage::users::UserError::Missing(name.clone()))?;
        let changes = access.end_sessions(&user.name, None);
        let ended = changes.iter().map(|change| match change {
            Change::SessionsGone(ids) => ids.len() as u64,
            _ => 0,
        });
        Ok((ended.sum(), changes))
    };
    Ok(Json(Ended { ended: core.gate.change(&call, make).await? }))
}

pub(super) async fn own_tokens(State(core): State<Core>, Extension(call): Extension<Call>) -> Answer<Vec<api::Token>> {
    Ok(Json(core.gate.look(|access, _| access.tokens(Some(&call.caller.user))).await))
}

pub(super) async fn all_tokens(State(core): State<Core>) -> Answer<Vec<api::Token>> {
    Ok(Json(core.gate.look(|access, _| access.tokens(None)).await))
}

pub(super) async fn make_own_token(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(new): Body<NewToken>,
) -> Answer<TokenMade> {
    if new.user.as_ref().is_some_and(|user| *user != call.caller.user) {
        return Err(Refused::new(StatusCode::FORBIDDEN, "this call makes tokens of the caller's own"));
    }
    make_token(&core.gate, &call, &new).await
}

pub(super) async fn make_any_token(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(new): Body<NewToken>,
) -> Answer<TokenMade> {
    make_token(&core.gate, &call, &new).await
}

async fn make_token(gate: &Gate, call: &Call, new: &NewToken) -> Answer<TokenMade> {
    let user = new.user.as_deref().unwrap_or(&call.caller.user);
    call.note(&format!("{user}: {}, {}, {} days", new.name, new.role, new.days));
    let made = gate.change(call, |access, now| {
        let (token, secret) = access.make_token(now, &call.caller, new)?;
        let made = TokenMade { token: (&token).into(), secret };
        Ok((made, vec![Change::Token(token)]))
    });
    Ok(Json(made.await?))
}

pub(super) async fn revoke_own_token(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Named(id): Named,
) -> Answer<Ended> {
    revoke_token(&core.gate, &call, &id, Some(&call.caller.user)).await
}

pub(super) async fn revoke_any_token(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Named(id): Named,
) -> Answer<Ended> {
    revoke_token(&core.gate, &call, &id, None).await
}

async fn revoke_token(gate: &Gate, call: &Call, id: &str, own: Option<&str>) -> Answer<Ended> {
    call.note(id);
    gate.change(call, |access, _| Ok(((), vec![access.revoke_token(id, own)?]))).await?;
    Ok(Json(Ended { ended: 1 }))
}

pub(super) async fn users(State(core): State<Core>) -> Answer<Vec<api::User>> {
    Ok(Json(core.gate.look(|access, _| access.users()).await))
}

pub(super) async fn add_user(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(new): Body<NewUser>,
) -> Answer<UserPassword> {
    let gate = &core.gate;
    let NewUser { name, role, password } = new;
    call.note(&format!("add {name}: {role}"));
    gate.look(|access, _| access.check_new_user(&name, password.as_deref())).await.map_err(refused)?;
    let (password, made_up) = gate.given_or_made_up(password).await;
    let hash = gate.hash(password).await?;
    let user = gate.change(&call, |access, now| {
        let user = access.add_user(now, &name, role, hash)?;
        Ok((api::User::from(&user), vec![Change::User(user)]))
    });
    Ok(Json(UserPassword { user: user.await?, password: made_up }))
}

pub(super) async fn change_user(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Named(name): Named,
    Body(change): Body<UserChange>,
) -> Answer<api::User> {
    let changes = serde_json::to_string(&change).expect("a change is text and numbers");
    call.note(&format!("change {name}: {changes}"));
    core.gate.change(&call, |access, _| Ok(((), access.change_user(&name, &change)?))).await?;
    user(&core.gate, &name).await.map(Json)
}

pub(super) async fn remove_user(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Named(name): Named,
) -> Answer<Ended> {
    call.note(&format!("remove {name}"));
    core.gate.change(&call, |access, _| Ok(((), access.remove_user(&name)?))).await?;
    Ok(Json(Ended { ended: 1 }))
}

pub(super) async fn set_password(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Named(name): Named,
    Body(reset): Body<PasswordReset>,
) -> Answer<UserPassword> {
    let gate = &core.gate;
    call.note(&format!("set the password of {name}"));
    let (password, made_up) = gate.given_or_made_up(reset.password).await;
    gate.look(|access, _| access.check_password(&name, &password)).await.map_err(refused)?;
    let hash = gate.hash(password).await?;
    gate.change(&call, |access, _| Ok(((), access.set_password(&name, hash)?))).await?;
    Ok(Json(UserPassword { user: user(gate, &name).await?, password: made_up }))
}

async fn user(gate: &Gate, name: &str) -> Result<api::User, Refused> {
    let missing = || refused(manage::users::UserError::Missing(name.to_owned()).into());
    gate.look(|access, _| access.user(name)).await.ok_or_else(missing)
}

pub(super) async fn audit(State(core): State<Core>, Words(query): Words<AuditQuery>) -> Answer<AuditPage> {
    of_log(&core, move |store| keep::audit_page(store, query)).await.map(Json)
}

pub(super) async fn audit_export(State(core): State<Core>) -> Result<Response, Refused> {
    let lines = of_log(&core, keep::audit_lines).await?;
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response())
}

pub(super) async fn audit_check(State(core): State<Core>) -> Answer<AuditCheck> {
    let checked = of_log(&core, |store| match keep::audit_check(store) {
        Ok(records) => Ok(AuditCheck { records, broken: None }),
        Err(KeepError::Audit(broken)) => Ok(AuditCheck { records: 0, broken: Some(broken.to_string()) }),
        Err(error) => Err(error),
    });
    checked.await.map(Json)
}

async fn of_log<T: Send + 'static>(
    core: &Core,
    look: impl FnOnce(&Store) -> Result<T, KeepError> + Send + 'static,
) -> Result<T, Refused> {
    let store = core.store.clone();
    spawn_blocking(move || look(&store)).await.map_err(|_| Refused::busy())?.map_err(not_kept)
}

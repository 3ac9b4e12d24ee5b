//! The console's certificate, and what the web role is told of it.

use super::access::{Call, Peer};
use super::routes::{Answer, Body, Words};
use super::{Core, Refused};
use crate::run::console::CertificateRefusal;
use api::{CERTIFICATE_BYTES_MAX, Certificate, ConsoleQuery, ConsoleTerms, NewCertificate, NewSigningRequest};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use std::time::Duration;
use tokio::time::timeout;

/// Time that the web role waits for news in one call: less than a client waits for an answer.
const NEWS_LIMIT: Duration = Duration::from_secs(25);

/// The certificate in use.
pub(super) async fn certificate(State(core): State<Core>) -> Answer<Certificate> {
    core.ask(|control| control.certificate()).await?.map(Json).map_err(refused)
}

/// Another one.
pub(super) async fn set(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(new): Body<NewCertificate>,
) -> Answer<Certificate> {
    let bytes = new.certificate.len().max(new.key.as_ref().map_or(0, String::len));
    if bytes > CERTIFICATE_BYTES_MAX {
        let message = format!("{bytes} bytes: a certificate and its key have {CERTIFICATE_BYTES_MAX} each at most");
        return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    let set = core.ask(|control| control.set_certificate(new)).await?.map_err(refused)?;
    call.note(&told("in use", &set));
    Ok(Json(set))
}

/// One that the box signs itself.
pub(super) async fn renew(State(core): State<Core>, Extension(call): Extension<Call>) -> Answer<Certificate> {
    let made = core.ask(|control| control.renew_certificate()).await?.map_err(refused)?;
    call.note(&told("self-signed", &made));
    Ok(Json(made))
}

/// A key, and a request for its certificate.
pub(super) async fn request(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(wanted): Body<NewSigningRequest>,
) -> Answer<Certificate> {
    call.note(&format!("request for {}", wanted.names.join(", ")));
    core.ask(move |control| control.request_certificate(&wanted.names)).await?.map(Json).map_err(refused)
}

/// Forgets it.
pub(super) async fn forget(State(core): State<Core>, Extension(call): Extension<Call>) -> Answer<Certificate> {
    call.note("request forgotten");
    core.ask(|control| control.forget_signing_request()).await?.map(Json).map_err(refused)
}

/// What the web role serves with. Nobody else gets it, whatever their role: there is a key in it.
pub(super) async fn terms(
    State(core): State<Core>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    Words(query): Words<ConsoleQuery>,
) -> Answer<ConsoleTerms> {
    if !peer.is_web_itself(&headers) {
        return Err(Refused::new(StatusCode::FORBIDDEN, "this is told to the web role alone"));
    }
    let mut heard = core.console.clone();
    let known = query.known;
    // That nothing changed within the time is an answer too.
    let _ = timeout(NEWS_LIMIT, heard.wait_for(|terms| known != Some(terms.version))).await;
    let terms = ConsoleTerms::clone(&heard.borrow());
    Ok(Json(terms))
}

fn told(what: &str, certificate: &Certificate) -> String {
    let Certificate { subject, issuer, fingerprint, .. } = certificate;
    format!("{what}: {subject}, signed by {issuer}, SHA-256 {fingerprint}")
}

fn refused(refusal: CertificateRefusal) -> Refused {
    let error = match refusal {
        CertificateRefusal::Data(error) => return Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        CertificateRefusal::Unfit(error) => error,
    };
    Refused::with(StatusCode::BAD_REQUEST, api::Problem::from(&error))
}

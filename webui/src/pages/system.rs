//! The box itself: its version and clock, and the certificate of this console.

use crate::language::Text;
use crate::show;
use crate::visitor::{Answer, Frame, Problem, SignedIn, done, page};
use api::{Certificate, NewCertificate, NewSigningRequest, Role, Status};
use askama::Template;
use axum::Form;
use axum::http::header;
use axum::response::IntoResponse;
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "system.html")]
struct System {
    frame: Frame,
    t: Text,
    status: Status,
    certificate: Certificate,
    now_s: u64,
    given: Given,
}

impl System {
    /// As a class of the style.
    fn tone(&self) -> &'static str {
        match self.certificate.days_left {
            ..=7 => "bad",
            8..=30 => "warn",
            _ => "",
        }
    }
}

/// What was typed, to be shown again beside what is wrong with it. A key is never shown again.
#[derive(Default)]
struct Given {
    names: String,
    certificate: String,
    form: &'static str,
}

#[derive(Deserialize)]
pub(crate) struct Uploaded {
    certificate: String,
    #[serde(default)]
    key: String,
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    names: String,
}

#[derive(Deserialize)]
pub(crate) struct Agreed {
    #[serde(default)]
    agreed: bool,
}

pub(crate) async fn get(signed: SignedIn) -> Answer {
    show(&signed, Given::default(), None).await
}

pub(crate) async fn upload(signed: SignedIn, Form(Uploaded { certificate, key }): Form<Uploaded>) -> Answer {
    signed.needs(Role::Administrator)?;
    let key = Some(key).filter(|key| !key.trim().is_empty());
    match signed.client.set_certificate(&NewCertificate { certificate: certificate.clone(), key }).await {
        Ok(_) => Ok(done("certificate_set", "/system")),
        Err(error) => {
            let given = Given { certificate, form: "upload", ..Given::default() };
            show(&signed, given, Some(signed.told(error)?)).await
        }
    }
}

pub(crate) async fn request(signed: SignedIn, Form(Wanted { names }): Form<Wanted>) -> Answer {
    signed.needs(Role::Administrator)?;
    let list = names.split([',', ' ', '\n', '\r', '\t']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match signed.client.request_certificate(&NewSigningRequest { names: list }).await {
        Ok(_) => Ok(done("certificate_requested", "/system")),
        Err(error) => {
            let given = Given { names, form: "request", ..Given::default() };
            show(&signed, given, Some(signed.told(error)?)).await
        }
    }
}

/// The request as a file for an authority.
pub(crate) async fn request_file(signed: SignedIn) -> Answer {
    let certificate = signed.client.certificate().await.map_err(|error| signed.stop(error))?;
    let Some(request) = certificate.request else { return show(&signed, Given::default(), None).await };
    let headers = [
        (header::CONTENT_TYPE, "application/pkcs10"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"suimon.csr\""),
    ];
    Ok((headers, request.pem).into_response())
}

pub(crate) async fn forget_request(signed: SignedIn) -> Answer {
    match signed.client.forget_signing_request().await {
        Ok(_) => Ok(done("certificate_request_forgotten", "/system")),
        Err(error) => show(&signed, Given::default(), Some(signed.told(error)?)).await,
    }
}

pub(crate) async fn renew(signed: SignedIn, Form(Agreed { agreed }): Form<Agreed>) -> Answer {
    signed.needs(Role::Administrator)?;
    if !agreed {
        let given = Given { form: "renew", ..Given::default() };
        return show(&signed, given, Some(Problem::refuse(signed.t.say("system.renew_agree_first")))).await;
    }
    match signed.client.renew_certificate().await {
        Ok(_) => Ok(done("certificate_set", "/system")),
        Err(error) => show(&signed, Given::default(), Some(signed.told(error)?)).await,
    }
}

async fn show(signed: &SignedIn, given: Given, problem: Option<Problem>) -> Answer {
    let (status, certificate) = tokio::join!(signed.client.status(), signed.client.certificate());
    let status = status.map_err(|error| signed.stop(error))?;
    let certificate = certificate.map_err(|error| signed.stop(error))?;
    let code = problem.as_ref().map(|problem| problem.status);
    let now_s = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
    let frame = signed.frame("system", problem);
    Ok(page(&System { frame, t: signed.t, status, certificate, now_s, given }, code))
}

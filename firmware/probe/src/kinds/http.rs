//! A page over HTTP or HTTPS, from the server itself or through it as a proxy.

use crate::{Dialogue, Failure, compiled};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use config::{HttpMethod, Page, Ranges};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, HOST, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::pin::pin;

/// Bytes of the answer's status line and headers.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Headers of the answer.
const HEADERS_MAX: usize = 128;
/// Bytes read of a page. What is expected must be found in them; of a longer page the rest is left.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How the page is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// By its path.
    Origin,
    /// By its whole URL (RFC 9112 3.2.2).
    Proxy,
}

pub(super) async fn ask(options: &Page, form: Form, dialogue: &mut Dialogue) -> Result<(), Failure> {
    for value in options.headers.values() {
        dialogue.hide(value);
    }
    let request = request(options, form, dialogue)?;
    let expected = options.expect_body.as_ref().map(compiled).transpose()?;
    dialogue.connect_with(options.tls.as_ref(), options.host.as_deref()).await?;
    dialogue.act("waiting for the page");
    let (status, body) = exchange(request, dialogue).await?;
    let passes = options.expect_status.as_ref().map_or(status.is_success(), |set| set.contains(status.as_u16()));
    if !passes {
        let expected = options.expect_status.as_ref().map_or("200-299".to_owned(), Ranges::to_string);
        return Err(Failure::Answer(format!("expected status {expected}, got {status}")));
    }
    match expected {
        Some(expected) if !expected.is_match(&body) => {
            Err(Failure::answer(&format!("a page that matches {expected}"), body))
        }
        _ => Ok(()),
    }
}

fn request(options: &Page, form: Form, dialogue: &mut Dialogue) -> Result<Request<Empty<Bytes>>, Failure> {
    let path = options.path.as_deref().unwrap_or("/");
    let host = options.host.clone().unwrap_or_else(|| host_of(dialogue.server(), options.tls.is_some()));
    let (uri, host) = match path.strip_prefix("http://") {
        Some(rest) => (path.to_owned(), rest.split('/').next().unwrap_or_default().to_owned()),
        None if form == Form::Proxy => (format!("http://{host}{path}"), host),
        None => (path.to_owned(), host),
    };
    let method = match options.http_method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Head => Method::HEAD,
    };
    let mut request = Request::builder().method(method).uri(uri).header(HOST, host).header(CONNECTION, "close");
    let own = [(USER_AGENT, "suimon"), (ACCEPT, "*/*")];
    for (name, value) in own.iter().filter(|(name, _)| !has(options, name.as_str())) {
        request = request.header(name, *value);
    }
    for (name, value) in &options.headers {
        request = request.header(name, value);
    }
    if let Some(login) = &options.login {
        let encoded = BASE64.encode(format!("{}:{}", login.login, login.password()));
        dialogue.hide(&encoded);
        dialogue.hide(login.password());
        request = request.header(AUTHORIZATION, format!("Basic {encoded}"));
    }
    request.body(Empty::new()).map_err(|error| Failure::Impossible(format!("the request cannot be written: {error}")))
}

fn has(options: &Page, name: &str) -> bool {
    options.headers.keys().any(|header| header.eq_ignore_ascii_case(name))
}

/// The usual port of a scheme is left out (RFC 9110 4.2.3).
fn host_of(server: SocketAddr, tls: bool) -> String {
    let usual = if tls { 443 } else { 80 };
    match server {
        SocketAddr::V4(server) if server.port() == usual => server.ip().to_string(),
        SocketAddr::V6(server) if server.port() == usual => format!("[{}]", server.ip()),
        server => server.to_string(),
    }
}

/// Sends the request; gives the status and the beginning of the page.
async fn exchange(request: Request<Empty<Bytes>>, dialogue: &mut Dialogue) -> Result<(StatusCode, Vec<u8>), Failure> {
    let mut builder = http1::Builder::new();
    // Names of headers are the same in any case (RFC 9110 5.1), but not to every old server.
    builder.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX).title_case_headers(true);
    let (mut sender, connection) = builder.handshake(TokioIo::new(dialogue)).await.map_err(failure)?;
    let mut exchange = pin!(async {
        let response = sender.send_request(request).await.map_err(failure)?;
        let status = response.status();
        Ok((status, body(response).await?))
    });
    let mut connection = pin!(connection);
    // The connection has to be driven for the exchange to go on. It may end before the exchange has read what it got.
    let mut open = true;
    loop {
        tokio::select! {
            biased;
            result = &mut exchange => return result,
            _ended = &mut connection, if open => open = false,
        }
    }
}

async fn body(response: Response<hyper::body::Incoming>) -> Result<Vec<u8>, Failure> {
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(failure)?.into_data() else { continue };
        let room = BODY_BYTES_MAX - body.len();
        body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            break;
        }
    }
    Ok(body)
}

fn failure(error: hyper::Error) -> Failure {
    use std::error::Error;
    if error.is_incomplete_message() {
        return Failure::Closed { act: "waiting for the page".to_owned() };
    }
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Failure::Answer(format!("waiting for the page: {error}{cause}"))
}

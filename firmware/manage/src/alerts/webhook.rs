//! Alerts by HTTP: one POST of JSON per message, signed so that the receiver knows whom it is from.

use super::message::Message;
use crate::reach::{Names, ReachError, tls};
use config::AlertWebhook;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::ClientConfig;
use sha2::Sha256;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Time for one request, connecting included.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// Seconds since 1970 when the request was made: what is signed, so that an old request is not taken for a new one.
pub const TIME_HEADER: &str = "suimon-time";
/// `v1=` and the HMAC-SHA256 of time, a dot and body, hexadecimal.
pub const SIGNATURE_HEADER: &str = "suimon-signature";

/// Why a request is not answered as hoped.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The server is not reached.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// The address is none.
    #[error("the address of webhook {0} makes no sense")]
    Address(String),
    /// The request breaks.
    #[error("talk to webhook {name}: {source}")]
    Talk {
        /// Which.
        name: String,
        /// What happened.
        source: hyper::Error,
    },
    /// The server does not want it.
    #[error("webhook {name} answers {status}")]
    Refused {
        /// Which.
        name: String,
        /// How.
        status: StatusCode,
    },
    /// The server takes too long.
    #[error("webhook {0} does not answer within {limit} s", limit = REQUEST_LIMIT.as_secs())]
    Timeout(String),
}

impl WebhookError {
    /// Whether another try makes no sense: the request is at fault, and it would be the same again.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Refused { status, .. } => {
                let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
                !status.is_server_error() && !later.contains(status)
            }
            Self::Address(_) => true,
            Self::Reach(_) | Self::Talk { .. } | Self::Timeout(_) => false,
        }
    }
}

/// A destination, ready to send to.
pub struct Webhook {
    settings: AlertWebhook,
    uri: Uri,
    host: String,
    port: u16,
    /// With certificates to trust, for https.
    tls: Option<Arc<ClientConfig>>,
}

impl Webhook {
    /// Reads the certificates; connects to nobody yet. `data` is the data directory.
    pub fn new(settings: AlertWebhook, data: &Path) -> Result<Self, WebhookError> {
        let wrong = || WebhookError::Address(settings.name.clone());
        let uri: Uri = settings.url.reveal().parse().map_err(|_| wrong())?;
        let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let ca_file = settings.ca_file.as_ref().map(|file| data.join(file));
        let tls = if secure { Some(tls(ca_file.as_deref())?) } else { None };
        Ok(Self { settings, uri, host, port, tls })
    }

    /// Sends one message: done when the server has answered with a success.
    pub async fn send(&self, names: &Names, message: &Message) -> Result<(), WebhookError> {
        let exchange = async {
            let response = match &self.tls {
                Some(tls) => self.post(names.connect_tls(&self.host, self.port, tls).await?, message).await?,
                None => self.post(names.connect(&self.host, self.port).await?, message).await?,
            };
            match response.status() {
                status if status.is_success() => Ok(()),
                status => Err(WebhookError::Refused { name: self.settings.name.clone(), status }),
            }
        };
        let in_time = timeout(REQUEST_LIMIT, exchange).await;
        in_time.unwrap_or_else(|_| Err(WebhookError::Timeout(self.settings.name.clone())))
    }

    async fn post<S>(&self, stream: S, message: &Message) -> Result<Response<Incoming>, WebhookError>
    where
        TokioIo<S>: Read + Write + Unpin + Send + 'static,
    {
        let broken = |source| WebhookError::Talk { name: self.settings.name.clone(), source };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Ends with the connection; its errors reach us through the request.
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(self.request(Timestamp::now(), message)?).await.map_err(broken);
        // What the answer says besides its status is not read.
        connection.abort();
        answer
    }

    fn request(&self, now: Timestamp, message: &Message) -> Result<Request<Full<Bytes>>, WebhookError> {
        let wrong = || WebhookError::Address(self.settings.name.clone());
        let body = message.json();
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = self.uri.authority().ok_or_else(wrong)?.as_str();
        let time = now.as_second().to_string();
        let mut request = Request::post(path)
            .header(HOST, authority)
            .header(USER_AGENT, "suimon")
            .header(CONTENT_TYPE, "application/json")
            .header(TIME_HEADER, &time);
        if let Some(secret) = &self.settings.secret {
            request = request.header(SIGNATURE_HEADER, signature(secret.reveal(), &time, &body));
        }
        request.body(Full::new(Bytes::from(body))).map_err(|_| wrong())
    }
}

/// The signature of a body that was sent at `time`.
pub fn signature(secret: &str, time: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    for part in [time, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1={}", HEXLOWER.encode(&mac.finalize().into_bytes()))
}

#[cfg(test)]
pub(crate) mod tests;

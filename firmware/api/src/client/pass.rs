//! Requests of others, passed on as they are.

use super::{CLIENT_HEADER, Client, Error};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

impl Client {
    /// Sends `request`, whose path is all that its address says, with this client's secret if it has one, and on behalf of
    /// whom it calls for. Bodies stream both ways; waiting has no limit here.
    pub async fn pass<B>(&self, mut request: Request<B>) -> Result<Response<Incoming>, Error>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let stream = self.way.connect().await?;
        let broken = |source| Error::Connection { node: self.node(), source };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // Ends with the connection; its errors reach us through the request and the body.
        tokio::spawn(connection);
        let headers = request.headers_mut();
        headers.insert(HOST, self.value(self.way.host().to_owned())?);
        if let Some(secret) = &self.secret {
            headers.insert(AUTHORIZATION, self.value(format!("Bearer {secret}"))?);
        }
        // Nobody else says who is called for.
        headers.remove(CLIENT_HEADER);
        if let Some(client) = self.behalf {
            headers.insert(CLIENT_HEADER, self.value(client.to_string())?);
        }
        sender.send_request(request).await.map_err(broken)
    }

    fn value(&self, text: String) -> Result<HeaderValue, Error> {
        HeaderValue::try_from(text).map_err(|error| self.unexpected(error.to_string()))
    }
}

//! Calls about the console's certificate.

use super::{Client, Error};
use crate::{Certificate, ConsoleQuery, ConsoleTerms, NewCertificate, NewSigningRequest, path};
use hyper::Method;
use hyper::body::Bytes;

impl Client {
    /// The certificate in use.
    pub async fn certificate(&self) -> Result<Certificate, Error> {
        self.read(path::CERTIFICATE, &()).await
    }

    /// Puts another one in use.
    pub async fn set_certificate(&self, new: &NewCertificate) -> Result<Certificate, Error> {
        self.act(path::CERTIFICATE, new).await
    }

    /// Puts one in use that the box signs itself.
    pub async fn renew_certificate(&self) -> Result<Certificate, Error> {
        self.answer(Method::DELETE, path::CERTIFICATE, Bytes::new()).await
    }

    /// Makes a key and a request for an authority.
    pub async fn request_certificate(&self, wanted: &NewSigningRequest) -> Result<Certificate, Error> {
        self.act(path::SIGNING_REQUEST, wanted).await
    }

    /// Forgets the request and its key.
    pub async fn forget_signing_request(&self) -> Result<Certificate, Error> {
        self.answer(Method::DELETE, path::SIGNING_REQUEST, Bytes::new()).await
    }

    /// What the web role serves with. Answers root and the web role only.
    pub async fn console_terms(&self, query: &ConsoleQuery) -> Result<ConsoleTerms, Error> {
        self.read(path::CONSOLE, query).await
    }
}

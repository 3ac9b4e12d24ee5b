//! Certificates for the servers of a lab: an authority made for this run, and what it has signed.

use crate::error::{LabError, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};

/// The name that the servers' certificates are for.
pub const SERVER_NAME: &str = "server.lab.test";

/// A certificate and its key, both PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// An authority.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one, which nothing on this machine trusts.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new()).map_err(|error| failed("describe an authority", error))?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "lab authority");
        let key = KeyPair::generate().map_err(|error| failed("make the key of an authority", error))?;
        let certificate = params.self_signed(&key).map_err(|error| failed("sign an authority", error))?.pem();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// Its own certificate, PEM: whoever trusts it trusts all that it signs.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for `name` that is valid for years.
    pub fn valid(&self, name: &str) -> Result<Identity> {
        self.sign(name, (2020, 2090))
    }

    /// A certificate for `name` that was valid until 2021.
    pub fn expired(&self, name: &str) -> Result<Identity> {
        self.sign(name, (2020, 2021))
    }

    /// The certificate that answers a request (PKCS #10, PEM).
    pub fn answer(&self, request: &str) -> Result<String> {
        let mut asked = CertificateSigningRequestParams::from_pem(request)
            .map_err(|error| failed("read a request for a certificate", error))?;
        asked.params.not_before = date_time_ymd(2020, 1, 1);
        asked.params.not_after = date_time_ymd(2090, 1, 1);
        let signed = asked.signed_by(&self.issuer).map_err(|error| failed("answer a request", error))?;
        Ok(signed.pem())
    }

    fn sign(&self, name: &str, (from, to): (i32, i32)) -> Result<Identity> {
        let mut params =
            CertificateParams::new(vec![name.to_string()]).map_err(|error| failed("describe a certificate", error))?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().map_err(|error| failed("make a key", error))?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(|error| failed("sign a certificate", error))?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn failed(act: &str, error: rcgen::Error) -> LabError {
    LabError::Answer(format!("{act}: {error}"))
}

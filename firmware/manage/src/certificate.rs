//! The certificate that the console serves with: made, requested, checked and described (X.509, RFC 5280).

use data_encoding::HEXUPPER;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use std::net::{Ipv4Addr, Ipv6Addr};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Certificates that are sent at most: the box's own, and those of authorities.
const CHAIN_MAX: usize = 8;
/// Characters of a name.
const NAME_LENGTH_MAX: usize = 253;
/// What a certificate that the box signs itself is called.
const COMMON_NAME: &str = "suimon";
/// Begins yesterday's year and ends after a box does: a self-signed certificate is known by its fingerprint, not its age,
/// and a box whose clock has lost its battery must still serve.
const VALID_YEARS: (i32, i32) = (2020, 2060);
const DAY_S: i64 = 86_400;

/// Why a certificate cannot be used, or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is no certificate.
    #[error("the certificate cannot be read: {0}")]
    Unreadable(String),
    /// Too many of them.
    #[error("{0} certificates: a chain has {CHAIN_MAX} at most")]
    Long(usize),
    /// The key is no key.
    #[error("the key cannot be read: {0}")]
    Key(String),
    /// The key is another certificate's.
    #[error("the key is not the key of this certificate")]
    OtherKey,
    /// No key came with it, and no request waits.
    #[error("no request waits for a certificate: give the key as well")]
    NoRequest,
    /// It answers another request.
    #[error("this certificate does not answer the request of this box: its key is another one")]
    OtherRequest,
    /// It has ended. Value: when, as a day.
    #[error("the certificate ended on {0}")]
    Ended(String),
    /// One of the chain is not signed by the one behind it. Values: whom it is for, who signed it.
    #[error("behind the certificate of {0} must stand that of {1}, which signed it")]
    Order(String, String),
    /// A name that cannot stand in one.
    #[error("{0:?} cannot stand in a certificate: a name or an address is needed, as in lb.example.com")]
    Name(String),
    /// Nothing it could be for.
    #[error("a request needs at least one name, and has {max} at most", max = api::CERTIFICATE_NAMES_MAX)]
    Names,
}

/// A certificate with its chain, and its key: PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate first.
    pub chain: String,
    /// Its key.
    pub key: String,
}

/// A request for a certificate, and the key it is for: PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// PKCS #10.
    pub pem: String,
    /// Its key.
    pub key: String,
}

impl Pair {
    /// One that the box signs itself, for `names`.
    pub fn self_signed(names: &[String]) -> Result<Self, CertificateError> {
        let mut params = params(names, COMMON_NAME)?;
        params.not_before = rcgen::date_time_ymd(VALID_YEARS.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(VALID_YEARS.1, 1, 1);
        let key = new_key()?;
        let certificate = params.self_signed(&key).map_err(|error| CertificateError::Key(error.to_string()))?;
        Ok(Self { chain: certificate.pem(), key: key.serialize_pem() })
    }

    /// The pair, if a console can serve with it at `now_s`, seconds since 1970.
    pub fn checked(self, now_s: u64) -> Result<Self, CertificateError> {
        let chain = self.certificates()?;
        let view = describe(&chain)?;
        self.belongs_together()?;
        if view.ends_s < now_s {
            return Err(CertificateError::Ended(day(view.ends_s)));
        }
        for pair in chain.windows(2) {
            let (one, next) = (parsed(&pair[0])?, parsed(&pair[1])?);
            if one.issuer() != next.subject() {
                return Err(CertificateError::Order(one.subject().to_string(), one.issuer().to_string()));
            }
        }
        Ok(self)
    }

    /// That the key is that of the certificate.
    pub fn belongs_together(&self) -> Result<(), CertificateError> {
        let unreadable = |error: &dyn ToString| CertificateError::Key(error.to_string());
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(|error| unreadable(&error))?;
        match CertifiedKey::from_der(self.certificates()?, key, &default_provider()) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InconsistentKeys(_)) => Err(CertificateError::OtherKey),
            Err(error) => Err(unreadable(&error)),
        }
    }

    /// What is in it, as of `now_s`. No request waits beside it as far as this knows.
    pub fn describe(&self, now_s: u64) -> Result<api::Certificate, CertificateError> {
        let view = describe(&self.certificates()?)?;
        let left_s = i64::try_from(view.ends_s).unwrap_or(i64::MAX) - i64::try_from(now_s).unwrap_or(i64::MAX);
        Ok(api::Certificate { days_left: left_s.div_euclid(DAY_S), ..view })
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.chain.as_bytes()).collect();
        let found = found.map_err(|error| CertificateError::Unreadable(error.to_string()))?;
        match found.len() {
            0 => Err(CertificateError::Unreadable("there is no -----BEGIN CERTIFICATE-----".to_owned())),
            count if count > CHAIN_MAX => Err(CertificateError::Long(count)),
            _ => Ok(found),
        }
    }
}

impl Request {
    /// For `names`, the first of which is the common name, with a key of its own.
    pub fn new(names: &[String]) -> Result<Self, CertificateError> {
        let first = names.first().ok_or(CertificateError::Names)?;
        if names.len() > api::CERTIFICATE_NAMES_MAX {
            return Err(CertificateError::Names);
        }
        let key = new_key()?;
        let request = params(names, first)?.serialize_request(&key);
        let pem =
            request.and_then(|request| request.pem()).map_err(|error| CertificateError::Key(error.to_string()))?;
        Ok(Self { pem, key: key.serialize_pem() })
    }

    /// The pair of this key and the certificate that answers the request.
    pub fn answered(&self, chain: String) -> Result<Pair, CertificateError> {
        let pair = Pair { chain, key: self.key.clone() };
        match pair.belongs_together() {
            Ok(()) => Ok(pair),
            Err(CertificateError::OtherKey) => Err(CertificateError::OtherRequest),
            Err(error) => Err(error),
        }
    }
}

fn new_key() -> Result<KeyPair, CertificateError> {
    KeyPair::generate().map_err(|error| CertificateError::Key(error.to_string()))
}

fn params(names: &[String], common: &str) -> Result<CertificateParams, CertificateError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '*' | '_');
    let fit = |name: &String| !name.is_empty() && name.len() <= NAME_LENGTH_MAX && name.chars().all(plain);
    if let Some(name) = names.iter().find(|name| !fit(name)) {
        return Err(CertificateError::Name(name.clone()));
    }
    let mut params = CertificateParams::new(names).map_err(|error| CertificateError::Name(error.to_string()))?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    Ok(params)
}

fn parsed<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, CertificateError> {
    let (_, certificate) =
        X509Certificate::from_der(certificate).map_err(|error| CertificateError::Unreadable(error.to_string()))?;
    Ok(certificate)
}

fn describe(chain: &[CertificateDer<'_>]) -> Result<api::Certificate, CertificateError> {
    let der = chain.first().ok_or_else(|| CertificateError::Unreadable("there is none".to_owned()))?;
    let certificate = parsed(der)?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map_or(&[][..], |extension| &extension.value.general_names);
    let seconds = |time: x509_parser::time::ASN1Time| u64::try_from(time.timestamp()).unwrap_or(0);
    let hash = HEXUPPER.encode(&Sha256::digest(der));
    let fingerprint: Vec<&str> = (0..hash.len() / 2).map(|at| &hash[at * 2..at * 2 + 2]).collect();
    Ok(api::Certificate {
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        names: names.iter().filter_map(name).collect(),
        begins_s: seconds(certificate.validity().not_before),
        ends_s: seconds(certificate.validity().not_after),
        days_left: 0,
        is_self_signed: certificate.subject() == certificate.issuer(),
        fingerprint: fingerprint.join(":"),
        chain: chain.len().try_into().unwrap_or(u32::MAX),
        request: None,
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(|bytes| Ipv6Addr::from(bytes).to_string())).ok()
        }
        _ => None,
    }
}

fn day(seconds: u64) -> String {
    let at = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    at.map_or_else(|| format!("second {seconds}"), |at| at.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests;

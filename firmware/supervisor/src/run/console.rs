//! What the web role serves with: certificate, key, and who may connect. Core has the files; the web role, which may read
//! none, is told by the socket, and follows changes without a restart.

use super::control::Control;
use super::data::{DataDir, DataError};
use api::{Certificate, ConsoleTerms, NewCertificate, SigningRequest};
use config::Web;
use drivers::clock;
use manage::certificate::{CertificateError, Pair, Request};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// The certificate and its chain, in the data directory.
const CHAIN_FILE: &str = "web.crt";
/// Its key.
const KEY_FILE: &str = "web.key";
/// The key of a certificate that is about to take the place of the one in use.
const NEXT_KEY_FILE: &str = "web.key.next";
/// A request that waits for its certificate, and its key.
const REQUEST_FILE: &str = "web.csr";
/// See [`REQUEST_FILE`].
const REQUEST_KEY_FILE: &str = "web.csr.key";

/// Why no other certificate is in use.
#[derive(Debug, thiserror::Error)]
pub enum CertificateRefusal {
    /// It cannot be used.
    #[error(transparent)]
    Unfit(#[from] CertificateError),
    /// It cannot be kept.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// What the web role serves with.
pub struct Console {
    pair: Pair,
    request: Option<Request>,
    tell: watch::Sender<Arc<ConsoleTerms>>,
}

impl Console {
    /// What the data directory has; a certificate for `addresses` is made when there is none that can be used.
    pub fn open(
        data: &DataDir,
        addresses: impl IntoIterator<Item = IpAddr>,
        web: &Web,
    ) -> Result<Self, CertificateRefusal> {
        let pair = match load(data)? {
            Some(pair) => pair,
            None => {
                let pair = Pair::self_signed(&names(addresses))?;
                keep(data, &pair)?;
                pair
            }
        };
        let request = match (data.read(REQUEST_FILE)?, data.read(REQUEST_KEY_FILE)?) {
            (Some(pem), Some(key)) => Some(Request { pem, key }),
            _ => None,
        };
        let (tell, _) = watch::channel(Arc::new(terms(&pair, web)));
        Ok(Self { pair, request, tell })
    }

    /// Where the terms are heard.
    pub fn terms(&self) -> watch::Receiver<Arc<ConsoleTerms>> {
        self.tell.subscribe()
    }

    /// Another configuration may be in use, or another certificate.
    pub(super) fn follow(&self, web: &Web) {
        let new = terms(&self.pair, web);
        self.tell.send_if_modified(|known| {
            let differs = known.version != new.version;
            if differs {
                *known = Arc::new(new);
            }
            differs
        });
    }

    fn view(&self) -> Result<Certificate, CertificateError> {
        let request = self.request.as_ref().map(|request| SigningRequest { pem: request.pem.clone() });
        Ok(Certificate { request, ..self.pair.describe(clock::unix_s())? })
    }
}

impl Control {
    /// The certificate in use.
    pub fn certificate(&self) -> Result<Certificate, CertificateRefusal> {
        Ok(self.console.view()?)
    }

    /// Puts another one in use.
    pub fn set_certificate(&mut self, new: NewCertificate) -> Result<Certificate, CertificateRefusal> {
        let NewCertificate { certificate: chain, key } = new;
        let pair = match key {
            Some(key) => Pair { chain, key },
            None => self.console.request.as_ref().ok_or(CertificateError::NoRequest)?.answered(chain)?,
        };
        let answers = self.console.request.as_ref().is_some_and(|request| request.key == pair.key);
        self.use_pair(pair.checked(clock::unix_s())?)?;
        if answers {
            self.forget_signing_request()?;
        }
        self.certificate()
    }

    /// Puts one in use that the box signs itself, for the addresses it has now.
    pub fn renew_certificate(&mut self) -> Result<Certificate, CertificateRefusal> {
        let addresses = self.node.kernel().addresses.iter().map(|on| on.address.into());
        self.use_pair(Pair::self_signed(&names(addresses))?)?;
        self.certificate()
    }

    /// Makes a key, and a request for its certificate. An earlier request is forgotten.
    pub fn request_certificate(&mut self, names: &[String]) -> Result<Certificate, CertificateRefusal> {
        let request = Request::new(names)?;
        // The key first: a request without its key could never be answered.
        self.data.write(REQUEST_KEY_FILE, request.key.as_bytes())?;
        self.data.write(REQUEST_FILE, request.pem.as_bytes())?;
        self.console.request = Some(request);
        self.certificate()
    }

    /// Forgets the request and its key.
    pub fn forget_signing_request(&mut self) -> Result<Certificate, CertificateRefusal> {
        self.data.remove(REQUEST_FILE)?;
        self.data.remove(REQUEST_KEY_FILE)?;
        self.console.request = None;
        self.certificate()
    }

    fn use_pair(&mut self, pair: Pair) -> Result<(), CertificateRefusal> {
        keep(&self.data, &pair)?;
        self.console.pair = pair;
        self.console.follow(&self.node.config().web);
        Ok(())
    }

    /// The files are those of a backup now, or those from before it.
    pub(super) fn read_certificate_again(&mut self) {
        match load(&self.data) {
            Ok(Some(pair)) => self.console.pair = pair,
            Ok(None) => tracing::warn!("the backup has no certificate that can be used: the console keeps its own"),
            Err(error) => tracing::error!(%error, "certificate not read; the console keeps the one it has"),
        }
        self.console.follow(&self.node.config().web);
    }
}

/// The key is written beside the one in use, then the certificate, and only then does the key take its place: [`load`]
/// finds a whole pair whenever the power goes.
fn keep(data: &DataDir, pair: &Pair) -> Result<(), DataError> {
    data.write(NEXT_KEY_FILE, pair.key.as_bytes())?;
    data.write(CHAIN_FILE, pair.chain.as_bytes())?;
    data.rename(NEXT_KEY_FILE, KEY_FILE)
}

/// The pair that is kept. One that cannot be used is set aside: a console with a strange certificate is better than none.
fn load(data: &DataDir) -> Result<Option<Pair>, DataError> {
    let Some(chain) = data.read(CHAIN_FILE)? else { return Ok(None) };
    if let Some(key) = data.read(NEXT_KEY_FILE)? {
        let pair = Pair { chain: chain.clone(), key };
        if pair.belongs_together().is_ok() {
            data.rename(NEXT_KEY_FILE, KEY_FILE)?;
            return Ok(Some(pair));
        }
        data.remove(NEXT_KEY_FILE)?;
    }
    let pair = Pair { chain, key: data.read(KEY_FILE)?.unwrap_or_default() };
    match pair.belongs_together() {
        Ok(()) => Ok(Some(pair)),
        Err(error) => {
            tracing::error!(%error, "{CHAIN_FILE} cannot be used: set aside, and another one made");
            data.rename(CHAIN_FILE, &format!("{CHAIN_FILE}.unusable"))?;
            Ok(None)
        }
    }
}

/// What the box is called by those who have only its address.
fn names(addresses: impl IntoIterator<Item = IpAddr>) -> Vec<String> {
    let link_local = |ip: &IpAddr| matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let mut names = vec!["suimon".to_owned()];
    names.extend(addresses.into_iter().filter(|ip| !link_local(ip)).map(|ip| ip.to_string()));
    names.truncate(api::CERTIFICATE_NAMES_MAX);
    names
}

fn terms(pair: &Pair, web: &Web) -> ConsoleTerms {
    let allow: Vec<String> = web.allow.iter().map(ToString::to_string).collect();
    let mut hasher = DefaultHasher::new();
    (&pair.chain, &pair.key, &allow).hash(&mut hasher);
    ConsoleTerms { certificate: pair.chain.clone(), key: pair.key.clone(), allow, version: hasher.finish() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn scratch(name: &str) -> DataDir {
        let path = std::env::temp_dir().join(format!("suimon-console-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        DataDir::open(&path).unwrap()
    }

    #[test]
    fn made_once_and_roots_alone() {
        let data = scratch("once");
        let web = Web::default();
        let addresses: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "fe80::1".parse().unwrap()];
        let open = || Console::open(&data, addresses, &web).unwrap();
        let view = open().view().unwrap();
        assert_eq!(view.names, ["suimon", "192.0.2.1"]);
        assert_eq!(open().view().unwrap(), view, "kept");
        let mode = |name| fs::metadata(data.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(CHAIN_FILE), mode(KEY_FILE)), (0o600, 0o600));
        fs::write(data.path().join(CHAIN_FILE), "nothing").unwrap();
        assert_ne!(open().view().unwrap().fingerprint, view.fingerprint, "another one is made");
        assert_eq!(fs::read_to_string(data.path().join("web.crt.unusable")).unwrap(), "nothing", "and nothing is lost");
        fs::remove_dir_all(data.path()).unwrap();
    }

    /// After each write of `keep`, either the old pair or the new one is there.
    #[test]
    fn a_power_cut_leaves_a_pair() {
        let [old, new] = [0; 2].map(|_| Pair::self_signed(&["suimon".to_owned()]).unwrap());
        for (written, expected) in [(0, &old), (1, &old), (2, &new), (3, &new)] {
            let data = scratch(&format!("cut-{written}"));
            keep(&data, &old).unwrap();
            let steps: [&dyn Fn() -> Result<(), DataError>; 3] = [
                &|| data.write(NEXT_KEY_FILE, new.key.as_bytes()),
                &|| data.write(CHAIN_FILE, new.chain.as_bytes()),
                &|| data.rename(NEXT_KEY_FILE, KEY_FILE),
            ];
            steps[..written].iter().for_each(|step| step().unwrap());
            assert!(load(&data).unwrap().unwrap() == *expected, "{written} of 3 steps");
            assert!(load(&data).unwrap().unwrap() == *expected, "{written} of 3 steps, and again");
            fs::remove_dir_all(data.path()).unwrap();
        }
    }

    #[test]
    fn changes_are_heard_and_nothing_else() {
        let data = scratch("heard");
        let console = Console::open(&data, [], &Web::default()).unwrap();
        let heard = console.terms();
        console.follow(&Web { port: 8_443, ..Web::default() });
        assert!(!heard.has_changed().unwrap(), "the port is not the certificate's affair");
        console.follow(&Web { allow: vec!["10.0.0.0/8".parse().unwrap()], ..Web::default() });
        assert!(heard.has_changed().unwrap());
        assert_eq!(heard.borrow().allow, ["10.0.0.0/8"]);
        fs::remove_dir_all(data.path()).unwrap();
    }
}

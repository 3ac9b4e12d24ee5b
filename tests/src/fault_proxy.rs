//! A proxy before a server that does what failing servers do: inside TLS too, where it ends the client's TLS with a
//! certificate of its own and begins another with the server.

use crate::certificates::{Authority, Identity, SERVER_NAME};
use crate::error::{Act, LabError, Result};
use crate::namespace::Namespace;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

mod datagrams;

pub use datagrams::DatagramProxy;

/// How long one side is listened to before the other has its turn.
const TURN: Duration = Duration::from_millis(2);
/// Time to reach the server, and for a server's word about STARTTLS.
const SERVER_LIMIT: Duration = Duration::from_secs(5);
/// A byte this often when dribbling.
const DRIBBLE_PAUSE: Duration = Duration::from_secs(1);
/// What a flood amounts to at most.
const FLOOD_BYTES_MAX: usize = 16 << 20;
/// Bytes taken from either side at once.
const BLOCK_BYTES: usize = 16 << 10;

/// What is done to the server's answers, from the next connection on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Nobody listens.
    Refuse,
    /// Connections are taken and never answered; with TLS, after the handshake.
    Hang,
    /// Every bit is turned over.
    Garble,
    /// The first bytes become the second wherever they stand in one block of the answer.
    Replace(&'static [u8], &'static [u8]),
    /// One byte a second.
    Dribble,
    /// The connection is closed after so many bytes.
    Cut(usize),
    /// Letters without end, instead of the answer.
    Flood,
}

/// Where in the bytes of a connection the fault lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// In what TCP carries.
    Tcp,
    /// Inside TLS, which begins with the connection.
    Tls,
    /// Inside TLS, which begins once the client has sent these bytes (letters in either case) and the server has
    /// answered.
    AfterWords(&'static [u8]),
}

/// A proxy; it ends, with all its connections, when this is dropped.
pub struct FaultProxy {
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// What the proxy's threads know.
struct Shared {
    server: SocketAddr,
    layer: Layer,
    to_client: Arc<ServerConfig>,
    to_server: Arc<ClientConfig>,
    fault: Mutex<Fault>,
    ended: AtomicBool,
}

impl FaultProxy {
    /// Listens on `listen` in `namespace` and passes everything on to `server`; clients see `identity`, and the server's
    /// certificate has to be one of `authority` for [`SERVER_NAME`].
    pub fn start(
        namespace: &Namespace,
        listen: SocketAddr,
        server: SocketAddr,
        layer: Layer,
        (authority, identity): (&Authority, &Identity),
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            server,
            layer,
            to_client: Arc::new(server_config(identity)?),
            to_server: Arc::new(client_config(authority)?),
            fault: Mutex::new(Fault::None),
            ended: AtomicBool::new(false),
        });
        let act = || format!("listen on {listen} in {}", namespace.name());
        let first = namespace.enter(|| TcpListener::bind(listen))?.act(act)?;
        let threads = shared.clone();
        // A thread begins in the network namespace of the one that starts it, and so do those that it starts.
        let accepting = namespace.enter(move || thread::spawn(move || accept(&threads, listen, first)))?;
        Ok(Self { shared, accepting: Some(accepting) })
    }

    /// What is done to connections that come from now on.
    pub fn set(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
        // The listener follows within a turn.
        thread::sleep(TURN * 10);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        if let Some(accepting) = self.accepting.take() {
            // It has nothing to say; a panic in it has been printed.
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

/// Takes connections until the end; while they are to be refused, there is no listener.
fn accept(shared: &Arc<Shared>, listen: SocketAddr, first: TcpListener) {
    let mut listener = Some(first);
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    while !shared.ended() {
        if shared.fault() == Fault::Refuse {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(listen).ok();
        }
        connections.retain(|connection| !connection.is_finished());
        let taken = listener.as_ref().and_then(|listener| {
            listener.set_nonblocking(true).ok()?;
            listener.accept().ok()
        });
        match taken {
            Some((client, _)) => {
                let shared = shared.clone();
                // How a connection ends is the client's to judge: that is what it is for.
                connections.push(thread::spawn(move || drop(serve(&shared, client))));
            }
            None => thread::sleep(TURN),
        }
    }
    for connection in connections {
        let _ = connection.join();
    }
}

/// One connection.
fn serve(shared: &Shared, mut client: TcpStream) -> io::Result<()> {
    client.set_nonblocking(false)?;
    client.set_nodelay(true)?;
    let mut server = TcpStream::connect_timeout(&shared.server, SERVER_LIMIT)?;
    server.set_nodelay(true)?;
    for side in [&client, &server] {
        side.set_read_timeout(Some(TURN))?;
        side.set_write_timeout(Some(SERVER_LIMIT))?;
    }
    let fault = shared.fault();
    match shared.layer {
        Layer::Tcp => return relay(shared, fault, &mut client, &mut server),
        Layer::Tls => {}
        Layer::AfterWords(words) => pass_until(shared, words, &mut client, &mut server)?,
    }
    let name = ServerName::try_from(SERVER_NAME).map_err(io::Error::other)?;
    let inbound = ServerConnection::new(shared.to_client.clone()).map_err(io::Error::other)?;
    let outbound = ClientConnection::new(shared.to_server.clone(), name).map_err(io::Error::other)?;
    let (mut client, mut server) = (StreamOwned::new(inbound, client), StreamOwned::new(outbound, server));
    relay(shared, fault, &mut client, &mut server)?;
    client.conn.send_close_notify();
    client.flush()
}

/// Passes everything on until the client has sent `words` and the server has answered them.
fn pass_until(shared: &Shared, words: &[u8], client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
    let mut asked = false;
    while !shared.ended() {
        let from_client = take(client)?;
        server.write_all(&from_client)?;
        asked |= from_client.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words));
        let from_server = take(server)?;
        client.write_all(&from_server)?;
        // What the server had to say before has been passed on by then: protocols with STARTTLS take turns.
        if asked && !from_server.is_empty() {
            return Ok(());
        }
    }
    Err(ErrorKind::Interrupted.into())
}

/// Passes bytes both ways, the server's with `fault`, until either side ends.
fn relay(shared: &Shared, fault: Fault, client: &mut impl Stream, server: &mut impl Stream) -> io::Result<()> {
    let mut answer = Answer::new(fault);
    while !shared.ended() {
        let from_client = take(client)?;
        if !from_client.is_empty() {
            server.write_all(&from_client)?;
        }
        match take(server) {
            Ok(block) => answer.add(&block),
            // What it has said is still to be passed on.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => answer.complete = true,
            Err(error) => return Err(error),
        }
        let block = answer.due();
        if !block.is_empty() {
            client.write_all(&block)?;
            client.flush()?;
        }
        if answer.is_over() {
            return Ok(());
        }
    }
    Ok(())
}

/// What a connection carries, with or without TLS.
trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// What has come within a turn; nothing is an answer too. The end of the stream is an `UnexpectedEof`.
fn take(side: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut block = vec![0; BLOCK_BYTES];
    match side.read(&mut block) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(length) => {
            block.truncate(length);
            Ok(block)
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// A server's answer on its way through a fault.
struct Answer {
    fault: Fault,
    waiting: Vec<u8>,
    sent: usize,
    last: Instant,
    complete: bool,
}

impl Answer {
    fn new(fault: Fault) -> Self {
        Self { fault, waiting: Vec::new(), sent: 0, last: Instant::now(), complete: false }
    }

    fn add(&mut self, block: &[u8]) {
        self.waiting.extend(self.fault.change(block));
    }

    /// What is to be sent now.
    fn due(&mut self) -> Vec<u8> {
        let length = match self.fault {
            Fault::None | Fault::Garble | Fault::Replace(..) => self.waiting.len(),
            Fault::Refuse | Fault::Hang => 0,
            Fault::Cut(limit) => self.waiting.len().min(limit - self.sent),
            Fault::Dribble if self.last.elapsed() < DRIBBLE_PAUSE => 0,
            Fault::Dribble => self.waiting.len().min(1),
            Fault::Flood => {
                self.waiting = vec![b'A'; BLOCK_BYTES.min(FLOOD_BYTES_MAX - self.sent)];
                self.waiting.len()
            }
        };
        if length > 0 {
            self.last = Instant::now();
        }
        self.sent += length;
        self.waiting.drain(..length).collect()
    }

    /// Whether the connection is to be closed.
    fn is_over(&self) -> bool {
        match self.fault {
            Fault::Hang | Fault::Refuse => false,
            Fault::Cut(limit) => self.sent == limit || (self.complete && self.waiting.is_empty()),
            Fault::Flood => self.sent == FLOOD_BYTES_MAX,
            _ => self.complete && self.waiting.is_empty(),
        }
    }
}

impl Fault {
    /// What becomes of a block of the answer.
    fn change(self, block: &[u8]) -> Vec<u8> {
        match self {
            Self::Garble => block.iter().map(|byte| !byte).collect(),
            Self::Replace(from, to) => replaced(block, from, to),
            _ => block.to_vec(),
        }
    }
}

fn replaced(block: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut changed = Vec::with_capacity(block.len());
    let mut rest = block;
    while !rest.is_empty() {
        if !from.is_empty() && rest.starts_with(from) {
            changed.extend_from_slice(to);
            rest = &rest[from.len()..];
        } else {
            changed.push(rest[0]);
            rest = &rest[1..];
        }
    }
    changed
}

fn server_config(identity: &Identity) -> Result<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).map_err(unusable)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).map_err(unusable)?;
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(unusable)
}

fn client_config(authority: &Authority) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.certificate().as_bytes()).map_err(unusable)?;
    roots.add(certificate).map_err(unusable)?;
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

fn unusable(error: impl std::fmt::Display) -> LabError {
    LabError::Answer(format!("use the fault proxy's certificates: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of `HELLO` at once, and whether the connection is then closed, the server having closed it or not.
    #[test]
    fn faults_change_answers() {
        for (fault, expected, over, over_at_end) in [
            (Fault::None, &b"HELLO"[..], false, true),
            (Fault::Hang, b"", false, false),
            (Fault::Garble, &[!b'H', !b'E', !b'L', !b'L', !b'O'], false, true),
            (Fault::Replace(b"LL", b"-"), b"HE-O", false, true),
            (Fault::Replace(b"X", b"-"), b"HELLO", false, true),
            (Fault::Dribble, b"", false, false),
            (Fault::Cut(2), b"HE", true, true),
            (Fault::Cut(9), b"HELLO", false, true),
        ] {
            let mut answer = Answer::new(fault);
            answer.add(b"HELLO");
            assert_eq!(answer.due(), expected, "{fault:?}");
            assert_eq!(answer.is_over(), over, "{fault:?}");
            answer.complete = true;
            assert_eq!(answer.is_over(), over_at_end, "{fault:?}");
        }
    }

    #[test]
    fn a_flood_ends() {
        let mut answer = Answer::new(Fault::Flood);
        while !answer.is_over() {
            assert!(!answer.due().is_empty());
        }
        assert_eq!(answer.sent, FLOOD_BYTES_MAX);
    }
}

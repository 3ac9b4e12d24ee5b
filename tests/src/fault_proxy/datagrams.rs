//! The same over UDP, where a fault is one of no answer and a wrong one.

use super::{BLOCK_BYTES, Fault, SERVER_LIMIT};
use crate::error::{Act, Result};
use crate::namespace::Namespace;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often it looks whether it is to end.
const TURN: Duration = Duration::from_millis(20);

/// A proxy for datagrams that are answered by one datagram, one after the other.
pub struct DatagramProxy {
    fault: Arc<Mutex<Fault>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl DatagramProxy {
    /// Takes datagrams on `listen` in `namespace` and passes them on to `server`.
    pub fn start(namespace: &Namespace, listen: SocketAddr, server: SocketAddr) -> Result<Self> {
        let socket =
            namespace.enter(|| UdpSocket::bind(listen))?.act(|| format!("bind {listen} in {}", namespace.name()))?;
        socket.set_read_timeout(Some(TURN)).act(|| format!("set up {listen}"))?;
        let (fault, ended) = (Arc::new(Mutex::new(Fault::None)), Arc::new(AtomicBool::new(false)));
        let (its_fault, its_end) = (fault.clone(), ended.clone());
        // The thread is in the namespace too, and so are the sockets that it opens.
        let thread = namespace.enter(move || {
            thread::spawn(move || {
                while !its_end.load(Ordering::Relaxed) {
                    // No datagram within a turn, or none from the server: the client finds out by itself.
                    let _ = pass_one(&socket, server, &its_fault);
                }
            })
        })?;
        Ok(Self { fault, ended, thread: Some(thread) })
    }

    /// What is done to datagrams that come from now on. Only [`Fault::None`], [`Fault::Hang`], [`Fault::Garble`] and
    /// [`Fault::Replace`] make sense here; under any other nothing is answered.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

impl Drop for DatagramProxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It has nothing to say; a panic in it has been printed.
            let _ = thread.join();
        }
    }
}

fn pass_one(socket: &UdpSocket, server: SocketAddr, fault: &Mutex<Fault>) -> io::Result<()> {
    let mut block = [0; BLOCK_BYTES];
    let (length, client) = socket.recv_from(&mut block)?;
    let fault = *fault.lock().unwrap_or_else(PoisonError::into_inner);
    if !matches!(fault, Fault::None | Fault::Garble | Fault::Replace(..)) {
        return Ok(());
    }
    let any = SocketAddr::new(socket.local_addr()?.ip(), 0);
    let onward = UdpSocket::bind(any)?;
    onward.connect(server)?;
    onward.set_read_timeout(Some(SERVER_LIMIT))?;
    onward.send(&block[..length])?;
    let length = onward.recv(&mut block)?;
    socket.send_to(&fault.change(&block[..length]), client).map(drop)
}

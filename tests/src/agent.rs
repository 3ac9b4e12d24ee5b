//! A feedback agent: says one line to everybody who connects, and closes.

use crate::error::{Act, Result};
use crate::namespace::Namespace;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often it looks whether it is to end.
const TURN: Duration = Duration::from_millis(10);

/// An agent; it ends when this is dropped.
pub struct Agent {
    line: Arc<Mutex<&'static str>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    /// Listens on `at` in `namespace`.
    pub fn start(namespace: &Namespace, at: SocketAddr, line: &'static str) -> Result<Self> {
        let listener = namespace.enter(|| TcpListener::bind(at))?.act(|| format!("listen on {at}"))?;
        listener.set_nonblocking(true).act(|| format!("listen on {at}"))?;
        let (line, ended) = (Arc::new(Mutex::new(line)), Arc::new(AtomicBool::new(false)));
        let (said, over) = (line.clone(), ended.clone());
        let thread = thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                match listener.accept() {
                    // Whoever has gone before the answer needs none.
                    Ok((mut client, _)) => drop(client.write_all(of(&said).as_bytes())),
                    Err(_) => thread::sleep(TURN),
                }
            }
        });
        Ok(Self { line, ended, thread: Some(thread) })
    }

    /// What it says from now on.
    pub fn say(&self, line: &'static str) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }
}

fn of(line: &Mutex<&'static str>) -> &'static str {
    *line.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed.
            let _ = thread.join();
        }
    }
}

//! The fault proxy before real servers, seen by real clients.

use crate::{Fault, Layer, Stand, contains};
use lab::plan::Family;
use lab::servers::{bind, dovecot, nginx};
use lab::{LabError, Result};

/// Faults, and what curl makes of them with two seconds' patience.
const FAULTS: &[(Fault, &str)] = &[
    (Fault::None, "the gate is open"),
    (Fault::Hang, "timed out"),
    (Fault::Garble, "HTTP/0.9"),
    (Fault::Replace(b"HTTP/1.1 200", b"HTTP/1.1 500"), "500"),
    (Fault::Dribble, "timed out"),
    // The head is there, and part of what it promises.
    (Fault::Cut(160), "transfer closed"),
    (Fault::Flood, "HTTP/0.9"),
    (Fault::Refuse, "onnect"),
    (Fault::None, "the gate is open"),
];

/// In what TCP carries.
pub fn plain(stand: &mut Stand) -> Result<()> {
    let proxy = stand.proxy(Family::V4, nginx::PORT, Layer::Tcp)?;
    for (fault, expected) in FAULTS {
        proxy.set(*fault);
        seen(stand, *fault, expected, "curl -sSf -m 2 http://10.2.0.12/")?;
    }
    Ok(())
}

/// In what TLS carries: curl takes the proxy's certificate each time.
pub fn inside_tls(stand: &mut Stand) -> Result<()> {
    let proxy = stand.proxy(Family::V4, nginx::PORT_TLS, Layer::Tls)?;
    let curl = "curl -sSvf -m 2 --cacert /lab/ca.pem --connect-to ::10.2.0.12: https://server.lab.test/ 2>&1";
    for (fault, expected) in FAULTS {
        proxy.set(*fault);
        seen(stand, *fault, expected, curl)?;
        if *fault != Fault::Refuse {
            seen(stand, *fault, "SSL certificate verify ok", curl)?;
        }
    }
    Ok(())
}

/// In what TLS carries once a client of IMAP has asked for it.
pub fn behind_starttls(stand: &mut Stand) -> Result<()> {
    let proxy = stand.proxy(Family::V4, dovecot::PORT_IMAP, Layer::AfterWords(b" STARTTLS\r\n"))?;
    let curl = "curl -sSv -m 2 --cacert /lab/ca.pem --ssl-reqd --connect-to ::10.2.0.12: -u probe:secret \
                imap://server.lab.test/ -X 'STATUS INBOX (MESSAGES)' 2>&1";
    for (fault, expected) in [
        (Fault::None, "MESSAGES 0"),
        (Fault::Replace(b"MESSAGES 0", b"MESSAGES 9"), "MESSAGES 9"),
        (Fault::Hang, "timed out"),
        (Fault::Dribble, "timed out"),
    ] {
        proxy.set(fault);
        seen(stand, fault, expected, curl)?;
        seen(stand, fault, "SSL certificate verify ok", curl)?;
    }
    Ok(())
}

/// Over UDP.
pub fn datagrams(stand: &mut Stand) -> Result<()> {
    let proxy = stand.datagram_proxy(Family::V4, bind::PORT)?;
    for (fault, expected) in [
        (Fault::None, "10.2.0.80"),
        (Fault::Replace(&[10, 2, 0, 80], &[10, 2, 0, 81]), "10.2.0.81"),
        (Fault::Hang, "timed out"),
    ] {
        proxy.set(fault);
        seen(stand, fault, expected, "dig +short +tries=1 +timeout=2 @10.2.0.12 www.lab.test A")?;
    }
    Ok(())
}

fn seen(stand: &Stand, fault: Fault, expected: &str, line: &str) -> Result<()> {
    let answer = stand.ask(&["bash", "-c", line])?;
    contains(&answer, expected).map_err(|error| LabError::Answer(format!("{fault:?}: {error}")))
}

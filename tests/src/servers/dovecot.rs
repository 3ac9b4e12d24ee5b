//! dovecot: POP3 and IMAP with and without TLS; logins and mailboxes for postfix.

use super::{PASSWORD, Port, Server, USER, tls_files};
use crate::certificates::Identity;
use std::net::IpAddr;

/// POP3, with STLS.
pub const PORT_POP3: u16 = 110;
/// POP3 over TLS.
pub const PORT_POP3S: u16 = 995;
/// IMAP, with STARTTLS.
pub const PORT_IMAP: u16 = 143;
/// IMAP over TLS.
pub const PORT_IMAPS: u16 = 993;
/// Where postfix asks about users, on the loopback address.
pub const PORT_SASL: u16 = 12_345;
/// Where postfix hands mail over, on the loopback address.
pub const PORT_LMTP: u16 = 24;

/// One user with an empty mailbox; `USER+anything@lab.test` is theirs too. A wrong password makes nobody wait, neither now
/// nor at the next login.
pub fn server(address: IpAddr, identity: &Identity) -> Server {
    let conf = format!(
        "protocols = imap lmtp pop3\nlisten = {address}\nlog_path = /dev/stderr\nssl = yes\n\
         ssl_cert = </lab/tls/cert.pem\nssl_key = </lab/tls/key.pem\ndisable_plaintext_auth = no\n\
         auth_mechanisms = plain login\nmail_location = maildir:/var/mail/%u\nfirst_valid_uid = 1\n\
         auth_username_format = %n\nrecipient_delimiter = +\n\
         auth_failure_delay = 0\nlogin_greeting = gate\n\
         passdb {{\n  driver = passwd-file\n  args = scheme=plain username_format=%u /lab/users\n}}\n\
         userdb {{\n  driver = static\n  args = uid=mail gid=mail home=/var/mail/%u\n}}\n\
         service anvil {{\n  unix_listener anvil-auth-penalty {{\n    mode = 0\n  }}\n}}\n\
         service lmtp {{\n  inet_listener lmtp {{\n    address = 127.0.0.1\n    port = {PORT_LMTP}\n  }}\n}}\n\
         service auth {{\n  inet_listener {{\n    address = 127.0.0.1\n    port = {PORT_SASL}\n  }}\n}}\n"
    );
    let mut files = vec![("/lab/dovecot.conf", conf), ("/lab/users", format!("{USER}:{PASSWORD}\n"))];
    files.extend(tls_files(identity));
    Server {
        name: "dovecot",
        files,
        script: "chown mail:mail /var/mail\nexec dovecot -F -c /lab/dovecot.conf".into(),
        ports: [PORT_POP3, PORT_POP3S, PORT_IMAP, PORT_IMAPS].map(Port::Tcp).into(),
        says: None,
    }
}

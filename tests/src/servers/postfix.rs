//! postfix: SMTP and submission, both with STARTTLS. Users and mailboxes are dovecot's, which has to run in the same
//! namespace.

use super::dovecot::{PORT_LMTP, PORT_SASL};
use super::{Port, Server, tls_files};
use crate::certificates::{Identity, SERVER_NAME};
use std::net::IpAddr;

/// SMTP.
pub const PORT: u16 = 25;
/// Submission: login once STARTTLS is done.
pub const PORT_SUBMISSION: u16 = 587;

/// Takes mail for `lab.test` and hands it to dovecot; relays nothing.
pub fn server([v4, v6]: [IpAddr; 2], identity: &Identity) -> Server {
    let main = format!(
        "compatibility_level = 3.6\nmaillog_file = /dev/stdout\nmyhostname = {SERVER_NAME}\n\
         mydestination = lab.test\nmynetworks = 127.0.0.0/8\ninet_interfaces = {v4}, {v6}\ninet_protocols = all\n\
         local_recipient_maps =\nalias_maps =\nalias_database =\nlocal_transport = lmtp:inet:127.0.0.1:{PORT_LMTP}\n\
         default_transport = error:nothing leaves this lab\nrelay_transport = error:nothing leaves this lab\n\
         smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination\n\
         smtpd_tls_chain_files = /lab/tls/key.pem, /lab/tls/cert.pem\nsmtpd_tls_security_level = may\n\
         smtpd_sasl_type = dovecot\nsmtpd_sasl_path = inet:127.0.0.1:{PORT_SASL}\n\
         disable_dns_lookups = yes\nsmtpd_peername_lookup = no\n"
    );
    let mut files = vec![("/lab/postfix/main.cf", main), ("/lab/postfix/master.cf", MASTER.into())];
    files.extend(tls_files(identity));
    Server {
        name: "postfix",
        files,
        script: "exec postfix -c /lab/postfix start-fg".into(),
        ports: [PORT, PORT_SUBMISSION].map(Port::Tcp).into(),
        says: None,
    }
}

/// Its services: name, type, private, unprivileged, chroot, wake-up, most processes, program.
const MASTER: &str = "\
smtp       inet       n - n - - smtpd
submission inet       n - n - - smtpd -o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=yes
pickup     unix       n - n 60 1 pickup
cleanup    unix       n - n - 0 cleanup
qmgr       unix       n - n 300 1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n - - trivial-rewrite
bounce     unix       - - n - 0 bounce
defer      unix       - - n - 0 bounce
trace      unix       - - n - 0 bounce
verify     unix       - - n - 1 verify
error      unix       - - n - - error
lmtp       unix       - - n - - lmtp
anvil      unix       - - n - 1 anvil
scache     unix       - - n - 1 scache
proxymap   unix       - - n - - proxymap
postlog    unix-dgram n - n - 1 postlogd
";

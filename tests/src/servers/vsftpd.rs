//! vsftpd: FTP, with AUTH TLS on offer.

use super::{PASSWORD, Port, Server, USER, tls_files};
use crate::certificates::Identity;
use std::net::IpAddr;

/// Its port.
pub const PORT: u16 = 21;
/// The one port that it takes data connections on, so that a proxy can stand before it.
pub const PORT_DATA: u16 = 40_000;
/// A file that the user can fetch, and what is in it.
pub const FILE: (&str, &str) = ("present", "hello\n");

/// How it asks for the password: a wrong one is answered at once.
const PAM: &str = "auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_unix.so\n";

/// One user with one file; nobody gets in without a password.
pub fn server(address: IpAddr, identity: &Identity) -> Server {
    let conf = format!(
        "listen=YES\nlisten_address={address}\nlisten_port={PORT}\nbackground=NO\nanonymous_enable=NO\n\
         local_enable=YES\npam_service_name=vsftpd\ndelay_failed_login=0\npasv_min_port={PORT_DATA}\npasv_max_port={PORT_DATA}\nftpd_banner=gate\nseccomp_sandbox=NO\nisolate_network=NO\n\
         ssl_enable=YES\nforce_local_logins_ssl=NO\nforce_local_data_ssl=NO\nrequire_ssl_reuse=NO\n\
         rsa_cert_file=/lab/tls/cert.pem\nrsa_private_key_file=/lab/tls/key.pem\n"
    );
    let (name, content) = FILE;
    let script = format!(
        "useradd -m -s /bin/sh {USER}\necho {USER}:{PASSWORD} | chpasswd\n\
         mkdir -p /run/vsftpd/empty\nprintf '{}' >/home/{USER}/{name}\nexec vsftpd /lab/vsftpd.conf",
        content.escape_default()
    );
    let mut files = vec![("/lab/vsftpd.conf", conf), ("/etc/pam.d/vsftpd", PAM.into())];
    files.extend(tls_files(identity));
    Server { name: "vsftpd", files, script, ports: vec![Port::Tcp(PORT)], says: None }
}

//! nginx: HTTP, and HTTPS with certificates good and bad.

use super::{PASSWORD, Port, Server, USER};
use crate::certificates::Identity;
use std::net::IpAddr;

/// HTTP.
pub const PORT: u16 = 80;
/// HTTPS with a certificate that is valid for the server's name.
pub const PORT_TLS: u16 = 443;
/// HTTPS with one that has expired.
pub const PORT_EXPIRED: u16 = 8443;
/// HTTPS with one for another name.
pub const PORT_OTHER_NAME: u16 = 9443;
/// What `/` answers with status 200.
pub const BODY: &str = "the gate is open\n";

/// `/` answers [`BODY`], `/503` that status, `/moved` 302, `/host` the name asked for, `/login` asks for user and password.
pub fn server([address, v6]: [IpAddr; 2], valid: &Identity, expired: &Identity, other_name: &Identity) -> Server {
    let mut listen = format!("listen {address}:{PORT}; listen [{v6}]:{PORT};");
    let mut servers = String::new();
    let mut files = vec![("/lab/users", format!("{USER}:{{PLAIN}}{PASSWORD}\n"))];
    for (port, name, paths, identity) in [
        (PORT_TLS, "valid", ("/lab/tls/valid.pem", "/lab/tls/valid.key"), valid),
        (PORT_EXPIRED, "expired", ("/lab/tls/expired.pem", "/lab/tls/expired.key"), expired),
        (PORT_OTHER_NAME, "other", ("/lab/tls/other.pem", "/lab/tls/other.key"), other_name),
    ] {
        files.push((paths.0, identity.certificate.clone()));
        files.push((paths.1, identity.key.clone()));
        listen += &format!(
            " listen {address}:{port} ssl; ssl_certificate /lab/tls/{name}.pem; ssl_certificate_key /lab/tls/{name}.key;"
        );
        servers += &format!("  server {{ {listen}\n{LOCATIONS}  }}\n");
        listen.clear();
    }
    let head = "daemon off; worker_processes 1; pid /run/nginx.pid; error_log stderr warn;\n\
                events { worker_connections 256; }\n\
                http {\n  access_log off; default_type text/plain;\n";
    files.push(("/lab/nginx.conf", format!("{head}{servers}}}\n")));
    Server {
        name: "nginx",
        files,
        script: "exec nginx -c /lab/nginx.conf -e stderr".into(),
        ports: [PORT, PORT_TLS, PORT_EXPIRED, PORT_OTHER_NAME].map(Port::Tcp).into(),
        says: None,
    }
}

const LOCATIONS: &str = "\
    location / { return 404; }
    location = / { return 200 \"the gate is open\\n\"; }
    location = /503 { return 503 \"closed\\n\"; }
    location = /moved { return 302 /; }
    location = /host { return 200 \"$http_host\\n\"; }
    location = /login { auth_basic lab; auth_basic_user_file /lab/users; try_files /none @in; }
    location @in { return 200 \"welcome\\n\"; }
";

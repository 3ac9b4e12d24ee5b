//! PostgreSQL, with a user for each kind of password login.

use super::{PASSWORD, Port, Server, tls_files};
use crate::certificates::Identity;
use std::net::IpAddr;

/// Its port.
pub const PORT: u16 = 5432;
/// The database; its table `item` has one row (1, gate), and its table `nothing` none.
pub const DATABASE: &str = "shop";
/// Users, each named for the login it needs: SCRAM-SHA-256, MD5, clear text.
pub const USERS: [&str; 3] = ["scram", "digest", "plain"];

/// Three users that may read one database; TLS is offered.
pub fn server(address: IpAddr, identity: &Identity) -> Server {
    let conf = format!(
        "listen_addresses = '{address}'\nport = {PORT}\nunix_socket_directories = ''\nfsync = off\nssl = on\n\
         ssl_cert_file = '/run/postgresql/cert.pem'\nssl_key_file = '/run/postgresql/key.pem'\n\
         hba_file = '/lab/hba.conf'\nident_file = '/lab/ident.conf'\npassword_encryption = 'scram-sha-256'\n"
    );
    let [scram, digest, plain] = USERS;
    let rules = format!(
        "host {DATABASE} {scram} 0.0.0.0/0 scram-sha-256\nhost {DATABASE} {digest} 0.0.0.0/0 md5\n\
         host {DATABASE} {plain} 0.0.0.0/0 password\n"
    );
    // The single-user server takes one statement a line.
    let roles = format!(
        "CREATE ROLE {scram} LOGIN PASSWORD '{PASSWORD}'\nSET password_encryption = 'md5'\n\
         CREATE ROLE {digest} LOGIN PASSWORD '{PASSWORD}'\nCREATE ROLE {plain} LOGIN PASSWORD '{PASSWORD}'\n\
         CREATE DATABASE {DATABASE}\n"
    );
    let tables = format!(
        "CREATE TABLE item (id int PRIMARY KEY, name text)\nCREATE TABLE nothing (id int PRIMARY KEY)\n\
         INSERT INTO item VALUES (1, 'gate')\nGRANT SELECT ON item, nothing TO {scram}, {digest}, {plain}\n"
    );
    let mut files = vec![
        ("/lab/postgresql.conf", conf),
        ("/lab/hba.conf", rules),
        ("/lab/ident.conf", String::new()),
        ("/lab/roles.sql", roles),
        ("/lab/tables.sql", tables),
    ];
    files.extend(tls_files(identity));
    let script = format!(
        "install -d -o postgres /run/postgresql\n\
         install -m 600 -o postgres /lab/tls/cert.pem /lab/tls/key.pem /run/postgresql\n\
         postgres='setpriv --reuid postgres --regid postgres --init-groups /usr/lib/postgresql/15/bin/postgres'\n\
         options='-D /var/lib/postgresql/15/main -c config_file=/lab/postgresql.conf'\n\
         $postgres --single $options postgres </lab/roles.sql >/dev/null\n\
         $postgres --single $options {DATABASE} </lab/tables.sql >/dev/null\n\
         exec $postgres $options"
    );
    let says = Some("database system is ready to accept connections");
    Server { name: "postgresql", files, script, ports: vec![Port::Tcp(PORT)], says }
}

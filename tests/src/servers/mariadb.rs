//! MariaDB. It has no `caching_sha2_password`: that plugin is Oracle's MySQL's alone.

use super::{PASSWORD, Port, Server, USER, tls_files};
use crate::certificates::Identity;
use std::net::IpAddr;

/// Its port.
pub const PORT: u16 = 3306;
/// The database; its table `item` has one row (1, gate), and its table `nothing` none.
pub const DATABASE: &str = "shop";
/// A user whose login is MariaDB's `ed25519`; [`USER`]'s is `mysql_native_password`.
pub const USER_ED25519: &str = "curve";

/// Two users that may read one database.
pub fn server(address: IpAddr, identity: &Identity) -> Server {
    let conf = format!(
        "[mariadbd]\nuser = mysql\ndatadir = /var/lib/mysql\nsocket = /run/mysqld/mysqld.sock\n\
         pid-file = /run/mysqld/mysqld.pid\nbind-address = {address}\nport = {PORT}\ninit-file = /lab/content.sql\n\
         skip-name-resolve\nskip-log-bin\ninnodb-flush-log-at-trx-commit = 0\ninnodb-buffer-pool-size = 32M\n\
         innodb-use-native-aio = 0\nplugin-load-add = auth_ed25519\n\
         ssl-cert = /lab/tls/cert.pem\nssl-key = /lab/tls/key.pem\n"
    );
    let content = format!(
        "CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.item (id INT PRIMARY KEY, name TEXT);\n\
         CREATE TABLE {DATABASE}.nothing (id INT PRIMARY KEY);\nINSERT INTO {DATABASE}.item VALUES (1, 'gate');\n\
         CREATE USER '{USER}'@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('{PASSWORD}');\n\
         CREATE USER '{USER_ED25519}'@'%' IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}');\n\
         GRANT SELECT ON {DATABASE}.* TO '{USER}'@'%';\nGRANT SELECT ON {DATABASE}.* TO '{USER_ED25519}'@'%';\n"
    );
    let mut files = vec![("/lab/my.cnf", conf), ("/lab/content.sql", content)];
    files.extend(tls_files(identity));
    Server {
        name: "mariadb",
        files,
        // The key is read after root has become mysql.
        script: "install -d -o mysql /run/mysqld\nchown -R mysql /lab/tls\nexec mariadbd --defaults-file=/lab/my.cnf"
            .into(),
        ports: vec![Port::Tcp(PORT)],
        says: Some("ready for connections"),
    }
}

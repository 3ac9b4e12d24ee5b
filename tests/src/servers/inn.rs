//! inn2: NNTP.

use super::{PASSWORD, Port, Server, USER};
use std::net::IpAddr;

/// Its port.
pub const PORT: u16 = 119;
/// A group that it has.
pub const GROUP: &str = "local.general";
/// Where it looks for its configuration, as a path inside the tree.
pub const CONF_PATH: &str = "etc/news/inn.conf";
/// Its configuration. The package cannot be configured without `pathhost` and `domain` when the host's name has none.
pub const CONF: &str = "\
domain: lab.test
pathhost: news.lab.test
mta: \"/bin/true %s\"
pathnews: /usr/lib/news
pathbin: /usr/lib/news/bin
pathcontrol: /usr/lib/news/bin/control
pathfilter: /etc/news/filter
pathdb: /var/lib/news
pathetc: /etc/news
pathrun: /run/news
pathlog: /var/log/news
pathhttp: /var/www/inn
pathtmp: /var/spool/news/incoming/tmp
pathspool: /var/spool/news
patharchive: /var/spool/news/archive
patharticles: /var/spool/news/articles
pathincoming: /var/spool/news/incoming
pathoutgoing: /var/spool/news/outgoing
pathoverview: /var/spool/news/overview
hismethod: hisv6
ovmethod: tradindexed
";
/// Anybody may read; who gives a name has to give the right password.
const READERS: &str = "\
auth \"lab\" {
    hosts: \"*\"
    auth: \"ckpasswd -f /lab/users\"
    default: \"<anonymous>\"
}
access \"all\" {
    users: \"*\"
    newsgroups: \"*\"
}
";

/// The groups that the package brings, all empty.
pub fn server(address: IpAddr) -> Server {
    Server {
        name: "inn",
        files: vec![
            ("/etc/news/inn.conf", format!("{CONF}bindaddress: {address}\n")),
            ("/etc/news/readers.conf", READERS.into()),
        ],
        // It makes readers' processes itself, and gets its port from a program with the right to it.
        script: format!(
            "install -d -o news -g news /run/news\n\
             perl -e 'print \"{USER}:\", crypt(\"{PASSWORD}\", \"\\$6\\$lab\\$\"), \"\\n\"' >/lab/users\n\
             exec setpriv --reuid news --regid news --clear-groups /usr/lib/news/bin/innd -f"
        ),
        ports: vec![Port::Tcp(PORT)],
        says: None,
    }
}

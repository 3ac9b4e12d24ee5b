//! OpenLDAP: LDAP with StartTLS, and LDAPS.

use super::{PASSWORD, Port, Server, USER, tls_files};
use crate::certificates::Identity;
use std::net::IpAddr;

/// LDAP.
pub const PORT: u16 = 389;
/// LDAP over TLS.
pub const PORT_TLS: u16 = 636;
/// What the tree begins with.
pub const BASE: &str = "dc=lab,dc=test";
/// Who may bind with [`PASSWORD`] and see everything.
pub const BIND_DN: &str = "cn=admin,dc=lab,dc=test";
/// A person, who may bind with the same password.
pub const PERSON_DN: &str = "uid=probe,ou=people,dc=lab,dc=test";

/// A small tree with one person in it; anybody may read it.
pub fn server(address: IpAddr, identity: &Identity) -> Server {
    let conf = format!(
        "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
         TLSCertificateFile /lab/tls/cert.pem\nTLSCertificateKeyFile /lab/tls/key.pem\n\
         database mdb\nsuffix \"{BASE}\"\nrootdn \"{BIND_DN}\"\nrootpw {PASSWORD}\ndirectory /var/lib/ldap\n\
         maxsize 10485760\nindex objectClass eq\n"
    );
    let content = format!(
        "dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: lab\ndc: lab\n\n\
         dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: {PERSON_DN}\nobjectClass: inetOrgPerson\nuid: {USER}\ncn: {USER}\nsn: {USER}\nuserPassword: {PASSWORD}\n"
    );
    let mut files = vec![("/lab/slapd.conf", conf), ("/lab/content.ldif", content)];
    files.extend(tls_files(identity));
    Server {
        name: "slapd",
        files,
        script: format!(
            "rm -rf /var/lib/ldap/*\nslapadd -q -f /lab/slapd.conf -l /lab/content.ldif\n\
             exec slapd -d stats -f /lab/slapd.conf -h 'ldap://{address}:{PORT} ldaps://{address}:{PORT_TLS}'"
        ),
        ports: [PORT, PORT_TLS].map(Port::Tcp).into(),
        says: None,
    }
}

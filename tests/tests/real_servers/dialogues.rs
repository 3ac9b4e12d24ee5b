//! What is asked of each server and what has to come: the healthy answer, and what a wrong password, a missing row or a
//! wrong name look like.

use crate::{Stand, contains};
use lab::{LabError, Result};

/// The lines of a dialogue: a command for a shell in the tree, and what has to stand in its output.
pub struct Dialogue {
    /// The test's name.
    pub name: &'static str,
    lines: &'static [(&'static str, &'static str)],
}

impl Dialogue {
    /// Asks all.
    pub fn check(&self, stand: &Stand) -> Result<()> {
        for (line, expected) in self.lines {
            let answer = stand.ask(&["bash", "-c", line])?;
            contains(&answer, expected).map_err(|error| LabError::Answer(format!("{line}: {error}")))?;
        }
        Ok(())
    }
}

const fn dialogue(name: &'static str, lines: &'static [(&'static str, &'static str)]) -> Dialogue {
    Dialogue { name, lines }
}

/// All of them.
pub const ALL: &[Dialogue] = &[
    dialogue(
        "bind",
        &[
            ("dig +short @10.2.0.11 www.lab.test A", "10.2.0.80"),
            ("dig +short @10.2.0.11 www.lab.test AAAA", "2001:db8:2::80"),
            ("dig +short +tcp @10.2.0.11 -x 10.2.0.80", "www.lab.test."),
            ("dig +short @10.2.0.11 lab.test SOA", "ns.lab.test. admin.lab.test. 1 "),
            ("dig +short @10.2.0.11 lab.test NS", "ns.lab.test."),
            ("dig +short @10.2.0.11 lab.test MX", "10 mail.lab.test."),
            ("dig +short @10.2.0.11 lab.test TXT", "the gate is open"),
            ("dig @10.2.0.11 nothing.lab.test A", "NXDOMAIN"),
            ("dig @10.2.0.11 www.example.org A", "REFUSED"),
        ],
    ),
    dialogue("chrony", &[("chronyd -Q -t 10 'server 10.2.0.11 iburst maxsamples 1'", "System clock wrong by")]),
    dialogue(
        "dovecot",
        &[
            ("curl -sSv -u probe:secret pop3://10.2.0.11/ 2>&1", "+OK Logged in."),
            (
                "curl -sSv --cacert /lab/ca.pem --ssl-reqd --connect-to ::10.2.0.11: -u probe:secret \
              pop3://server.lab.test/ 2>&1",
                "STLS",
            ),
            (
                "curl -sSv --cacert /lab/ca.pem --connect-to ::10.2.0.11: -u probe:secret pop3s://server.lab.test/ 2>&1",
                "+OK Logged in.",
            ),
            ("curl -sS -u probe:wrong pop3://10.2.0.11/", "denied"),
            ("curl -sS -u probe:secret imap://10.2.0.11/ -X 'STATUS INBOX (MESSAGES)'", "MESSAGES 0"),
            (
                "curl -sSv --cacert /lab/ca.pem --ssl-reqd --connect-to ::10.2.0.11: -u probe:secret \
              imap://server.lab.test/ -X 'STATUS INBOX (MESSAGES)' 2>&1",
                "STARTTLS",
            ),
            (
                "curl -sS --cacert /lab/ca.pem --connect-to ::10.2.0.11: -u probe:secret imaps://server.lab.test/ \
              -X 'STATUS INBOX (MESSAGES)'",
                "MESSAGES 0",
            ),
            ("curl -sS -u probe:wrong imap://10.2.0.11/", "denied"),
        ],
    ),
    dialogue(
        "freeradius",
        &[
            (
                "echo 'User-Name=probe,User-Password=secret' | radclient -x 10.2.0.11 auth shared",
                "Received Access-Accept",
            ),
            (
                "echo 'User-Name=probe,CHAP-Password=secret' | radclient -x 10.2.0.11 auth shared",
                "Received Access-Accept",
            ),
            (
                "echo 'User-Name=probe,User-Password=wrong' | radclient -x 10.2.0.11 auth shared",
                "Received Access-Reject",
            ),
            ("echo 'User-Name=probe,User-Password=secret' | radclient -r 1 -t 1 10.2.0.11 auth other", "Access-Reject"),
        ],
    ),
    dialogue(
        "inn",
        &[
            (
                "exec 3<>/dev/tcp/10.2.0.11/119; printf 'MODE READER\\r\\nGROUP local.general\\r\\nQUIT\\r\\n' >&3; cat <&3",
                "211 0 1 0 local.general",
            ),
            (
                "exec 3<>/dev/tcp/10.2.0.11/119; \
              printf 'MODE READER\\r\\nAUTHINFO USER probe\\r\\nAUTHINFO PASS secret\\r\\nQUIT\\r\\n' >&3; cat <&3",
                "281 ",
            ),
            (
                "exec 3<>/dev/tcp/10.2.0.11/119; \
              printf 'MODE READER\\r\\nAUTHINFO USER probe\\r\\nAUTHINFO PASS wrong\\r\\nQUIT\\r\\n' >&3; cat <&3",
                "481 ",
            ),
            (
                "exec 3<>/dev/tcp/10.2.0.11/119; printf 'MODE READER\\r\\nGROUP no.such\\r\\nQUIT\\r\\n' >&3; cat <&3",
                "411 ",
            ),
        ],
    ),
    dialogue(
        "kamailio",
        &[("sipsak -v -s sip:10.2.0.11", "SIP/2.0 200 OK"), ("sipsak -v -E tcp -s sip:10.2.0.11", "SIP/2.0 200 OK")],
    ),
    dialogue(
        "mariadb",
        &[
            ("mariadb -h 10.2.0.11 -u probe -psecret shop -e 'select * from item'", "gate"),
            ("mariadb -h 10.2.0.11 -u curve -psecret shop -e 'select count(*) from nothing'", "0"),
            (
                "mariadb -h 10.2.0.11 -u probe -psecret --ssl-ca=/lab/ca.pem shop -e \"show status like 'Ssl_version'\"",
                "TLSv1.3",
            ),
            ("mariadb -h 10.2.0.11 -u probe -pwrong shop -e 'select 1'", "Access denied"),
            ("mariadb -h 10.2.0.11 -u probe -psecret shop -e 'select * from missing'", "doesn't exist"),
        ],
    ),
    dialogue(
        "memcached",
        &[("exec 3<>/dev/tcp/10.2.0.11/11211; printf 'version\\r\\nquit\\r\\n' >&3; cat <&3", "VERSION 1.")],
    ),
    dialogue(
        "nginx",
        &[
            ("curl -sS http://10.2.0.11/", "the gate is open"),
            ("curl -sSi http://10.2.0.11/503", "503 Service"),
            ("curl -sSi http://10.2.0.11/missing", "404 Not Found"),
            ("curl -sSi http://10.2.0.11/moved", "302 Moved"),
            ("curl -sS -H 'Host: shop.lab.test' http://10.2.0.11/host", "shop.lab.test"),
            ("curl -sSi http://10.2.0.11/login", "401 Unauthorized"),
            ("curl -sSi -u probe:secret http://10.2.0.11/login", "welcome"),
            ("curl -sS --cacert /lab/ca.pem --connect-to ::10.2.0.11: https://server.lab.test/", "the gate is open"),
            ("curl -sS --cacert /lab/ca.pem --connect-to ::10.2.0.11: https://server.lab.test:8443/", "expired"),
            ("curl -sS --cacert /lab/ca.pem --connect-to ::10.2.0.11: https://server.lab.test:9443/", "no alternative"),
            ("curl -sS --connect-to ::10.2.0.11: https://server.lab.test/", "local issuer certificate"),
        ],
    ),
    dialogue(
        "postfix",
        &[
            ("curl -sSv smtp://10.2.0.11/lab.test -X NOOP 2>&1", "250 2.0.0 Ok"),
            (
                "curl -sSv --cacert /lab/ca.pem --ssl-reqd --connect-to ::10.2.0.11: smtp://server.lab.test/lab.test \
              -X NOOP 2>&1",
                "STARTTLS",
            ),
            (
                "curl -sSv --cacert /lab/ca.pem --ssl-reqd --connect-to ::10.2.0.11: -u probe:secret \
              smtp://server.lab.test:587/lab.test -X NOOP 2>&1",
                "Authentication successful",
            ),
            (
                "curl -sSv --cacert /lab/ca.pem --ssl-reqd --connect-to ::10.2.0.11: -u probe:wrong \
              smtp://server.lab.test:587/lab.test -X NOOP 2>&1",
                "535 5.7.8",
            ),
        ],
    ),
    dialogue(
        "postgresql",
        &[
            ("PGPASSWORD=secret psql -At 'host=10.2.0.11 dbname=shop user=scram' -c 'select * from item'", "1|gate"),
            ("PGPASSWORD=secret psql -At 'host=10.2.0.11 dbname=shop user=digest' -c 'select * from item'", "1|gate"),
            (
                "PGPASSWORD=secret psql -At 'host=10.2.0.11 dbname=shop user=plain' -c 'select count(*) from nothing'",
                "0",
            ),
            (
                "PGPASSWORD=secret psql -At 'hostaddr=10.2.0.11 host=server.lab.test dbname=shop user=scram \
              sslmode=verify-full sslrootcert=/lab/ca.pem' -c 'select * from item'",
                "1|gate",
            ),
            (
                "PGPASSWORD=wrong psql -At 'host=10.2.0.11 dbname=shop user=scram' -c 'select 1'",
                "authentication failed",
            ),
            (
                "PGPASSWORD=secret psql -At 'host=10.2.0.11 dbname=shop user=scram' -c 'select * from missing'",
                "does not exist",
            ),
        ],
    ),
    dialogue(
        "redis",
        &[
            ("redis-cli -h 10.2.0.11 ping", "PONG"),
            ("redis-cli -h 10.2.0.11 -p 6380 -a secret --no-auth-warning ping", "PONG"),
            ("redis-cli -h 10.2.0.11 -p 6380 ping", "NOAUTH"),
            ("redis-cli -h 10.2.0.11 -p 6380 -a wrong --no-auth-warning ping", "WRONGPASS"),
        ],
    ),
    dialogue(
        "slapd",
        &[
            (
                "ldapsearch -x -H ldap://10.2.0.11 -D cn=admin,dc=lab,dc=test -w secret -b dc=lab,dc=test -LLL uid=probe cn",
                "cn: probe",
            ),
            (
                "ldapsearch -x -H ldap://10.2.0.11 -D uid=probe,ou=people,dc=lab,dc=test -w secret -b dc=lab,dc=test \
              -LLL -s base",
                "o: lab",
            ),
            (
                "ldapsearch -x -H ldap://10.2.0.11 -D cn=admin,dc=lab,dc=test -w wrong -b dc=lab,dc=test",
                "Invalid credentials (49)",
            ),
            ("ldapsearch -x -H ldap://10.2.0.11 -b dc=nowhere -LLL -s base", "No such object (32)"),
            (
                "echo 10.2.0.11 server.lab.test >/etc/hosts; LDAPTLS_CACERT=/lab/ca.pem ldapsearch -x -ZZ \
              -H ldap://server.lab.test -b dc=lab,dc=test -LLL -s base",
                "o: lab",
            ),
            (
                "echo 10.2.0.11 server.lab.test >/etc/hosts; LDAPTLS_CACERT=/lab/ca.pem ldapsearch -x \
              -H ldaps://server.lab.test -b dc=lab,dc=test -LLL -s base",
                "o: lab",
            ),
        ],
    ),
    dialogue(
        "tinyproxy",
        &[
            ("curl -sS -x http://10.2.0.11:8888 http://10.2.0.11/", "the gate is open"),
            ("curl -sSi -x http://10.2.0.11:8888 http://10.2.0.11:1/", "500 Unable to connect"),
        ],
    ),
    dialogue(
        "vsftpd",
        &[
            ("curl -sS -u probe:secret ftp://10.2.0.11/present", "hello"),
            (
                "curl -sSv --cacert /lab/ca.pem --ssl-reqd --connect-to ::10.2.0.11: -u probe:secret \
              ftp://server.lab.test/present 2>&1",
                "234 Proceed with negotiation",
            ),
            ("curl -sS -u probe:wrong ftp://10.2.0.11/present", "denied"),
            ("curl -sS -u probe:secret ftp://10.2.0.11/absent", "file does not exist"),
        ],
    ),
];

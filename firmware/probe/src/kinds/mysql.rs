//! MySQL and MariaDB: the greeting, a login, and a query that has to give a row.

use super::rows;
use crate::codecs::Malformed;
use crate::codecs::mysql::password::{self, Cached, Plugin};
use crate::codecs::mysql::{self, Greeting, HEADER, NONCE, Queried, Refused, Reply, Row};
use crate::{Dialogue, Failure};
use config::{Login, Sql};

/// Bytes of one packet.
const PACKET_BYTES_MAX: usize = 256 * 1024;
/// Answers of a server to one login: a switch, a key, a few words of the plugin, the welcome.
const REPLIES_MAX: usize = 8;
/// Columns of a result; both servers allow 4,096 in a table.
const COLUMNS_MAX: u64 = 4_096;

pub(super) async fn ask(options: &Sql, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect().await?;
    dialogue.act("waiting for the greeting");
    let mut packets = Packets { dialogue, sequence: 0 };
    let greeting = mysql::parse_greeting(&packets.receive().await?)?;
    let database = options.database.as_deref().unwrap_or_default();
    if let Some(tls) = &options.tls {
        if !greeting.has_tls() {
            return Err(Failure::Answer("the server has no TLS".into()));
        }
        packets.send(&greeting.tls_request(database)).await?;
        packets.dialogue.start_tls(tls, None).await?;
    }
    let Some(login) = &options.login else {
        // The server counts this as an interrupted connection, of which it takes max_connect_errors (100) in a row.
        packets.dialogue.warn("without a login the server may block this box after a number of checks: name one");
        return Ok(());
    };
    let mut login = LoginSteps { login, greeting: &greeting, database, is_tls: options.tls.is_some() };
    login.log_in(&mut packets).await?;
    if let Some(sql) = &options.query {
        packets.sequence = 0;
        let first = query(sql, &mut packets).await?;
        rows::judge(options, first.as_deref())?;
    }
    packets.sequence = 0;
    packets.dialogue.act("saying goodbye");
    packets.send(&mysql::quit()).await
}

/// The packets of a connection. Those of one act are numbered, whoever sends them.
struct Packets<'d> {
    dialogue: &'d mut Dialogue,
    sequence: u8,
}

impl Packets<'_> {
    async fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        let header = self.dialogue.read_exact(HEADER, HEADER).await?;
        let header = header.try_into().map_err(|_| Malformed::SHORT)?;
        let (length, sequence) = mysql::parse_header(header);
        if sequence != self.sequence {
            return Err(Failure::answer("a MySQL packet", header));
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.dialogue.read_exact(length, PACKET_BYTES_MAX).await
    }

    async fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let packet = self.number(payload);
        self.dialogue.send(packet).await
    }

    async fn send_shown_as(&mut self, payload: &[u8], shown: &str) -> Result<(), Failure> {
        let packet = self.number(payload);
        self.dialogue.send_shown_as(packet, shown).await
    }

    fn number(&mut self, payload: &[u8]) -> Vec<u8> {
        let packet = mysql::packet(self.sequence, payload);
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }
}

/// A login under way.
struct LoginSteps<'a> {
    login: &'a Login,
    greeting: &'a Greeting,
    database: &'a str,
    is_tls: bool,
}

impl LoginSteps<'_> {
    async fn log_in(&mut self, packets: &mut Packets<'_>) -> Result<(), Failure> {
        let (user, password) = (&self.login.login, self.login.password());
        packets.dialogue.act("waiting for the answer to the login");
        packets.dialogue.hide(password);
        // A server whose usual plugin is another one asks to switch to that of the account.
        let mut plugin = Plugin::from_name(&self.greeting.plugin).unwrap_or(Plugin::Native);
        let mut nonce = self.greeting.nonce;
        let answer = plugin.answer(password, &nonce);
        let response = self.greeting.response(user, &answer, self.database, plugin, self.is_tls);
        let shown = format!("(login of \"{user}\" by {})", plugin.name());
        packets.send_shown_as(&response, &shown).await?;
        for _ in 0..REPLIES_MAX {
            match mysql::parse_reply(&packets.receive().await?)? {
                Reply::Welcome => return Ok(()),
                Reply::Switch(its_plugin, its_nonce) => {
                    (plugin, nonce) = (its_plugin, its_nonce);
                    let answer = plugin.answer(password, &nonce);
                    packets.send_shown_as(&answer, &format!("(password by {})", plugin.name())).await?;
                }
                Reply::More(more) => match Cached::parse(&more) {
                    Some(Cached::Right) => {}
                    Some(Cached::Unknown) => self.send_password(packets, &nonce).await?,
                    None => return Err(Failure::answer("a word of caching_sha2_password", more)),
                },
            }
        }
        Err(Failure::Answer("the login does not come to an end".into()))
    }

    // The server has only the hash of a password that it has not seen since it started.
    async fn send_password(&self, packets: &mut Packets<'_>, nonce: &[u8; NONCE]) -> Result<(), Failure> {
        let password = self.login.password();
        if self.is_tls {
            return packets.send_shown_as(&password::plain(password), "(password)").await;
        }
        packets.send(&password::KEY_REQUEST).await?;
        let Reply::More(key) = mysql::parse_reply(&packets.receive().await?)? else {
            return Err(Failure::Answer("the server does not give its public key".into()));
        };
        let mut random = rsa::rand_core::UnwrapErr(getrandom::SysRng);
        let encrypted =
            password::encrypted(password, nonce, &key, &mut random).map_err(|why| Failure::Answer(why.to_string()))?;
        packets.send_shown_as(&encrypted, "(password, encrypted by RSA)").await
    }
}

// The values of the first row, if there is one.
async fn query(sql: &str, packets: &mut Packets<'_>) -> Result<Option<Vec<String>>, Failure> {
    packets.dialogue.act("waiting for the result of the query");
    packets.send(&mysql::query(sql)).await?;
    let columns = match mysql::parse_queried(&packets.receive().await?)? {
        Queried::Done => return Ok(None),
        Queried::Columns(columns) if columns > COLUMNS_MAX => {
            return Err(Failure::Answer(format!("the result has {columns} columns, {COLUMNS_MAX} are read")));
        }
        Queried::Columns(columns) => columns,
    };
    for _ in 0..columns {
        packets.receive().await?;
    }
    if !mysql::is_end(&packets.receive().await?) {
        return Err(Malformed("the columns of a result have no end").into());
    }
    let mut first = None;
    for _ in 0..rows::ROWS_MAX {
        match mysql::parse_row(&packets.receive().await?)? {
            Row::Values(values) => first = first.or(Some(values)),
            Row::End => break,
        }
    }
    Ok(first)
}

impl From<Refused> for Failure {
    fn from(why: Refused) -> Self {
        match why {
            Refused::Malformed(why) => why.into(),
            other => Self::Answer(other.to_string()),
        }
    }
}

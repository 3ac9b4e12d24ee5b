//! An FTP login, and a file fetched in passive mode (RFC 959, RFC 2428).

use super::reply::{exchange, exchange_secret, quit, read};
use crate::{Dialogue, Failure, compiled};
use config::{Ftp, Login, Secret};
use std::net::IpAddr;
use tokio::net::TcpStream;

/// Bytes of the file.
const FILE_BYTES_MAX: usize = 256 * 1024;

pub(super) async fn ask(options: &Ftp, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect().await?;
    dialogue.act("waiting for the greeting");
    let greeting = read(dialogue).await?;
    if greeting.code == 120 {
        // "Service ready in nnn minutes": the greeting follows, or the deadline passes before.
        read(dialogue).await?.must_be(&[220])?;
    } else {
        greeting.must_be(&[220])?;
    }
    let anonymous = Login { login: "anonymous".to_owned(), password: Some(Secret::new("suimon@")) };
    login(options.login.as_ref().unwrap_or(&anonymous), dialogue).await?;
    let folder = options.folder.as_deref().unwrap_or("/");
    exchange(dialogue, &format!("CWD {folder}")).await?.must_be(&[250, 200])?;
    if let Some(file) = &options.file {
        let content = fetch(file, dialogue).await?;
        if let Some(pattern) = &options.expect
            && !compiled(pattern)?.is_match(&content)
        {
            return Err(Failure::answer(&format!("a file that matches {}", pattern.as_str()), content));
        }
    }
    quit(dialogue).await
}

async fn login(login: &Login, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.hide(login.password());
    let reply = exchange(dialogue, &format!("USER {}", login.login)).await?.must_be(&[230, 331])?;
    if reply.code == 331 {
        let command = format!("PASS {}", login.password());
        exchange_secret(dialogue, &command, "PASS ***").await?.must_be(&[230, 202])?;
    }
    Ok(())
}

async fn fetch(file: &str, dialogue: &mut Dialogue) -> Result<Vec<u8>, Failure> {
    exchange(dialogue, "TYPE I").await?.must_be(&[200])?;
    let data = open_data(dialogue).await?;
    exchange(dialogue, &format!("RETR {file}")).await?.must_be(&[125, 150])?;
    dialogue.act("receiving the file");
    let content = dialogue.read_beside(data, FILE_BYTES_MAX).await?;
    dialogue.act("waiting for the end of the file");
    read(dialogue).await?.must_be(&[226, 250])?;
    Ok(content)
}

/// Opens the data connection. Only the port is taken from the answer: the address may be one that is not reachable from
/// here, or not the server's own.
async fn open_data(dialogue: &mut Dialogue) -> Result<TcpStream, Failure> {
    let extended = exchange(dialogue, "EPSV").await?;
    let is_ipv4 = matches!(dialogue.server().ip(), IpAddr::V4(_));
    let port = if extended.code / 100 == 5 && is_ipv4 {
        let passive = exchange(dialogue, "PASV").await?.must_be(&[227])?;
        passive_port(&passive.lines[0])
            .ok_or_else(|| Failure::answer("a port in the reply to PASV", &passive.lines[0]))?
    } else {
        let extended = extended.must_be(&[229])?;
        extended_port(&extended.lines[0])
            .ok_or_else(|| Failure::answer("a port in the reply to EPSV", &extended.lines[0]))?
    };
    dialogue.connect_beside(port).await
}

/// RFC 2428 3: `(|||port|)`; the bar may be another character.
fn extended_port(text: &str) -> Option<u16> {
    let inside = text.split_once('(')?.1.split_once(')')?.0;
    let bar = inside.chars().next()?;
    let mut parts = inside.split(bar);
    let port = parts.nth(3)?;
    (parts.next() == Some("") && parts.next().is_none()).then(|| port.parse().ok())?.filter(|port| *port != 0)
}

/// RFC 959 4.1.2: `h1,h2,h3,h4,p1,p2`, with or without parentheses (RFC 1123 4.1.2.6).
fn passive_port(text: &str) -> Option<u16> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let numbers = text[start..].split(|c: char| !c.is_ascii_digit() && c != ',').next()?;
    let numbers: Vec<u8> = numbers.split(',').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let [_, _, _, _, high, low] = numbers[..] else { return None };
    Some(u16::from_be_bytes([high, low])).filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::{extended_port, passive_port};

    #[test]
    fn ports_are_found() {
        for (text, port) in [
            ("Entering Extended Passive Mode (|||6446|)", Some(6446)),
            ("(!!!1!)", Some(1)),
            ("(||6446|)", None),
            ("(|||0|)", None),
            ("(|||70000|)", None),
            ("(|||6446|x|)", None),
            ("no port", None),
            ("()", None),
        ] {
            assert_eq!(extended_port(text), port, "{text}");
        }
        for (text, port) in [
            ("Entering Passive Mode (10,2,0,2,19,137).", Some(5001)),
            ("Entering Passive Mode 10,2,0,2,0,21", Some(21)),
            ("(10,2,0,2,19)", None),
            ("(10,2,0,2,300,1)", None),
            ("(10,2,0,2,0,0)", None),
            ("Passive", None),
        ] {
            assert_eq!(passive_port(text), port, "{text}");
        }
    }
}

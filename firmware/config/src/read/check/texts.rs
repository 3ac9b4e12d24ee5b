//! What texts of checks may hold. Most are sent as part of a line, so none of them may end it.

use crate::limits::{CHECK_AUTHORITIES_BYTES_MAX, CHECK_TEXT_LENGTH_MAX};

/// One line of text.
pub(super) fn parse_line(text: &str) -> Result<String, String> {
    if text.is_empty() {
        Err("the text is empty: leave the key out instead".to_owned())
    } else if let Some(bad) = text.chars().find(|c| c.is_control()) {
        Err(format!("{bad:?} is not possible here: the text is sent as part of one line"))
    } else if text.len() > CHECK_TEXT_LENGTH_MAX {
        Err(format!("a text has at most {CHECK_TEXT_LENGTH_MAX} bytes"))
    } else {
        Ok(text.to_owned())
    }
}

/// A line whose content no message repeats.
pub(super) fn parse_password(text: &str) -> Result<String, String> {
    parse_line(text).map_err(|message| {
        if text.chars().any(char::is_control) { "control characters are not possible here".to_owned() } else { message }
    })
}

/// A word: a line without blanks.
pub(super) fn parse_word(text: &str) -> Result<String, String> {
    if text.contains(char::is_whitespace) {
        return Err(format!("\"{text}\" has blanks in it"));
    }
    parse_line(text)
}

/// A database query; it may have several lines.
pub(super) fn parse_query(text: &str) -> Result<String, String> {
    if text.contains('\0') {
        return Err("a query has no zero bytes".to_owned());
    }
    parse_line(&text.replace(['\n', '\r', '\t'], " ")).map(|_| text.to_owned())
}

/// The path of a page; for proxies also a whole URL.
pub(super) fn parse_url_path(text: &str) -> Result<String, String> {
    let graphic = text.len() <= CHECK_TEXT_LENGTH_MAX && text.chars().all(|c| c.is_ascii_graphic());
    if text.starts_with('/') && graphic {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is not a path: it begins with / and has no blanks"))
    }
}

/// The URL that a proxy is asked for.
pub(super) fn parse_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    let graphic = text.len() <= CHECK_TEXT_LENGTH_MAX && text.chars().all(|c| c.is_ascii_graphic());
    if !host.is_empty() && graphic {
        Ok(text.to_owned())
    } else if text.starts_with("https://") {
        Err("a proxy does not see inside https: ask for an http:// URL".to_owned())
    } else {
        parse_url_path(text).map_err(|_| format!("\"{text}\" is neither a path nor a URL beginning with http://"))
    }
}

/// The value of a Host header, of SNI: a name or an address, with or without a port.
pub(super) fn parse_host(text: &str) -> Result<String, String> {
    let possible = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '[' | ']');
    if !text.is_empty() && text.len() <= 255 + 6 && text.chars().all(possible) {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is not the name of a host"))
    }
}

/// A name that a certificate may be for (RFC 6066 3: no address, no port).
pub(super) fn parse_name_of_server(text: &str) -> Result<String, String> {
    let label_good = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let address = text.parse::<std::net::IpAddr>().is_ok();
    if text.len() <= 253 && !address && text.split('.').all(label_good) {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is not a name that TLS can ask for: letters, digits, - and . , and no address"))
    }
}

/// Certificates. Whether they can be used is found where they are used.
pub(super) fn parse_pem(text: &str) -> Result<String, String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    if text.len() > CHECK_AUTHORITIES_BYTES_MAX {
        Err(format!("{} bytes of certificates: at most {CHECK_AUTHORITIES_BYTES_MAX} are possible", text.len()))
    } else if !text.lines().any(|line| line.trim() == BEGIN) {
        Err(format!("no certificate is in it: one begins with {BEGIN}"))
    } else {
        Ok(text.to_owned())
    }
}

/// The absolute path of a program or folder.
pub(super) fn parse_absolute(text: &str) -> Result<String, String> {
    let plain = text.split('/').skip(1).all(|part| !part.is_empty() && part != "." && part != "..");
    if text.starts_with('/') && plain {
        parse_line(text)
    } else {
        Err(format!("\"{text}\" is no absolute path: it begins with / and has no . or .. in it"))
    }
}

/// The name of a header (RFC 9110 5.1).
pub(super) fn parse_header_name(text: &str) -> Result<(), String> {
    const OWN: &[&str] = &["host", "content-length", "transfer-encoding", "connection"];
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() || text.len() > CHECK_TEXT_LENGTH_MAX || !text.chars().all(token) {
        Err(format!("\"{text}\" is not the name of a header"))
    } else if OWN.contains(&text.to_ascii_lowercase().as_str()) {
        Err(format!("the check writes {text} itself: use the key host for Host, and no key for the others"))
    } else {
        Ok(())
    }
}

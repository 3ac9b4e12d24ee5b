//! SIP (RFC 3261): an OPTIONS request, and whether a response is to it.

use super::Malformed;
use std::fmt::Write;
use std::net::SocketAddr;

/// Header lines that are read.
const HEADERS_MAX: usize = 128;
/// RFC 3261 8.1.1.7: what every branch of this version begins with.
const BRANCH_COOKIE: &str = "z9hG4bK";
/// The number of the only request of a call.
const SEQUENCE: &str = "1 OPTIONS";

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In datagrams.
    Udp,
    /// In a stream.
    Tcp,
}

/// An OPTIONS request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What carries it.
    pub transport: Transport,
    /// Where answers go.
    pub local: SocketAddr,
    /// Who is asked: `sip:` and a user, a host, or both.
    pub uri: String,
    /// Random: makes the branch, the tag and the Call-ID unique in space and time.
    pub cookie: u64,
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 200 is what a check wants; below 200 the answer is still to come.
    pub status: u16,
    /// What the server calls it.
    pub reason: String,
    /// Bytes of body behind the head, in a stream.
    pub body_length: usize,
}

impl Request {
    /// The request as text.
    pub fn emit(&self) -> String {
        let Self { local, uri, cookie, .. } = self;
        let transport = match self.transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        };
        let host = match local.ip() {
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("[{address}]"),
        };
        let mut text = String::new();
        // RFC 3581: rport asks that the answer goes where the request came from, whatever is between.
        let lines = [
            format!("OPTIONS {uri} SIP/2.0"),
            format!("Via: SIP/2.0/{transport} {local};branch={};rport", self.branch()),
            "Max-Forwards: 70".into(),
            format!("From: <sip:suimon@{host}>;tag={cookie:016x}"),
            format!("To: <{uri}>"),
            format!("Call-ID: {}", self.call_id()),
            format!("CSeq: {SEQUENCE}"),
            format!("Contact: <sip:suimon@{local}>"),
            "Accept: application/sdp".into(),
            "User-Agent: suimon".into(),
            "Content-Length: 0".into(),
        ];
        for line in lines {
            let _ = write!(text, "{line}\r\n");
        }
        text + "\r\n"
    }

    fn branch(&self) -> String {
        format!("{BRANCH_COOKIE}{:016x}", self.cookie)
    }

    fn call_id(&self) -> String {
        format!("{:016x}@suimon", self.cookie)
    }

    /// Reads the head of a message, up to its empty line; `None`: it is not the response to this request.
    pub fn parse(&self, head: &[u8]) -> Result<Option<Response>, Malformed> {
        let head = str::from_utf8(head).map_err(|_| Malformed("a SIP message is not UTF-8"))?;
        // RFC 3261 7.5: empty lines before a message are skipped.
        let (first, headers) = head.trim_start_matches(['\r', '\n']).split_once('\n').ok_or(Malformed::SHORT)?;
        let Some(status_line) = first.strip_prefix("SIP/2.0 ") else {
            return Err(Malformed("a SIP response does not begin with SIP/2.0"));
        };
        let (status, reason) = status_line.split_at_checked(3).ok_or(Malformed::SHORT)?;
        let status = status.parse().map_err(|_| Malformed("a SIP status is no number"))?;
        let headers = Headers::parse(headers)?;
        if !self.is_answered_by(&headers) {
            return Ok(None);
        }
        let body_length = match &headers.content_length {
            None => 0,
            Some(length) => length.parse().map_err(|_| Malformed("a SIP Content-Length is no number"))?,
        };
        Ok(Some(Response { status, reason: reason.trim().into(), body_length }))
    }

    // RFC 3261 17.1.3 and 8.1.3.3: the branch of the top Via and the method, and one Via alone.
    fn is_answered_by(&self, headers: &Headers) -> bool {
        let branch = self.branch();
        let has_branch = headers.vias.first().is_some_and(|via| {
            via.split(';').any(|parameter| {
                parameter.split_once('=').is_some_and(|(name, value)| {
                    name.trim().eq_ignore_ascii_case("branch") && value.trim().eq_ignore_ascii_case(&branch)
                })
            })
        });
        let sequence = headers.sequence.split_whitespace().collect::<Vec<_>>().join(" ");
        has_branch && headers.vias.len() == 1 && headers.call_id == self.call_id() && sequence == SEQUENCE
    }
}

/// The headers that tell what a response belongs to.
#[derive(Debug, Default)]
struct Headers {
    vias: Vec<String>,
    call_id: String,
    sequence: String,
    content_length: Option<String>,
}

impl Headers {
    fn parse(text: &str) -> Result<Self, Malformed> {
        let mut headers = Self::default();
        for (name, value) in unfold(text)? {
            // RFC 3261 7.3.3: some have a short form.
            match name.to_ascii_lowercase().as_str() {
                // Several may stand in one line.
                "via" | "v" => headers.vias.extend(value.split(',').map(|via| via.trim().to_string())),
                "call-id" | "i" => headers.call_id = value,
                "cseq" => headers.sequence = value,
                "content-length" | "l" => headers.content_length = Some(value),
                _ => {}
            }
        }
        Ok(headers)
    }
}

// A line that begins with a blank goes on with the one before (RFC 3261 7.3.1).
fn unfold(text: &str) -> Result<Vec<(&str, String)>, Malformed> {
    let mut headers: Vec<(&str, String)> = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            let (_, value) = headers.last_mut().ok_or(Malformed("a SIP header begins with a blank"))?;
            value.push(' ');
            value.push_str(line.trim());
            continue;
        }
        if headers.len() == HEADERS_MAX {
            return Err(Malformed("a SIP message has too many headers"));
        }
        let (name, value) = line.split_once(':').ok_or(Malformed("a SIP header has no colon"))?;
        headers.push((name.trim_end(), value.trim().into()));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(transport: Transport) -> Request {
        let local = "192.0.2.1:40000".parse().unwrap();
        Request { transport, local, uri: "sip:192.0.2.2:5060".into(), cookie: 0xabc }
    }

    const GOOD: &str = "SIP/2.0 200 OK\r\n\
        Via: SIP/2.0/UDP 192.0.2.1:40000;branch=z9hG4bK0000000000000abc;rport=40000;received=192.0.2.1\r\n\
        To: <sip:192.0.2.2:5060>;tag=7\r\n\
        From: <sip:suimon@192.0.2.1>;tag=0000000000000abc\r\n\
        Call-ID: 0000000000000abc@suimon\r\n\
        CSeq: 1 OPTIONS\r\n\
        Content-Length: 0\r\n\r\n";

    #[test]
    fn a_request() {
        let expected = "OPTIONS sip:192.0.2.2:5060 SIP/2.0\r\n\
            Via: SIP/2.0/UDP 192.0.2.1:40000;branch=z9hG4bK0000000000000abc;rport\r\n\
            Max-Forwards: 70\r\n\
            From: <sip:suimon@192.0.2.1>;tag=0000000000000abc\r\n\
            To: <sip:192.0.2.2:5060>\r\n\
            Call-ID: 0000000000000abc@suimon\r\n\
            CSeq: 1 OPTIONS\r\n\
            Contact: <sip:suimon@192.0.2.1:40000>\r\n\
            Accept: application/sdp\r\n\
            User-Agent: suimon\r\n\
            Content-Length: 0\r\n\r\n";
        assert_eq!(request(Transport::Udp).emit(), expected);
        let local = "[2001:db8::1]:5".parse().unwrap();
        let text = Request { local, ..request(Transport::Tcp) }.emit();
        assert!(text.contains("Via: SIP/2.0/TCP [2001:db8::1]:5;branch="), "{text}");
        assert!(text.contains("From: <sip:suimon@[2001:db8::1]>;tag="), "{text}");
    }

    #[test]
    fn responses() {
        let replaced = |from: &str, to: &str| GOOD.replace(from, to);
        let ok = Some((200, "OK", 0));
        let cases = [
            ("as it is", GOOD.into(), ok),
            ("short forms", replaced("Via:", "v :").replace("Call-ID", "i").replace("Content-Length", "l"), ok),
            ("lines without CR", replaced("\r\n", "\n"), ok),
            ("an empty line before", format!("\r\n{GOOD}"), ok),
            ("folded", replaced(";branch", "\r\n ;branch"), ok),
            ("a body", replaced("Length: 0", "Length: 17"), Some((200, "OK", 17))),
            ("no length", replaced("Content-Length: 0\r\n", ""), ok),
            ("another status", replaced("200 OK", "503 Service Unavailable"), Some((503, "Service Unavailable", 0))),
            ("no reason", replaced("200 OK", "200"), Some((200, "", 0))),
            ("trying", replaced("200 OK", "100 trying"), Some((100, "trying", 0))),
            ("another branch", replaced("abc;rport", "abd;rport"), None),
            ("no branch", replaced("branch", "trunk"), None),
            ("another call", replaced("abc@", "abd@"), None),
            ("another number", replaced("1 OPTIONS", "2 OPTIONS"), None),
            ("another method", replaced("1 OPTIONS", "1 INVITE"), None),
            ("a second Via", replaced("To:", "Via: SIP/2.0/UDP 192.0.2.9\r\nTo:"), None),
            ("a second Via in the line", replaced(";received", ", SIP/2.0/UDP 192.0.2.9;received"), None),
        ];
        for (why, text, expected) in cases {
            let response = request(Transport::Udp).parse(text.as_bytes());
            let expected = expected.map(|(status, reason, body_length)| Response {
                status,
                reason: String::from(reason),
                body_length,
            });
            assert_eq!(response, Ok(expected), "{why}");
        }
    }

    #[test]
    fn what_is_no_response() {
        let many = "a: b\r\n".repeat(HEADERS_MAX + 1);
        for text in [
            "",
            "SIP/2.0 200 OK",
            "OPTIONS sip:a SIP/2.0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "SIP/2.0 20\r\n\r\n",
            "SIP/2.0 two hundred\r\n\r\n",
            "SIP/2.0 200 OK\r\n folded: first\r\n\r\n",
            "SIP/2.0 200 OK\r\nno colon\r\n\r\n",
            &format!("SIP/2.0 200 OK\r\n{many}\r\n"),
            &GOOD.replace("Length: 0", "Length: -1"),
        ] {
            assert!(request(Transport::Udp).parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, text in "[a-c:;=, \r\n水]{0,60}") {
            let _ = request(Transport::Udp).parse(&bytes);
            let _ = request(Transport::Udp).parse(format!("SIP/2.0 {text}").as_bytes());
            let _ = request(Transport::Udp).parse(format!("SIP/2.0 200 OK\r\n{text}").as_bytes());
        }
    }
}

//! DNS: a question that has to be answered with a record.

use super::{random, repeat};
use crate::codecs::dns::{Name, Question, Response, Type, rcode_words};
use crate::{Dialogue, Failure, compiled};
use config::{Dns, DnsRecord, Named, Transport};
use std::net::IpAddr;

/// Bytes of a message: its length takes two bytes over TCP.
const MESSAGE_BYTES_MAX: usize = u16::MAX as usize;

pub(super) async fn ask(options: &Dns, dialogue: &mut Dialogue) -> Result<(), Failure> {
    let question = question(options)?;
    let mut response = match options.transport {
        Transport::Udp => over_udp(&question, dialogue).await?,
        Transport::Tcp => over_tcp(&question, dialogue).await?,
    };
    if response.is_truncated && options.transport == Transport::Udp {
        dialogue.note("the answer is too long for UDP: asking again over TCP");
        response = over_tcp(&question, dialogue).await?;
    }
    judge(options, &response)
}

fn question(options: &Dns) -> Result<Question, Failure> {
    let kind = match options.record {
        DnsRecord::A => Type::A,
        DnsRecord::Aaaa => Type::Aaaa,
        DnsRecord::Ptr => Type::Ptr,
        DnsRecord::Soa => Type::Soa,
        DnsRecord::Ns => Type::Ns,
        DnsRecord::Mx => Type::Mx,
        DnsRecord::Txt => Type::Txt,
    };
    let name = match options.query.parse::<IpAddr>() {
        Ok(address) if kind == Type::Ptr => Question::reverse(address),
        _ => Name::parse(&options.query)
            .map_err(|why| Failure::Impossible(format!("\"{}\" cannot be asked for: {why}", options.query)))?,
    };
    Ok(Question { name, kind })
}

async fn over_udp(question: &Question, dialogue: &mut Dialogue) -> Result<Response, Failure> {
    let id = u16::from_be_bytes(random::bytes()?);
    dialogue.act("waiting for the answer over UDP");
    dialogue.open_datagrams().await?;
    let bytes = question.emit(id);
    repeat::ask(dialogue, repeat::Question::plain(&bytes), |datagram| Ok(question.parse(id, datagram)?)).await
}

async fn over_tcp(question: &Question, dialogue: &mut Dialogue) -> Result<Response, Failure> {
    let id = u16::from_be_bytes(random::bytes()?);
    dialogue.connect().await?;
    dialogue.act("waiting for the answer over TCP");
    let message = question.emit(id);
    let length = message.len() as u16;
    dialogue.send([&length.to_be_bytes(), &message[..]].concat()).await?;
    let length = dialogue.read_exact(2, MESSAGE_BYTES_MAX).await?;
    let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let message = dialogue.read_exact(length, MESSAGE_BYTES_MAX).await?;
    question.parse(id, &message)?.ok_or_else(|| Failure::answer("the answer to the question", message))
}

fn judge(options: &Dns, response: &Response) -> Result<(), Failure> {
    if response.rcode != 0 {
        let words = rcode_words(response.rcode);
        return Err(Failure::Answer(format!("the server answers code {} ({words})", response.rcode)));
    }
    if response.answers.is_empty() {
        let kind = options.record.name();
        return Err(Failure::Answer(format!("the answer has no {kind} record for {}", options.query)));
    }
    match options.expect.as_ref().map(compiled).transpose()? {
        Some(expected) if !response.answers.iter().any(|answer| expected.is_match(answer.as_bytes())) => {
            Err(Failure::answer(&format!("a record that matches {expected}"), response.answers.join(" | ")))
        }
        _ => Ok(()),
    }
}

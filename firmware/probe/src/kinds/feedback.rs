//! An agent on the server that says how much load it wants: a line as HAProxy's agent-check has it.

use crate::{Dialogue, Failure};
use config::Feedback;

/// Most that an agent can ask for, percent of the configured weight. HAProxy has no bound; a slip of an agent should
/// not draw all flows.
const WEIGHT_PERCENT_MAX: u32 = 1_000;

pub(super) async fn ask(options: &Feedback, dialogue: &mut Dialogue) -> Result<(), Failure> {
    dialogue.connect().await?;
    if let Some(payload) = &options.send {
        dialogue.act("asking the agent");
        dialogue.send(payload.bytes()).await?;
    }
    dialogue.act("waiting for the agent's line");
    let line = dialogue.read_line_or_end().await?;
    match said(&line)? {
        Said { down: Some(word), reason, .. } => {
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            Err(Failure::Answer(format!("the agent says {word}{reason}")))
        }
        Said { weight_percent, .. } => {
            if let Some(percent) = weight_percent {
                dialogue.weight_percent(percent);
            }
            Ok(())
        }
    }
}

/// What an agent said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    weight_percent: Option<u32>,
    /// The word that means no new flows.
    down: Option<String>,
    reason: String,
}

/// Words are separated by blanks, tabs and commas; what stands behind `#` is for people.
fn said(line: &str) -> Result<Said, Failure> {
    let (words, reason) = line.split_once('#').unwrap_or((line, ""));
    let mut said = Said { reason: reason.trim().to_owned(), ..Said::default() };
    let mut any = false;
    for word in words.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        any = true;
        match word {
            "up" | "ready" => {}
            "drain" => said.weight_percent = Some(0),
            "down" | "fail" | "failed" | "stopped" | "maint" => said.down = Some(word.to_owned()),
            _ if word.starts_with("maxconn:") => {}
            _ => match word.strip_suffix('%').and_then(|number| number.parse::<u32>().ok()) {
                Some(percent) if percent <= WEIGHT_PERCENT_MAX => said.weight_percent = Some(percent),
                _ => return Err(Failure::answer("a weight as in 75%, or up, drain, down or maint", line)),
            },
        }
    }
    if any { Ok(said) } else { Err(Failure::answer("a weight as in 75%, or up, drain, down or maint", line)) }
}

#[cfg(test)]
mod tests {
    use super::{Said, said};

    #[test]
    fn lines_are_understood() {
        let says = |weight_percent, down: Option<&str>, reason: &str| {
            Some(Said { weight_percent, down: down.map(str::to_owned), reason: reason.to_owned() })
        };
        let cases = [
            ("75%", says(Some(75), None, "")),
            ("up 100%", says(Some(100), None, "")),
            ("ready,up,0%", says(Some(0), None, "")),
            ("drain", says(Some(0), None, "")),
            ("maint", says(None, Some("maint"), "")),
            ("down # disk full", says(None, Some("down"), "disk full")),
            ("up\tmaxconn:30", says(None, None, "")),
            ("1000%", says(Some(1000), None, "")),
            ("1001%", None),
            ("-1%", None),
            ("75", None),
            ("", None),
            ("# nothing", None),
            ("uptime", None),
        ];
        for (line, expected) in cases {
            assert_eq!(said(line).ok(), expected, "{line}");
        }
    }
}

//! Numbers and times as people read them, with their units. They come by reference: templates pass them so.

use jiff::Timestamp;

/// Seconds since 1970 as date and time.
pub(crate) fn time(unix_s: &u64) -> String {
    let moment = i64::try_from(*unix_s).ok().and_then(|unix_s| Timestamp::from_second(unix_s).ok());
    moment.map_or_else(|| "-".to_owned(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// A time in RFC 3339, as the API has it, without its fractions of a second.
pub(crate) fn moment(text: &str) -> String {
    let moment = text.parse::<Timestamp>().ok().and_then(|moment| u64::try_from(moment.as_second()).ok());
    moment.map_or_else(|| text.to_owned(), |unix_s| time(&unix_s))
}

/// Whether a time in RFC 3339 is past.
pub(crate) fn is_over(text: &str) -> bool {
    text.parse::<Timestamp>().is_ok_and(|moment| moment <= Timestamp::now())
}

/// A program by what it calls itself, as a person would: `Firefox, Linux`.
pub(crate) fn program(agent: &str) -> String {
    // The order counts: most programs call themselves what they imitate as well.
    let programs = [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome")];
    let programs = programs.iter().chain(&[("Safari/", "Safari"), ("curl/", "curl"), ("suimon", "suimon ctl")]);
    let systems = [("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")];
    let systems = systems.iter().chain(&[("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")]);
    let known = |(sign, _): &&(&str, &str)| agent.contains(sign);
    let parts = [programs.clone().find(|of| known(of)), systems.clone().find(|of| known(of))];
    let words: Vec<&str> = parts.into_iter().flatten().map(|(_, name)| *name).collect();
    match words.is_empty() {
        true if agent.is_empty() => "-".to_owned(),
        true => agent.chars().take(40).collect(),
        false => words.join(", "),
    }
}

/// A length of time in its two largest units.
pub(crate) fn duration(seconds: &u64) -> String {
    let (days, hours, minutes, rest) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => format!("{minutes} min {rest} s"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A short time, given in microseconds, as milliseconds.
pub(crate) fn latency(us: &u64) -> String {
    format!("{}.{} ms", us / 1000, us % 1000 / 100)
}

/// A name as a part of a path.
pub(crate) fn in_path(name: &str) -> String {
    let encoded = serde_urlencoded::to_string([("", name)]).unwrap_or_default();
    encoded.trim_start_matches('=').replace('+', "%20")
}

/// Bits per second.
pub(crate) fn bits(per_s: &u64) -> String {
    format!("{}bit/s", scaled(*per_s, 1000, &["", "k", "M", "G", "T"]))
}

/// Bytes.
pub(crate) fn bytes(bytes: &u64) -> String {
    format!("{}B", scaled(*bytes, 1024, &["", "Ki", "Mi", "Gi", "Ti"]))
}

/// A count, in groups of three digits.
pub(crate) fn count(number: &u64) -> String {
    let digits = number.to_string();
    let grouped = digits.char_indices().map(|(at, digit)| {
        let gap = at > 0 && (digits.len() - at).is_multiple_of(3);
        if gap { format!("\u{202f}{digit}") } else { digit.to_string() }
    });
    grouped.collect()
}

/// Three digits or so, a space, and the unit's prefix.
fn scaled(number: u64, step: u64, prefixes: &[&str]) -> String {
    let (mut whole, mut tenths, mut at) = (number, 0, 0);
    while whole >= step && at + 1 < prefixes.len() {
        (tenths, whole, at) = (whole % step * 10 / step, whole / step, at + 1);
    }
    if at == 0 || whole >= 100 {
        format!("{whole} {}", prefixes[at])
    } else {
        format!("{whole}.{tenths} {}", prefixes[at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_can_read_it() {
        for (shown, expected) in [
            (time(&0), "1970-01-01 00:00:00 UTC"),
            (time(&u64::MAX), "-"),
            (moment("2026-11-25T19:11:43.533693098Z"), "2026-11-25 19:11:43 UTC"),
            (moment("soon"), "soon"),
            (program("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"), "Firefox, Linux"),
            (
                program("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"),
                "Edge, Windows",
            ),
            (program("backup-script"), "backup-script"),
            (program(""), "-"),
            (duration(&59), "59 s"),
            (duration(&61), "1 min 1 s"),
            (duration(&7_260), "2 h 1 min"),
            (duration(&90_000), "1 d 1 h"),
            (latency(&1_250), "1.2 ms"),
            (latency(&90), "0.0 ms"),
            (in_path("a b/c=水"), "a%20b%2Fc%3D%E6%B0%B4"),
            (in_path("a+b"), "a%2Bb"),
            (bits(&0), "0 bit/s"),
            (bits(&1_250), "1.2 kbit/s"),
            (bits(&940_000_000), "940 Mbit/s"),
            (bytes(&1_536), "1.5 KiB"),
            (count(&999), "999"),
            (count(&1_000_000), "1\u{202f}000\u{202f}000"),
        ] {
            assert_eq!(shown, expected);
        }
        assert!(is_over("2020-01-01T00:00:00Z") && !is_over("2999-01-01T00:00:00Z") && !is_over("soon"));
    }
}

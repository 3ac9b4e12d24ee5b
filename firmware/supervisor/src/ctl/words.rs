//! Numbers as people read them.

/// A count, thousands apart: `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and what is counted: `1 flow`, `2 flows`.
pub(super) fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A number in three or four digits with a decimal prefix: `999`, `1.23 k`, `45.6 M`.
pub(super) fn short(number: u64) -> String {
    if number < 1_000 {
        return number.to_string();
    }
    let mut value = number as f64;
    for prefix in ["k", "M", "G", "T"] {
        value /= 1_000.0;
        // 999.5 and above would read as 1000: the next prefix has it.
        if value < 999.5 || prefix == "T" {
            let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
            return format!("{value:.decimals$} {prefix}");
        }
    }
    unreachable!("the last prefix takes every number")
}

/// Bytes: `12 B`, `1.23 kB`.
pub(super) fn bytes(number: u64) -> String {
    unit(number, "B")
}

/// Bits per second: `0 bit/s`, `1.23 Mbit/s`.
pub(super) fn bit_rate(number: u64) -> String {
    unit(number, "bit/s")
}

fn unit(number: u64, unit: &str) -> String {
    let short = short(number);
    if short.contains(' ') { format!("{short}{unit}") } else { format!("{short} {unit}") }
}

/// A time in its two largest units: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub(super) fn duration(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..3_600 => format!("{minutes} min"),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// A share as per cent: `0.12 %`, `98.7 %`, `100 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = if percent >= 99.95 || percent == 0.0 { 0 } else { 1 + usize::from(percent < 0.995) };
    format!("{percent:.decimals$} %")
}

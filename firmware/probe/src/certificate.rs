//! When a certificate ends: the one field of X.509 (RFC 5280) that is needed and that rustls does not tell.

/// Days since 1970 on which the validity of a certificate (DER) ends; `None`: it is not readable.
pub(crate) fn last_day(certificate: &[u8]) -> Option<i64> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (certificate, _) = element(certificate, Some(SEQUENCE))?;
    let (mut fields, _) = element(certificate, Some(SEQUENCE))?;
    if fields.first() == Some(&VERSION) {
        fields = element(fields, None)?.1;
    }
    // Serial number, signature algorithm and issuer stand before the validity.
    for _ in 0..3 {
        fields = element(fields, None)?.1;
    }
    let (validity, _) = element(fields, Some(SEQUENCE))?;
    let (_not_before, rest) = element(validity, None)?;
    let tag = *rest.first()?;
    let (not_after, _) = element(rest, None)?;
    day(tag, not_after)
}

/// The content of the first DER element, and what follows it.
fn element(bytes: &[u8], expected: Option<u8>) -> Option<(&[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    if expected.is_some_and(|expected| expected != tag) {
        return None;
    }
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// `YYMMDD…` (UTCTime, until 2049) or `YYYYMMDD…` (GeneralizedTime).
fn day(tag: u8, text: &[u8]) -> Option<i64> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<i64>().ok();
    let (year, rest) = match tag {
        UTC_TIME => {
            let (digits, rest) = text.split_at_checked(2)?;
            let year = number(digits)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (digits, rest) = text.split_at_checked(4)?;
            (number(digits)?, rest)
        }
        _ => return None,
    };
    let (month, day) = (number(rest.get(..2)?)?, number(rest.get(2..4)?)?);
    Some(days_since_1970(year, month, day))
}

/// Days of the Gregorian calendar; the year is taken to begin in March, so that the leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 719468 days lie between 1 March of year 0 and 1 January 1970.
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::{day, days_since_1970, last_day};

    #[test]
    fn days_are_counted() {
        for ((year, month, day), expected) in [
            ((1970, 1, 1), 0),
            ((1970, 3, 1), 59),
            ((2000, 2, 29), 11_016),
            ((2024, 12, 31), 20_088),
            ((2100, 3, 1), 47_541),
        ] {
            assert_eq!(days_since_1970(year, month, day), expected, "{year}-{month}-{day}");
        }
        assert_eq!(day(0x17, b"491231235959Z"), day(0x18, b"20491231235959Z"));
        assert_eq!(day(0x17, b"500101000000Z"), day(0x18, b"19500101000000Z"));
    }

    #[test]
    fn the_end_is_found() {
        let mut parameters = rcgen::CertificateParams::new(vec!["www.example.com".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(2031, 5, 17);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let der = certificate.der();
        assert_eq!(last_day(der), Some(days_since_1970(2031, 5, 17)));
        for end in 0..der.len() {
            let _ = last_day(&der[..end]);
        }
        for at in 0..der.len().min(300) {
            let mut damaged = der.to_vec();
            damaged[at] ^= 0xff;
            let _ = last_day(&damaged);
        }
    }
}

use super::*;

#[test]
fn prefixes_hold_and_overlap() {
    let prefix = |text: &str| parse_prefix(text).unwrap();
    for (a, b, expected) in [
        ("10.0.0.0/8", "10.1.2.3/32", true),
        ("10.1.2.3/16", "10.1.9.9/32", true),
        ("10.1.0.0/16", "10.2.0.0/16", false),
        ("0.0.0.0/0", "2001:db8::/32", false),
        ("::/0", "2001:db8::/32", true),
        ("2001:db8::/33", "2001:db8:8000::/33", false),
    ] {
        assert_eq!(prefix(a).overlaps(&prefix(b)), expected, "{a} {b}");
        assert_eq!(prefix(b).overlaps(&prefix(a)), expected, "{b} {a}");
    }
    assert_eq!(prefix("10.1.2.3/16").network().to_string(), "10.1.0.0/16");
    assert_eq!(prefix("2001:db8::1/0").network().to_string(), "::/0");
}

#[test]
fn lengths_are_checked() {
    for text in ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8", "10.0.0.0/ 8"] {
        assert!(parse_prefix(text).is_err(), "{text}");
    }
    assert!(parse_nic_address("10.0.0.0/31").is_ok());
}

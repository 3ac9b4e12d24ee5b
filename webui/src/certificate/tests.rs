use super::*;

/// Terms with a certificate of their own.
pub(crate) fn terms(allow: &[&str]) -> ConsoleTerms {
    let signed = rcgen::generate_simple_self_signed(vec!["suimon".to_owned()]).unwrap();
    ConsoleTerms {
        certificate: signed.cert.pem(),
        key: signed.signing_key.serialize_pem(),
        allow: allow.iter().map(|&network| network.to_owned()).collect(),
        version: 1,
    }
}

#[test]
fn only_what_can_be_served_with() {
    let good = terms(&["10.0.0.0/8"]);
    let identity = Identity::of(&good).unwrap();
    assert_eq!((identity.fingerprint.len(), identity.allow.len()), (32 * 3 - 1, 1));
    let other = terms(&[]);
    for (terms, begin) in [
        (ConsoleTerms { certificate: String::new(), ..good.clone() }, "use the certificate that core gives: "),
        (ConsoleTerms { key: "nothing".to_owned(), ..good.clone() }, "use the key that core gives: "),
        (ConsoleTerms { key: other.key, ..good.clone() }, "use the certificate that core gives: "),
        (ConsoleTerms { allow: vec!["10.0.0.0".to_owned()], ..good }, "use the list of who may connect"),
    ] {
        let error = Identity::of(&terms).unwrap_err().to_string();
        assert!(error.starts_with(begin), "{error}");
    }
}

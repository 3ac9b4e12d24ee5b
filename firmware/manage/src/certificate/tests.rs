use super::*;
use rcgen::{BasicConstraints, IsCa, Issuer};

/// 2026-01-01.
const NOW_S: u64 = 1_767_225_600;

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}

fn signed(issuer: &Issuer<'_, KeyPair>, key: &KeyPair, until: (i32, u8, u8)) -> String {
    let mut params = params(&["lb.example.com".to_owned(), "192.0.2.9".to_owned()], "lb.example.com").unwrap();
    params.not_before = rcgen::date_time_ymd(2025, 1, 1);
    params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
    params.signed_by(key, issuer).unwrap().pem()
}

#[test]
fn the_box_signs_its_own() {
    let names = ["suimon", "192.0.2.1", "2001:db8::1"].map(str::to_owned);
    let pair = Pair::self_signed(&names).unwrap().checked(NOW_S).unwrap();
    let view = pair.describe(NOW_S).unwrap();
    assert_eq!(view.names, names);
    assert!(view.is_self_signed && view.days_left > 10_000 && view.chain == 1, "{view:?}");
    assert_eq!((view.fingerprint.len(), view.subject.as_str()), (32 * 3 - 1, "CN=suimon"));
    assert_ne!(Pair::self_signed(&names).unwrap().describe(NOW_S).unwrap().fingerprint, view.fingerprint);
}

#[test]
fn an_authority_answers_a_request() {
    let names = ["lb.example.com", "192.0.2.9"].map(str::to_owned);
    let request = Request::new(&names).unwrap();
    assert!(request.pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
    let (root, issuer) = authority("root");
    let chain = signed(&issuer, &KeyPair::from_pem(&request.key).unwrap(), (2027, 1, 1)) + &root;
    let pair = request.answered(chain.clone()).unwrap().checked(NOW_S).unwrap();
    let view = pair.describe(NOW_S).unwrap();
    assert_eq!((view.names.as_slice(), view.chain, view.days_left), (&names[..], 2, 365));
    assert!(!view.is_self_signed && view.issuer == "CN=root", "{view:?}");
    let other = Request::new(&names).unwrap();
    assert_eq!(other.answered(chain).err(), Some(CertificateError::OtherRequest));
}

#[test]
fn what_cannot_serve_is_refused() {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let ((root, issuer), (stranger, _)) = (authority("root"), authority("stranger"));
    let good = signed(&issuer, &key, (2027, 1, 1));
    let checked = |chain: &str, key: &str| {
        let pair = Pair { chain: chain.to_owned(), key: key.to_owned() };
        pair.checked(NOW_S).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let pem = key.serialize_pem();
    assert_eq!(checked(&good, &pem), "");
    assert_eq!(checked(&(good.clone() + &root), &pem), "");
    for (chain, key, begin) in [
        (String::new(), pem.clone(), "the certificate cannot be read: there is no -----BEGIN"),
        (
            "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_owned(),
            pem.clone(),
            "the certificate cannot",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            pem.clone(),
            "the certificate cannot",
        ),
        (good.clone(), String::new(), "the key cannot be read: "),
        (good.clone(), good.clone(), "the key cannot be read: "),
        (good.clone(), other.serialize_pem(), "the key is not the key of this certificate"),
        (signed(&issuer, &key, (2025, 6, 1)), pem.clone(), "the certificate ended on 2025-06-01"),
        (
            good.clone() + &stranger,
            pem.clone(),
            "behind the certificate of CN=lb.example.com must stand that of CN=root",
        ),
        (root.repeat(9), pem.clone(), "9 certificates: a chain has 8 at most"),
    ] {
        let said = checked(&chain, &key);
        assert!(said.starts_with(begin), "{said}, expected {begin}");
    }
}

#[test]
fn names_are_names() {
    for wrong in ["", "a b", "<script>", "lb.example.com\n", "日本"] {
        assert_eq!(
            Request::new(&[wrong.to_owned()]).err(),
            Some(CertificateError::Name(wrong.to_owned())),
            "{wrong:?}"
        );
    }
    assert_eq!(Request::new(&[]).err(), Some(CertificateError::Names));
    let many: Vec<String> = (0..=api::CERTIFICATE_NAMES_MAX).map(|number| format!("n{number}")).collect();
    assert_eq!(Request::new(&many).err(), Some(CertificateError::Names));
}

use super::Diff;

const BEFORE: &str = r#"
version = 1
[[nic]]
name = "f0"
addresses = ["10.1.0.1/16"]
[[route]]
to = "0.0.0.0/0"
via = "10.1.0.254"
[[service]]
name = "web"
vip = "10.1.0.100"
ports = "80"
[[service.check]]
name = "page"
kind = "http"
[[service.backend]]
name = "s1"
address = "10.1.0.2"
[[service.backend]]
name = "s2"
address = "10.1.0.3"
[[service]]
name = "dns"
vip = "10.1.0.100"
protocol = "udp"
ports = "53"
[[service.backend]]
name = "d1"
address = "10.1.0.4"
"#;

/// Edits to the document, and what the difference says.
const CASES: &[(&[(&str, &str)], &str)] = &[
    (&[], ""),
    (&[("version = 1\n", "version = 1\n# a comment\n")], ""),
    (
        &[("address = \"10.1.0.3\"", "address = \"10.1.0.3\"\nweight = 5\nmethod = \"direct\"")],
        "~ backend web/s2\n    method: (none) -> \"direct\"\n    weight: 1 -> 5",
    ),
    (&[("name = \"s2\"", "name = \"s3\"")], "+ backend web/s3\n- backend web/s2"),
    (
        &[("ports = \"80\"", "ports = \"80,443\"\nscheduler = \"rr\""), ("kind = \"http\"", "kind = \"connect\"")],
        "~ service web\n    ports: \"80\" -> \"80,443\"\n    scheduler: \"wlc\" -> \"rr\"\n\
         ~ check web/page\n    kind: \"http\" -> \"connect\"",
    ),
    (&[("name = \"dns\"", "name = \"names\"")], "+ service names\n+ backend names/d1\n- service dns\n- backend dns/d1"),
    (
        &[("via = \"10.1.0.254\"", "via = \"10.1.0.253\""), ("[[route]]", "[engine]\nworkers = 2\n[[route]]")],
        "~ route 0.0.0.0/0\n    via: \"10.1.0.254\" -> \"10.1.0.253\"\n~ engine\n    workers: 0 -> 2",
    ),
    (
        &[
            ("name = \"s1\"\naddress = \"10.1.0.2\"", "name = \"s2\"\naddress = \"10.1.0.3\""),
            (
                "name = \"s2\"\naddress = \"10.1.0.3\"\n[[service]]",
                "name = \"s1\"\naddress = \"10.1.0.2\"\n[[service]]",
            ),
        ],
        "~ service web\n    order of backends: s1, s2 -> s2, s1",
    ),
];

#[test]
fn differences_are_named() {
    let before = crate::parse(BEFORE, "before").unwrap();
    for (edits, expected) in CASES {
        let text = edits.iter().fold(BEFORE.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        let after = crate::parse(&text, "after").unwrap();
        let diff = Diff::between(&before, &after);
        assert_eq!(diff.to_string(), *expected);
        assert_eq!(diff.is_empty(), before == after);
    }
}

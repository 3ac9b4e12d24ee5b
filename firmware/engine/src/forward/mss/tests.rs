use super::*;
use crate::forward::oracle::{Bed, tcp_with};

fn syn(is_v4: bool, flags: &str, options: &[u8]) -> Bed {
    let (from, to) = if is_v4 { ("10.1.0.7:1", "10.1.0.100:80") } else { ("[2001:db8::7]:1", "[2001:db8::100]:80") };
    tcp_with(from, to, flags, (1, 0), options, b"")
}

#[test]
fn the_option_is_lowered_wherever_it_is() {
    // (flags, options, options afterwards)
    let cases: [(&str, &[u8], &[u8]); 9] = [
        ("S", &[2, 4, 5, 180], &[2, 4, 4, 0]),
        ("SA", &[2, 4, 5, 180], &[2, 4, 4, 0]),
        ("S", &[1, 2, 4, 5, 180, 1, 1, 1], &[1, 2, 4, 4, 0, 1, 1, 1]),
        ("S", &[4, 2, 3, 3, 7, 2, 4, 255, 255, 0, 0, 0], &[4, 2, 3, 3, 7, 2, 4, 4, 0, 0, 0, 0]),
        ("S", &[2, 4, 4, 0], &[2, 4, 4, 0]),
        ("S", &[2, 4, 2, 0], &[2, 4, 2, 0]),
        ("A", &[2, 4, 5, 180], &[2, 4, 5, 180]),
        // No option; one behind the end of options; one behind a broken option.
        ("S", &[0, 0, 2, 4], &[0, 0, 2, 4]),
        ("S", &[9, 0, 2, 4, 5, 180, 0, 0], &[9, 0, 2, 4, 5, 180, 0, 0]),
    ];
    for (flags, before, after) in cases {
        for bed in [true, false].into_iter().flat_map(|is_v4| {
            [syn(is_v4, flags, before), syn(is_v4, flags, before).partial(), syn(is_v4, flags, before).tagged(3)]
        }) {
            let mut bed = bed;
            let parsed = bed.parsed();
            let text = bed.text();
            assert_eq!(clamp(&mut bed.packet(), &parsed, 1024), before != after, "{before:?}");
            let options = usize::from(parsed.l4) + 20;
            assert_eq!(bed.frame()[options..], *after);
            assert_eq!(bed.text(), text);
        }
    }
}

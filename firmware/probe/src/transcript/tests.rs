use super::{Direction, Recorder, TRANSCRIPT_BYTES_MAX, TRANSCRIPT_LINES_MAX, TURN_BYTES_MAX, escaped};

#[test]
fn bytes_are_escaped() {
    let cases: &[(&[u8], usize, &str)] = &[
        (b"220 ok\r\n", 99, "220 ok\\r\\n"),
        (b"a\\b\tc\x00\x7f", 99, "a\\\\b\\tc\\x00\\x7f"),
        (b"\xff\xc3(", 99, "\\xff\\xc3("),
        ("水門".as_bytes(), 99, "水門"),
        ("a\u{202e}b".as_bytes(), 99, "a\\xe2\\x80\\xaeb"),
        (b"abcdef", 3, "abc…"),
        (b"\x1b[2J", 99, "\\x1b[2J"),
    ];
    for (bytes, max, expected) in cases {
        assert_eq!(escaped(bytes, *max), *expected);
    }
}

#[test]
fn secrets_are_hidden_also_in_pieces() {
    let mut recorder = Recorder::default();
    recorder.hide(b"hunter2");
    recorder.hide(b"hunter2hunter2");
    recorder.hide(b"ab");
    recorder.add(0, Direction::Sent, b"PASS hun");
    recorder.add(1, Direction::Sent, b"ter2\r\n");
    recorder.add(2, Direction::Received, b"no hunter2hunter2, ab");
    recorder.add(3, Direction::Note, b"connected");
    let shown = recorder.finish().to_string();
    assert_eq!(shown, "     0 ms > PASS ***\\r\\n\n     2 ms < no ***, ab\n     3 ms * connected\n");
}

#[test]
fn a_cut_leaves_no_half_of_a_secret() {
    let mut recorder = Recorder::default();
    recorder.hide(b"hunter2");
    let mut bytes = vec![b'-'; TURN_BYTES_MAX - 3];
    bytes.extend_from_slice(b"hunter2");
    recorder.add(0, Direction::Received, &bytes);
    let shown = &recorder.finish().lines[0].text;
    assert!(shown.ends_with("-***") && !shown.contains("hun"), "{shown}");
    let mut recorder = Recorder::default();
    recorder.hide(br"pass\word");
    assert_eq!(recorder.hidden_in(r"sent pass\word, got pass\\word"), "sent ***, got ***");
}

#[test]
fn transcripts_are_bounded() {
    let mut recorder = Recorder::default();
    recorder.add(0, Direction::Received, &[b'a'; TURN_BYTES_MAX + 10]);
    recorder.add(0, Direction::Received, b"more");
    assert_eq!(recorder.finish().omitted_bytes, 14);
    for _ in 0..10 * TRANSCRIPT_LINES_MAX {
        recorder.add(1, Direction::Sent, &[b'b'; 500]);
        recorder.add(1, Direction::Received, &[b'c'; 500]);
    }
    let transcript = recorder.finish();
    let bytes: usize = transcript.lines.iter().map(|line| line.text.len()).sum();
    assert_eq!(bytes, TRANSCRIPT_BYTES_MAX);
    assert_eq!(transcript.lines.len(), TRANSCRIPT_LINES_MAX);
    assert_eq!(bytes as u64 + transcript.omitted_bytes, (TURN_BYTES_MAX + 14 + 20 * TRANSCRIPT_LINES_MAX * 500) as u64);
}

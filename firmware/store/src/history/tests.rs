use super::*;
use std::fs;
use std::path::PathBuf;

fn scratch(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("suimon-history-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).unwrap();
    directory
}

fn sample(series: &str, unix_s: u64, value: f64) -> Record {
    Record::Sample { series: series.to_owned(), unix_s, value }
}

fn line(unix_s: u64, text: impl Into<String>) -> Record {
    let (level, origin) = ("info".to_owned(), "test".to_owned());
    Record::Line { kind: LineKind::Log, unix_s, level, origin, text: text.into() }
}

fn texts(history: &History, after: Option<u64>, limit: u32) -> Vec<String> {
    let lines = history.lines(LineQuery { kind: LineKind::Log, after, limit }).unwrap();
    lines.into_iter().map(|line| line.text).collect()
}

#[test]
fn samples_are_kept_at_every_resolution() {
    let directory = scratch("samples");
    let history = History::open(&directory).unwrap();
    for (unix_s, value) in [(1_200, 1.0), (1_205, 3.0), (1_210, 8.0), (1_320, 0.0)] {
        history.record(sample("a", unix_s, value));
    }
    history.record(sample("b", 1_200, 100.0));
    history.flush();
    let points = |resolution| -> Vec<(u64, f64, f64, f64)> {
        let points = history.samples("a", 1_200, 1_400, resolution).unwrap();
        points.into_iter().map(|point| (point.unix_s, point.mean, point.low, point.high)).collect()
    };
    assert_eq!(points(RESOLUTIONS[0]), [(1_200, 2.0, 1.0, 3.0), (1_210, 8.0, 8.0, 8.0), (1_320, 0.0, 0.0, 0.0)]);
    assert_eq!(points(RESOLUTIONS[1]), [(1_200, 4.0, 1.0, 8.0), (1_320, 0.0, 0.0, 0.0)]);
    assert_eq!(points(RESOLUTIONS[3]), [(0, 3.0, 0.0, 8.0)]);
    assert_eq!(history.samples("c", 0, 9_999, RESOLUTIONS[0]).unwrap(), []);
    assert_eq!(history.lost(), 0);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_graph_gets_the_finest_resolution_that_it_can_show() {
    let (hour, day, now) = (3_600, 86_400, 1_000 * 86_400);
    let cases = [
        // From how long ago, until how long ago, points at most, step.
        (hour, 0, 1_000, 10),
        (hour, 0, 100, 120),
        (day, 0, 1_000, 120),
        (day, day - hour, 1_000, 120),
        (7 * day, 0, 1_000, 1_800),
        (365 * day, 0, 2_000, 21_600),
        (365 * day, 0, 10, 21_600),
    ];
    for (from, to, points, step_s) in cases {
        assert_eq!(resolution(now - from, now - to, now, points).step_s, step_s, "{from} to {to} in {points}");
    }
}

#[test]
fn fine_slots_are_forgotten_before_coarse_ones() {
    let directory = scratch("age");
    let later = 1_000_000 + RESOLUTIONS[0].kept_s + 100;
    {
        let history = History::open(&directory).unwrap();
        history.record(sample("a", 1_000_000, 5.0));
    }
    // Whatever is opened anew prunes with its first batch.
    let history = History::open(&directory).unwrap();
    history.record(sample("a", later, 6.0));
    history.flush();
    let count = |resolution| history.samples("a", 0, later, resolution).unwrap().len();
    assert_eq!(RESOLUTIONS.map(count), [1, 2, 2, 1]);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn lines_come_in_pages() {
    let directory = scratch("lines");
    let history = History::open(&directory).unwrap();
    for number in 0..5 {
        history.record(line(100 + number, format!("{number}")));
    }
    history.record(line(105, "x".repeat(2 * LINE_CHARS_MAX)));
    history.flush();
    assert_eq!(texts(&history, Some(0), 2), ["0", "1"]);
    assert_eq!(texts(&history, Some(2), 2), ["2", "3"]);
    let newest = texts(&history, None, 2);
    assert_eq!((newest[0].as_str(), newest[1].len()), ("4", LINE_CHARS_MAX));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_file_has_a_limit_and_the_oldest_goes() {
    let directory = scratch("limit");
    let bytes_max = 1 << 20;
    let history = History::open_with(&directory, bytes_max, 1_000).unwrap();
    let (batches, batch) = (60, 50);
    for number in 0..batches {
        for _ in 0..batch {
            history.record(line(number, format!("{number} {}", "x".repeat(1_000))));
        }
        history.flush();
    }
    assert_eq!(history.lost(), 0);
    let size = fs::metadata(directory.join(FILE)).unwrap().len();
    assert!(size <= bytes_max, "{size} bytes");
    let kept = texts(&history, None, u32::MAX);
    assert!(kept.len() > 100 && kept.len() < batches as usize * batch, "{} lines", kept.len());
    assert!(kept.last().unwrap().starts_with("59 "), "the newest is there");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_damaged_file_is_set_aside() {
    let directory = scratch("damaged");
    fs::write(directory.join(FILE), "no database at all\n".repeat(1_000)).unwrap();
    let history = History::open(&directory).unwrap();
    history.record(line(1, "first"));
    history.flush();
    history.record(line(2, "second"));
    history.flush();
    assert!(directory.join("history.db.damaged").exists());
    assert_eq!(texts(&history, None, 9).last().map(String::as_str), Some("second"));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn what_cannot_be_written_is_counted_and_nobody_waits() {
    // The directory is not there: nothing can be opened.
    let directory = scratch("missing").join("not there");
    let history = History::open_with(&directory, HISTORY_BYTES_MAX, 10).unwrap();
    for number in 0..100 {
        history.record(line(number, "lost"));
    }
    history.flush();
    assert_eq!(history.lost(), 100);
    assert!(history.lines(LineQuery { kind: LineKind::Log, after: None, limit: 1 }).is_err());
    fs::remove_dir_all(directory.parent().unwrap()).unwrap();
}

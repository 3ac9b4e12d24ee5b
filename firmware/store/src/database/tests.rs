use super::*;
use rusqlite_migration::M;
use std::os::unix::fs::PermissionsExt;

const FIRST: &str = "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (7);";
const ONE: &[M<'static>] = &[M::up(FIRST)];
const TWO: &[M<'static>] = &[M::up(FIRST), M::up("ALTER TABLE a ADD COLUMN y INTEGER;")];
const BAD: &[M<'static>] = &[M::up(FIRST), M::up("CREATE TABLE b (x INTEGER) STRICT; nonsense;")];

fn scratch(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("suimon-store-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).unwrap();
    directory
}

fn open_with(path: &Path, steps: &'static [M<'static>]) -> Result<Connection, StoreError> {
    open(path, Sync::Full, steps)
}

#[test]
fn nobody_else_can_read_it() {
    let directory = scratch("mode");
    let _open = open_with(&directory.join("a.db"), ONE).unwrap();
    let mut files = 0;
    for file in fs::read_dir(&directory).unwrap().map(Result::unwrap) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        files += 1;
    }
    assert!(files >= 2, "the database and its log");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn settings_hold() {
    let directory = scratch("settings");
    let connection = open_with(&directory.join("a.db"), ONE).unwrap();
    let number = |name: &str| -> i64 { connection.pragma_query_value(None, name, |row| row.get(0)).unwrap() };
    assert_eq!(number("synchronous"), 2, "full");
    assert_eq!(number("foreign_keys"), 1);
    assert_eq!(number("application_id"), i64::from(APPLICATION_ID));
    let reader = open_reader(&directory.join("a.db")).unwrap();
    assert!(reader.execute("INSERT INTO a VALUES (8)", []).is_err(), "a reader does not write");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_copy_is_made_before_the_schema_changes() {
    let directory = scratch("copy");
    let path = directory.join("a.db");
    drop(open_with(&path, ONE).unwrap());
    assert!(!copy_path(&path, 0).exists(), "nothing to copy from a new database");
    let older = copy_path(&path, 0);
    fs::write(&older, "an older copy").unwrap();
    drop(open_with(&path, TWO).unwrap());
    assert!(!older.exists(), "one copy is enough");
    let copied = Connection::open(copy_path(&path, 1)).unwrap();
    assert_eq!(copied.query_row("SELECT x FROM a", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    assert!(copied.prepare("SELECT y FROM a").is_err(), "as it was before");
    assert_eq!(fs::metadata(copy_path(&path, 1)).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let directory = scratch("step");
    let path = directory.join("a.db");
    drop(open_with(&path, ONE).unwrap());
    let error = open_with(&path, BAD).unwrap_err();
    assert!(matches!(error, StoreError::Schema { .. }), "{error}");
    let connection = open_with(&path, ONE).unwrap();
    assert!(connection.prepare("SELECT x FROM b").is_err(), "half a step is there");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn what_cannot_be_opened_says_why() {
    type Prepare = fn(&Path);
    let cases: &[(&str, Prepare, &str)] = &[
        ("no database", |path| fs::write(path, "[system]\nhostname = \"a\"\n".repeat(500)).unwrap(), "is damaged"),
        (
            "of another program",
            |path| Connection::open(path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap(),
            "another program",
        ),
        ("of a later version", |path| drop(open_with(path, TWO).unwrap()), "to this version's schema"),
        (
            "damaged",
            |path| {
                drop(open_with(path, ONE).unwrap());
                let mut bytes = fs::read(path).unwrap();
                bytes[4096..].fill(0xa5);
                fs::write(path, bytes).unwrap();
            },
            "is damaged",
        ),
    ];
    for (what, prepare, expected) in cases {
        let directory = scratch("refused");
        let path = directory.join("a.db");
        prepare(&path);
        let error = open_with(&path, ONE).unwrap_err().to_string();
        assert!(error.contains(expected), "{what}: {error}");
        fs::remove_dir_all(directory).unwrap();
    }
}

#[test]
fn the_steps_of_this_version_are_valid() {
    Migrations::from_slice(crate::migrations::CONFIG).validate().unwrap();
    Migrations::from_slice(crate::migrations::HISTORY).validate().unwrap();
}

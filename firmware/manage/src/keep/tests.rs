use super::*;
use crate::access::{Access, Settings};
use crate::audit::{Broken, Chain, Deed, RECORDS_MAX, RECORDS_REMOVED_AT_ONCE};
use crate::clock::tests::at;
use crate::random::tests::seeded;
use crate::source::Source;
use crate::users::tests::user;
use api::AuditQuery;

fn deed(detail: &str) -> Deed {
    Deed {
        user: "hanako".to_owned(),
        role: Some(Role::Operator),
        source: Source::Socket { uid: 7 },
        act: "apply",
        outcome: AuditOutcome::Done,
        detail: detail.to_owned(),
    }
}

fn write(store: &Store, chain: &mut Chain, count: u64) -> u64 {
    let mut removed = 0;
    for number in 0..count {
        let record = chain.record(at(number), deed(&number.to_string()));
        removed += commit(store, Vec::new(), Some(record.clone())).expect("kept");
        chain.adopt(&record);
    }
    removed
}

#[test]
fn people_come_back_as_they_were() {
    let store = Store::in_memory().expect("memory");
    let mut access = Access::new(Kept::default(), Settings::from(&config::Api::default()), seeded(1));
    let offer = SecondFactor::offer("hanako", "a", &mut seeded(2));
    let hanako = User {
        password: PasswordHash::new("correct horse", [7; 16]),
        must_change_password: true,
        second_factor: Some(SecondFactor { last_step: 42, ..offer.factor }),
        last_login: Some(at(9).civil),
        ..user("hanako", Role::Operator)
    };
    let taro = User { disabled: true, ..user("taro", Role::Viewer) };
    access.adopt(vec![Change::User(hanako.clone()), Change::User(taro.clone())]);
    let checked = access.open(at(10), "hanako", Source::Socket { uid: 7 }).expect("may try").check("correct horse");
    let code = offer.recovery_codes[0].as_str();
    let welcome = access.login(at(10), checked, Some(code), "curl").expect("right");
    let mut changes = vec![Change::User(hanako.clone()), Change::User(taro)];
    changes.extend(welcome.changes);
    commit(&store, changes.clone(), None).expect("kept");
    access.adopt(changes);
    let new = api::NewToken { name: "x".to_owned(), role: Role::Viewer, days: 3, user: None };
    let (token, _) = access.make_token(at(11), &welcome.caller, &new).expect("possible");
    commit(&store, vec![Change::Token(token.clone())], None).expect("kept");

    let kept = load(&store).expect("readable");
    assert_eq!(kept.users.len(), 2);
    let back = &kept.users[0];
    assert_eq!(back.second_factor.as_ref().map(|factor| (factor.last_step, factor.recovery.len())), Some((42, 9)));
    assert_eq!((back.must_change_password, back.last_login, back.role), (true, Some(at(10).civil), Role::Operator));
    assert!(back.password.matches("correct horse") && kept.users[1].disabled);
    assert_eq!(kept.tokens, [token]);
    let mut again = Access::new(kept, Settings::from(&config::Api::default()), seeded(3));
    assert!(again.identify(at(12), Source::Socket { uid: 7 }, Some(&welcome.secret)).is_ok(), "the session lives on");

    commit(&store, vec![Change::UserGone("hanako".to_owned())], None).expect("removed");
    let kept = load(&store).expect("readable");
    assert_eq!((kept.users.len(), kept.sessions.len(), kept.tokens.len()), (1, 0, 0), "nothing of the user is left");
}

#[test]
fn a_user_that_changes_keeps_sessions_and_tokens() {
    let store = Store::in_memory().expect("memory");
    let hanako = user("hanako", Role::Viewer);
    let session = crate::sessions::Sessions::default()
        .begin(at(0), "hanako", Source::Socket { uid: 7 }, "", &mut seeded(1))
        .session;
    commit(&store, vec![Change::User(hanako.clone()), Change::Session(session.clone())], None).expect("kept");
    commit(&store, vec![Change::User(User { role: Role::Operator, ..hanako })], None).expect("kept");
    let kept = load(&store).expect("readable");
    assert_eq!((kept.users[0].role, kept.sessions), (Role::Operator, vec![session]));
}

#[test]
fn a_change_and_its_record_are_one() {
    let store = Store::in_memory().expect("memory");
    let mut chain = Chain::default();
    write(&store, &mut chain, 1);
    // A second record with the same number cannot be: the change beside it is not kept either.
    let twice = Chain::default().record(at(0), deed("again"));
    let failed = commit(&store, vec![Change::User(user("hanako", Role::Viewer))], Some(twice));
    assert!(failed.is_err());
    assert!(load(&store).expect("readable").users.is_empty());
}

#[test]
fn the_log_is_paged_and_checked() {
    let store = Store::in_memory().expect("memory");
    assert_eq!(audit_check(&store).expect("nothing is whole too"), 0);
    let mut chain = Chain::after(audit_end(&store).expect("readable"));
    write(&store, &mut chain, 250);
    assert_eq!(audit_end(&store).expect("readable"), *chain.last());
    let page = |before, limit, user: Option<&str>| {
        let query = AuditQuery { before, limit, user: user.map(str::to_owned) };
        let page = audit_page(&store, query).expect("readable");
        (page.records.iter().map(|record| record.number).collect::<Vec<_>>(), page.more)
    };
    assert_eq!(page(None, Some(3), None), (vec![250, 249, 248], true));
    assert_eq!(page(Some(3), Some(3), None), (vec![2, 1], false));
    assert_eq!(page(None, None, Some("taro")), (vec![], false));
    assert_eq!(page(None, None, Some("hanako")).0.len(), api::AUDIT_LISTED_DEFAULT as usize);
    assert_eq!(page(None, Some(u32::MAX), None).0.len(), 250);
    assert_eq!(audit_check(&store).expect("whole"), 250);
    let lines = audit_lines(&store).expect("readable");
    assert_eq!(lines.lines().count(), 250);
    let first: AuditRecord = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!((first.number, first.user.as_str()), (1, "hanako"));
}

/// What somebody with the database in hand may try, and how it shows.
#[test]
fn removed_and_changed_lines_show() {
    let tries: [(&str, Broken); 4] = [
        ("DROP TRIGGER audit_goes_from_the_beginning; DELETE FROM audit WHERE number = 5", Broken::Missing(5)),
        (
            "DROP TRIGGER audit_goes_from_the_beginning; DELETE FROM audit WHERE number > 7",
            Broken::Short { found: 7, expected: 10 },
        ),
        ("DROP TRIGGER audit_is_not_changed; UPDATE audit SET user = 'taro' WHERE number = 3", Broken::Changed(3)),
        ("UPDATE audit_ends SET last_number = 9, last_hash = 'x'", Broken::Changed(9)),
    ];
    for (sql, expected) in tries {
        let store = Store::in_memory().expect("memory");
        write(&store, &mut Chain::default(), 10);
        store.write::<_, StoreError, _>(move |connection| Ok(connection.execute_batch(sql)?)).expect("done");
        match audit_check(&store) {
            Err(KeepError::Audit(broken)) => assert_eq!(broken, expected, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[test]
fn the_database_itself_refuses_to_change_the_log() {
    let store = Store::in_memory().expect("memory");
    write(&store, &mut Chain::default(), 3);
    for sql in ["DELETE FROM audit", "DELETE FROM audit WHERE number = 1", "UPDATE audit SET detail = ''"] {
        let tried = store.write::<_, StoreError, _>(move |connection| Ok(connection.execute_batch(sql)?));
        assert!(tried.is_err(), "{sql}");
    }
}

#[test]
fn old_records_go_and_the_rest_is_still_whole() {
    let store = Store::in_memory().expect("memory");
    let mut chain = Chain::default();
    // As many as the limit in one transaction: one by one takes longer.
    let records: Vec<AuditRecord> = (0..RECORDS_MAX)
        .map(|_| {
            let record = chain.record(at(0), deed(""));
            chain.adopt(&record);
            record
        })
        .collect();
    store
        .write::<_, KeepError, _>(move |connection| {
            records.iter().try_for_each(|record| append(connection, record).map(|removed| assert_eq!(removed, 0)))
        })
        .expect("kept");
    assert_eq!(write(&store, &mut chain, 1), 1 + RECORDS_REMOVED_AT_ONCE);
    assert_eq!(write(&store, &mut chain, 2), 0);
    assert_eq!(audit_check(&store).expect("whole"), RECORDS_MAX - RECORDS_REMOVED_AT_ONCE + 2);
}

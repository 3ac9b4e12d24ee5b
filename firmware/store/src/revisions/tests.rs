use super::*;

fn draft(document: &str) -> Draft {
    Draft { document: document.to_owned(), author: "root".to_owned(), origin: Origin::Apply, ..Draft::default() }
}

fn asking(document: &str, confirm_within_s: u32) -> Draft {
    Draft { confirm_within_s: Some(confirm_within_s), ..draft(document) }
}

fn states(store: &Store) -> String {
    let words: Vec<String> =
        store.revisions(100, None).unwrap().iter().map(|found| format!("{} {}", found.number, found.state)).collect();
    words.join(", ")
}

#[test]
fn a_node_begins_with_the_empty_document() {
    let store = Store::in_memory().unwrap();
    let (revision, document) = store.revision(store.running().unwrap().number).unwrap();
    assert_eq!((revision.number, revision.origin, document.as_str()), (0, Origin::Built, "version = 1\n"));
    assert_eq!(revision.bytes, document.len() as u64);
    assert!(config::parse(&document, "built in").is_ok());
}

#[test]
fn what_is_committed_is_there_with_all_that_was_said() {
    let store = Store::in_memory().unwrap();
    let told = Draft { comment: "more servers".into(), changes: "+ backend web/s3".into(), ..draft("one") };
    assert_eq!(store.commit(1_000, told).unwrap(), 1);
    let (revision, document) = store.revision(1).unwrap();
    assert_eq!(document, "one");
    let expected = Revision {
        number: 1,
        state: RevisionState::Running,
        committed_s: 1_000,
        author: "root".into(),
        origin: Origin::Apply,
        comment: "more servers".into(),
        changes: "+ backend web/s3".into(),
        document_of: None,
        confirm_within_s: None,
        returns_to: None,
        bytes: 3,
    };
    assert_eq!(revision, expected);
    assert!(matches!(store.revision(2), Err(StoreError::NoRevision(2))));
}

#[test]
fn whoever_comes_second_is_told() {
    let store = Store::in_memory().unwrap();
    store.commit(1, draft("one")).unwrap();
    let late = Draft { base: Some(0), ..draft("other") };
    let error = store.commit(2, late).unwrap_err().to_string();
    assert_eq!(error, "revision 1 is in use, not 0: look at what changed and apply again");
    store.commit(3, Draft { base: Some(1), ..draft("two") }).unwrap();
    assert_eq!(states(&store), "2 running, 1 replaced, 0 replaced");
}

#[test]
fn a_revision_waits_for_confirmation() {
    let store = Store::in_memory().unwrap();
    assert!(matches!(store.confirm(), Err(StoreError::NothingAwaits)));
    store.commit(1_000, asking("one", 60)).unwrap();
    let left_s = |now_s| store.running().unwrap().awaiting(now_s).map(|awaiting| awaiting.left_s);
    for (now_s, left) in [(1_000, 60), (1_059, 1), (1_060, 0), (9_999, 0), (5, 60)] {
        assert_eq!(left_s(now_s), Some(left), "at {now_s}");
    }
    assert_eq!(store.confirm().unwrap(), 1);
    assert_eq!(left_s(1_000), None);
    assert_eq!(states(&store), "1 running, 0 replaced");
}

#[test]
fn what_may_follow_a_revision_that_waits() {
    let rollback = |to| Draft { origin: Origin::Rollback, document_of: Some(to), ..draft("old") };
    let returned = Draft { origin: Origin::Return, document_of: Some(0), ..draft("old") };
    let file = Draft { origin: Origin::File, imported: true, ..draft("file") };
    let cases = [
        ("another", draft("two"), "refused"),
        ("another that waits", asking("two", 60), "2 awaiting, 1 replaced, 0 replaced"),
        ("the return", returned, "2 running, 1 returned, 0 replaced"),
        ("a rollback to the confirmed one", rollback(0), "2 running, 1 returned, 0 replaced"),
        ("another rollback", rollback(1), "refused"),
        ("a file", file, "2 running, 1 replaced, 0 replaced"),
    ];
    for (what, draft, expected) in cases {
        let store = Store::in_memory().unwrap();
        store.commit(1, asking("one", 60)).unwrap();
        match store.commit(2, draft) {
            Ok(_) => assert_eq!(states(&store), expected, "{what}"),
            Err(error) => {
                assert!(matches!(error, StoreError::Unconfirmed(1, 0)), "{what}: {error}");
                assert_eq!(expected, "refused", "{what}");
            }
        }
    }
}

#[test]
fn a_chain_of_waiting_revisions_returns_to_the_confirmed_one() {
    let store = Store::in_memory().unwrap();
    store.commit(1, draft("confirmed")).unwrap();
    for document in ["two", "three", "four"] {
        store.commit(2, asking(document, 60)).unwrap();
    }
    assert_eq!(store.running().unwrap().returns_to, Some(1));
}

#[test]
fn old_revisions_are_forgotten_but_not_what_may_come_back() {
    let store = Store::in_memory().unwrap();
    store.commit(1, draft("confirmed")).unwrap();
    let last = 1 + REVISIONS_KEPT_MAX + 5;
    for number in 2..=last {
        store.commit(2, asking(&format!("{number}"), 60)).unwrap();
    }
    let numbers = |store: &Store| -> Vec<u64> {
        store.revisions(u32::MAX, None).unwrap().iter().map(|found| found.number).rev().collect()
    };
    let expected: Vec<u64> = [1].into_iter().chain(last + 1 - REVISIONS_KEPT_MAX..=last).collect();
    assert_eq!(numbers(&store), expected);
    store.confirm().unwrap();
    store.commit(3, draft("next")).unwrap();
    assert_eq!(numbers(&store), (last + 2 - REVISIONS_KEPT_MAX..=last + 1).collect::<Vec<_>>());
}

#[test]
fn documents_have_a_size_limit_one_by_one_and_together() {
    let store = Store::in_memory().unwrap();
    let error = store.commit(1, draft(&"x".repeat(REVISION_BYTES_MAX + 1))).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { .. }), "{error}");
    let fit = usize::try_from(DOCUMENTS_KEPT_BYTES_MAX).unwrap() / REVISION_BYTES_MAX;
    let large = "x".repeat(REVISION_BYTES_MAX);
    for _ in 0..fit + 2 {
        store.commit(1, draft(&large)).unwrap();
    }
    assert_eq!(store.revisions(100, None).unwrap().len(), fit);
}

#[test]
fn pages_of_history() {
    let store = Store::in_memory().unwrap();
    for _ in 0..5 {
        store.commit(1, draft("same")).unwrap();
    }
    let page = |limit, before| -> Vec<u64> {
        store.revisions(limit, before).unwrap().iter().map(|found| found.number).collect()
    };
    assert_eq!(page(2, None), [5, 4]);
    assert_eq!(page(2, Some(4)), [3, 2]);
    assert_eq!(page(9, Some(2)), [1, 0]);
}

#[test]
fn an_earlier_version_is_taken_over_once() {
    let store = Store::in_memory().unwrap();
    let earlier = TakenOver {
        document: Some((41, "kept".into())),
        imported: Some("file".into()),
        wishes: vec![KeptWish {
            service: "web".into(),
            backend: "s1".into(),
            state: config::BackendState::Disabled,
            deadline_s: None,
            then_reset: false,
        }],
    };
    store.take_over(7, earlier.clone()).unwrap();
    assert_eq!(states(&store), "41 running, 0 replaced");
    assert_eq!(store.revision(41).unwrap().1, "kept");
    assert_eq!(store.imported().unwrap(), earlier.imported);
    assert_eq!(store.wishes().unwrap(), earlier.wishes);
    assert!(matches!(store.take_over(8, earlier), Err(StoreError::Conflict { .. })));
    assert_eq!(store.commit(9, draft("next")).unwrap(), 42);
}

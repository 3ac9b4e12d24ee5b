use super::*;

#[test]
fn a_write_that_fails_leaves_nothing() {
    let store = Store::in_memory().unwrap();
    let failed: Result<(), StoreError> = store.write(|transaction| {
        transaction.execute("INSERT INTO imported (one, text) VALUES (1, 'half')", [])?;
        Err(StoreError::NothingAwaits)
    });
    assert!(matches!(failed, Err(StoreError::NothingAwaits)));
    assert_eq!(store.imported().unwrap(), None);
}

#[test]
fn a_write_that_panics_leaves_nothing_and_the_store_goes_on() {
    let store = Store::in_memory().unwrap();
    let failed: Result<(), StoreError> = store.write(|transaction| {
        transaction.execute("INSERT INTO imported (one, text) VALUES (1, 'half')", [])?;
        panic!("a defect in somebody's closure")
    });
    assert!(matches!(failed, Err(StoreError::Broken)));
    assert_eq!(store.imported().unwrap(), None);
    store.keep_imported("whole".to_owned()).unwrap();
    assert_eq!(store.imported().unwrap().as_deref(), Some("whole"));
}

#[test]
fn a_full_disk_is_told_and_changes_nothing() {
    let store = Store::in_memory().unwrap();
    let pages = |count: i64| {
        let limit =
            move |transaction: &Transaction<'_>| Ok(transaction.pragma_update(None, "max_page_count", count)?);
        store.write::<_, StoreError, _>(limit).unwrap();
    };
    let draft = crate::Draft { document: "#".repeat(100_000), ..crate::Draft::default() };
    pages(20);
    let error = store.commit(1, draft.clone()).unwrap_err().to_string();
    assert!(error.contains("full"), "{error}");
    assert_eq!(store.running().unwrap().number, 0);
    pages(1_000);
    assert_eq!(store.commit(2, draft).unwrap(), 1);
}

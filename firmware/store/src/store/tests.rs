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

use super::*;
use api::{AuditOutcome, AuditRecord};

fn user(name: &str, role: Role) -> User {
    User {
        name: name.to_owned(),
        role,
        disabled: false,
        must_change_password: false,
        second_factor: false,
        created: "2026-01-01T00:00:00Z".to_owned(),
        last_login: None,
    }
}

#[test]
fn users_as_text() {
    let users = [
        User { must_change_password: true, ..user("admin", Role::Administrator) },
        User {
            disabled: true,
            second_factor: true,
            last_login: Some("2026-02-03T04:05:06.789Z".to_owned()),
            ..user("vera", Role::Viewer)
        },
    ];
    assert_eq!(
        listed(&users, 100),
        "User   Role           State                                 Last log-in\n\
         admin  administrator  may log in, must change the password  never\n\
         vera   viewer         disabled, second factor               2026-02-03T04:05\n"
    );
    assert_eq!(changed(&users[1]), "vera is viewer: disabled, second factor.\n");
    let made = UserPassword { user: users[0].clone(), password: Some("abcd-efgh".to_owned()) };
    assert_eq!(added(&made), "admin logs in with this password, once, and then chooses another:\nabcd-efgh\n");
    assert!(!added(&UserPassword { password: None, ..made }).contains("abcd"));
}

#[test]
fn tokens_as_text() {
    let token = Token {
        id: "0a1b2c".to_owned(),
        name: "prometheus".to_owned(),
        user: "vera".to_owned(),
        role: Role::Viewer,
        prefix: "suimon_t_abcdef".to_owned(),
        created: "2026-01-01T00:00:00Z".to_owned(),
        expires: "2027-01-01T00:00:00Z".to_owned(),
        last_use: None,
    };
    assert_eq!(
        tokens_listed(std::slice::from_ref(&token), 200),
        "Token   User  Name        Role    Begins with      Expires           Last use\n\
         0a1b2c  vera  prometheus  viewer  suimon_t_abcdef  2027-01-01T00:00  never\n"
    );
    assert_eq!(tokens_listed(&[], 80), "No tokens.\n");
    let made = TokenMade { token, secret: "suimon_t_abcdefghi".to_owned() };
    assert_eq!(
        token_made(&made),
        "A token of vera, viewer until 2027-01-01T00:00. It is shown this once:\nsuimon_t_abcdefghi\n"
    );
}

#[test]
fn acts_as_text() {
    let record = AuditRecord {
        number: 7,
        at_ms: 1_767_225_600_123,
        user: "olga".to_owned(),
        role: Some(Role::Operator),
        source: "192.0.2.1".to_owned(),
        act: "apply".to_owned(),
        outcome: AuditOutcome::Done,
        detail: "revision 8\n~ service web\n    scheduler: rr -> wlc".to_owned(),
        hash: String::new(),
    };
    let page = AuditPage { records: vec![record], more: true };
    let text = records(&page, 300);
    assert!(
        text.contains("olga  192.0.2.1  apply  done     revision 8; ~ service web; scheduler: rr -> wlc\n"),
        "{text}"
    );
    assert!(text.ends_with("There are older ones: --before 7\n"), "{text}");
    assert_eq!(records(&AuditPage::default(), 80), "Nothing was done.\n");
    assert_eq!(checked(&AuditCheck { records: 3, broken: None }), "3 records, none missing or changed.\n");
}

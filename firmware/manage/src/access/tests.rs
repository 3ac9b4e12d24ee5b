use super::*;
use crate::clock::tests::at;
use crate::random::tests::seeded;
use crate::sessions::SESSIONS_PER_USER_MAX;
use api::Role::{Administrator, Operator, Viewer};
use api::{NewToken, UserChange};
use std::net::Ipv4Addr;

const PASSWORD: &str = "correct horse";
const ROOT_SOURCE: Source = Source::Socket { uid: 0 };
const OTHER: Source = Source::Socket { uid: 1_000 };

fn network(number: u8) -> Source {
    Ipv4Addr::new(192, 0, 2, number).into()
}

fn settings() -> Settings {
    Settings::from(&config::Api::default())
}

/// An administrator, an operator and a viewer, all with the same password.
fn three() -> Access {
    let mut access = Access::new(Kept::default(), settings(), seeded(1));
    let hash = PasswordHash::new(PASSWORD, access.salt());
    for (name, role) in [("admin", Administrator), ("olga", Operator), ("vera", Viewer)] {
        let user = access.add_user(at(0), name, role, hash.clone()).expect("a new name");
        access.adopt(vec![Change::User(User { must_change_password: false, ..user })]);
    }
    access
}

fn login(access: &mut Access, seconds: u64, name: &str, password: &str) -> Result<Welcome, LoginRefused> {
    let checked = access.open(at(seconds), name, network(1))?.check(password);
    let welcome = access.login(at(seconds), checked, None, "test")?;
    access.adopt(welcome.changes.clone());
    Ok(welcome)
}

fn identify(access: &mut Access, seconds: u64, secret: &str) -> Result<Caller, Refusal> {
    access.identify(at(seconds), OTHER, Some(secret)).map(|(caller, _)| caller)
}

fn caller(access: &mut Access, seconds: u64, name: &str) -> Caller {
    login(access, seconds, name, PASSWORD).expect("the password is right").caller
}

#[test]
fn root_on_the_socket_needs_nothing() {
    let mut access = three();
    let (root, _) = access.identify(at(0), ROOT_SOURCE, None).expect("root");
    assert_eq!((root.user.as_str(), root.role, &root.via), (ROOT, Administrator, &Via::Root));
    assert!(Act::ALL.iter().all(|act| root.may(*act).is_ok()));
    for source in [OTHER, network(1), Source::Network(Ipv4Addr::LOCALHOST.into())] {
        assert_eq!(access.identify(at(0), source, None), Err(Refusal::Anonymous), "{source}");
    }
    // Root may try what somebody else can do.
    let vera = login(&mut access, 0, "vera", PASSWORD).expect("right");
    let (tried, _) = access.identify(at(0), ROOT_SOURCE, Some(&vera.secret)).expect("known");
    assert_eq!((tried.user.as_str(), tried.role), ("vera", Viewer));
    assert_eq!(access.identify(at(0), ROOT_SOURCE, Some("nonsense")), Err(Refusal::Unknown));
}

/// Every act against every role: allowed exactly from the role that the table names.
#[test]
fn roles_bound_what_callers_may_do() {
    let mut access = three();
    for (name, role) in [("vera", Viewer), ("olga", Operator), ("admin", Administrator)] {
        let caller = caller(&mut access, 0, name);
        for act in Act::ALL {
            assert_eq!(caller.may(*act).is_ok(), act.least_role() <= role, "{name} {act:?}");
        }
    }
    let refused = caller(&mut access, 0, "vera").may(Act::Kill).expect_err("an operator's");
    assert_eq!(refused.to_string(), "kill takes the role operator, the caller is viewer");
}

#[test]
fn logging_in() {
    let mut access = three();
    for (name, password, expected) in [
        ("vera", PASSWORD, None),
        ("VERA", PASSWORD, None),
        ("vera", "Correct horse", Some(LoginRefused::Wrong)),
        ("nobody", PASSWORD, Some(LoginRefused::Wrong)),
        ("root", PASSWORD, Some(LoginRefused::Wrong)),
        ("", "", Some(LoginRefused::Wrong)),
    ] {
        assert_eq!(login(&mut access, 0, name, password).err(), expected, "{name}");
    }
    let welcome = login(&mut access, 10, "vera", PASSWORD).expect("right");
    assert_eq!(identify(&mut access, 11, &welcome.secret).map(|caller| caller.user), Ok("vera".to_owned()));
    assert_eq!(access.user("vera").and_then(|user| user.last_login), Some(at(10).civil.to_string()));
    assert_eq!(identify(&mut access, 11, &welcome.secret[1..]), Err(Refusal::Unknown));
    assert_eq!(identify(&mut access, 11 + 1_800, &welcome.secret), Err(Refusal::Unknown));
    let (refused, _) = access.counters();
    assert_eq!((refused.logins, refused.logins_failed, refused.unknown), (3, 4, 2));
}

#[test]
fn guessing_is_locked_and_an_administrator_unlocks() {
    let mut access = three();
    let (mut tries, mut seconds) = (0, 0);
    let locked = loop {
        match login(&mut access, seconds, "vera", "wrong password") {
            Err(LoginRefused::Wait(wait)) if wait.locked => break wait,
            Err(LoginRefused::Wait(wait)) => seconds += wait.left.as_secs(),
            _ => tries += 1,
        }
    };
    assert_eq!((tries, locked.left.as_secs()), (10, 900));
    assert!(matches!(login(&mut access, seconds, "vera", PASSWORD), Err(LoginRefused::Wait(_))), "right, but locked");
    access.change_user("vera", &UserChange::default()).expect("possible");
    assert!(login(&mut access, seconds + 60, "vera", PASSWORD).is_ok());
}

#[test]
fn a_password_that_changes_meanwhile_does_not_log_in() {
    let mut access = three();
    let checked = access.open(at(0), "vera", network(1)).expect("may try").check(PASSWORD);
    let other = PasswordHash::new("another horse", access.salt());
    let changes = access.set_password("vera", other).expect("there is a vera");
    access.adopt(changes);
    assert_eq!(access.login(at(0), checked, None, "").err(), Some(LoginRefused::Wrong));
}

#[test]
fn a_first_password_is_to_be_changed() {
    let mut access = Access::new(Kept::default(), settings(), seeded(2));
    assert!(access.is_new());
    let password = access.made_up_password();
    let first = access.first_user(at(0), PasswordHash::new(&password, [3; 16]));
    access.adopt(vec![first]);
    assert!(!access.is_new());
    let admin = login(&mut access, 0, "admin", &password).expect("right").caller;
    let possible: Vec<Act> = Act::ALL.iter().copied().filter(|act| admin.may(*act).is_ok()).collect();
    assert_eq!(possible, [Act::Me, Act::OwnPassword, Act::Logout]);
    assert_eq!(admin.may(Act::Users), Err(Refusal::PasswordFirst));
    let user = {
        let checked = access.open(at(1), "admin", network(1)).expect("may try").check(&password);
        access.show_again(checked).expect("right")
    };
    let changes = access.change_own_password(&admin, user, PasswordHash::new(PASSWORD, [4; 16]));
    access.adopt(changes);
    assert_eq!(caller(&mut access, 2, "admin").may(Act::Users), Ok(()));
}

#[test]
fn a_new_password_ends_other_log_ins() {
    let mut access = three();
    let (here, there) = (login(&mut access, 0, "vera", PASSWORD), login(&mut access, 1, "vera", PASSWORD));
    let (here, there) = (here.expect("right"), there.expect("right"));
    let checked = access.open(at(2), "vera", network(1)).expect("may try").check(PASSWORD);
    let user = access.show_again(checked).expect("right");
    let changes = access.change_own_password(&here.caller, user, PasswordHash::new("a new horse", [5; 16]));
    access.adopt(changes);
    assert!(identify(&mut access, 3, &here.secret).is_ok());
    assert_eq!(identify(&mut access, 3, &there.secret), Err(Refusal::Unknown));
    let changes = access.set_password("vera", PasswordHash::new(PASSWORD, [1; 16])).expect("there is a vera");
    access.adopt(changes);
    assert_eq!(identify(&mut access, 3, &here.secret), Err(Refusal::Unknown), "set by somebody else: all end");
}

#[test]
fn whoever_is_disabled_or_removed_is_out_at_once() {
    for remove in [false, true] {
        let mut access = three();
        let olga = login(&mut access, 0, "olga", PASSWORD).expect("right");
        let new = NewToken { name: "script".to_owned(), role: Operator, days: 1, user: None };
        let (token, secret) = access.make_token(at(0), &olga.caller, &new).expect("possible");
        access.adopt(vec![Change::Token(token)]);
        assert!(identify(&mut access, 1, &secret).is_ok());
        let disable = UserChange { disabled: Some(true), ..UserChange::default() };
        let changes = if remove { access.remove_user("olga") } else { access.change_user("olga", &disable) };
        access.adopt(changes.expect("not the last administrator"));
        assert_eq!(identify(&mut access, 2, &olga.secret), Err(Refusal::Unknown));
        assert_eq!(identify(&mut access, 2, &secret), Err(Refusal::Unknown));
        assert_eq!(login(&mut access, 2, "olga", PASSWORD).err(), Some(LoginRefused::Wrong));
    }
}

#[test]
fn tokens_follow_their_owner_down() {
    let mut access = three();
    let olga = caller(&mut access, 0, "olga");
    let token =
        |role, user: Option<&str>| NewToken { name: "script".to_owned(), role, days: 1, user: user.map(str::to_owned) };
    assert!(matches!(access.make_token(at(0), &olga, &token(Administrator, None)), Err(PeopleError::Token(_))));
    let (kept, secret) = access.make_token(at(0), &olga, &token(Operator, None)).expect("possible");
    access.adopt(vec![Change::Token(kept)]);
    let by_token = identify(&mut access, 1, &secret).expect("known");
    assert_eq!((by_token.role, by_token.user.as_str()), (Operator, "olga"));
    assert_eq!(
        access.make_token(at(1), &by_token, &token(Viewer, None)).map(|_| ()),
        Err(PeopleError::TokenByToken),
        "a token cannot outlive itself"
    );
    let lower = UserChange { role: Some(Viewer), ..UserChange::default() };
    let changes = access.change_user("olga", &lower).expect("possible");
    access.adopt(changes);
    assert_eq!(identify(&mut access, 2, &secret).map(|caller| caller.role), Ok(Viewer));
    let root = Caller::root(ROOT_SOURCE);
    assert_eq!(access.make_token(at(2), &root, &token(Viewer, None)).map(|_| ()), Err(PeopleError::NoUser));
    assert!(access.make_token(at(2), &root, &token(Viewer, Some("vera"))).is_ok());
    assert!(access.make_token(at(2), &root, &token(Operator, Some("vera"))).is_err(), "not above the owner's");
    assert!(access.make_token(at(2), &root, &token(Viewer, Some("nobody"))).is_err());
}

#[test]
fn others_sessions_and_tokens_are_not_ones_own() {
    let mut access = three();
    let (vera, olga) = (caller(&mut access, 0, "vera"), caller(&mut access, 0, "olga"));
    let id = olga.session().expect("a session").to_owned();
    assert_eq!(access.end_session(&id, Some("vera")), Err(PeopleError::NoSession));
    assert!(access.end_session(&id, Some("olga")).is_ok() && access.end_session(&id, None).is_ok());
    let new = NewToken { name: "x".to_owned(), role: Viewer, days: 1, user: None };
    let (token, _) = access.make_token(at(0), &olga, &new).expect("possible");
    let token_id = token.id.clone();
    access.adopt(vec![Change::Token(token)]);
    assert!(access.revoke_token(&token_id, Some("vera")).is_err());
    assert!(access.revoke_token(&token_id, Some("olga")).is_ok());
    assert_eq!(access.sessions(at(1), &vera, Some("vera")).len(), 1);
    let all = access.sessions(at(1), &vera, None);
    assert_eq!(all.iter().filter(|session| session.current).count(), 1);
    assert_eq!((all.len(), access.tokens(None).len(), access.tokens(Some("vera")).len()), (2, 1, 0));
}

#[test]
fn the_second_factor() {
    let mut access = three();
    let vera = caller(&mut access, 0, "vera");
    assert_eq!(access.confirm_second_factor(at(0), &vera, "000000"), Err(PeopleError::NoOffer));
    let offer = access.offer_second_factor(at(0), &vera, "a").expect("vera is a user");
    let code_at = |seconds: u64| {
        let totp = totp_rs::Totp::from_url(&offer.url).expect("an address");
        totp.generate(at(seconds).unix_s() as u64).to_string()
    };
    assert!(login(&mut access, 0, "vera", PASSWORD).is_ok(), "not in force yet");
    let wrong = access.confirm_second_factor(at(0), &vera, &code_at(300));
    assert_eq!(wrong, Err(PeopleError::Login(LoginRefused::CodeWrong)));
    let change = access.confirm_second_factor(at(0), &vera, &code_at(0)).expect("right");
    access.adopt(vec![change]);
    assert_eq!(access.offer_second_factor(at(0), &vera, "a").err(), Some(PeopleError::HasSecondFactor));

    let mut with_code = |seconds: u64, code: Option<&str>| {
        let checked = access.open(at(seconds), "vera", network(1))?.check(PASSWORD);
        let welcome = access.login(at(seconds), checked, code, "")?;
        access.adopt(welcome.changes);
        Ok(())
    };
    assert_eq!(with_code(60, None), Err(LoginRefused::CodeNeeded));
    assert_eq!(with_code(60, Some(&code_at(0))), Err(LoginRefused::CodeWrong), "long past");
    assert_eq!(with_code(60, Some(&code_at(60))), Ok(()));
    assert_eq!(with_code(61, Some(&code_at(60))), Err(LoginRefused::CodeWrong), "used already");
    assert_eq!(with_code(120, Some(&offer.recovery_codes[3])), Ok(()));
    assert_eq!(with_code(120, Some(&offer.recovery_codes[3])), Err(LoginRefused::CodeWrong));

    let give = UserChange { second_factor: Some(true), ..UserChange::default() };
    assert_eq!(access.change_user("vera", &give), Err(PeopleError::SecondFactorOfOthers));
    let take = UserChange { second_factor: Some(false), ..UserChange::default() };
    let changes = access.change_user("vera", &take).expect("possible");
    access.adopt(changes);
    assert!(login(&mut access, 200, "vera", PASSWORD).is_ok());
}

#[test]
fn an_offer_of_a_second_factor_does_not_wait_forever() {
    let mut access = three();
    let vera = caller(&mut access, 0, "vera");
    access.offer_second_factor(at(0), &vera, "a").map(|_| ()).expect("vera is a user");
    assert_eq!(access.confirm_second_factor(at(901), &vera, "123456"), Err(PeopleError::NoOffer));
    access.sweep(at(901));
    assert!(access.offers.is_empty());
}

#[test]
fn what_is_over_is_swept_away() {
    let mut access = three();
    for seconds in 0..SESSIONS_PER_USER_MAX as u64 + 4 {
        login(&mut access, seconds, "vera", PASSWORD).expect("right");
    }
    let (counters, _) = access.counters();
    assert_eq!(counters.sessions_pushed_out, 4);
    assert_eq!(access.sweep(at(100)), None);
    let Some(Change::SessionsGone(over)) = access.sweep(at(100_000)) else { panic!("all are over") };
    assert_eq!(over.len(), SESSIONS_PER_USER_MAX);
    access.adopt(vec![Change::SessionsGone(over)]);
    assert_eq!(access.sweep(at(100_000)), None);
}

use super::*;

// One row per state, one column per control bit that decides. Two letters: NO none, SS SYN_SENT, SR SYN_RECV,
// ES established, FW FIN_WAIT, TW TIME_WAIT, CL close, CW CLOSE_WAIT, LA LAST_ACK, LI listen, SA SYNACK.
const TRANSITIONS: &str = "
         from the client  | from the backend | one-sided
         SYN FIN ACK RST  | SYN FIN ACK RST  | SYN FIN ACK RST
    NO    SR  CL  ES  CL  |  SS  TW  ES  CL  |  SR  CL  ES  CL
    SS    ES  SS  SS  CL  |  SS  SS  SS  SS  |  ES  SS  SS  CL
    SR    SR  TW  ES  SR  |  SR  TW  ES  CL  |  SR  TW  ES  SR
    ES    ES  CW  ES  CL  |  ES  FW  ES  CL  |  ES  FW  ES  CL
    FW    SR  TW  FW  CL  |  SS  FW  FW  CL  |  SR  FW  FW  CL
    TW    SR  TW  TW  CL  |  SS  TW  TW  TW  |  SR  TW  TW  CL
    CL    SR  CL  CL  CL  |  SS  CL  CL  CL  |  SR  CL  CL  CL
    CW    SR  CW  CW  CL  |  SS  TW  CW  CL  |  SR  CW  CW  CL
    LA    SR  LA  CL  LA  |  SS  LA  LA  CL  |  SR  LA  CL  LA
    LI    SR  LI  LI  LI  |  LI  LI  ES  CL  |  SR  LI  LI  LI
    SA    SR  TW  ES  SR  |  SR  TW  ES  CL  |  SR  TW  ES  CL
";

// Idle seconds by default; a: counts as active, h: half-open, c: a SYN of the client begins anew.
const STATES: &str = "
    NONE           2  - h -
    SYN_SENT     120  a h -
    SYN_RECV      60  a h -
    ESTABLISHED  900  a - -
    FIN_WAIT     120  - - c
    TIME_WAIT    120  - - c
    CLOSE         10  - - c
    CLOSE_WAIT    60  - - c
    LAST_ACK      30  - - c
    LISTEN       120  - h -
    SYNACK       120  a h -
    UDP          300  - h -
    UDP_REPLIED  300  - - -
";

const VIEWS: [View; 3] = [View::Inbound, View::Outbound, View::InboundOnly];

fn state(letters: &str) -> State {
    match letters {
        "NO" => State::None,
        "SS" => State::SynSent,
        "SR" => State::SynRecv,
        "ES" => State::Established,
        "FW" => State::FinWait,
        "TW" => State::TimeWait,
        "CL" => State::Close,
        "CW" => State::CloseWait,
        "LA" => State::LastAck,
        "LI" => State::Listen,
        "SA" => State::SynAck,
        other => panic!("no state {other}"),
    }
}

fn expected(from: State, view: View, flags: u8) -> State {
    let column = match flags {
        flags if flags & flag::RST != 0 => 3,
        flags if flags & flag::SYN != 0 => 0,
        flags if flags & flag::FIN != 0 => 1,
        flags if flags & flag::ACK != 0 => 2,
        _ => return from,
    };
    let block = VIEWS.iter().position(|other| *other == view).unwrap();
    let rows = TRANSITIONS.lines().filter(|line| !line.trim().is_empty()).skip(2);
    let mut rows = rows.map(|line| line.split_whitespace().filter(|cell| *cell != "|").collect::<Vec<_>>());
    let row = rows.find(|row| state(row[0]) == from).unwrap();
    state(row[1 + block * 4 + column])
}

#[test]
fn every_state_view_and_flag_combination_goes_where_the_table_says() {
    let mut checked = 0;
    for from in State::ALL.into_iter().filter(|state| !state.is_udp()) {
        for view in VIEWS {
            for flags in 0..=u8::MAX {
                let to = next_state(from, view, flags);
                assert_eq!(to, expected(from, view, flags), "{} {view:?} flags {flags:#04x}", from.name());
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 11 * 3 * 256);
}

#[test]
fn udp_looks_at_the_direction_only() {
    for flags in 0..=u8::MAX {
        for view in [View::Inbound, View::InboundOnly] {
            assert_eq!(next_state(State::Udp, view, flags), State::Udp);
            assert_eq!(next_state(State::UdpReplied, view, flags), State::UdpReplied);
        }
        assert_eq!(next_state(State::Udp, View::Outbound, flags), State::UdpReplied);
        assert_eq!(next_state(State::UdpReplied, View::Outbound, flags), State::UdpReplied);
    }
}

#[test]
fn states_have_the_times_and_meanings_of_the_table() {
    let rows: Vec<Vec<&str>> = STATES.lines().map(|line| line.split_whitespace().collect()).collect();
    let rows: Vec<_> = rows.into_iter().filter(|row: &Vec<&str>| !row.is_empty()).collect();
    assert_eq!(rows.len(), State::ALL.len());
    for (number, (state, row)) in State::ALL.into_iter().zip(rows).enumerate() {
        assert_eq!(state as usize, number);
        assert_eq!(state.name(), row[0]);
        assert_eq!(state.timeout_s(&Timeouts::default()).to_string(), row[1], "{}", row[0]);
        assert_eq!(state.is_active(), row[2] == "a", "{}", row[0]);
        assert_eq!(state.is_half_open(), row[3] == "h", "{}", row[0]);
        assert_eq!(state.is_closing(), row[4] == "c", "{}", row[0]);
    }
}

#[test]
fn timeouts_are_the_services_own() {
    let timeouts = Timeouts { established_s: 1, fin_wait_s: 2, udp_s: 3, ..Timeouts::default() };
    assert_eq!(State::Established.timeout_s(&timeouts), 1);
    assert_eq!(State::FinWait.timeout_s(&timeouts), 2);
    assert_eq!(State::UdpReplied.timeout_s(&timeouts), 3);
}

// What passes by, and the state behind it. `>` from the client, `<` from the backend; S SYN, A ACK, F FIN, R RST.
#[test]
fn conversations() {
    let seen_from_both_sides = [
        ("client closes first", ">S SR <SA SR >A ES >A ES <A ES >FA CW <A CW <FA TW >A TW"),
        ("backend closes first", ">S SR <SA SR >A ES <FA FW >A FW >FA TW <A TW"),
        ("both close at once", ">S SR <SA SR >A ES >FA CW <FA TW >A TW <A TW"),
        ("refused", ">S SR <RA CL"),
        ("client gives up while opening", ">S SR <SA SR >R SR <A ES"),
        ("reset by the client", ">S SR <SA SR >A ES >R CL"),
        ("reset by the backend", ">S SR <SA SR >A ES <R CL"),
        ("SYN sent again", ">S SR >S SR <SA SR <SA SR >A ES"),
        ("SYN into the open connection", ">S SR <SA SR >A ES >S ES <A ES"),
        ("port used again", ">S SR <SA SR >A ES >FA CW <FA TW >S SR <SA SR >A ES"),
        ("backend opens", "<S SS >SA ES <A ES"),
        ("taken up in mid-stream", ">A ES <A ES"),
    ];
    for (name, steps) in seen_from_both_sides {
        converse(name, steps, View::Inbound);
    }
    let seen_from_one_side = [
        ("one-sided, closes", ">S SR >A ES >FA FW >A FW"),
        ("one-sided, reset", ">S SR >A ES >R CL"),
        ("one-sided, port used again", ">S SR >A ES >FA FW >S SR >A ES"),
    ];
    for (name, steps) in seen_from_one_side {
        converse(name, steps, View::InboundOnly);
    }
}

fn converse(name: &str, steps: &str, from_client: View) {
    let words: Vec<&str> = steps.split(' ').collect();
    let mut now = State::None;
    for (step, pair) in words.chunks(2).enumerate() {
        let view = if pair[0].starts_with('>') { from_client } else { View::Outbound };
        let flags = pair[0][1..].chars().fold(0, |flags, letter| {
            flags
                | match letter {
                    'S' => flag::SYN,
                    'A' => flag::ACK,
                    'F' => flag::FIN,
                    _ => flag::RST,
                }
        });
        now = next_state(now, view, flags);
        assert_eq!(now, state(pair[1]), "{name}, step {}: {}", step + 1, pair[0]);
    }
}

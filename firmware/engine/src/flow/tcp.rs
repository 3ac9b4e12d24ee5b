//! States of a flow, and how packets move them.
//!
//! The TCP machine watches a conversation between others (RFC 9293 3.3.2 from the outside). States, transitions and idle
//! times are those of IPVS (ip_vs_proto_tcp.c), so that a reader of `ipvsadm -Lnc` finds what is known from there. It is
//! deliberately forgiving: a packet that no rule speaks of changes nothing.

use crate::tables::Timeouts;
use net::tcp::flag;

/// Idle time in [`State::None`], seconds.
const NONE_S: u32 = 2;
/// Idle time in [`State::Listen`], seconds.
const LISTEN_S: u32 = 120;

/// Where a flow is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// TCP, nothing seen yet.
    #[default]
    None,
    /// TCP: the backend opens (FTP's active data connection); its SYN was seen.
    SynSent,
    /// TCP: the client opens; its SYN was seen.
    SynRecv,
    /// TCP: open.
    Established,
    /// TCP: the backend closed its side (seen one-sided: the client did).
    FinWait,
    /// TCP: both sides closed.
    TimeWait,
    /// TCP: over, or reset.
    Close,
    /// TCP: the client closed its side.
    CloseWait,
    /// TCP: both sides closed, the last acknowledgement is out.
    LastAck,
    /// TCP: announced by a helper, no packet seen yet.
    Listen,
    /// TCP: a SYN was answered on the backend's behalf.
    SynAck,
    /// UDP, no reply seen. One-sided methods never see one.
    Udp,
    /// UDP, both sides seen.
    UdpReplied,
}

/// Which side a packet is from, and what of the conversation can be seen at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// From the client; replies are seen too.
    Inbound,
    /// From the backend.
    Outbound,
    /// From the client; replies go another way (direct, tunnels).
    InboundOnly,
}

impl State {
    /// All states, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::None,
        Self::SynSent,
        Self::SynRecv,
        Self::Established,
        Self::FinWait,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::SynAck,
        Self::Udp,
        Self::UdpReplied,
    ];

    /// Whether schedulers count the flow as active. As in IPVS: TCP that is open or opening; UDP never.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Established | Self::SynSent | Self::SynRecv | Self::SynAck)
    }

    /// Whether only one side has spoken so far, for all that can be seen: such flows go first when there is no room.
    /// UDP over a one-sided method is not half-open: see [`Flow::is_half_open`](super::Flow::is_half_open).
    pub const fn is_half_open(self) -> bool {
        matches!(self, Self::None | Self::SynSent | Self::SynRecv | Self::SynAck | Self::Listen | Self::Udp)
    }

    /// Whether the conversation is ending or over, so that a new SYN of the client begins another one. Wider than IPVS's
    /// `conn_reuse_mode` (TIME_WAIT and CLOSE): a client that sends a SYN has forgotten its half of the old connection.
    pub const fn is_closing(self) -> bool {
        matches!(self, Self::FinWait | Self::TimeWait | Self::Close | Self::CloseWait | Self::LastAck)
    }

    /// Whether this is a state of UDP.
    pub const fn is_udp(self) -> bool {
        matches!(self, Self::Udp | Self::UdpReplied)
    }

    /// Idle time after which a flow in this state is forgotten, seconds.
    pub const fn timeout_s(self, timeouts: &Timeouts) -> u32 {
        match self {
            Self::None => NONE_S,
            Self::SynSent => timeouts.syn_sent_s,
            Self::SynRecv => timeouts.syn_recv_s,
            Self::Established => timeouts.established_s,
            Self::FinWait => timeouts.fin_wait_s,
            Self::TimeWait => timeouts.time_wait_s,
            Self::Close => timeouts.close_s,
            Self::CloseWait => timeouts.close_wait_s,
            Self::LastAck => timeouts.last_ack_s,
            Self::Listen => LISTEN_S,
            Self::SynAck => timeouts.synack_s,
            Self::Udp | Self::UdpReplied => timeouts.udp_s,
        }
    }

    /// The name in lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::SynSent => "SYN_SENT",
            Self::SynRecv => "SYN_RECV",
            Self::Established => "ESTABLISHED",
            Self::FinWait => "FIN_WAIT",
            Self::TimeWait => "TIME_WAIT",
            Self::Close => "CLOSE",
            Self::CloseWait => "CLOSE_WAIT",
            Self::LastAck => "LAST_ACK",
            Self::Listen => "LISTEN",
            Self::SynAck => "SYNACK",
            Self::Udp => "UDP",
            Self::UdpReplied => "UDP_REPLIED",
        }
    }
}

/// The state behind a packet with these TCP control bits (any for UDP).
pub const fn next_state(state: State, view: View, flags: u8) -> State {
    if state.is_udp() {
        return match view {
            View::Outbound => State::UdpReplied,
            View::Inbound | View::InboundOnly => state,
        };
    }
    let Some(event) = Event::of(flags) else {
        return state;
    };
    match view {
        View::Inbound => from_client(state, event),
        View::Outbound => from_backend(state, event),
        View::InboundOnly => one_sided(state, event),
    }
}

/// The one bit of a segment that counts.
#[derive(Clone, Copy)]
enum Event {
    Rst,
    Syn,
    Fin,
    Ack,
}

impl Event {
    // The order is IPVS's. RFC 9293 3.10.7.4 looks at RST before SYN, and drops a segment without ACK beyond the
    // handshake: where none of the four is set nothing changes (IPVS would go to CLOSE and let a stray end the flow).
    const fn of(flags: u8) -> Option<Self> {
        if flags & flag::RST != 0 {
            Some(Self::Rst)
        } else if flags & flag::SYN != 0 {
            Some(Self::Syn)
        } else if flags & flag::FIN != 0 {
            Some(Self::Fin)
        } else if flags & flag::ACK != 0 {
            Some(Self::Ack)
        } else {
            None
        }
    }
}

const fn from_client(state: State, event: Event) -> State {
    use State::*;
    match (event, state) {
        // RFC 9293 3.10.7.4: a SYN inside an open connection is challenged, it does not undo it.
        (Event::Syn, Established) => Established,
        // The answer to a SYN of the backend: SYN and ACK together.
        (Event::Syn, SynSent) => Established,
        // Anything else begins anew.
        (Event::Syn, _) => SynRecv,

        (Event::Fin, Established) => CloseWait,
        // Closed while opening, or the second FIN of the two.
        (Event::Fin, SynRecv | SynAck | FinWait | TimeWait) => TimeWait,
        (Event::Fin, None | Close) => Close,
        (Event::Fin, SynSent | CloseWait | LastAck | Listen) => state,

        // The handshake is complete; without a state (mid-stream, adopted) it must have been before.
        (Event::Ack, None | SynRecv | SynAck | Established) => Established,
        (Event::Ack, LastAck | Close) => Close,
        // An ACK alone answers no SYN of the backend, and opens nothing that a helper announced.
        (Event::Ack, SynSent | FinWait | TimeWait | CloseWait | Listen) => state,

        // A forged RST must not free the way to the backend while the handshake is open; its time is short anyway.
        (Event::Rst, SynRecv | SynAck) => SynRecv,
        (Event::Rst, LastAck | Listen) => state,
        (Event::Rst, None | SynSent | Established | FinWait | TimeWait | Close | CloseWait) => Close,

        (Event::Fin | Event::Ack | Event::Rst, Udp | UdpReplied) => state,
    }
}

const fn from_backend(state: State, event: Event) -> State {
    use State::*;
    match (event, state) {
        // SYN and ACK together, the backend's part of a handshake that the client began.
        (Event::Syn, SynRecv | SynAck) => SynRecv,
        (Event::Syn, Established | SynSent | Listen) => state,
        // The backend begins a connection of its own on the same ports.
        (Event::Syn, None | FinWait | TimeWait | Close | CloseWait | LastAck) => SynSent,

        (Event::Fin, Established | FinWait) => FinWait,
        (Event::Fin, None | SynRecv | SynAck | TimeWait | CloseWait) => TimeWait,
        (Event::Fin, SynSent | Close | LastAck | Listen) => state,

        (Event::Ack, None | Established | SynRecv | SynAck | Listen) => Established,
        (Event::Ack, SynSent | FinWait | TimeWait | Close | CloseWait | LastAck) => state,

        // The backend's own SYN may cross an RST for an older connection; TIME_WAIT already ends by itself.
        (Event::Rst, SynSent | TimeWait) => state,
        (Event::Rst, None | Established | SynRecv | SynAck | FinWait | Close | CloseWait | LastAck | Listen) => Close,

        (_, Udp | UdpReplied) => state,
    }
}

// Only the client's half is seen. Where that half cannot tell, it is taken for the whole.
const fn one_sided(state: State, event: Event) -> State {
    use State::*;
    match (event, state) {
        // The backend's FIN will never be seen: wait for the end as after the first FIN of two, not in CLOSE_WAIT.
        (Event::Fin, Established | FinWait) => FinWait,
        // No answer of the backend is to be waited for.
        (Event::Rst, SynAck) => Close,
        _ => from_client(state, event),
    }
}

#[cfg(test)]
mod tests;

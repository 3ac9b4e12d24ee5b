//! The words of the configuration in the words of the tables.

use engine::tables;
use net::{Address, Prefix};

pub(super) fn prefix(prefix: &config::Prefix) -> Prefix {
    Prefix::new(Address::from(prefix.address), prefix.bits)
}

pub(super) const fn method(method: config::Method) -> tables::Method {
    match method {
        config::Method::Nat => tables::Method::Nat,
        config::Method::Direct => tables::Method::Direct,
        config::Method::TunnelIpip => tables::Method::TunnelIpip,
        config::Method::TunnelGre => tables::Method::TunnelGre,
        config::Method::TunnelGue => tables::Method::TunnelGue,
        config::Method::FullNat => tables::Method::FullNat,
    }
}

pub(super) const fn scheduler(scheduler: config::Scheduler) -> tables::SchedulerKind {
    use tables::SchedulerKind;
    match scheduler {
        config::Scheduler::Rr => SchedulerKind::Rr,
        config::Scheduler::Wrr => SchedulerKind::Wrr,
        config::Scheduler::Lc => SchedulerKind::Lc,
        config::Scheduler::Wlc => SchedulerKind::Wlc,
        config::Scheduler::Sed => SchedulerKind::Sed,
        config::Scheduler::Nq => SchedulerKind::Nq,
        config::Scheduler::Lblc => SchedulerKind::Lblc,
        config::Scheduler::Lblcr => SchedulerKind::Lblcr,
        config::Scheduler::Sh => SchedulerKind::Sh,
        config::Scheduler::Dh => SchedulerKind::Dh,
        config::Scheduler::Mh => SchedulerKind::Mh,
        config::Scheduler::Twos => SchedulerKind::Twos,
        config::Scheduler::Fo => SchedulerKind::Fo,
        config::Scheduler::Ovf => SchedulerKind::Ovf,
    }
}

pub(super) const fn on_backend_down(what: config::OnBackendDown) -> tables::OnBackendDown {
    match what {
        config::OnBackendDown::Keep => tables::OnBackendDown::Keep,
        config::OnBackendDown::Drop => tables::OnBackendDown::Drop,
        config::OnBackendDown::Reset => tables::OnBackendDown::Reset,
        config::OnBackendDown::Reselect => tables::OnBackendDown::Reselect,
    }
}

pub(super) const fn midstream(what: config::Midstream) -> tables::Midstream {
    match what {
        config::Midstream::Reset => tables::Midstream::Reset,
        config::Midstream::Adopt => tables::Midstream::Adopt,
        config::Midstream::Drop => tables::Midstream::Drop,
    }
}

pub(super) const fn mss_clamp(clamp: config::MssClamp) -> tables::MssClamp {
    match clamp {
        config::MssClamp::Auto => tables::MssClamp::Auto,
        config::MssClamp::Off => tables::MssClamp::Off,
        config::MssClamp::Bytes(bytes) => tables::MssClamp::Bytes(bytes),
    }
}

pub(super) const fn backend_state(state: config::BackendState) -> tables::BackendState {
    match state {
        config::BackendState::Online => tables::BackendState::Online,
        config::BackendState::Drain => tables::BackendState::Drain,
        config::BackendState::Disabled => tables::BackendState::Disabled,
    }
}

pub(super) const fn timeouts(timeouts: config::Timeouts) -> tables::Timeouts {
    tables::Timeouts {
        established_s: timeouts.established_s,
        syn_sent_s: timeouts.syn_sent_s,
        syn_recv_s: timeouts.syn_recv_s,
        fin_wait_s: timeouts.fin_s,
        time_wait_s: timeouts.time_wait_s,
        close_s: timeouts.close_s,
        close_wait_s: timeouts.close_wait_s,
        last_ack_s: timeouts.last_ack_s,
        synack_s: timeouts.synack_s,
        udp_s: timeouts.udp_s,
    }
}

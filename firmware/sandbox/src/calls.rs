//! No system call but those that a role makes, by seccomp. What is not allowed answers EPERM: a role that meets it
//! says so in its log, where a killed one would say nothing.

use crate::{Calls, SandboxError};
use libc::*;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What a runtime, an allocator and threads need.
const RUNTIME: &[i64] = &[
    SYS_brk,
    SYS_clock_getres,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    // Answered by the filter of clone3 alone.
    SYS_clone3,
    SYS_close,
    SYS_dup,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_epoll_pwait2,
    SYS_epoll_wait,
    SYS_eventfd2,
    SYS_exit,
    SYS_exit_group,
    SYS_fcntl,
    SYS_futex,
    SYS_getpid,
    SYS_getrandom,
    SYS_getrusage,
    SYS_gettid,
    SYS_gettimeofday,
    SYS_getuid,
    SYS_madvise,
    SYS_membarrier,
    SYS_mmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_munmap,
    SYS_nanosleep,
    SYS_poll,
    SYS_ppoll,
    SYS_prctl,
    SYS_restart_syscall,
    SYS_rseq,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sched_getaffinity,
    SYS_sched_yield,
    SYS_set_robust_list,
    SYS_sigaltstack,
    SYS_tgkill,
];

/// Reading, writing, and sockets that exist.
const STREAMS: &[i64] = &[
    SYS_bind,
    SYS_connect,
    SYS_fstat,
    SYS_getpeername,
    SYS_getsockname,
    SYS_getsockopt,
    SYS_ioctl,
    SYS_lseek,
    SYS_read,
    SYS_readv,
    SYS_recvfrom,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_sendto,
    SYS_setsockopt,
    SYS_shutdown,
    SYS_write,
    SYS_writev,
];

/// What reaches into other processes, into the kernel, or out of the layers around this one.
const DANGEROUS: &[i64] = &[
    SYS_acct,
    SYS_add_key,
    SYS_bpf,
    SYS_chroot,
    SYS_delete_module,
    SYS_finit_module,
    SYS_fsmount,
    SYS_fsopen,
    SYS_init_module,
    SYS_io_uring_setup,
    SYS_kcmp,
    SYS_kexec_file_load,
    SYS_kexec_load,
    SYS_keyctl,
    SYS_mount,
    SYS_mount_setattr,
    SYS_move_mount,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    SYS_open_tree,
    SYS_perf_event_open,
    SYS_pivot_root,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_ptrace,
    SYS_quotactl,
    SYS_reboot,
    SYS_request_key,
    SYS_setns,
    SYS_swapoff,
    SYS_swapon,
    SYS_umount2,
    SYS_unshare,
    SYS_userfaultfd,
];

/// New namespaces are new privileges within them.
const NAMESPACES: i32 =
    CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS;

pub(crate) fn confine(calls: Calls) -> Result<(), SandboxError> {
    let refused = SandboxError::refused("restrict system calls by seccomp");
    let install = || -> Result<(), seccompiler::Error> {
        // clone3 hides its flags in memory where no filter sees them; the C library falls back to clone on ENOSYS.
        let clone3 = Rules::from([(SYS_clone3, Vec::new())]);
        let filters = [
            program(clone3, SeccompAction::Allow, SeccompAction::Errno(ENOSYS as u32))?,
            match calls {
                Calls::Client => allowed_only(client()?)?,
                Calls::Server => allowed_only(server()?)?,
                Calls::Programs => program(dangerous()?, SeccompAction::Allow, SeccompAction::Errno(EPERM as u32))?,
            },
        ];
        // Of two filters' answers the strictest counts. The one that allows little comes last: it allows no other.
        filters.iter().try_for_each(|filter| apply_filter(filter))
    };
    install().map_err(|error| refused(&error))
}

fn allowed_only(rules: Rules) -> Result<BpfProgram, BackendError> {
    program(rules, SeccompAction::Errno(EPERM as u32), SeccompAction::Allow)
}

fn program(rules: Rules, others: SeccompAction, these: SeccompAction) -> Result<BpfProgram, BackendError> {
    SeccompFilter::new(rules, others, these, TargetArch::x86_64)?.try_into()
}

fn without_conditions(calls: &[&[i64]]) -> Rules {
    calls.iter().flat_map(|calls| calls.iter()).map(|call| (*call, Vec::new())).collect()
}

fn client() -> Result<Rules, BackendError> {
    let mut rules = without_conditions(&[RUNTIME, STREAMS]);
    let mut sockets = Vec::new();
    for family in [AF_INET, AF_INET6] {
        for kind in [SOCK_STREAM, SOCK_DGRAM] {
            sockets.push(SeccompRule::new(vec![is(0, family)?, is_kind(kind)?])?);
        }
        // Pings where the kernel has no sockets for them: raw, of this protocol only.
        for protocol in [IPPROTO_ICMP, IPPROTO_ICMPV6] {
            sockets.push(SeccompRule::new(vec![is(0, family)?, is_kind(SOCK_RAW)?, is(2, protocol)?])?);
        }
    }
    rules.insert(SYS_socket, sockets);
    rules.insert(SYS_clone, vec![threads_only()?]);
    rules.insert(SYS_mmap, not_executable()?);
    rules.insert(SYS_mprotect, not_executable()?);
    Ok(rules)
}

fn server() -> Result<Rules, BackendError> {
    let mut rules = without_conditions(&[RUNTIME, STREAMS, &[SYS_accept4]]);
    rules.insert(SYS_socket, vec![SeccompRule::new(vec![is(0, AF_UNIX)?])?]);
    rules.insert(SYS_clone, vec![threads_only()?]);
    rules.insert(SYS_mmap, not_executable()?);
    rules.insert(SYS_mprotect, not_executable()?);
    Ok(rules)
}

fn dangerous() -> Result<Rules, BackendError> {
    let mut rules = without_conditions(&[DANGEROUS]);
    let mut clones = Vec::new();
    for flag in (0..i32::BITS).map(|bit| NAMESPACES & (1 << bit)).filter(|flag| *flag != 0) {
        clones.push(SeccompRule::new(vec![flags(0, flag, flag)?])?);
    }
    rules.insert(SYS_clone, clones);
    // A packet socket sees all that passes; root's alone, but the filter says it too.
    rules.insert(SYS_socket, vec![SeccompRule::new(vec![is(0, AF_PACKET)?])?]);
    Ok(rules)
}

fn threads_only() -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![flags(0, CLONE_THREAD, CLONE_THREAD)?])
}

fn not_executable() -> Result<Vec<SeccompRule>, BackendError> {
    Ok(vec![SeccompRule::new(vec![flags(2, PROT_EXEC, 0)?])?])
}

fn is(argument: u8, value: i32) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value as u64)
}

/// A type of socket, whatever flags come with it.
fn is_kind(kind: i32) -> Result<SeccompCondition, BackendError> {
    flags(1, !(SOCK_CLOEXEC | SOCK_NONBLOCK), kind)
}

fn flags(argument: u8, mask: i32, value: i32) -> Result<SeccompCondition, BackendError> {
    let operator = SeccompCmpOp::MaskedEq(u64::from(mask as u32));
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, u64::from(value as u32))
}

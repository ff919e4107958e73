"""The system calls of a sandboxed command: the one table that both filters are compiled from.

Two filters are stacked and the kernel takes the stricter answer of the two:

1. *names*: what is in `ALLOWED` passes, everything else is ENOSYS, calls of future kernels included. Programs
   treat ENOSYS as an old kernel and fall back.
2. *rules*: what is in `REFUSED`, or meets a test in `CONDITIONS`, gets the errno stated there.

Rules of the table:
- A second table of system calls (i386, x32) kills the process: it would bypass every rule here.
- `clone3` and `openat2` are unknown, because what they ask for lies behind a pointer that a filter cannot read; the
  C library falls back to `clone` and `openat`, whose arguments it can.
- A test compares the 64-bit register while the kernel may look at the lower half only. So tests mask, or also refuse
  everything greater than the largest value that they know.

It does not compile anything (build.py) and does not decide which filter is loaded (filters.py).
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

LOW_HALF = 0xFFFFFFFF


@dataclass(frozen=True)
class Refusal:
    """Calls that are refused whatever their arguments."""

    why: str
    names: str
    error: int = errno.EPERM


@dataclass(frozen=True)
class Test:
    """`(argument & mask) == value`, or `argument > value` when `mask` is 0."""

    argument: int
    value: int
    mask: int = 0


@dataclass(frozen=True)
class Condition:
    """Calls that are refused when all `tests` hold."""

    why: str
    names: str
    tests: tuple[Test, ...]
    error: int = errno.EPERM


ALLOWED: dict[str, str] = {
    "files by descriptor": """
        close close_range dup dup2 dup3 fcntl flock lseek read readv pread64 preadv preadv2 write writev pwrite64
        pwritev pwritev2 fsync fdatasync sync sync_file_range syncfs fallocate ftruncate fadvise64 readahead sendfile
        splice tee copy_file_range ioctl""",
    "files by name": """
        open openat creat access faccessat faccessat2 chdir fchdir getcwd chmod fchmod fchmodat fchmodat2 chown fchown
        fchownat lchown link linkat mkdir mkdirat readlink readlinkat rename renameat renameat2 rmdir symlink symlinkat
        truncate umask unlink unlinkat utime utimes utimensat futimesat getdents getdents64""",
    "what a file is": """
        stat fstat lstat newfstatat statx statfs fstatfs getxattr fgetxattr lgetxattr listxattr flistxattr llistxattr
        setxattr fsetxattr lsetxattr removexattr fremovexattr lremovexattr inotify_init inotify_init1 inotify_add_watch
        inotify_rm_watch""",
    "memory": """
        brk mmap munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall memfd_create
        pkey_alloc pkey_free pkey_mprotect membarrier get_mempolicy""",
    "processes and threads": """
        clone fork vfork execve execveat exit exit_group wait4 waitid getpid getppid gettid getpgid getpgrp setpgid
        getsid setsid kill tkill tgkill pidfd_open pidfd_send_signal prctl arch_prctl set_tid_address set_robust_list
        get_robust_list futex futex_waitv futex_wait futex_wake futex_requeue rseq restart_syscall seccomp
        landlock_create_ruleset landlock_add_rule landlock_restrict_self""",
    "identity": """
        getuid geteuid getgid getegid getgroups getresuid getresgid setuid setgid setreuid setregid setresuid
        setresgid setgroups setfsuid setfsgid capget capset""",
    "scheduling and limits": """
        getpriority setpriority ioprio_get ioprio_set sched_yield sched_getaffinity sched_setaffinity sched_getattr
        sched_setattr sched_getparam sched_setparam sched_getscheduler sched_setscheduler sched_get_priority_max
        sched_get_priority_min sched_rr_get_interval getcpu getrlimit setrlimit prlimit64 getrusage times sysinfo
        uname getrandom""",
    "signals": """
        rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
        rt_tgsigqueueinfo sigaltstack signalfd signalfd4 pause""",
    "time": """
        time gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep alarm getitimer setitimer timer_create
        timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime""",
    "waiting": """
        select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd
        eventfd2 pipe pipe2 io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents""",
    "sockets": """
        socket socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt
        sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg""",
    "System V and POSIX IPC": """
        shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl mq_open mq_unlink
        mq_timedsend mq_timedreceive mq_notify mq_getsetattr""",
}

REFUSED: tuple[Refusal, ...] = (
    Refusal(
        "mounts and roots: could uncover or overlay files",
        "mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr",
    ),
    Refusal("namespaces: a nested user namespace gives capabilities back", "setns unshare"),
    Refusal("flags behind a pointer", "clone3 openat2", errno.ENOSYS),
    Refusal(
        "other processes",
        "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd",
    ),
    Refusal("keyrings: not namespaced as files are", "keyctl add_key request_key"),
    Refusal(
        "large kernel surface, and input and output past the rules above",
        "bpf perf_event_open userfaultfd io_uring_setup io_uring_enter io_uring_register vmsplice",
    ),
    Refusal(
        "files outside the mount view", "open_by_handle_at name_to_handle_at fanotify_init fanotify_mark"
    ),
    Refusal(
        "control of the kernel",
        """init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff acct quotactl
        quotactl_fd iopl ioperm modify_ldt personality syslog lookup_dcookie nfsservctl vhangup""",
    ),
    Refusal(
        "clock, names and memory placement of the whole host",
        """settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname mbind move_pages
        migrate_pages set_mempolicy set_mempolicy_home_node""",
    ),
    Refusal("device nodes", "mknod mknodat"),
)

# From the kernel's headers; the same on both architectures.
CLONE_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
SET_ID_BITS = (0o4000, 0o2000)
CREATING_FLAGS = (0o100, 0o20000000)  # O_CREAT and the bit of O_TMPFILE that is not O_DIRECTORY
TERMINAL_INJECTION = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD
FAMILIES = (1, 2, 10)  # UNIX, INET, INET6; AF_VSOCK is not scoped by network namespaces
TYPES = (1, 2)  # STREAM, DGRAM
PROTOCOLS = (0, 6, 17)  # any, TCP, UDP

_MODE_ARGUMENT = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1}
_OPEN_ARGUMENTS = {"open": (1, 2), "openat": (2, 3)}


def _others(known: tuple[int, ...], *, highest: int) -> list[int]:
    return [value for value in range(highest + 1) if value not in known]


CONDITIONS: tuple[Condition, ...] = (
    *(Condition("a new namespace", "clone", (Test(0, bit, bit),)) for bit in CLONE_NAMESPACES),
    *(
        Condition("a set-id file", name, (Test(argument, bit, bit),))
        for name, argument in _MODE_ARGUMENT.items()
        for bit in SET_ID_BITS
    ),
    *(
        Condition("a set-id file", name, (Test(flags, flag, flag), Test(mode, bit, bit)))
        for name, (flags, mode) in _OPEN_ARGUMENTS.items()
        for flag in CREATING_FLAGS
        for bit in SET_ID_BITS
    ),
    *(
        Condition("input into a terminal", "ioctl", (Test(1, request, LOW_HALF),))
        for request in TERMINAL_INJECTION
    ),
    *(
        Condition("socket family", "socket socketpair", (test,), errno.EAFNOSUPPORT)
        for test in (
            Test(0, max(FAMILIES)),
            *(Test(0, family, ~0) for family in _others(FAMILIES, highest=max(FAMILIES))),
        )
    ),
    *(
        Condition("socket type", "socket socketpair", (Test(1, kind, 0xF),), errno.ESOCKTNOSUPPORT)
        for kind in _others(TYPES, highest=0xF)
    ),
    *(
        Condition("socket protocol", "socket socketpair", (test,), errno.EPROTONOSUPPORT)
        for test in (
            Test(2, max(PROTOCOLS)),
            *(Test(2, protocol, ~0) for protocol in _others(PROTOCOLS, highest=max(PROTOCOLS))),
        )
    ),
)

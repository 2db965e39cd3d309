"""Writes seccomp.json, the list of system calls a holdfast server in a container may make.

The names are grouped here with the reason they are in; ../README.md says where they come from.
`make_seccomp.py --check` says whether the file is what this script writes.
"""

import json
import os
import sys

GROUPS = {
    "rings: what default profiles deny": "io_uring_setup io_uring_enter io_uring_register",
    "sockets, before the rings have them": (
        "socket bind listen connect accept accept4 getsockname getpeername getsockopt setsockopt "
        "shutdown sendto recvfrom sendmsg recvmsg socketpair eventfd2"
    ),
    "memory": "mmap munmap mprotect mremap madvise brk memfd_create ftruncate mlock munlock membarrier",
    "files": (
        "openat close read write readv writev pread64 pwrite64 lseek newfstatat fstat stat statx "
        "access faccessat faccessat2 readlink readlinkat getdents64 fcntl ioctl dup dup2 dup3 pipe2 "
        "poll ppoll getcwd"
    ),
    "threads": (
        "clone clone3 set_robust_list set_tid_address rseq futex arch_prctl prctl gettid getpid "
        "tgkill sched_yield sched_getaffinity sched_setaffinity exit exit_group"
    ),
    "signals": (
        "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait rt_sigsuspend sigaltstack "
        "restart_syscall kill"
    ),
    "time and chance": "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time getrandom",
    "what it asks about itself and the host": (
        "uname sysinfo getrlimit setrlimit prlimit64 getrusage getuid geteuid getgid getegid "
        "getgroups capget getppid"
    ),
    "to be started, and by a shell": "execve wait4 umask setpgid getpgrp seccomp",
    "of a container's start (runc changes user and drops rights after the filter is in)": (
        "capset setuid setgid setgroups setresuid setresgid chdir fchdir close_range fstatfs statfs "
        "mkdirat epoll_create1 epoll_ctl epoll_pwait epoll_wait"
    ),
}


def profile():
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
        ],
        "syscalls": [
            {"names": sorted(names.split()), "action": "SCMP_ACT_ALLOW", "comment": reason}
            for reason, names in GROUPS.items()
        ],
    }


def main(arguments):
    path = os.path.join(os.path.dirname(os.path.realpath(__file__)), "seccomp.json")
    text = json.dumps(profile(), indent=2) + "\n"
    if arguments == ["--check"]:
        with open(path, encoding="ascii") as file:
            return 0 if file.read() == text else 1
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

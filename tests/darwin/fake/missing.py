"""What Python's modules lack on macOS (CPython 3.11 to 3.14, Modules/posixmodule.c and others)."""

from __future__ import annotations

import errno
import fcntl
import os
import posix
import select
import signal
import socket
import time
from types import ModuleType

# fmt: off
_LACKING: tuple[tuple[ModuleType, str], ...] = (
    (os, "listxattr getxattr setxattr removexattr XATTR_CREATE XATTR_REPLACE XATTR_SIZE_MAX"),
    (os, "posix_fadvise posix_fallocate fdatasync memfd_create pipe2 eventfd pidfd_open"),
    (os, "POSIX_FADV_DONTNEED POSIX_FADV_SEQUENTIAL POSIX_FADV_NORMAL POSIX_FADV_RANDOM"),
    (os, "POSIX_FADV_WILLNEED POSIX_FADV_NOREUSE MFD_CLOEXEC EFD_CLOEXEC P_PIDFD"),
    (os, "sched_getaffinity sched_setaffinity sched_getscheduler sched_setscheduler sched_param"),
    (os, "eventfd_read eventfd_write copy_file_range splice getrandom GRND_NONBLOCK"),
    (os, "O_NOATIME O_PATH O_LARGEFILE O_DIRECT O_RSYNC O_TMPFILE"),
    (os, "getresuid getresgid setresuid setresgid unshare setns SCHED_BATCH SCHED_IDLE"),
    (fcntl, "F_SETSIG F_GETSIG F_SETLEASE F_GETLEASE F_NOTIFY F_ADD_SEALS F_GET_SEALS"),
    (fcntl, "F_SETPIPE_SZ F_GETPIPE_SZ F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW"),
    (socket, "SOCK_CLOEXEC SOCK_NONBLOCK AF_NETLINK AF_VSOCK AF_PACKET"),
    (signal, "sigtimedwait sigwaitinfo SIGRTMIN SIGRTMAX SIGPOLL SIGPWR SIGSTKFLT"),
    (signal, "pidfd_send_signal"),
    (time, "CLOCK_BOOTTIME CLOCK_TAI pthread_getcpuclockid"),
    (select, "epoll"),
    (errno, "ENOMEDIUM EMEDIUMTYPE EBADFD EREMOTEIO ENOTUNIQ"),
)
# fmt: on
O_EVTONLY = 0o10000000  # Linux's O_PATH
O_SYMLINK = 0o10000000 | os.O_NOFOLLOW
F_NOCACHE, F_GETPATH, F_FULLFSYNC, F_BARRIERFSYNC = 48, 50, 51, 85
UF_HIDDEN = 0x8000


def take_away() -> None:
    """Remove them, and add what macOS alone has."""
    for module, names in _LACKING:
        for name in names.split():
            for each in (module, posix) if module is os else (module,):
                if hasattr(each, name):
                    delattr(each, name)
    for name in ("F_NOCACHE", "F_GETPATH", "F_FULLFSYNC", "F_BARRIERFSYNC"):
        setattr(fcntl, name, globals()[name])
    for name in ("O_EVTONLY", "O_SYMLINK"):
        setattr(os, name, globals()[name])

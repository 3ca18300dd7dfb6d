"""Serves forks of one process that has the whole package imported: see `tests.support.forked`."""

from __future__ import annotations

import atexit
import fcntl
import gc
import importlib
import io
import marshal
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tests.support import forks_of_forks
from tests.support.forked import MOST, PROGRAMS, Request, address
from tests.support.warm_up import import_all, warm_up


def _serve(asked: socket.socket) -> Request:
    """Answer requests; returns in each forked child, with what that one is to do."""
    running: dict[int, socket.socket] = {}
    ended, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wakes.fileno())
    calls = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # of commands that run
    calls.bind(address(os.getpid()))
    calls.listen()
    selector = selectors.DefaultSelector()
    for each in (asked, ended, calls):
        selector.register(each, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            at = key.fileobj
            assert isinstance(at, socket.socket)
            if at is ended:
                ended.recv(4096)
                _tell_ends(running)
                continue
            if at is calls:
                selector.register(calls.accept()[0], selectors.EVENT_READ)
                continue
            message, (*files,), _, _ = socket.recv_fds(at, 2 * MOST, 16)
            if not message:
                if at is asked:
                    os._exit(0)
                selector.unregister(at)
                at.close()
                continue
            child = os.fork()
            if child == 0:
                # By their objects: one that lives on would close what gets its number later.
                ours = [each.fileobj for each in selector.get_map().values()]
                selector.close()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for open_one in (*ours, wakes, *running.values()):
                    assert isinstance(open_one, socket.socket)
                    open_one.close()
                request = Request(*marshal.loads(message))
                _take_files(files[1:], (0, 1, 2, *request.passed))
                return request
            for each_file in files[1:]:
                os.close(each_file)
            running[child] = socket.socket(fileno=files[0])
            running[child].send(b"%d" % child)


def _tell_ends(running: dict[int, socket.socket]) -> None:
    """Tell who waits for them how children ended."""
    while running:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        with running.pop(child) as told, suppress(OSError):  # nobody waits for it any more
            told.send(b"%d" % status)


def _take_files(files: Sequence[int], numbers: Sequence[int]) -> None:
    """Give these descriptors the numbers, and have no other file open."""
    above = [fcntl.fcntl(each, fcntl.F_DUPFD, max(numbers) + 1) for each in files]
    for each, number in zip(above, numbers, strict=True):
        os.dup2(each, number)
    for number in range(max(numbers)):
        if number not in numbers:
            with suppress(OSError):  # it is not open
                os.close(number)
    os.closerange(max(numbers) + 1, 4096)


def _become(request: Request) -> None:
    """Be as a process that was just started for a request."""
    if request.own_session:
        os.setsid()
    os.umask(request.umask)
    os.chdir(request.cwd)
    for name in [name for name in os.environ if name not in request.env]:
        del os.environ[name]
    for name, value in request.env.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if sys.platform == "darwin":
        from tests.darwin.fake.layer import become

        become(os.environ["FAKE_DARWIN"])
    time.tzset()
    sys.argv = [request.program, *map(os.fsdecode, request.words)]
    sys.stdin = _stream(0, sys.stdin)
    sys.stdout = _stream(1, sys.stdout)
    sys.stderr = _stream(2, sys.stderr)


def _stream(number: int, like: Any) -> io.TextIOWrapper:
    """A standard stream as Python makes it."""
    file = os.fdopen(number, "wb" if number else "rb", closefd=False)
    lines = number == 2 or file.isatty()
    return io.TextIOWrapper(file, like.encoding, like.errors, newline="\n", line_buffering=lines)


def main() -> None:
    """Serve; in a forked child, run its command to the end and beyond: this returns there too."""
    import_all()
    warm_up()
    codes = {
        program: runpy._get_module_details(module)  # type: ignore[attr-defined]
        for program, module in PROGRAMS.items()
    }
    server = os.getpid()
    gc.collect()
    gc.freeze()  # else each child copies all pages when its garbage collector looks at them
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the tests alone
    request = _serve(socket.socket(fileno=int(sys.argv[1])))
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as in the first line of the command
    _become(request)
    if request.before is not None:
        importlib.import_module(request.before[0]).prepare(request.before[1])
    forks_of_forks.ask_server(server)
    _, spec, code = codes[request.program]
    try:
        # As runpy.run_module does, with what it found out already.
        runpy._run_module_code(code, None, "__main__", spec)  # type: ignore[attr-defined]
    except SystemExit as error:
        _exit(error)


def _exit(error: SystemExit) -> None:
    """End as Python does, except that what was imported is not taken apart: that takes 20 ms."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    gc.collect()  # whatever complains when it is dropped is heard
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except ValueError:
            continue  # the command closed it
    os._exit(error.code if isinstance(error.code, int) else 1)


if __name__ == "__main__":
    main()

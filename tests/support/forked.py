"""Runs the command line in forks of one process that has the whole package imported.

Each command is a process of its own, with its own arguments, environment, folder and standard
streams, and ends as Python ends any process; only what the interpreter does before the first line
of the package is spared, and what the package imports and compiles when it is first needed: nine
tenths of what a short command takes. What such a command starts of ours, as a server does for each
job, is a fork as well. Tests of start-up, of signals in it and of Python's own settings start a
real one. Commands on a made-up Mac have a server of their own.
"""

from __future__ import annotations

import atexit
import marshal
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MADE_UP_MAC = REPOSITORY / "tests/darwin/fake"
"""What is on Python's path besides, where commands run on a made-up Mac."""
MOST = 128 << 10
"""Bytes of a request; a longer one would not fit in one message."""
PROGRAMS = {
    "gorillacomb": "gorillacomb.__main__",
    "gorillacomb.jobs.supervisor": "gorillacomb.jobs.supervisor",
}
"""The modules with the code of what follows ``-m`` where we start ourselves."""
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_")
"""What begins the names of variables that Python or the C library reads when it starts."""


def _umask() -> int:
    """That of this process, which other threads have too: so it is not set to be read."""
    with tempfile.TemporaryDirectory(prefix="gorillacomb-umask-") as folder:
        made = Path(folder, "made")
        made.mkdir()
        return 0o777 & ~made.stat().st_mode


@dataclass(frozen=True)
class Request:
    """A command that is to be run."""

    program: str
    words: tuple[bytes, ...]
    env: dict[str, str]
    cwd: str
    own_session: bool
    before: tuple[str, str] | None = None
    """A module of the tests whose function ``prepare`` is called first, and what with."""
    passed: tuple[int, ...] = ()
    """Further descriptors that it has, under the same numbers."""
    umask: int = field(default_factory=_umask)


class Forked:
    """A command that runs in a fork; much like `subprocess.Popen`."""

    def __init__(self, told: socket.socket) -> None:
        """``told`` is where the server says the id of the process, and how it ended."""
        self._told = told
        self.pid = int(told.recv(64))
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                answer = self._told.recv(64)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("gorillacomb", timeout or 0) from None
            assert answer, "the fork server died"
            self.returncode = os.waitstatus_to_exitcode(int(answer))
            self._told.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> bool:
        """Send a signal, unless it has ended; says whether it was sent.

        Between the end and the moment at which we hear of it the id is of nobody else: ids are
        given away in turn.
        """
        if self.poll() is not None:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def fits(words: Sequence[bytes], env: Mapping[str, str]) -> bool:
    """Whether a command behaves in a fork as in a process that starts from nothing."""
    if sys.platform != "linux" and "FAKE_DARWIN" not in os.environ:
        return False
    paths = (str(REPOSITORY), f"{REPOSITORY}{os.pathsep}{MADE_UP_MAC}")
    here = _settings(os.environ) | {"PYTHONPATH": env.get("PYTHONPATH", "")}
    size = sum(map(len, words)) + sum(len(name) + len(value) for name, value in env.items())
    return size < MOST and here["PYTHONPATH"] in paths and _settings(env) == here


def _settings(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_AT_START)}


def fork(
    words: Sequence[bytes],
    env: Mapping[str, str],
    streams: tuple[int, int, int],
    cwd: Path | None = None,
    own_session: bool = False,
    before: tuple[str, str] | None = None,
) -> Forked:
    """Start a command with these descriptors as its standard streams.

    ``before`` is a module whose function ``prepare`` is called in the process, and what with.
    """
    server = _server(os.getpid(), env["PYTHONPATH"])
    where = str(cwd or Path.cwd())
    request = Request("gorillacomb", tuple(words), dict(env), where, own_session, before)
    return Forked(ask(server, request, streams))


def ask(server: socket.socket, request: Request, streams: Sequence[int]) -> socket.socket:
    """Ask for a fork that has these streams; returns where it is told of."""
    # Without a class in it, which each child would look up: what a child touches it copies.
    message = marshal.dumps([getattr(request, each.name) for each in fields(request)])
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        socket.send_fds(server, [message], [theirs.fileno(), *streams, *request.passed])
    return ours


def address(server: int) -> str:
    """Where the commands of a server, which is a process, ask it for others."""
    return f"\0gorillacomb-fork-server-{server}"


@cache
def _server(owner: int, path: str) -> socket.socket:
    """Start the server of this process for commands with a PYTHONPATH; it ends with the process."""
    env = {**os.environ, "PYTHONPATH": path}
    if path != str(REPOSITORY) and "FAKE_DARWIN" not in env:  # the tests run on none themselves
        env["FAKE_DARWIN"] = _any_mac()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())],
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )

    def end() -> None:
        if os.getpid() == owner:
            ours.close()
            process.wait()

    atexit.register(end)
    return ours


def _any_mac() -> str:
    """A file with the Mac that a server is on; each command is on its own."""
    from tests.darwin.fake.configuration import FakeVolume, Machine

    descriptor, file = tempfile.mkstemp(prefix="gorillacomb-mac-")
    os.close(descriptor)
    atexit.register(os.unlink, file)
    Machine(os.devnull, [FakeVolume("/")]).write(Path(file))
    return file

"""Runs the command line as a user does: in a process of its own, in a pipe or on a terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import forked
from tests.support.documents import check_document

REPOSITORY = Path(__file__).resolve().parents[2]
MADE_UP_MAC = "FAKE_DARWIN" in os.environ
"""Whether this process, and the commands it starts, run on a made-up Mac: see `tests.darwin`."""
PYTHONPATH = os.pathsep.join(
    map(str, [REPOSITORY, REPOSITORY / "tests/darwin/fake"][: 1 + MADE_UP_MAC])
)
TIMEOUT = 120.0 if MADE_UP_MAC else 30.0
PIPE_HOLDS = 60_000
"""Bytes that can be written into a pipe before anybody reads."""
Argument = str | bytes | Path

_COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it wrote."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def err(self) -> str:
        return self.stderr.decode(errors="backslashreplace")

    def json(self) -> Any:
        """The one document on stdout; fails when anything else stands there."""
        return json.loads(self.stdout)


def environment(vault: Path | None = None, **changes: str | None) -> dict[str, str]:
    """The environment of a command: without the size of the terminal that the tests run on."""
    values = {
        **{key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")},
        "PYTHONPATH": PYTHONPATH,
        "TERM": "xterm-256color",
    }
    values.pop("NO_COLOR", None)
    if vault is not None:
        values["GORILLACOMB_VAULT"] = str(vault)
    for key, value in changes.items():
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value
    return values


def command(*arguments: Argument) -> list[bytes]:
    """The words that start Gorilla Comb."""
    return [os.fsencode(word) for word in (sys.executable, "-m", "gorillacomb", *arguments)]


def run(
    *arguments: Argument,
    vault: Path | None = None,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    stdin: bytes = b"",
    words: Sequence[bytes] | None = None,
    before: tuple[str, str] | None = None,
    at_start: Callable[[int], None] = lambda process: None,
) -> Ran:
    """Run a command to its end, in pipes. A traceback on stderr fails the test, whoever runs it.

    So does a JSON document that is not as its definition says. Without ``words`` of its own it may
    run in a fork of a process that has the package imported;
    with ``before``, see `forked.fork`, it must, and ``at_start`` gets the id of its process.
    """
    env = environment(vault) if env is None else env
    if words is None and len(stdin) <= PIPE_HOLDS:
        encoded = [os.fsencode(each) for each in arguments]
        if forked.fits(encoded, env):
            return checked(arguments, _run_forked(encoded, env, cwd, stdin, before, at_start))
    if before is not None:
        pytest.skip("MISSING: Linux 5.3 or newer, to prepare a process for a command")
    done = subprocess.run(
        command(*arguments) if words is None else words,
        env=env,
        cwd=cwd,
        input=stdin,
        capture_output=True,
        timeout=TIMEOUT,
    )
    ran = Ran(done.returncode, done.stdout, done.stderr)
    return checked(arguments, ran) if words is None else without_traceback(ran)


def checked(arguments: Sequence[Argument], ran: Ran) -> Ran:
    """What ran, once nothing is wrong with how it ended and with the document that it printed."""
    without_traceback(ran)
    if "--json" in arguments and ran.stdout:
        check_document([os.fsdecode(each) for each in arguments], ran.stdout)
    return ran


def _run_forked(
    words: Sequence[bytes],
    env: dict[str, str],
    cwd: Path | None,
    stdin: bytes,
    before: tuple[str, str] | None,
    at_start: Callable[[int], None],
) -> Ran:
    (given, give), (out, out_end), (err, err_end) = os.pipe(), os.pipe(), os.pipe()
    try:
        os.write(give, stdin)
        process = forked.fork(words, env, (given, out_end, err_end), cwd, before=before)
    finally:
        for each in (given, give, out_end, err_end):
            os.close(each)
    try:
        at_start(process.pid)
        written = read_all({out: bytearray(), err: bytearray()})
        code = process.wait(TIMEOUT)
    finally:
        process.kill()
        os.close(out)
        os.close(err)
    return Ran(code, bytes(written[out]), bytes(written[err]))


def shell(script: str, *arguments: Argument) -> list[bytes]:
    """The words for a command inside a line of shell, where it stands as ``"$@"``."""
    return [b"sh", b"-c", script.encode(), b"sh", *command(*arguments)]


def without_traceback(ran: Ran) -> Ran:
    """The same, unless Python complained on stderr."""
    for sign in ("Traceback (most recent", "Exception ignored", "Fatal Python error"):
        assert sign not in ran.err, ran.err[-3000:]
    return ran


def start(
    *arguments: Argument, vault: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a command as the leader of a session of its own; its output is kept in pipes."""
    return subprocess.Popen(
        command(*arguments),
        env=environment(vault) if env is None else env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def end_of(process: subprocess.Popen[bytes]) -> Ran:
    """Wait for a command that was started."""
    stdout, stderr = process.communicate(timeout=TIMEOUT)
    return without_traceback(Ran(process.returncode, stdout, stderr))


def refused(ran: Ran, code: int, *words: str) -> None:
    """Nothing on stdout; on stderr one line with these words, perhaps a second with advice."""
    assert ran.stdout == b"", ran.out
    complained(ran, code, *words)


def complained(ran: Ran, code: int, *words: str) -> None:
    """As `refused`, for a command that may have printed something before."""
    lines = ran.err.splitlines()
    assert ran.code == code, ran
    assert 1 <= len(lines) <= 2, ran.err
    assert lines[0].startswith("gorillacomb: "), ran.err
    for word in words:
        assert word in lines[0], f"{word!r} is not in {lines[0]!r}"


def on_terminal(
    *arguments: Argument,
    columns: int = 80,
    vault: Path | None = None,
    env: dict[str, str] | None = None,
) -> Ran:
    """Run a command with stdout and stderr on two terminals of their own."""
    env = environment(vault) if env is None else env
    out, out_end = _terminal(columns)
    err, err_end = _terminal(columns)
    with open(os.devnull, "rb") as nothing:
        process = started(arguments, env, (nothing.fileno(), out_end, err_end))
    os.close(out_end)
    os.close(err_end)
    try:
        written = read_all({out: bytearray(), err: bytearray()})
    finally:
        os.close(out)
        os.close(err)
        process.wait(TIMEOUT)
    return without_traceback(Ran(process.wait(TIMEOUT), bytes(written[out]), bytes(written[err])))


def started(
    arguments: Sequence[Argument],
    env: dict[str, str],
    streams: tuple[int, int, int],
    own_session: bool = False,
    cwd: Path | None = None,
) -> forked.Forked | subprocess.Popen[bytes]:
    """Start a command with these descriptors as its standard streams, in a fork where one will do.

    Whoever takes it measures no start, and stops it once it runs.
    """
    words = [os.fsencode(each) for each in arguments]
    if forked.fits(words, env):
        return forked.fork(words, env, streams, cwd, own_session)
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        command(*arguments),
        env=env,
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=own_session,
    )


def _terminal(columns: int) -> tuple[int, int]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    return ours, theirs


def read_all(written: dict[int, bytearray]) -> dict[int, bytearray]:
    """Read terminals or pipes until nobody has them open any more."""
    left = set(written)
    deadline = time.monotonic() + TIMEOUT
    while left:
        ready, _, _ = select.select(list(left), [], [], deadline - time.monotonic())
        assert ready, "the command neither wrote nor ended in time"
        for descriptor in ready:
            try:
                data = os.read(descriptor, 65536)
            except OSError:  # EIO: the other end is closed
                data = b""
            if data:
                written[descriptor] += data
            else:
                left.remove(descriptor)
    return written


def lines_on_screen(written: bytes) -> list[str]:
    """The lines that a terminal shows, without colour."""
    return _COLOUR.sub(b"", written).decode().replace("\r\n", "\n").splitlines()


def width_of(line: str) -> int:
    """The columns that a line takes on a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in line
    )


in_proc = pytest.mark.linux("looks for the readers of a command, and their handlers, in /proc")
"""For tests that call `processes_of`, or look there by themselves."""


def processes_of(session: int) -> dict[int, int]:
    """The living processes of a session: the parent of each by its id."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                text = Path(entry.path, "stat").read_text(errors="replace")
            except OSError:
                continue  # it ended meanwhile
            state, parent, _, of_session = text.rpartition(")")[2].split()[:4]
            if int(of_session) == session and state not in "ZX":
                found[int(entry.name)] = int(parent)
    return found


def nothing_left(session: int, seconds: float = 5.0) -> bool:
    """Whether all processes of a session end in time."""
    return until(lambda: not processes_of(session), seconds)


def until(what: Callable[[], object], seconds: float = 10.0) -> bool:
    """Wait until something holds; says whether it did in time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True

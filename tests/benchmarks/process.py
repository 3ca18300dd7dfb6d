"""Runs one command to its end and says what it cost."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from .places import REPOSITORY, BenchError

# `ru_maxrss` is in KiB on Linux and in bytes on macOS.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_STDERR_SHOWN = 4000

Watch = Callable[[int], AbstractContextManager[object]]


@dataclass(frozen=True)
class Run:
    """What one run cost. Seconds; `peak_rss` in bytes.

    `user`, `system` and `peak_rss` cover the process and the children that it waited for;
    `peak_rss` is that of the largest single process. The kernel counts the memory of the
    benchmark itself, from which the process was forked, so it is never below that.
    """

    wall: float
    user: float
    system: float
    peak_rss: int


class _ExpiredError(Exception):
    """The time allowed is over."""


def run(
    argv: Sequence[str],
    *,
    scratch: Path,
    env: Mapping[str, str],
    timeout: float,
    watch: Watch | None = None,
    fine: Sequence[int] = (0,),
) -> Run:
    """Run `argv` from the repository's root, its output in `scratch`/stdout and /stderr.

    `timeout` is in seconds. `watch`, given the process id, is entered while the process lives.
    `fine` are the exit codes of a command that did what it should.
    Raises `BenchError`, with the stderr of the command, if it fails or takes too long.
    """
    with (scratch / "stdout").open("wb") as stdout, (scratch / "stderr").open("wb") as stderr:
        start = time.perf_counter()
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=env,
            cwd=REPOSITORY,
            start_new_session=True,
        )
        with watch(child.pid) if watch else contextlib.nullcontext():
            status, usage = _wait(child, argv, timeout)
        wall = time.perf_counter() - start
    if status not in fine:
        raise BenchError(_failure(argv, status, scratch / "stderr"))
    return Run(wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * _RSS_UNIT)


def own_peak_rss() -> int:
    """The peak memory of this very process in bytes: no child's `peak_rss` can be below it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def _wait(
    child: "subprocess.Popen[bytes]", argv: Sequence[str], timeout: float
) -> tuple[int, resource.struct_rusage]:
    """Wait for `child`: its exit code and what it used. Kills it if the wait is cut short."""
    try:
        with _alarm(timeout):
            _, status, usage = os.wait4(child.pid, 0)
    except BaseException as stop:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if isinstance(stop, _ExpiredError):
            raise BenchError(f"still running after {timeout:.0f} s: {' '.join(argv)}") from None
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, usage


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raises `_ExpiredError` in the body once `seconds` have gone by."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise _ExpiredError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _failure(argv: Sequence[str], status: int, stderr: Path) -> str:
    said = stderr.read_bytes()[-_STDERR_SHOWN:].decode(errors="replace").strip()
    return f"exit status {status} from: {' '.join(argv)}\n{said or '(nothing on stderr)'}"

"""A witness whose update strace(1) cuts short at a chosen system call."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gorillacomb.errors import VaultError
from gorillacomb.mesh.witness.protocol import WitnessRefusal
from gorillacomb.mesh.witness.service import Witness
from tests.support.run import read_all, until
from tests.support.stopped import is_stopped

REFUSED = b"refused"
_TIMEOUT = 30


@dataclass(frozen=True)
class SystemCall:
    """A system call of an update: the how manieth of its kind."""

    name: str
    number: int
    line: str

    def __str__(self) -> str:
        return f"{self.name} {self.number}: {self.line[:160]}"


@dataclass(frozen=True)
class Cut:
    """How an update ended."""

    is_killed: bool
    answer: bytes
    """The lines that were returned; nothing if it was killed before, or `REFUSED`."""


def traced_update(open_witness: Callable[[], Witness], body: bytes, log: Path) -> list[SystemCall]:
    """The system calls of one update, in their order."""
    cut = _update(open_witness, body, ["-o", str(log)])
    assert not cut.is_killed and cut.answer not in (b"", REFUSED), cut
    found, counts = [], Counter[str]()
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"(?:\d+ +)?(\w+)\(", line)
        if match:
            counts[match[1]] += 1
            found.append(SystemCall(match[1], counts[match[1]], line))
    return found


def cut_update(
    open_witness: Callable[[], Witness], body: bytes, call: SystemCall, fault: str
) -> Cut:
    """Update a witness while one call has a fault: ``signal=KILL``, ``error=ENOSPC``."""
    inject = f"inject={call.name}:{fault}:when={call.number}"
    return _update(open_witness, body, ["-o", os.devnull, "-e", inject])


def _update(open_witness: Callable[[], Witness], body: bytes, options: Sequence[str]) -> Cut:
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(ours)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            witness = open_witness()
            os.kill(os.getpid(), signal.SIGSTOP)
            try:
                answer = witness.add_checkpoint(body)
            except (WitnessRefusal, VaultError):
                answer = REFUSED
            with suppress(OSError):  # the fault is that of this call, and nobody gets an answer
                os.write(theirs, answer)
            code = 0
        finally:
            os._exit(code)
    os.close(theirs)
    try:
        assert until(lambda: is_stopped(child))
        words = ["strace", "-f", *options, "-p", str(child)]
        with subprocess.Popen(words, stderr=subprocess.PIPE) as tracer:
            assert tracer.stderr is not None
            said = tracer.stderr.readline()
            assert b"attached" in said, said
            os.kill(child, signal.SIGCONT)
            answer = bytes(read_all({ours: bytearray()})[ours])
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            tracer.communicate(timeout=_TIMEOUT)
    finally:
        os.close(ours)
    assert status in (0, -signal.SIGKILL), status
    return Cut(status == -signal.SIGKILL, answer)

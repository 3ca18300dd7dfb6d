"""Lets a command that runs in a fork start our own programs in forks of the same server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, Self

from tests.support import forked

_OURSELVES = [os.fsencode(sys.executable), b"-m"]


def ask_server(server: int) -> None:
    """From now on ask this process for them."""
    subprocess.Popen.__new__ = partial(_new, server)  # type: ignore[method-assign]


def _new(server: int, cls: type, args: Any, **options: Any) -> Any:
    """Make what stands for the process; where it is no Popen, its constructor is not called."""
    words = [] if isinstance(args, str | bytes) else [os.fsencode(each) for each in args]
    program = os.fsdecode(words[2]) if words[:2] == _OURSELVES and len(words) > 2 else ""
    if program not in forked.PROGRAMS or not forked.fits(words, os.environ):
        return object.__new__(cls)
    return _Started(server, program, words, **options)


class _Started(forked.Forked):
    """As `subprocess.Popen`, with what of it is used here; another option fails."""

    def __init__(
        self,
        server: int,
        program: str,
        words: Sequence[bytes],
        *,
        stdin: int,
        stdout: int,
        stderr: int,
        cwd: str,
        pass_fds: Sequence[int],
        start_new_session: bool = False,
    ) -> None:
        self.args = words
        request = forked.Request(
            program,
            tuple(words[3:]),
            dict(os.environ),
            cwd,
            start_new_session,
            passed=tuple(pass_fds),
        )
        address = forked.address(server)
        with (
            open(os.devnull, "r+b") as nothing,
            socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked,
        ):
            asked.connect(address)
            given = stdin, stdout, stderr
            streams = [nothing.fileno() if it == subprocess.DEVNULL else it for it in given]
            super().__init__(forked.ask(asked, request, streams))

    def communicate(self, given: None = None, timeout: float | None = None) -> tuple[None, None]:
        """Wait for the end: it has no pipes."""
        self.wait(timeout)
        return None, None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.wait()

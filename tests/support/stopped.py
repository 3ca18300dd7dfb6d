"""Stop a process before it runs its command, so that something can be attached to it."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def prepare(nothing: str) -> None:
    """Wait for SIGCONT, in a process that is to run a command."""
    os.kill(os.getpid(), signal.SIGSTOP)


def is_stopped(process: int) -> bool:
    """Return whether a process waits for SIGCONT."""
    state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "T"

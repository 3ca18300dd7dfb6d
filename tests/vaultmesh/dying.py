"""Make a command die at one of its steps: `prepare` is called in a process that is about to run it.

It imports little, since each such process does so.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

CALLS = ("rename", "link", "unlink", "fsync", "open", "mkdir")
"""The functions of `os` that make files or change their names."""


def prepare(step: str) -> None:
    """Have the process kill itself before the call of that number."""
    left = int(step)

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*values: Any, **options: Any) -> Any:
            nonlocal left
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return call(*values, **options)

        return called

    for name in CALLS:
        setattr(os, name, deadly(getattr(os, name)))

"""The extension module of watchdog that calls FSEvents, as `watchdog_fsevents.c` (7.1) has it.

The events are those that a test writes into the file ``events`` of its machine, a JSON document a
line: path, flags, inode. A stream delivers what is written after it was made (SinceNow), and of
what was written before it the last ``history`` events, as macOS may do.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from typing import Any

from tests.darwin.fake.configuration import Machine

_machine = Machine.read(os.environ["FAKE_DARWIN"])
if _machine.events is None:
    raise ImportError("this Mac has no FSEvents")

_ROOT_CHANGED, _ANYWHERE = 0x20, 0x2 | 0x4
"""What is delivered to each stream: events that were dropped may have the path ``/``."""
_BATCH = 4096
_TURN = 0.01


class NativeEvent:
    """An event; what is made of it there is not used."""

    def __init__(self, path: str, inode: int, flags: int, event_id: int) -> None:
        self.path, self.inode, self.flags, self.event_id = path, inode, flags, event_id


class Stream:
    """A stream of events in some folders, run by the thread that calls `run`."""

    def __init__(self, paths: list[str], latency: float = 0.01) -> None:
        if not isinstance(paths, list) or latency < 0:
            raise TypeError
        for path in paths:
            path.encode("utf-8")
        assert _machine.events is not None
        self._file = open(_machine.events, "rb")  # noqa: SIM115
        lines = self._file.read().splitlines(keepends=True)
        self._file.seek(sum(map(len, lines[: max(len(lines) - _machine.history, 0)])))
        self._paths = paths
        self._latency = latency
        self._stopped = threading.Event()

    def run(self, callback: Callable[..., Any], started: Callable[[], object]) -> None:
        if any(path in _machine.silent for path in self._paths):
            raise SystemError(
                "Cannot start fsevents stream. Use a kqueue or polling observer instead."
            )
        started()
        rest, number = b"", 0
        with self._file as file:
            while not self._stopped.wait(self._latency or _TURN):
                rest += file.read()
                *lines, rest = rest.split(b"\n")
                events = [each for each in map(json.loads, lines) if self._is_mine(*each[:2])]
                for start in range(0, len(events), _BATCH):
                    some = events[start : start + _BATCH]
                    number += len(some)
                    paths, flags, inodes = (list(each) for each in zip(*some, strict=True))
                    callback(paths, inodes, flags, list(range(number - len(some), number)))

    def _is_mine(self, path: str, flags: int) -> bool:
        if flags & _ROOT_CHANGED:
            return path in self._paths
        if flags & _ANYWHERE or not path:
            return True
        above = path.rstrip("/") + "/"
        return any(
            path == each or path.startswith(each + "/") or (flags & 1 and each.startswith(above))
            for each in self._paths
        )

    def stop(self) -> None:
        self._stopped.set()

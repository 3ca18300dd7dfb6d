"""Queue folders in which something changed, until they are quiet and can be scanned."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gorillacomb.model import SECOND

_LONGEST = 10
"""In quiet spans: a folder that is never quiet is scanned after that time anyway."""
_BURST = 500
"""Changes within one quiet span that count as a burst, whose end is awaited."""


@dataclass(slots=True)
class _ChangedFolder:
    first_ns: int
    last_ns: int


@dataclass(slots=True)
class ChangeQueue:
    """Filled by the threads that receive changes, emptied by the one that scans."""

    quiet_ns: int
    now: Callable[[], int] = time.monotonic_ns
    last_change_ns: int | None = None
    """Wall clock, ns."""
    _folders: dict[bytes, _ChangedFolder] = field(default_factory=dict)
    _recent: deque[int] = field(default_factory=lambda: deque(maxlen=_BURST))
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _woken: bool = False

    def __len__(self) -> int:
        return len(self._folders)

    def mark(self, path: bytes) -> None:
        """Note a change to the direct contents of a folder."""
        with self._changed:
            self.last_change_ns = time.time_ns()
            self._recent.append(self.now())
            self.add(path)

    def add(self, path: bytes) -> None:
        """Queue a folder as if something had changed in it."""
        with self._changed:
            now = self.now()
            known = self._folders.get(path)
            if known is None:
                if not self._folders:  # otherwise one that waits longer is due earlier
                    self._changed.notify()
                self._folders[path] = _ChangedFolder(now, now)
            else:
                known.last_ns = now

    def drop(self, known: Callable[[bytes], bool]) -> None:
        """Drop queued folders that a coming scan of a whole root covers."""
        with self._changed:
            for path in [path for path in self._folders if known(path)]:
                del self._folders[path]

    def take(self) -> tuple[bytes, ...]:
        """Remove and return the folders that are due; all of them at the end of a burst."""
        with self._changed:
            now = self.now()
            due = sorted(path for path in self._folders if self._due_at(path, now) <= now)
            for path in due:
                del self._folders[path]
            return tuple(due)

    def wait(self, most: float) -> None:
        """Wait until a folder is due, `wake` is called, or ``most`` seconds have passed."""
        end = self.now() + int(most * SECOND)
        with self._changed:
            while not self._woken:
                now = self.now()
                due = min((self._due_at(path, now) for path in self._folders), default=end)
                if now >= min(due, end):
                    break
                self._changed.wait((min(due, end) - now) / SECOND)
            self._woken = False

    def wake(self) -> None:
        """End a `wait`."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def _due_at(self, path: bytes, now: int) -> int:
        folder = self._folders[path]
        latest = folder.first_ns + _LONGEST * self.quiet_ns
        if len(self._recent) == _BURST and now - self._recent[0] < self.quiet_ns:
            return min(latest, self._recent[-1] + self.quiet_ns)
        return min(latest, folder.last_ns + self.quiet_ns)

"""The folders in which something changed and that are to be scanned, once they are quiet."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gorillacomb.model import SECOND

_LONGEST = 10
"""So many times the quiet span: who never is quiet is looked at after that all the same."""
_BURST = 500
"""So many changes within a quiet span are a burst, which is waited out."""


@dataclass(slots=True)
class _ChangedFolder:
    first_ns: int
    last_ns: int


@dataclass(slots=True)
class ChangeQueue:
    """Filled by the threads that hear of changes, emptied by the one that scans."""

    quiet_ns: int
    now: Callable[[], int] = time.monotonic_ns
    last_change_ns: int | None = None
    """By the wall clock."""
    _folders: dict[bytes, _ChangedFolder] = field(default_factory=dict)
    _recent: deque[int] = field(default_factory=lambda: deque(maxlen=_BURST))
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _woken: bool = False

    def __len__(self) -> int:
        return len(self._folders)

    def mark(self, path: bytes) -> None:
        """Something changed right in a folder."""
        with self._changed:
            self.last_change_ns = time.time_ns()
            self._recent.append(self.now())
            self.add(path)

    def add(self, path: bytes) -> None:
        """A folder is to be scanned, as if something had changed in it."""
        with self._changed:
            now = self.now()
            known = self._folders.get(path)
            if known is None:
                if not self._folders:  # else one that waits longer is due before it
                    self._changed.notify()
                self._folders[path] = _ChangedFolder(now, now)
            else:
                known.last_ns = now

    def drop(self, known: Callable[[bytes], bool]) -> None:
        """Forget folders: a whole scan of what is around them comes."""
        with self._changed:
            for path in [path for path in self._folders if known(path)]:
                del self._folders[path]

    def take(self) -> tuple[bytes, ...]:
        """The folders that are due, which leave the list; all of them at the end of a burst."""
        with self._changed:
            now = self.now()
            due = sorted(path for path in self._folders if self._due_at(path, now) <= now)
            for path in due:
                del self._folders[path]
            return tuple(due)

    def wait(self, most: float) -> None:
        """Wait until a folder is due, somebody calls `wake`, or ``most`` seconds have passed."""
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
        """End a wait."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def _due_at(self, path: bytes, now: int) -> int:
        folder = self._folders[path]
        latest = folder.first_ns + _LONGEST * self.quiet_ns
        if len(self._recent) == _BURST and now - self._recent[0] < self.quiet_ns:
            return min(latest, self._recent[-1] + self.quiet_ns)
        return min(latest, folder.last_ns + self.quiet_ns)

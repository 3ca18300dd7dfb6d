"""The watcher's state: written by the scanning thread, read by the pulse thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gorillacomb.vaultmesh.ledger import LogHead


class WatcherState(StrEnum):
    """What the watcher is doing."""

    STARTING = "starting"
    WATCHING = "watching"
    STOPPED = "stopped"


class RootHealth(StrEnum):
    """How changes in a root are noticed."""

    WATCHED = "watched"
    POLLED = "polled"
    """By periodic whole scans: the system reports no changes in it."""
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class CosignedHead:
    """The trace's head when the watcher last found it consistent with its past."""

    head: LogHead
    note: bytes
    """The checkpoint's signed note with the watcher's cosignature."""


@dataclass(frozen=True, slots=True)
class ScrubProgress:
    """How far the present scrub pass has got."""

    due_files: int = 0
    due_bytes: int = 0
    files: int = 0
    """Read so far, or found missing."""
    bytes: int = 0

    def after(self, files: int, size: int) -> ScrubProgress:
        """Return the progress after more files."""
        return replace(self, files=self.files + files, bytes=self.bytes + size)


@dataclass(slots=True)
class WatcherHealth:
    """The contents of a pulse."""

    state: WatcherState = WatcherState.STARTING
    scanning: bool = False
    roots: dict[bytes, RootHealth] = field(default_factory=dict)
    trace: CosignedHead | None = None
    scrub: ScrubProgress = ScrubProgress()
    troubled: Callable[[str], None] = lambda cause: None
    """Called with each new cause passed to `set_problem`."""
    recovered: Callable[[str], None] = lambda cause: None
    """Called with each of these causes once it no longer holds."""
    _causes: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def causes(self) -> list[str]:
        """Why the watcher is degraded; empty when nothing is wrong."""
        with self._lock:
            return sorted(self._causes.values())

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Mark a scan as running, from before its folders leave the queue until new ones follow."""
        self.scanning = True
        try:
            yield
        finally:
            self.scanning = False

    def set_problem(self, what: str, cause: str | None) -> None:
        """Record a problem as `set_root_problem` does, and notify the user."""
        with self._lock:
            before = self._causes.get(what)
        if not self.set_root_problem(what, cause):
            return
        if cause is not None:
            self.troubled(cause)
        elif before is not None:
            self.recovered(before)

    def set_root_problem(self, what: str, cause: str | None) -> bool:
        """Record what is wrong with something, None for nothing; return whether that is new.

        Bytes that are not valid Unicode are escaped, since causes are written to JSON.
        """
        if cause is not None:
            cause = cause.encode("utf-8", "backslashreplace").decode()
        with self._lock:
            if self._causes.get(what) == cause:
                return False
            if cause is None:
                del self._causes[what]
            else:
                self._causes[what] = cause
            return True

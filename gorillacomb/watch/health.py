"""How the watcher is: written by the thread that scans, read by the one that tells of it."""

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
    """How changes in a root come to be known."""

    WATCHED = "watched"
    POLLED = "polled"
    """By whole scans from time to time: the system tells nothing of changes in it."""
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class CosignedHead:
    """Where the trace stood when the watcher found it consistent with what it was before."""

    head: LogHead
    note: bytes
    """The checkpoint's signed note with the watcher's cosignature."""


@dataclass(frozen=True, slots=True)
class ScrubProgress:
    """How far the files are that are read again in this pass."""

    due_files: int = 0
    due_bytes: int = 0
    files: int = 0
    """Read so far, or found not to be there any more."""
    bytes: int = 0

    def after(self, files: int, size: int) -> ScrubProgress:
        """The progress when more of them are done."""
        return replace(self, files=self.files + files, bytes=self.bytes + size)


@dataclass(slots=True)
class WatcherHealth:
    """What a pulse tells."""

    state: WatcherState = WatcherState.STARTING
    scanning: bool = False
    roots: dict[bytes, RootHealth] = field(default_factory=dict)
    trace: CosignedHead | None = None
    scrub: ScrubProgress = ScrubProgress()
    troubled: Callable[[str], None] = lambda cause: None
    """Called with each new cause of which `tell` is told."""
    recovered: Callable[[str], None] = lambda cause: None
    """Called with each of them that is none any more."""
    _causes: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def causes(self) -> list[str]:
        """Why it is degraded; empty when nothing is wrong."""
        with self._lock:
            return sorted(self._causes.values())

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Scan: from before folders leave the queue until those are in it that come of them."""
        self.scanning = True
        try:
            yield
        finally:
            self.scanning = False

    def set_problem(self, what: str, cause: str | None) -> None:
        """Note what is wrong with something as `blame` does, and have the user told of it."""
        with self._lock:
            before = self._causes.get(what)
        if not self.set_root_problem(what, cause):
            return
        if cause is not None:
            self.troubled(cause)
        elif before is not None:
            self.recovered(before)

    def set_root_problem(self, what: str, cause: str | None) -> bool:
        """Note what is wrong with something, None for nothing; whether that is new.

        In a cause, what is no Unicode text becomes escapes: it stands in JSON.
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

"""How the watcher is: written by the thread that scans, read by the one that tells of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
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
class Ledger:
    """The checkpoint of the trace that the watcher found consistent with the one before."""

    log: str
    size: int
    root: bytes
    cosigned: bytes
    """The checkpoint's signed note with the watcher's cosignature."""


@dataclass(slots=True)
class Health:
    """What a pulse tells."""

    state: State = State.STARTING
    scanning: bool = False
    roots: dict[bytes, RootHealth] = field(default_factory=dict)
    ledger: Ledger | None = None
    _causes: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def causes(self) -> list[str]:
        """Why it is degraded; empty when nothing is wrong."""
        with self._lock:
            return sorted(self._causes.values())

    def blame(self, what: str, cause: str | None) -> bool:
        """Note what is wrong with something, None for nothing; whether that is new."""
        with self._lock:
            if self._causes.get(what) == cause:
                return False
            if cause is None:
                del self._causes[what]
            else:
                self._causes[what] = cause
            return True

"""The document of `gorillacomb pulse --json`."""

from __future__ import annotations

from typing import Literal, TypedDict


class PulseDocument(TypedDict):
    """Whether the watcher is alive."""

    state: Literal["alive", "degraded", "dead"]
    age_seconds: float | None
    """Seconds since the last pulse; null if unknown."""
    sequence: int | None
    """The number of the last pulse; null if none can be read."""
    size: int | None
    """Entries in the trace when the watcher last cosigned it."""
    root: str | None
    """The root hash of the trace at that moment, in hex."""
    causes: list[str]
    """Why it is not simply alive."""
    life: Literal["alive", "degraded", "dead"]
    """The same as ``state``; will be removed after the next release."""
    age_ns: str | None
    """As ``age_seconds``, in ns as decimal text; will be removed after the next release."""
    pulse: dict[str, object] | None
    """The last pulse as it was signed; will be removed after the next release."""

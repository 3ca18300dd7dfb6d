"""Progress of long operations: a protocol for callers to implement, or a callback function."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol


class Progress(Protocol):
    """Receives the progress of a long operation. Must be cheap: called many times a second."""

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        """Begin a new stage; totals in files and bytes, None if unknown."""

    def total(self, files: int | None, size: int | None) -> None:
        """Update the totals of the current stage."""

    def advance(self, files: int, size: int) -> None:
        """Report that many more files and bytes as done."""

    def close(self) -> None:
        """End the progress: the operation is over."""


class NullProgress:
    """Shows no progress."""

    def stage(self, name: str, files: int | None, size: int | None) -> None: ...

    def total(self, files: int | None, size: int | None) -> None: ...

    def advance(self, files: int, size: int) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """The progress of a long operation."""

    stage: str
    """The name of the current stage."""
    files: int
    """Files done in this stage."""
    bytes: int
    """Bytes done in this stage."""
    total_files: int | None
    """None if unknown."""
    total_bytes: int | None
    """None if unknown."""
    seconds_left: float | None = None
    """Until the end of this stage, at its speed so far; None if unknown."""


ProgressCallback = Callable[[ProgressEvent], object]
"""Called on every step forward. Raise `Interrupted` or `KeyboardInterrupt` in it to stop the
operation: what has been done so far is kept."""


class CallbackProgress:
    """Passes progress to a function, at most a few times a second and at each change of stage."""

    def __init__(self, callback: ProgressCallback, interval: float = 0.1) -> None:
        self._callback = callback
        self._interval = interval
        self._next = 0.0
        self._began = time.monotonic()
        self._event = ProgressEvent("", 0, 0, None, None)

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        self._began = time.monotonic()
        self._tell(ProgressEvent(name, 0, 0, files, size))

    def total(self, files: int | None, size: int | None) -> None:
        self._event = replace(self._event, total_files=files, total_bytes=size)

    def advance(self, files: int, size: int) -> None:
        before = self._event
        self._event = replace(before, files=before.files + files, bytes=before.bytes + size)
        if time.monotonic() >= self._next:
            self._tell(self._event)

    def _tell(self, event: ProgressEvent) -> None:
        now = time.monotonic()
        self._event = replace(event, seconds_left=_seconds_left(event, now - self._began))
        self._next = now + self._interval
        self._callback(self._event)

    def close(self) -> None: ...


def _seconds_left(event: ProgressEvent, elapsed: float) -> float | None:
    """Estimate how long a stage still takes: by bytes if their total is known, else by files."""
    done, total = event.bytes, event.total_bytes
    if not total:
        done, total = event.files, event.total_files
    return elapsed * max(total - done, 0) / done if total and done else None


def as_progress(progress: Progress | ProgressCallback | None) -> Progress:
    """Return the given progress, in any of its forms, as a `Progress`: None shows nothing."""
    if progress is None:
        return NullProgress()
    return CallbackProgress(progress) if callable(progress) else progress

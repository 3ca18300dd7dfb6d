"""Progress of long work: a protocol that callers implement, or a function that they give."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol


class Progress(Protocol):
    """What long work tells of itself. Implementations must be cheap: called many times a second."""

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        """A new stage begins; totals in files and bytes, None while unknown."""

    def total(self, files: int | None, size: int | None) -> None:
        """Better totals for the current stage."""

    def advance(self, files: int, size: int) -> None:
        """So many files and bytes more are done."""

    def close(self) -> None:
        """The work ended."""


class NullProgress:
    """The progress that shows nothing."""

    def stage(self, name: str, files: int | None, size: int | None) -> None: ...

    def total(self, files: int | None, size: int | None) -> None: ...

    def advance(self, files: int, size: int) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """How far long work has come."""

    stage: str
    """What is being done now."""
    files: int
    """Files done in this stage."""
    bytes: int
    """Bytes done in this stage."""
    total_files: int | None
    """None while unknown."""
    total_bytes: int | None
    """None while unknown."""


ProgressCallback = Callable[[ProgressEvent], object]
"""Called with every step forward. Raise `Interrupted` or `KeyboardInterrupt` in it to stop the
work: what was done until then is kept."""


class CallbackProgress:
    """Hands progress to a function, at most a few times a second and at each change of stage."""

    def __init__(self, callback: ProgressCallback, interval: float = 0.1) -> None:
        self._callback = callback
        self._interval = interval
        self._next = 0.0
        self._event = ProgressEvent("", 0, 0, None, None)

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        self._tell(ProgressEvent(name, 0, 0, files, size))

    def total(self, files: int | None, size: int | None) -> None:
        self._event = replace(self._event, total_files=files, total_bytes=size)

    def advance(self, files: int, size: int) -> None:
        before = self._event
        self._event = replace(before, files=before.files + files, bytes=before.bytes + size)
        if time.monotonic() >= self._next:
            self._tell(self._event)

    def _tell(self, event: ProgressEvent) -> None:
        self._event = event
        self._next = time.monotonic() + self._interval
        self._callback(event)

    def close(self) -> None: ...


def as_progress(progress: Progress | ProgressCallback | None) -> Progress:
    """Return the progress that a caller gave in one of its forms: None shows nothing."""
    if progress is None:
        return NullProgress()
    return CallbackProgress(progress) if callable(progress) else progress

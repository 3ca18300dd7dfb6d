"""Write progress to a file as lines of JSON, for programs that show it: ``--events FILE``."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Mapping

from gorillacomb.api.documents.jobs import end_document, progress_document
from gorillacomb.errors import UsageError
from gorillacomb.progress import CallbackProgress, ProgressEvent

_MOST_BYTES = 1 << 20
_END_BYTES = 4096
"""Of those, kept free for changes of stage and the end."""
_INTERVAL = 0.25
"""Seconds between two lines of one stage at first; it grows as the file fills."""
_FLAGS = (
    os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
) | os.O_CLOEXEC


class EventFile(CallbackProgress):
    """Appends the progress of a command to a file: cumulative figures, at most four lines a second.

    The file stays below 1 MiB, however long the command takes: the fuller it is, the rarer its
    lines are. Close it with `end`. If it cannot be written to, because the disk is full, no more
    lines follow, and the command continues.
    """

    def __init__(self, path: str | bytes | os.PathLike[str]) -> None:
        """Open the file, create it for the user alone if missing. Raises UsageError."""
        super().__init__(self._write_progress, _INTERVAL)
        try:
            self._descriptor = os.open(path, _FLAGS, 0o600)
        except OSError as error:
            raise UsageError(f"--events: {os.fsdecode(path)}: {error.strerror}.") from error
        facts = os.fstat(self._descriptor)
        if not stat.S_ISREG(facts.st_mode):
            os.close(self._descriptor)
            raise UsageError(f"--events: {os.fsdecode(path)} is not a regular file.")
        self._used = facts.st_size
        self._stage: str | None = None
        self._due = 0.0

    def _write_progress(self, event: ProgressEvent) -> None:
        now = time.monotonic()
        if event.stage == self._stage and now < self._due:
            return
        room = 1 - self._used / (_MOST_BYTES - _END_BYTES)
        if room > 0:
            self._stage, self._due = event.stage, now + _INTERVAL / room**2
            self._write(progress_document(event, time.time_ns()))

    def end(self) -> None:
        """Write the last line, and close the file."""
        self._write(end_document(time.time_ns()))
        os.close(self._descriptor)

    def _write(self, document: Mapping[str, object]) -> None:
        line = json.dumps(document).encode() + b"\n"
        if self._used + len(line) > _MOST_BYTES:
            return
        try:
            self._used += os.write(self._descriptor, line)
        except OSError:  # said above: what is shown of the work must not end it
            self._used = _MOST_BYTES

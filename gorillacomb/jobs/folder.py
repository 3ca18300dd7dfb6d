"""The folder of a job: what was asked, how far it is, what came of it.

It contains, all for the user alone:

``request.json``
    What was asked, written first.
``lock``
    Locked (flock(2)) from before the job can be seen until it has ended.
``process.json``
    The command's process, from the moment when it runs; until then the job is queued.
``events.ndjson``
    The command's progress, as ``--events`` writes it.
``result.json``, ``stderr``
    What the command printed.
``dropped``
    What a job of that kind is to keep: a folder, which is removed when the job ends.
``cancel``
    Exists if the job is to end.
``exit``
    How it ended, written last. A job without it whose lock is free has died.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from gorillacomb.errors import UntrustedInput
from gorillacomb.fs.bounded_read import open_regular, read_bounded
from gorillacomb.fs.durable_files import create_file, sync, sync_folder
from gorillacomb.vault.vault import is_locked

REQUEST, LOCK, PROCESS, EVENTS = "request.json", "lock", "process.json", "events.ndjson"
RESULT, STDERR, CANCEL, EXIT, PLAN = "result.json", "stderr", "cancel", "exit", "plan.jsonl"
MANIFEST, DROPPED = "manifest.json", "dropped"
ID = re.compile(r"[0-9]{8}T[0-9]{6}\.[0-9]{6}-[0-9a-f]{8}")
"""When the job was made (UTC), and a random part: the order of names is that of time."""
_MOST_REQUEST = 8 << 20
"""Bytes of a request: as JSON, it may be several times as large as what was sent."""
_MOST_BYTES = 1 << 20
"""Of any other file that is read here."""
_ROOM = 1024
"""Bytes of a file that room is made for; what is not needed is filled with spaces."""
_RESERVED = ".reserved"


class JobState(StrEnum):
    """What has become of a job."""

    QUEUED = "queued"
    """Another job that writes to the same vault runs, or is before it."""
    RUNNING = "running"
    DONE = "done"
    """It ended by itself, with an exit code."""
    CANCELLED = "cancelled"
    DIED = "died"
    """It ended without a trace: it was killed, or the machine was switched off."""

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class JobExit:
    """How a job ended."""

    code: int | None
    """The command's exit code; None if it was never started, or ended by a signal."""
    signal: int | None
    """The signal that ended the command."""
    cancelled: bool
    ended_ns: int
    error: str = ""
    """Why the command could not be started."""


@dataclass(frozen=True, slots=True)
class JobProcess:
    """The processes of a job, each with its start as `clock.process_start` returns it."""

    command: tuple[int, str]
    supervisor: tuple[int, str]
    boot: str
    """The id of the machine's start."""
    started_ns: int


@dataclass(frozen=True, slots=True)
class JobFolder:
    """A job, read from its folder."""

    path: Path

    @property
    def id(self) -> str:
        """The job's name, unique in its vault."""
        return self.path.name

    def read(self, name: str, most: int = _MOST_BYTES) -> bytes | None:
        """Return a file of the job; None if it is missing. Raises UntrustedInput, OSError."""
        try:
            return read_bounded(self.path / name, most)
        except FileNotFoundError:
            return None

    def read_end(self, name: str, most: int) -> bytes:
        """Return the last bytes of a file of the job; none if it is missing. Raises OSError."""
        try:
            descriptor = open_regular(self.path / name)
        except FileNotFoundError:
            return b""
        try:
            return os.pread(descriptor, most, max(os.fstat(descriptor).st_size - most, 0))
        finally:
            os.close(descriptor)

    def open_result(self) -> BinaryIO | None:
        """Open what the command printed; None if it is nothing. Raises UntrustedInput, OSError.

        It may be hundreds of megabytes, so that whether it is whole is seen at its ends alone: the
        lines between those of the outermost braces are indented.
        """
        try:
            file = os.fdopen(open_regular(self.path / RESULT), "rb")
        except FileNotFoundError:
            return None
        try:
            size = os.fstat(file.fileno()).st_size
            ends = os.pread(file.fileno(), 2, 0), os.pread(file.fileno(), 3, max(size - 3, 0))
            if size and ends != (b"{\n", b"\n}\n"):
                raise UntrustedInput(
                    f"The result of the job {self.id} is not complete.", "Start it again."
                )
        except BaseException:
            file.close()
            raise
        if not size:
            file.close()
            return None
        return file

    def reserve(self, name: str) -> None:
        """Make room for a file that `fill` writes later, even if the disk is full by then."""
        create_file(self.path / f"{name}{_RESERVED}", (bytes(_ROOM),), 0o600)

    def fill(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a file that room was made for, whole or not at all. Raises OSError."""
        data = json.dumps(document).encode()
        assert len(data) <= _ROOM, "a file of which half was written could not be read"
        reserved = self.path / f"{name}{_RESERVED}"
        descriptor = os.open(reserved, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, data.ljust(_ROOM), 0)
            sync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(reserved, self.path / name)
        sync_folder(self.path)

    def request(self) -> dict[str, Any]:
        """Return what was asked. Raises UntrustedInput, OSError."""
        found = self._document(REQUEST, _MOST_REQUEST)
        if found is None:
            raise UntrustedInput(f"The job {self.id} has no request.")
        return found

    def process(self) -> JobProcess | None:
        """Return the process of the command; None if none was started. Raises UntrustedInput."""
        found = self._document(PROCESS)
        if found is None:
            return None
        try:
            pids = [(int(pid), str(start)) for pid, start in found["processes"]]
            command, supervisor = pids
            return JobProcess(command, supervisor, str(found["boot"]), int(found["started_ns"]))
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(PROCESS) from error

    def exit(self) -> JobExit | None:
        """Return how the job ended; None if it has not, or died. Raises UntrustedInput."""
        found = self._document(EXIT)
        if found is None:
            return None
        try:
            return JobExit(
                found["code"],
                found["signal"],
                bool(found["cancelled"]),
                int(found["ended_ns"]),
                str(found.get("error", "")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(EXIT) from error

    def _document(self, name: str, most: int = _MOST_BYTES) -> dict[str, Any] | None:
        data = self.read(name, most)
        if data is None:
            return None
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._damaged(name) from error
        if not isinstance(found, dict):
            raise self._damaged(name)
        return found

    def _damaged(self, name: str) -> UntrustedInput:
        return UntrustedInput(f"The file {name} of the job {self.id} is damaged.")

    def remove_dropped(self) -> None:
        """Remove what was dropped, if anything was. Raises OSError."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.path / DROPPED)

    def is_locked(self) -> bool:
        """Return whether a process of the job is alive. Raises OSError."""
        return is_locked(self.path / LOCK)

    def state(self) -> JobState:
        """Return what has become of the job. Raises UntrustedInput, OSError."""
        if not (self.path / EXIT).exists() and self.is_locked():
            return JobState.QUEUED if self.process() is None else JobState.RUNNING
        ended = self.exit()  # after the lock: it is written before that is released
        if ended is None:
            return JobState.DIED
        return JobState.CANCELLED if ended.cancelled else JobState.DONE


def jobs_in(folder: Path) -> list[JobFolder]:
    """Return the jobs in a folder, the earliest first. Raises OSError."""
    names: list[str] = []
    with suppress(FileNotFoundError):
        names = sorted(name for name in os.listdir(folder) if ID.fullmatch(name))
    return [JobFolder(folder / name) for name in names]

"""The process that runs a job's command, waits for its turn and its end, and writes both down.

``python -m gorillacomb.jobs.supervisor FOLDER VAULT LOCK``, where LOCK is the descriptor of the
job's lock, which is held already. It goes into the background by itself. The command has files as
its output and not pipes: with a pipe to a parent that died it could never end.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from gorillacomb.clock import process_start
from gorillacomb.errors import GorillaCombError
from gorillacomb.fs.darwin.system import boot_id
from gorillacomb.fs.openat import os_error_text
from gorillacomb.jobs.folder import CANCEL, EXIT, PROCESS, RESULT, STDERR, JobFolder, jobs_in
from gorillacomb.jobs.request import KINDS, JobRequest

_LOOK = 0.2
"""Seconds between two looks at whether the command ended, or is to end."""
_LONGEST_ERROR = 300
"""Characters, for which there is room on a full disk, however they are escaped."""
_TURN = "turn"
"""The file beside the jobs that the one locks that writes to the vault."""


class Supervisor:
    """Runs the command of one job."""

    def __init__(self, folder: JobFolder, vault: Path, lock: int) -> None:
        self._folder = folder
        self._vault = vault
        self._locks = [lock]
        self._signalled = 0
        self._stopping = False

    def run(self) -> None:
        """Run the job to its end. Raises OSError if that cannot be written down."""
        try:
            request = JobRequest.from_dict(self._folder.request())
            if KINDS[request.kind].writes and not self._wait_for_turn():
                self._end(None)
                return
            child = self._start(request.command(self._folder, self._vault))
        except GorillaCombError as error:
            self._end(None, error=error.message)
            return
        except OSError as error:
            self._end(None, error=f"Starting the command failed: {os_error_text(error)}.")
            return
        self._end(self._wait_for(child))

    def stop(self, number: int, frame: FrameType | None) -> None:
        """Take a signal as a request to cancel the job."""
        self._stopping = True

    def _wait_for_turn(self) -> bool:
        """Wait until no earlier job writes to the vault; return False if cancelled before."""
        base = self._folder.path.parent
        turn = os.open(base / _TURN, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        before = [job for job in jobs_in(base) if self._is_before(job)]
        while not self._requests():
            before = [job for job in before if job.is_locked()]
            if not before:
                try:
                    fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass  # one began of which this could not know: a clock was set back
                else:
                    self._locks.append(turn)
                    return True
            time.sleep(_LOOK)
        return False

    def _is_before(self, other: JobFolder) -> bool:
        if other.id >= self._folder.id:
            return False
        try:
            return other.state().is_live and KINDS[other.request()["kind"]].writes
        except (GorillaCombError, OSError, KeyError):
            return False  # it was removed, or is damaged

    def _requests(self) -> int:
        """Return how often somebody asked for the end of the job."""
        try:
            return os.stat(self._folder.path / CANCEL).st_size
        except FileNotFoundError:
            return int(self._stopping)

    def _start(self, words: list[bytes]) -> subprocess.Popen[bytes]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        out = os.open(self._folder.path / RESULT, flags, 0o600)
        err = os.open(self._folder.path / STDERR, flags, 0o600)
        try:
            child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd="/",
                # If this process is killed, the job is still running while its command is.
                pass_fds=self._locks,
            )
        finally:
            os.close(out)
            os.close(err)
        pids = child.pid, os.getpid()
        try:
            self._folder.fill(
                PROCESS,
                {
                    "processes": [(pid, process_start(pid)) for pid in pids],
                    "boot": boot_id(),
                    "started_ns": str(time.time_ns()),
                },
            )
        except BaseException:
            child.send_signal(signal.SIGINT)
            child.wait()
            raise
        return child

    def _wait_for(self, child: subprocess.Popen[bytes]) -> int:
        while True:
            try:
                return child.wait(_LOOK)
            except subprocess.TimeoutExpired:
                pass
            # The first asks for an end in good order, a second one for an immediate end. No other
            # process can have this number: this one is its parent, and has not waited for it yet.
            if self._signalled < self._requests():
                self._signalled += 1
                child.send_signal(signal.SIGINT)

    def _end(self, code: int | None, error: str = "") -> None:
        with suppress(OSError):  # the start of the next job tries it again
            self._folder.remove_dropped()
        by_signal = code is not None and code < 0
        text = error.encode("ascii", "backslashreplace")[:_LONGEST_ERROR].decode()
        self._folder.fill(
            EXIT,
            {
                "code": None if by_signal else code,
                "signal": -code if by_signal and code is not None else None,
                "cancelled": bool(self._requests()) and code != 0,
                "ended_ns": str(time.time_ns()),
                "error": text,
            },
        )


def main(folder: str, vault: str, lock: str) -> None:
    """Run a job in the background; return at once in the process that was called."""
    if os.fork():
        return
    os.setsid()
    supervisor = Supervisor(JobFolder(Path(folder)), Path(vault), int(lock))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, supervisor.stop)
    supervisor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])

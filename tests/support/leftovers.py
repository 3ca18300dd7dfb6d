"""End whatever a run of tests leaves behind, also when the run itself is killed.

Every process that a test starts inherits a variable with the mark of its run. A guardian, a process
beside pytest, waits for pytest to end, however that happens, and then kills every process that
carries the mark (as Jenkins' ProcessTreeKiller does). Process groups are not enough: tests start
commands in sessions of their own, and these start workers.
"""

from __future__ import annotations

import os
import secrets
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

VARIABLE = "GORILLACOMB_TEST_RUN"
PROC = Path("/proc")


def watch_over_this_process(disk: Path | None = None) -> None:
    """Mark all that this process will start, and start a guardian over it.

    The guardian also drops ``disk``, see `quick_disk`.
    """
    if not hasattr(os, "pidfd_open"):
        return  # only Linux tells when a process that is no child has ended
    mark = f"{os.getpid()}-{secrets.token_hex(8)}"
    guardian = subprocess.Popen(
        [sys.executable, "-I", __file__, str(os.getpid()), mark, *([] if disk is None else [disk])],
        # Unmarked itself, and in a session of its own, so that what kills the run spares it.
        env={name: value for name, value in os.environ.items() if name != VARIABLE},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    guardian.returncode = 0  # it outlives us, so nobody waits for it
    os.environ[VARIABLE] = mark


def wait_for_the_end(process: int) -> None:
    """Return when a process has ended, our parent at the start of it."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return
    if os.getppid() == process:
        select.select([descriptor], [], [])


def marked(mark: str) -> list[int]:
    """Return the ids of the living processes that carry a mark."""
    wanted = f"{VARIABLE}={mark}".encode()
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue  # it ended meanwhile, or is somebody else's
    return found


def end_all(mark: str, seconds: float = 60.0) -> None:
    """Kill the processes that carry a mark until none is left."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = marked(mark)
        if not left:
            return
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


if __name__ == "__main__":
    wait_for_the_end(int(sys.argv[1]))
    end_all(sys.argv[2])
    for disk in sys.argv[3:]:
        # Also if something, of another user say, still looks at it.
        subprocess.run(["umount", "--lazy", disk], check=False)
        os.rmdir(disk)

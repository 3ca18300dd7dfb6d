"""The pulse: every few seconds, a small signed statement that the watcher is alive, and its state.

Each is a signed note (C2SP) whose text is one line of JSON (RFC 8785) with the checkpoint that the
watcher cosigned. The newest is one file, next to a short ring of earlier ones. Nothing here waits
for a database or the disk: a pulse is late only when the machine is.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gorillacomb.clock import uptime_ns
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.darwin.system import boot_id
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import SECOND
from gorillacomb.vault.vault import Vault, vault_state_folder
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.keys import note
from gorillacomb.vaultmesh.keys.cosign import WATCHER
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.watch.health import WatcherHealth

VERSION = 1
RING = 40
"""How many pulses are kept."""
_MOST_BYTES = 1 << 20
"""Size limit of a pulse; that of a note."""
LATEST = "latest"
UNWRITTEN = "a pulse could not be written: "
"""The start of a cause that is reported in the next pulse."""


def pulse_folder(vault: Vault) -> Path:
    """Return the folder of the pulses of a vault's watcher."""
    return vault_state_folder(vault, "pulses")


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks; tests use their own."""

    wall: Callable[[], int] = time.time_ns
    uptime: Callable[[], int] = uptime_ns
    boot: Callable[[], str] = boot_id


class PulseWriter:
    """Writes pulses in its own thread."""

    def __init__(
        self,
        folder: Path,
        key: Ed25519SigningKey,
        interval_ns: int,
        health: WatcherHealth,
        queue: Callable[[], tuple[int, int | None]],
        clocks: Clocks | None = None,
        beaten: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare to write; ``queue`` returns how many folders wait and the last change (ns).

        The latter is None without a change. ``beaten`` is called each time, even if writing the
        pulse failed: the watcher is alive. Raises OSError if the folder cannot be created.
        """
        self._folder = folder
        self._key = key
        self._interval = interval_ns
        self._health = health
        self._queue = queue
        self._beaten = beaten
        self._clocks = clocks or Clocks()
        self._boot = self._clocks.boot()
        self._seq = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._make_folder()

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(self) -> None:
        """Start the pulse."""
        self._thread.start()

    def stop(self) -> None:
        """Write a last pulse that says so, and stop."""
        self._stop.set()
        self._thread.join()
        self.write()

    def _run(self) -> None:
        due = time.monotonic_ns()
        while True:
            self.write()
            now = time.monotonic_ns()
            # After sleep, the machine pulses at once, then in the former rhythm.
            due += self._interval * max(1, -(-(now - due) // self._interval))
            if self._stop.wait((due - now) / SECOND):
                return

    def write(self) -> None:
        """Write one pulse now."""
        data = note.sign_note(self._text(), [(WATCHER, self._key)])
        try:
            self._make_folder()
            # No fsync: after a crash there is another boot, and the watcher is dead anyway.
            replace_file(self._folder / f"{self._seq % RING:02}", data, 0o600, synced=False)
            replace_file(self._folder / LATEST, data, 0o600, synced=False)
        except OSError as error:
            self._health.set_root_problem("pulse", UNWRITTEN + os_error_text(error))
        else:
            self._health.set_root_problem("pulse", None)
            self._seq += 1
        self._beaten()

    def _text(self) -> str:
        health, trace = self._health, self._health.trace
        scanning = health.scanning  # read twice: what left the queue may have come back
        queue, last_change_ns = self._queue()
        causes = health.causes
        statement: dict[str, Any] = {
            "v": VERSION,
            "seq": self._seq,
            "pid": os.getpid(),
            "boot_id": self._boot,
            "uptime_ns": str(self._clocks.uptime()),
            "time_ns": str(self._clocks.wall()),
            "interval_ns": str(self._interval),
            "state": str(health.state),
            "scanning": scanning or health.scanning,
            "degraded": causes,
            "roots": [
                {**path_to_json(path), "health": str(state)}
                for path, state in sorted(health.roots.items())
            ],
            "queue": queue,
            "scrub": {
                "due_files": health.scrub.due_files,
                "due_bytes": str(health.scrub.due_bytes),
                "files": health.scrub.files,
                "bytes": str(health.scrub.bytes),
            },
            "last_change_ns": None if last_change_ns is None else str(last_change_ns),
            "ledger": None
            if trace is None
            else {"log": trace.head.log, "size": trace.head.size, "root": trace.head.root.hex()},
            "checkpoint": None if trace is None else trace.note.decode(),
        }
        return jcs.canonical_json(statement).decode() + "\n"


def read_pulse(path: Path, publics: list[bytes]) -> dict[str, Any]:
    """Read a pulse signed by one of these Ed25519 keys. Raises UntrustedInput, OSError."""
    what = f"The pulse {path.name}"
    found = note.parse_note(read_bounded(path, _MOST_BYTES, follow=True), what)
    if not found.signers(VerifierKey(WATCHER, public) for public in publics):
        raise UntrustedInput(f"{what} is not signed by any watcher that is known here.")
    statement = jcs.parse_strict(found.text.rstrip("\n").encode(), what)
    if not isinstance(statement, dict) or statement.get("v") != VERSION:
        raise UntrustedInput(f"{what} is of another version.")
    return statement

"""Cosign trace checkpoints that are consistent with the last one cosigned."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gorillacomb.errors import GorillaCombError
from gorillacomb.model import SECOND
from gorillacomb.progress import NullProgress
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.checkpoint import Checkpoint, parse_checkpoint
from gorillacomb.vaultmesh.keys.cosign import WATCHER, cosign_checkpoint
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.vaultmesh.ledger import LogHead
from gorillacomb.vaultmesh.open import open_trace_for_reading
from gorillacomb.watch.health import CosignedHead, WatcherHealth

_APART_NS = 2 * SECOND
"""How often to ask for a newer checkpoint while a scan runs."""


@dataclass(slots=True)
class Cosigner:
    """Remembers the last checkpoint that it cosigned."""

    vault: Vault
    key: Ed25519SigningKey
    health: WatcherHealth
    _last: Checkpoint | None = None

    def cosign_if_new(self) -> None:
        """Cosign the trace's current checkpoint, or report why not.

        It is cosigned only if it extends the last one, or belongs to another log.
        """
        try:
            cause = self._cosign()
        except GorillaCombError as error:
            cause = error.message
        self.health.set_problem("trace", cause)

    def _cosign(self) -> str | None:
        with open_trace_for_reading(self.vault) as ledger:
            note = ledger.checkpoint()
            found = parse_checkpoint(note)[0]
            last = self._last
            if found == last:
                return None
            if last is not None and last.origin == found.origin:
                shorter = found.size < last.size
                if shorter or ledger.root(last.size) != last.root:
                    return f"the trace is not what it was: {last.size:,} entries were there before"
            log = ledger.log
        self._last = found
        signed = cosign_checkpoint(note, WATCHER, self.key, time.time_ns() // SECOND)
        self.health.trace = CosignedHead(LogHead(log, found.size, found.root), signed)
        return None


class CosigningProgress(NullProgress):
    """Cosigns checkpoints while a scan produces them: a first scan may take hours."""

    def __init__(self, cosigner: Cosigner) -> None:
        self._cosigner = cosigner
        self._looked_ns = 0

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        self._look()

    def advance(self, files: int, size: int) -> None:
        if time.monotonic_ns() - self._looked_ns >= _APART_NS:
            self._look()

    def _look(self) -> None:
        self._cosigner.cosign_if_new()
        self._looked_ns = time.monotonic_ns()

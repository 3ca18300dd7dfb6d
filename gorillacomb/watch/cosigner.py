"""Cosigns where the trace stands, as far as it is what it was before."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gorillacomb.dedupe.record import read_trace
from gorillacomb.errors import GorillaCombError
from gorillacomb.index.vault import Vault
from gorillacomb.vaultmesh.checkpoint import Checkpoint, parse
from gorillacomb.vaultmesh.cosign import WATCHER, cosigned
from gorillacomb.vaultmesh.keys import SigningKey
from gorillacomb.watch.health import Ledger
from gorillacomb.watch.pending import SECOND


@dataclass(slots=True)
class Cosigner:
    """Remembers the checkpoint that it cosigned last."""

    vault: Vault
    key: SigningKey
    ledger: Ledger | None = None
    _last: Checkpoint | None = None

    def look(self) -> str | None:
        """Cosign the checkpoint that the trace has now; returns why not, in words.

        Only one that goes on from the last is cosigned, or that of another log.
        """
        try:
            with read_trace(self.vault) as ledger:
                note = ledger.checkpoint()
                found = parse(note)[0]
                last = self._last
                if found == last:
                    return None
                if last is not None and last.origin == found.origin:
                    shorter = found.size < last.size
                    if shorter or ledger.root(last.size) != last.root:
                        return (
                            f"the trace is not what it was: {last.size:,} entries were there before"
                        )
                log = ledger.log
        except GorillaCombError as error:
            return error.message
        self._last = found
        signed = cosigned(note, WATCHER, self.key, time.time_ns() // SECOND)
        self.ledger = Ledger(log, found.size, found.root, signed)
        return None

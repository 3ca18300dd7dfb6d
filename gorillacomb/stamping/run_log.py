"""Append what a dedupe run did to the trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.vaultmesh.entries import EntryBody
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import open_trace_for_writing


class RunLog:
    """Appends entries that are not about stamps, such as those of dedupe runs.

    Opened before the work that the entries describe, so that an unwritable trace is noticed first.
    The index's synced size moves along if it was in step with the trace. Raises VaultError,
    KeyMissing.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self.ledger = open_trace_for_writing(index.vault)
        try:
            self.ledger.refuse_rolled_back()
            self.ledger.signing_key()
        except BaseException:
            self.ledger.close()
            raise

    def append(self, bodies: Sequence[EntryBody]) -> None:
        """Append entries and sign the new head."""
        append_beside_stamps(self._index, self.ledger, bodies)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.ledger.close()


def append_beside_stamps(index: Index, ledger: Ledger, bodies: Sequence[EntryBody]) -> None:
    """Append entries that are not about stamps; the index stays in step if it was."""
    is_level = stamps.synced_log_size(index.connection) == (ledger.log, ledger.size)
    ledger.append(bodies)
    if is_level:
        with index.atomic():
            stamps.set_synced_log_size(index.connection, ledger.log, ledger.size)
        index.commit()

"""Append entries for files and folders to the trace; the index follows once they are on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gorillacomb.canonical.rules_version import RULES_VERSION
from gorillacomb.canonical.selector import CanonicalFile
from gorillacomb.fs.paths import join_relative
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.stamps import ContentHolders
from gorillacomb.stamping.recorded_paths import RecordedPaths
from gorillacomb.vaultmesh.entries import LedgerEntry, StampEntry
from gorillacomb.vaultmesh.ledger import Ledger


@dataclass(slots=True)
class StampStep:
    """An entry to append, and what the index records once it is on disk."""

    body: LedgerEntry
    put: tuple[bytes, int, bytes, int] | None = None
    """Digest, folder, name of a stamp, and the version of the rules that chose it."""
    drop: Sequence[bytes] = ()


@dataclass(slots=True)
class StampCounts:
    """Canonical files recorded in the trace, by kind of entry."""

    stamped: int = 0
    restamped: int = 0
    moved: int = 0
    retired: int = 0


@dataclass(slots=True)
class StampWriter:
    """Appends to the trace what one scan found."""

    index: Index
    ledger: Ledger
    scan: int
    places: RecordedPaths
    advance: Callable[[int], None] | None = None
    """Called with the number of steps just completed."""
    counts: StampCounts = field(default_factory=StampCounts)

    def append(self, steps: Iterable[StampStep]) -> None:
        """Append entries to the trace; the index records them once they are on disk."""
        waiting: list[tuple[int, StampStep]] = []

        def bodies() -> Iterator[LedgerEntry]:
            for seq, step in enumerate(steps, self.ledger.size):
                waiting.append((seq, step))
                yield step.body

        def note(size: int) -> None:
            connection = self.index.connection
            with self.index.atomic():
                stamps.drop_stamps(connection, [each for _, step in waiting for each in step.drop])
                stamps.put_stamps(
                    connection,
                    [
                        (digest, seq, folder, name, rules)
                        for seq, step in waiting
                        if step.put
                        for digest, folder, name, rules in (step.put,)
                    ],
                )
            self.index.commit_if_due()
            if self.advance is not None:
                self.advance(len(waiting))
            waiting.clear()

        self.ledger.append(bodies(), note)

    def file(
        self, held: ContentHolders, chosen: CanonicalFile, rules: int = RULES_VERSION
    ) -> StampEntry:
        """Return the canonical file of a content as the trace records it."""
        folder, name, mtime, reasons = chosen
        copies = held.files
        if copies > 1 and held.links > 1:
            copies = stamps.copies_of(self.index.connection, held.digest)
        root, above = self.places.recorded(folder)
        return StampEntry(
            *(root, join_relative(above, name), held.size, mtime, held.digest, copies, reasons),
            rules,
        )

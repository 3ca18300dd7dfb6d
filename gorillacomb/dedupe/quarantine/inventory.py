"""What waits in quarantines, to be taken back or deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gorillacomb.dedupe.quarantine.bases import quarantine_bases
from gorillacomb.dedupe.quarantine.run import list_runs, read_run
from gorillacomb.dedupe.roots import LiveRoot
from gorillacomb.errors import UntrustedInput


@dataclass(frozen=True, slots=True)
class QuarantinedRun:
    """What one run has in the quarantine of one base."""

    base: bytes
    run: str
    action: str
    started_ns: int
    steps: int
    files: int
    size: int
    """Bytes on disk."""


def quarantined_runs(roots: Iterable[LiveRoot]) -> Iterator[QuarantinedRun]:
    """What waits in the quarantines of roots, run by run, oldest first in each base."""
    for root in roots:
        for base in quarantine_bases(root.path):
            for name in list_runs(base):
                try:
                    recorded = read_run(base, name)
                except UntrustedInput:
                    continue  # whoever applies or takes back is told of it
                held = recorded.held() + recorded.half_done()
                if held:
                    yield QuarantinedRun(
                        base,
                        name,
                        recorded.action,
                        recorded.started_ns,
                        len(held),
                        sum(record.files for record in held),
                        sum(record.size for record in held),
                    )

"""What waits in quarantines, to be taken back or deleted."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gorillacomb import clock
from gorillacomb.dedupe.quarantine.bases import quarantine_bases
from gorillacomb.dedupe.quarantine.journal import JournalContents, StepRecord
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
    age_ns: int | None
    """How long ago that was; None where nobody can tell."""
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
                        run_age_ns(recorded, time.time_ns()),
                        len(held),
                        sum(record.files for record in held),
                        sum(record.size for record in held),
                    )


def run_age_ns(
    recorded: JournalContents, now_ns: int, record: StepRecord | None = None
) -> int | None:
    """Return how long ago a run began, or a step of it ended; None where nobody can tell.

    As long as the machine runs it is told by the clock that nobody sets: the other one may have
    been years behind, and be right by now.
    """
    if recorded.boot and recorded.boot == clock.boot_id():
        age: int | None = max(0, clock.since_boot_ns() - recorded.uptime_ns)
    else:
        age = clock.age_ns(recorded.started_ns, now_ns)
    took = 0 if record is None else record.when_ns - recorded.started_ns
    return age if age is None or not 0 <= took <= age else age - took

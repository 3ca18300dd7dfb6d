"""Refuse to change anything but what was shown: a plan, or what is in the quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gorillacomb.errors import RefusedForSafety

if TYPE_CHECKING:
    from gorillacomb.api.dedupe.plan import DedupePlan
    from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun

__all__ = ["Expected", "quarantine_digest"]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a person was shown and agreed to; None for what is not to be compared."""

    digest: str | None = None
    """Of the plan (`DedupePlan.digest`) or of the quarantine (`quarantine_digest`)."""
    files: int | None = None

    def check_plan(self, plan: DedupePlan) -> None:
        """Raise RefusedForSafety if a plan, with its answers, is another one."""
        if self != Expected():
            digest = self.digest and plan.digest
            self._check("The plan, with its answers,", digest, plan.files)

    def check_quarantine(self, runs: Sequence[QuarantinedRun]) -> None:
        """Raise RefusedForSafety if other things are in the quarantine now."""
        files = sum(run.files for run in runs)
        self._check("The quarantine", self.digest and quarantine_digest(runs), files)

    def _check(self, what: str, digest: str | None, files: int) -> None:
        if self.digest != digest:
            raise RefusedForSafety(
                f"{what} is not what was shown: nothing was done.", "Look at it once more."
            )
        if self.files not in (None, files):
            raise RefusedForSafety(
                f"{what} has {files:,} files, not {self.files:,}: nothing was done.",
                "Look at it once more.",
            )


def quarantine_digest(runs: Sequence[QuarantinedRun]) -> str:
    """Return BLAKE3 of what some runs have in the quarantine, 64 hex digits."""
    from gorillacomb.hashing import blake3_of_parts

    lines = sorted(b"%s\0%d\0%d\0%d\n" % (r.folder, r.files, r.steps, r.size) for r in runs)
    return blake3_of_parts(lines).hex()

"""Plans made by hand and carried out without a vault, and what is on the disk after that."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gorillacomb.dedupe.apply import runs
from gorillacomb.dedupe.apply.runs import apply_plan
from gorillacomb.dedupe.compare.tree_compare import TreeComparer
from gorillacomb.dedupe.model import (
    DedupeAction,
    Plan,
    PlanOptions,
    PlanStep,
    RemovalPair,
    RunOutcome,
)
from gorillacomb.dedupe.quarantine.inventory import quarantined_runs
from gorillacomb.dedupe.roots import LiveRoot
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.fs.openat import OUR_FOLDER, identity_of
from gorillacomb.fs.volumes import identify_volume, shows_others
from tests.dedupe.drives import OWN_NAMES
from tests.support.trees import content_of

OURS = os.fsdecode(OUR_FOLDER)
of_leases = pytest.mark.linux("leases: macOS does not say who has a file open")
"""For tests of what is open, and of an undone repair, which waits where that is unknown."""


class Quiet:
    """Progress that nobody watches."""

    def stage(self, name: str, files: int | None, size: int | None) -> None: ...

    def total(self, files: int | None, size: int | None) -> None: ...

    def advance(self, files: int, size: int) -> None: ...

    def close(self) -> None: ...


def live(*tops: Path) -> list[LiveRoot]:
    """Folders as roots that are there."""
    found = []
    for top in tops:
        path = os.fsencode(top)
        volume = identify_volume(path)
        identity, others = identity_of(os.stat(path)), shows_others(volume.type)
        found.append(LiveRoot(path, path.hex(), identity, volume.grain_ns, others, volume.type))
    return found


def step(
    name: str,
    path: Path,
    keep: Path,
    nested: Iterable[tuple[Path, Path]] = (),
    sidecars: Iterable[tuple[Path, Path]] = (),
) -> PlanStep:
    """A step for what stands at ``path`` now."""
    return PlanStep(
        name,
        "folder" if path.is_dir() else "file",
        os.fsencode(path),
        os.fsencode(keep),
        1,
        1,
        (),
        tuple(_pair(*each) for each in nested),
        tuple(_pair(*each) for each in sidecars),
    )


def _pair(path: Path, keep: Path) -> RemovalPair:
    return RemovalPair(os.fsencode(path), os.fsencode(keep))


@dataclass
class Ground:
    """Roots on which plans are carried out."""

    roots: list[LiveRoot]
    witness: TreeComparer = field(default_factory=TreeComparer)

    def guard(self, options: PlanOptions) -> SafetyPolicy:
        return SafetyPolicy(
            options, [each.path for each in self.roots], [], lambda folder, path: False
        )

    def apply(
        self,
        *steps: PlanStep,
        action: DedupeAction = DedupeAction.QUARANTINE,
        across_volumes: bool = False,
        uid: str = "0" * 32,
    ) -> RunOutcome:
        options = PlanOptions(action, across_volumes=across_volumes)
        plan = Plan(uid, 1, options, steps)
        return apply_plan(
            plan, self.roots, self.guard(options), self.witness, Quiet(), lambda outcome: None
        )

    def undo(self) -> list[RunOutcome]:
        """Take back every run of which something waits, the last one first."""
        found = []
        for each in reversed(list(quarantined_runs(self.roots))):
            found.append(RunOutcome(each.run))
            runs.undo_runs_in_base(each.base, found[-1], Quiet())
        return found

    def purge(self) -> list[RunOutcome]:
        """Empty all quarantines."""
        named = [(each.base, each.run) for each in quarantined_runs(self.roots)]
        found: list[RunOutcome] = []
        runs.purge_runs(named, self.roots, self.witness, 0, Quiet(), found.append)
        return found


def files_below(*tops: Path, ours: bool = True) -> dict[Path, bytes]:
    """The content of every file by its path, also in quarantines: not of journals and locks.

    ``ours`` says whether to look into the quarantines.
    """
    found = {}
    for top in tops:
        for folder, folders, names in os.walk(top):
            if not ours and OURS in folders:
                folders.remove(OURS)
            is_ours = f"/{OURS}/" in f"{folder}/"
            for name in names:
                if is_ours and name in (*OWN_NAMES, "lock", "bases.jsonl"):
                    continue
                path = f"{folder}/{name}"
                if stat.S_ISREG(os.lstat(path).st_mode):
                    found[Path(path)] = content_of(path)
    return found


def contents(*tops: Path, ours: bool = True) -> Counter[bytes]:
    """How many files have each content."""
    return Counter(files_below(*tops, ours=ours).values())


def slots(top: Path) -> list[Path]:
    """What lies in the quarantine of a root, but for the folders that a run emptied."""
    return sorted(
        path
        for path in (top / OURS / "quarantine").glob("*/*")
        if path.name not in OWN_NAMES and not path.name.startswith("+")
    )


def told(outcomes: Iterable[RunOutcome]) -> list[str]:
    """The causes of all that was not done."""
    return [
        each.cause
        for outcome in outcomes
        for each in (*outcome.skipped, *outcome.failed, *outcome.recovered)
    ]

"""Whether a step of a plan may be done now: the rules, asked of the disk, and the comparison.

A plan is not trusted: whatever was true when it was made, or was written into it by hand, is found
out here anew.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

from gorillacomb.dedupe.apply.path_resolver import Places
from gorillacomb.dedupe.apply.snapshot import Sighting
from gorillacomb.dedupe.apply.tree_compare import Witness
from gorillacomb.dedupe.model import Pair, Plan, Step, Trouble
from gorillacomb.dedupe.safety.policy import Guard, pointer_inside
from gorillacomb.fs.location import Different, Spot
from gorillacomb.fs.openat import cause_of
from gorillacomb.fs.paths import below, is_below, readable, upwards


class Skip(Exception):
    """A step that is not done, and why."""

    def __init__(self, path: bytes, cause: str, failed: bool = False) -> None:
        super().__init__(path, cause)
        self.trouble = Trouble(path, cause)
        self.failed = failed


@dataclass(slots=True)
class StepChecks:
    """Checks the steps of one plan; changes nothing."""

    plan: Plan
    places: Places
    guard: Guard
    witness: Witness
    _going: frozenset[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._going = frozenset(pair.path for step in self.plan.steps for pair in step.pairs)

    def trouble(self, step: Step) -> Trouble | None:
        """Why a step would not be done now; None when it would."""
        try:
            self.check(step)
        except Skip as skip:
            return skip.trouble
        return None

    def check(self, step: Step) -> list[tuple[Spot, Spot, Sighting]]:
        """What goes and what stays, compared, for each pair of a step. Raises Skip."""
        return [(a, b, self._sighted(step, pair, a, b)) for pair, a, b in self._allowed(step)]

    def _allowed(self, step: Step) -> list[tuple[Pair, Spot, Spot]]:
        """A step's pairs, if the rules have nothing against it."""
        found = []
        for at, pair in enumerate(step.pairs):
            victim, keep = self.places.spot(pair.path), self.places.spot(pair.keep)
            if victim is None or keep is None:
                lost = pair.path if victim is None else pair.keep
                raise Skip(lost, "is in no scanned folder that is there now")
            if is_below(pair.keep, pair.path):
                raise Skip(pair.path, "holds the copy that is to stay")
            self._ask(pair.path, pair.keep, step.kind == "folder")
            found.append((pair, victim, keep))
            for ours, its in ((pair.path, step.path), (pair.keep, step.keep)):
                if at and os.path.dirname(ours) != os.path.dirname(its):
                    raise Skip(ours, "stands in another folder than what it belongs to")
        for nested in step.nested:
            inside = nested.path != step.path and is_below(nested.path, step.path)
            if not inside or is_below(nested.keep, step.path):
                raise Skip(nested.path, "is not nested in the step, or its other copy is")
            if self.places.root_of(nested.keep) is None:
                raise Skip(nested.keep, "is in no scanned folder that is there now")
            self._ask(nested.path, nested.keep, True, around=step.path)
        self._with_sidecars(step)
        return found

    def _ask(self, path: bytes, keep: bytes, is_folder: bool, around: bytes | None = None) -> None:
        if any(each in self._going for each in upwards(keep)):
            raise Skip(path, f"counts on {readable(keep)}, which is a step itself")
        try:
            site = self.places.site(path, is_folder)
            other = self.places.site(keep, is_folder)
            refusal = self.guard.witness_refusal(site, other)
            if around is None:
                refusal = self.guard.refusal(site, other)
        except OSError as error:
            raise Skip(path, cause_of(error)) from error
        if refusal is not None:
            raise Skip(path, f"{refusal.cause} ({refusal.rule})")

    def _with_sidecars(self, step: Step) -> None:
        """A picture goes with its sidecars, or not at all."""
        if step.kind != "file":
            return
        named = {pair.path for pair in step.pairs}
        for each in named:
            for path in self.places.companions(each):
                if path not in named:
                    raise Skip(path, "belongs to a file that would go without it (sidecar)")

    def _sighted(self, step: Step, pair: Pair, victim: Spot, keep: Spot) -> Sighting:
        nested: dict[bytes, Spot] = {}
        for each in step.nested:
            spot = self.places.spot(each.keep)
            assert spot is not None  # asked before
            nested[below(each.path, step.path)] = spot
        try:
            sighting = self.witness.compare(victim, keep, nested)
        except Different as different:
            raise Skip(different.path, different.cause) from different
        except OSError as error:
            raise Skip(pair.path, cause_of(error)) from error
        top = sighting.victim[b""]
        if stat.S_ISDIR(top.st_mode) != (step.kind == "folder"):
            raise Skip(pair.path, f"is no {step.kind} any more")
        for spot, _ in sighting.survivors:
            if any(each in self._going for each in upwards(spot.path)):
                raise Skip(pair.path, f"counts on {readable(spot.path)}, which goes too")
        devices = {facts.st_dev for _, facts in sighting.survivors}
        if devices - {top.st_dev} and not self.plan.options.across_volumes:
            raise Skip(pair.path, "has its other copy on another volume")
        for inner in sighting.victim:
            refusal = self.guard.protected(victim.at(inner).path)
            if inner and refusal is None:
                refusal = pointer_inside(os.path.basename(inner))
            if refusal is not None:
                raise Skip(victim.at(inner).path, f"{refusal.cause} ({refusal.rule})")
        return sighting

"""Decide whether a step of a plan may be done now, by checking the rules on disk and comparing.

A plan is not trusted: whatever was true when it was made, or was written into it by hand, is
verified here again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gorillacomb.classify.names import SHELF, is_version_control
from gorillacomb.dedupe.apply.empty_folders import check_empty_folder
from gorillacomb.dedupe.apply.path_resolver import PathResolver
from gorillacomb.dedupe.compare.entry_compare import MemberParts
from gorillacomb.dedupe.compare.snapshot import TreeSnapshot
from gorillacomb.dedupe.compare.tree_compare import TreeComparer
from gorillacomb.dedupe.model import (
    EMPTY,
    KEPT_IS_MISSING,
    CopyStep,
    DedupeAction,
    Plan,
    PlanStep,
    Refusal,
    RemovalPair,
    SafetyRule,
    StepProblem,
)
from gorillacomb.dedupe.safety.albums import album_refusal
from gorillacomb.dedupe.safety.file_names import cloud_pointer_refusal, in_use_cause, name_refusal
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.dedupe.safety.replaceable import (
    REPLACING,
    hard_link_refusal,
    unsupported_cause,
)
from gorillacomb.fs.comparison import extended_attributes
from gorillacomb.fs.extents import SAME_BLOCKS
from gorillacomb.fs.location import ContentDiffers, FileLocation
from gorillacomb.fs.mounts import free_bytes
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import is_below, join, path_and_parents, path_text, relative_path


class StepSkipped(Exception):
    """A step that is not done, and why.

    ``beside`` says that the reason is something beside the copy to remove, which another step may
    remove.
    """

    def __init__(self, path: bytes, cause: str, failed: bool = False, beside: bool = False) -> None:
        super().__init__(path, cause)
        self.trouble = StepProblem(path, cause)
        self.failed = failed
        self.beside = beside


@dataclass(slots=True)
class StepPreflight:
    """Checks the steps of one plan; changes nothing."""

    plan: Plan
    places: PathResolver
    guard: SafetyPolicy
    witness: TreeComparer
    _going: frozenset[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.guard = replace(self.guard, gone=set())
        self._going = frozenset(pair.path for step in self.plan.steps for pair in step.pairs)

    def rehearse(self, step: PlanStep) -> StepSkipped | None:
        """Return why a step would not be done after those before it; None if it would."""
        try:
            self.check(self._as_if_copied(step))
        except StepSkipped as skip:
            return skip
        self.note(step)
        return None

    def left_before(self, step: PlanStep) -> tuple[bytes, ...]:
        """Return the copies of trees that were in one and left before it, relative to it."""
        others = self.plan.steps if step.is_member else ()
        inner = (each.path for each in others if each.is_member and each.path != step.path)
        return tuple(
            relative_path(each, step.path)
            for each in inner
            if is_below(each, step.path) and (self.guard.is_gone(each) or not os.path.lexists(each))
        )

    def _as_if_copied(self, step: PlanStep) -> PlanStep:
        """Return a step as it is once all before it, and all copies, are done.

        Raises StepSkipped.
        """
        if step.is_member:
            inner = (each for each in self.guard.gone if is_below(each, step.path))
            step = replace(step, later=tuple(relative_path(each, step.path) for each in inner))
        for copy in self.plan.copies:
            parts = [each for each in step.nested if is_below(each.keep, copy.target)]
            if parts and not os.path.lexists(copy.target):
                self.check_copy(copy)
                later = (*step.later, *(relative_path(each.path, step.path) for each in parts))
                nested = tuple(each for each in step.nested if each not in parts)
                step = replace(step, nested=nested, later=later)
        return step

    def refusal_by_rules(self, step: PlanStep) -> StepProblem | None:
        """Return why the rules do not allow a step, whatever its copies contain; else None."""
        try:
            self._allowed(step)
        except StepSkipped as skip:
            return skip.trouble
        return None

    def note(self, step: PlanStep) -> None:
        """Record that a step is done: what it removed is no longer beside anything."""
        if self.plan.options.action.empties_path:
            self.guard.gone |= {pair.path for pair in step.pairs}

    def check(self, step: PlanStep) -> list[tuple[FileLocation, FileLocation, TreeSnapshot]]:
        """Compare the copies to remove and to keep, for each pair of a step. Raises Skip."""
        if step.kind == EMPTY:
            return self._check_empty(step)
        found = [(a, b, self._sighted(step, pair, a, b)) for pair, a, b in self._allowed(step)]
        if self.plan.options.action in REPLACING:
            for victim, keep, sighting in found:
                self._refuse_irreplaceable(step, victim, keep, sighting)
        return found

    def check_copy(self, copy: CopyStep) -> FileLocation:
        """Return the folder from which something is copied, if that may be. Raises StepSkipped."""
        source, target = self.places.location(copy.source), self.places.location(copy.target)
        shelf = os.path.dirname(copy.target)
        if source is None or target is None:
            lost = copy.source if source is None else copy.target
            raise StepSkipped(lost, "is in no scanned folder that is there now")
        if not any(_is_for(step, copy) for step in self.plan.steps if step.is_member):
            cause = "is neither in the kept tree nor on the shelf beside it for a copy that leaves"
            raise StepSkipped(copy.target, cause)
        try:
            refusal = self.guard.closed_to_copies(self.places.context(shelf, False))
            if refusal is not None:
                raise StepSkipped(copy.target, _words(refusal))
            free = free_bytes(os.path.dirname(shelf))
        except OSError as error:
            raise StepSkipped(copy.target, os_error_text(error)) from error
        if copy.size > free:
            cause = f"needs {copy.size:,} bytes, and {free:,} are free there"
            raise StepSkipped(copy.target, cause)
        return source

    def _check_empty(self, step: PlanStep) -> list[tuple[FileLocation, FileLocation, TreeSnapshot]]:
        """Check an empty folder, for which nothing is kept. Raises StepSkipped."""
        try:
            check_empty_folder(step, self.places, self.guard)
        except ContentDiffers as different:
            raise StepSkipped(different.path, different.cause) from different
        return []

    def _allowed(self, step: PlanStep) -> list[tuple[RemovalPair, FileLocation, FileLocation]]:
        """Return a step's pairs, if the rules allow it."""
        found = []
        for at, pair in enumerate(step.pairs):
            victim, keep = self.places.location(pair.path), self.places.location(pair.keep)
            if victim is None or keep is None:
                lost = pair.path if victim is None else pair.keep
                raise StepSkipped(lost, "is in no scanned folder that is there now")
            if is_below(pair.keep, pair.path):
                raise StepSkipped(pair.path, "holds the copy that is to stay")
            self._ask(pair.path, pair.keep, step.kind == "folder")
            found.append((pair, victim, keep))
            for ours, its in ((pair.path, step.path), (pair.keep, step.keep)):
                if at and os.path.dirname(ours) != os.path.dirname(its):
                    raise StepSkipped(ours, "stands in another folder than what it belongs to")
        for nested in step.nested:
            inside = nested.path != step.path and is_below(nested.path, step.path)
            if not inside or is_below(nested.keep, step.path):
                raise StepSkipped(nested.path, "is not nested in the step, or its other copy is")
            if self.places.root_of(nested.keep) is None:
                raise StepSkipped(nested.keep, "is in no scanned folder that is there now")
            is_folder = _is_folder(nested.path)
            self._ask(nested.path, nested.keep, is_folder, step.path, step.is_member)
        if step.is_member:
            pass  # it leaves with everything in it, so nothing is parted
        elif step.kind == "folder":
            self._check_nested_files(step)
        elif self.plan.options.action.takes_file_away:
            self._check_together(step, list(step.pairs), {})
        return found

    def _ask(
        self,
        path: bytes,
        keep: bytes,
        is_folder: bool,
        around: bytes | None = None,
        is_part: bool = False,
    ) -> None:
        if any(each in self._going for each in path_and_parents(keep)):
            raise StepSkipped(path, f"counts on {path_text(keep)}, which is a step itself")
        try:
            site, kept = (self.places.context(each, is_folder) for each in (path, keep))
            if is_part:
                refusal = self.guard.refusal_for_part(site, kept)
            else:
                refusal = self.guard.refusal_for(site, kept, around)
        except OSError as error:
            if os.path.lexists(path) and not os.path.lexists(keep):
                raise StepSkipped(keep, KEPT_IS_MISSING) from error
            raise StepSkipped(path, os_error_text(error)) from error
        if refusal is not None:
            raise StepSkipped(path, _words(refusal), beside=refusal.rule is SafetyRule.LINKED)

    def _check_nested_files(self, step: PlanStep) -> None:
        """Apply the rules for single files to those in a folder whose copies are elsewhere.

        Such a copy is kept in place of the one that the folder's own copy has there, and that is
        removed.
        """
        folders = [RemovalPair(step.path, step.keep)]
        folders += [each for each in step.nested if _is_folder(each.path)]
        sets: dict[bytes, list[RemovalPair]] = {}
        ours: dict[bytes, bytes] = {}
        for each in step.nested:
            if each not in folders:
                around = [top for top in folders if is_below(each.path, top.path)]
                top = max(around, key=lambda pair: len(pair.path))
                goes = join(top.keep, relative_path(each.path, top.path))
                if goes != each.keep:
                    ours[goes] = each.path
                    sets.setdefault(os.path.dirname(goes), []).append(RemovalPair(goes, each.keep))
        for pairs in sets.values():
            self._check_together(step, pairs, ours)

    def _check_together(
        self, step: PlanStep, pairs: Sequence[RemovalPair], ours: Mapping[bytes, bytes]
    ) -> None:
        """Check files removed from one folder: each with all that belongs to it, or not at all.

        Files in use are refused, the pictures of an album are removed together, and names that must
        be kept are kept. ``ours`` has the path of a file if it differs from the one in its pair.
        Raises StepSkipped.
        """
        real = {pair.path: ours.get(pair.path, pair.path) for pair in pairs}
        kept_in = {real[pair.path]: os.path.dirname(pair.keep) for pair in pairs}
        try:
            for pair in pairs:
                for path in self.places.companions(real[pair.path]):
                    is_with_it = kept_in.get(path) == os.path.dirname(pair.keep)
                    if not is_with_it and not self.guard.is_gone(path):
                        cause = "belongs to a file that would go without it (sidecar)"
                        raise StepSkipped(path, cause, beside=True)
                for path in (real[pair.path], pair.keep):
                    sign = self.places.sign_of_use(path)
                    if sign is not None:
                        raise StepSkipped(path, f"{in_use_cause(sign)} (sidecar)")
            wrong = name_refusal(
                pairs,
                lambda path: self.places.size_of(real[path]),
                lambda path: self._companion_names(real.get(path, path)),
                self.plan.options,
            )
            if wrong is not None:
                raise StepSkipped(real[wrong[0]], _words(wrong[1]))
            here = os.path.dirname(real[pairs[0].path])
            names = [
                name
                for name in self.places.files_in(here)
                if not self.guard.is_gone(join(here, name))
            ]
            folder = os.path.dirname(pairs[0].path)
            refusal = album_refusal(folder, names, pairs, self.plan.options)
            if refusal is not None:
                raise StepSkipped(step.path, _words(refusal), beside=True)
        except OSError as error:
            raise StepSkipped(step.path, os_error_text(error)) from error

    def _companion_names(self, path: bytes) -> list[bytes]:
        return [os.path.basename(each) for each in self.places.companions(path)]

    def _refuse_irreplaceable(
        self, step: PlanStep, victim: FileLocation, keep: FileLocation, sighting: TreeSnapshot
    ) -> None:
        """Skip files that no link, or no shared blocks, can replace."""
        action = self.plan.options.action
        if step.kind == "folder":
            raise StepSkipped(step.path, f"is a folder, which no {action} can stand for")
        try:
            with victim.opened_file() as file, keep.opened_file() as other:
                cause = unsupported_cause(action, victim.kind, file, other)
                if cause is None and action is DedupeAction.HARDLINK:
                    facts, (_, kept) = sighting.victim[b""], sighting.survivors[0]
                    attributes = (extended_attributes(each) for each in (file, other))
                    cause = hard_link_refusal(facts, kept, *attributes)
        except OSError as error:
            raise StepSkipped(victim.path, os_error_text(error), failed=True) from error
        if cause is not None:
            raise StepSkipped(victim.path, cause)

    def _sighted(
        self, step: PlanStep, pair: RemovalPair, victim: FileLocation, keep: FileLocation
    ) -> TreeSnapshot:
        nested: dict[bytes, FileLocation] = {}
        for each in step.nested:
            spot = self.places.location(each.keep)
            assert spot is not None  # checked before
            nested[relative_path(each.path, step.path)] = spot
        try:
            witness = replace(self.witness, carries_links=step.is_member)
            parts = MemberParts(
                self.left_before(step),
                step.regenerable,
                step.repositories,
                dict(step.in_history),
                step.later,
            )
            sighting = witness.compare(victim, keep, nested, parts=parts)
        except ContentDiffers as different:
            raise StepSkipped(different.path, different.cause) from different
        except OSError as error:
            if os.path.lexists(pair.path) and not os.path.lexists(pair.keep):
                raise StepSkipped(pair.keep, KEPT_IS_MISSING) from error
            raise StepSkipped(pair.path, os_error_text(error)) from error
        top = sighting.victim[b""]
        if stat.S_ISDIR(top.st_mode) != (step.kind == "folder"):
            raise StepSkipped(pair.path, f"is no {step.kind} any more")
        for spot, _ in sighting.survivors:
            if any(each in self._going for each in path_and_parents(spot.path)):
                raise StepSkipped(pair.path, f"counts on {path_text(spot.path)}, which goes too")
        if b"" in sighting.one_copy:
            raise StepSkipped(pair.path, SAME_BLOCKS)
        devices = {facts.st_dev for _, facts in sighting.survivors}
        if devices - {top.st_dev} and not self.plan.options.across_volumes:
            raise StepSkipped(pair.path, "has its other copy on another volume")
        for inner in sighting.victim:
            refusal = self.guard.protected(victim.at(inner).path)
            if inner and refusal is None:
                refusal = cloud_pointer_refusal(os.path.basename(inner))
            if refusal is not None:
                raise StepSkipped(victim.at(inner).path, _words(refusal))
        return sighting


def _words(refusal: Refusal) -> str:
    return f"{refusal.cause} ({refusal.rule})"


def _is_folder(path: bytes) -> bool:
    """Return whether a path is a folder and not a link to one; a missing one is found out later."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_for(step: PlanStep, copy: CopyStep) -> bool:
    """Return whether a copy that a plan makes is one that a step of it may need."""
    if is_below(copy.target, step.path):
        return False
    if copy.is_brought:
        if copy.source == step.path or not is_below(copy.source, step.path):
            return False
        inner = relative_path(copy.source, step.path)
        is_git = any(map(is_version_control, inner.split(b"/")))
        return copy.target == join(step.keep, inner) and not is_git
    return copy.source == step.path and os.path.dirname(copy.target) == step.keep + SHELF

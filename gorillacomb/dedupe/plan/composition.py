"""Combine the steps of a plan with those that they make possible into one plan."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gorillacomb.dedupe.model import PlanStep, RemovalPair
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.fs.paths import is_below, join, path_and_parents, relative_path


@dataclass(slots=True)
class StepComposition:
    """Adds later steps to earlier ones, so that all of them can be done at once.

    A copy that an earlier step keeps may be removed by a later step: then the earlier step relies
    on what is kept for that one. What an earlier step removes may be in a folder that a later step
    removes: then it becomes part of that step, with its own copy to keep.
    """

    sites: IndexLocations
    """Those of the index before any step has changed it."""
    steps: list[PlanStep] = field(default_factory=list)
    parts: dict[bytes, list[bytes]] = field(default_factory=dict)
    """By the path of a folder's step: the paths of the earlier steps that are part of it."""
    _turns: int = 0
    """How many times steps were added."""

    def add(self, later: Sequence[PlanStep]) -> None:
        """Add steps for what the index contains once the steps added before are done."""
        if self._turns:
            later = [replace(step, turn=self._turns) for step in later]
        self._turns += 1
        if not self.steps:
            self.steps = list(later)
            return
        kept = _KeptCopies(later)
        tops = {step.path: step for step in later if step.kind == "folder"}
        inside: dict[bytes, list[PlanStep]] = {}
        found: list[PlanStep] = []
        for step in self.steps:
            moved = self._moved(step, kept)
            around = next((each for each in path_and_parents(step.path) if each in tops), None)
            if around is None:
                found.append(moved)
            else:
                inside.setdefault(around, []).append(moved)
        for step in later:
            parts = inside.get(step.path, ())
            found.append(_with_parts(step, parts))
            for part in parts:
                paths = self.parts.setdefault(step.path, [])
                paths += [pair.path for pair in part.pairs]
                paths += self.parts.pop(part.path, ())
        self.steps = found

    def _moved(self, step: PlanStep, kept: _KeptCopies) -> PlanStep:
        """Return the same step with the copy that is kept once the later steps are done."""
        keep = kept.instead_of(step.keep)
        if step.kind == "file":
            sidecars = (RemovalPair(it.path, kept.instead_of(it.keep)) for it in step.sidecars)
            return replace(step, keep=keep, sidecars=tuple(sidecars))
        pairs = {step.path: step.keep, **{it.path: it.keep for it in step.nested}}
        found = {path: kept.instead_of(each) for path, each in pairs.items()}
        for path, each in pairs.items():
            for gone in kept.below(each):
                inner = join(path, relative_path(gone, each))
                if _innermost(inner, pairs) == path and self._exists(inner):
                    found.setdefault(inner, kept.of[gone])
        return replace(step, keep=keep, nested=_nested(step.path, found))

    def _exists(self, path: bytes) -> bool:
        if self.sites.folder_at(path) is not None:
            return True
        folder = self.sites.folder_at(os.path.dirname(path))
        return folder is not None and os.path.basename(path) in self.sites.sizes_in(folder)


class _KeptCopies:
    """What steps remove, and what they keep for it."""

    def __init__(self, steps: Iterable[PlanStep]) -> None:
        self.of = {pair.path: pair.keep for step in steps for pair in (*step.pairs, *step.nested)}
        """By path: of what is removed, and of what is nested in it."""
        self._paths = sorted(self.of)

    def instead_of(self, path: bytes) -> bytes:
        """Return what is kept for a path; the path itself if it is not removed."""
        at = _innermost(path, self.of)
        return path if at is None else join(self.of[at], relative_path(path, at))

    def below(self, path: bytes) -> Iterator[bytes]:
        """Return what is removed below a path."""
        for at in range(bisect_right(self._paths, join(path, b"\0")), len(self._paths)):
            if not is_below(self._paths[at], path):
                return
            yield self._paths[at]


def _innermost(path: bytes, tops: Iterable[bytes]) -> bytes | None:
    return next((each for each in path_and_parents(path) if each in tops), None)


def _nested(top: bytes, pairs: dict[bytes, bytes]) -> tuple[RemovalPair, ...]:
    """Return the pairs below a top that add something to those around them."""
    found: dict[bytes, bytes] = {top: pairs[top]}
    for path in sorted(pairs, key=lambda each: (each.count(b"/"), each)):
        if path != top:
            around = _innermost(os.path.dirname(path), found)
            assert around is not None, "it is below the top"
            if pairs[path] != join(found[around], relative_path(path, around)):
                found[path] = pairs[path]
    return tuple(RemovalPair(path, keep) for path, keep in found.items() if path != top)


def _with_parts(step: PlanStep, parts: Sequence[PlanStep]) -> PlanStep:
    if not parts:
        return step
    pairs = {it.path: it.keep for it in (RemovalPair(step.path, step.keep), *step.nested)}
    for part in parts:
        pairs |= {it.path: it.keep for it in (*part.pairs, *part.nested)}
    return replace(
        step,
        files=step.files + sum(part.files for part in parts),
        nested=_nested(step.path, pairs),
    )

"""Choose the run to take back, and which of its items."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gorillacomb.api.dedupe.history import traced_quarantines, traced_runs
from gorillacomb.api.paths import PathInput, absolute_path
from gorillacomb.api.text import format_time
from gorillacomb.dedupe.model import DROP
from gorillacomb.dedupe.quarantine.bases import base_of_run
from gorillacomb.dedupe.quarantine.inventory import RecordedRun, recorded_runs
from gorillacomb.dedupe.quarantine.items import ItemState, RunItem, items_at, items_of
from gorillacomb.dedupe.quarantine.journal_entries import DONE, PURGED
from gorillacomb.dedupe.quarantine.run_folders import is_empty_run
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import UsageError, VaultError, near_names
from gorillacomb.fs.paths import join, path_text
from gorillacomb.index.database import Index

_NEAREST = 3
_COMPARED = 2000
"""Paths that are compared letter by letter, which is slow for very many."""


@dataclass(frozen=True, slots=True)
class ChosenRun:
    """The run to take back, and which of its items."""

    name: str
    bases: list[bytes]
    only: list[bytes]
    """Absolute paths of the only items to take back; empty for all."""


def run_in_folder(path: bytes, only: Sequence[PathInput]) -> ChosenRun:
    """Choose a run by its folder in a quarantine. Raises UsageError."""
    folder = os.path.realpath(path)
    try:
        base, name = base_of_run(folder)
    except ValueError as error:
        raise UsageError(
            f"Taking back {path_text(folder)} failed: {error}.",
            "Name a folder .gorillacomb/quarantine/RUN.",
        ) from error
    if is_empty_run(base, name):
        raise UsageError(
            f"{path_text(folder)} contains nothing to take back.",
            "Its run was interrupted before it moved anything there.",
        )
    return ChosenRun(name, [base], _wanted(only, name, recorded_runs((), [(base, name)])))


def run_by_name(
    index: Index, named: str, only: Sequence[PathInput], warnings: list[str]
) -> ChosenRun:
    """Choose a run by its name, or the last one, among those with quarantined items.

    With paths, choose the last one that quarantined one of them. An empty name means the last run.
    What cannot be read is added to ``warnings``. Raises UsageError.
    """
    every = _known(index, named, warnings)
    known = [each for each in every if each.is_open or (named and _has_copies(each))]
    names = sorted({each.run for each in known}, reverse=True)
    if named and named not in names:
        runs = recorded_runs(live_roots_of(index, moved=True))
        deleted = [each.base for each in runs if _was_deleted(each, named)]
        if deleted and not only:
            return ChosenRun(named, deleted, [])  # to say where the copies are
        raise UsageError(
            f"There is no run {named!r} with anything to take back.",
            "`gorillacomb dedupe --history` lists the runs.",
        )
    # What a drop added may be the only copy by now: it is taken back only if it is named.
    last = [name for name in names if not _is_drop(known, name)]
    name = named or next((each for each in last if not only or _has(known, each, only)), "")
    if not name and only:
        knew = _last_that_knew(index, only)
        known, name = (knew, knew[0].run) if knew else (known, "")
    if not name and names and not last and not only:
        raise UsageError(
            "No quarantine contains anything to put back.",
            f"To remove again what the last drop added: gorillacomb dedupe --undo {names[0]}",
        )
    if not name and not names:
        raise UsageError("No quarantine contains anything to put back.", "\n".join(warnings))
    parts = [each for each in known if name in (each.run, "")]
    # Where it only copied something for what it moved on another drive, or in another root.
    parts += [each for each in every if each.run == name and each not in parts]
    return ChosenRun(name, [each.base for each in parts], _wanted(only, name, parts))


def _last_that_knew(index: Index, only: Sequence[PathInput]) -> list[RecordedRun]:
    """Return the last run that quarantined something at one of some paths."""
    paths = list(map(absolute_path, only))
    runs = list(recorded_runs(live_roots_of(index, suspect=True, moved=True)))
    knew = [each.run for each in runs if any(any(items_at(each, path)) for path in paths)]
    return [each for each in runs if knew and each.run == max(knew)]


def _is_drop(runs: Iterable[RecordedRun], name: str) -> bool:
    return any(each.run == name and each.recorded.action == DROP for each in runs)


def _was_deleted(run: RecordedRun, named: str) -> bool:
    return run.run == named and any(each.state == PURGED for each in run.recorded.steps.values())


def _known(index: Index, named: str, warnings: list[str]) -> list[RecordedRun]:
    """Return the runs in quarantines of roots; a named one even if its root was forgotten."""
    roots = live_roots_of(index, suspect=True, moved=True)
    found = list(recorded_runs(roots, waiting=True, invalid=warnings))
    known = {(each.base, each.run) for each in found}
    begun = (each for each in recorded_runs(roots) if _has_copies(each))
    found += [each for each in begun if (each.base, each.run) not in known]
    if any(each.run == named for each in found) or (found and not named):
        return found
    try:
        entries = traced_runs(index.vault, warnings)
    except VaultError:
        return found  # what is wrong is reported when the undo is to be recorded
    also = traced_quarantines(entries)
    return list(recorded_runs(roots, also, waiting=True, invalid=warnings))


def _has_copies(run: RecordedRun) -> bool:
    """Return whether something that a run copied is at its place, or was left half done."""
    return run.has_copies_that_stayed or any(
        copy.state != DONE or os.path.lexists(join(run.base, copy.path))
        for copy in run.recorded.copies_left()
    )


def _has(known: Iterable[RecordedRun], name: str, only: Sequence[PathInput]) -> bool:
    paths = list(map(absolute_path, only))
    return any(_waiting_at(each, path) for each in known if each.run == name for path in paths)


def _waiting_at(run: RecordedRun, path: bytes) -> bool:
    return any(item.state is ItemState.WAITING for item in items_at(run, path))


def _wanted(only: Sequence[PathInput], name: str, parts: Iterable[RecordedRun]) -> list[bytes]:
    """Return the absolute paths wanted of a run. Raises UsageError if it lacks one."""
    parts = list(parts) if only else []
    found = []
    for path in map(absolute_path, only):
        items = [item for each in parts for item in items_at(each, path)]
        if not any(item.state is ItemState.WAITING for item in items):
            raise _not_waiting(path, name, items, parts)
        found.append(path)
    return found


def _not_waiting(
    path: bytes, name: str, items: Sequence[RunItem], parts: Iterable[RecordedRun]
) -> UsageError:
    shown = path_text(path)
    advice = f"`gorillacomb dedupe --history {name or 'RUN'}` lists what the run quarantined."
    if items:
        item = items[-1]
        when = "" if item.ended_ns is None else f" ({format_time(item.ended_ns)})"
        places = [place.path for place in item.kept_in] or [item.keep] * bool(item.keep)
        kept = f" Kept for it: {', '.join(map(path_text, places))}." if places else ""
        return UsageError(
            f"{shown} is not in the quarantine of run {name}: {item.state}{when}.",
            advice + kept,
        )
    waiting = [
        item.path for each in parts for item in items_of(each) if item.state is ItemState.WAITING
    ]
    near = nearest_paths(path, waiting)
    if near:
        advice += f" Nearest: {', '.join(map(path_text, near))}."
    which = f"Run {name} quarantined nothing" if name else "No known run quarantined anything"
    return UsageError(f"{which} at {shown}.", advice)


def nearest_paths(path: bytes, paths: Sequence[bytes]) -> list[bytes]:
    """Return the paths most similar to one: first those with its name."""
    name = path.rpartition(b"/")[2]
    same = [each for each in paths if each.rpartition(b"/")[2] == name]
    texts = {os.fsdecode(each): each for each in paths[:_COMPARED]}
    like = near_names(os.fsdecode(path), texts, _NEAREST)
    found = dict.fromkeys([*same, *(texts[each] for each in like), *paths])
    return list(found)[:_NEAREST]

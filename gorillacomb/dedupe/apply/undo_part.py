"""Put back one item from a folder that a step quarantined as a whole.

The journal records what is about to be put back before it is moved, and that it is back afterwards.
The rest of the step stays in the quarantine: a later undo moves it beside what is back, and
emptying the quarantine deletes it alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from gorillacomb.dedupe.apply.folder_times import FolderTimes
from gorillacomb.dedupe.model import StepProblem
from gorillacomb.dedupe.quarantine.inventory import size_below
from gorillacomb.dedupe.quarantine.items import kept_for, places_now
from gorillacomb.dedupe.quarantine.journal_entries import (
    DONE,
    PURGING,
    UNDONE,
    MovedItem,
    ReturnedItem,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.partial import (
    holds_nothing_more,
    missing_folders,
    put_back_part,
)
from gorillacomb.dedupe.quarantine.run import Quarantine, read_run, why_not_yet
from gorillacomb.dedupe.quarantine.run_folders import begun_runs
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import is_below, join, join_relative, relative_path


@dataclass(frozen=True, slots=True)
class StepPart:
    """Something inside a folder that a step quarantined."""

    step: str
    move: MovedItem
    inner: bytes
    """Its path relative to that folder."""

    @property
    def path(self) -> bytes:
        """Its path relative to the base."""
        return join_relative(self.move.path, self.inner)


def chosen_of(run: Quarantine, paths: Sequence[bytes]) -> tuple[set[str], list[StepPart]]:
    """Choose the steps that quarantined items at or in absolute paths, and parts of others.

    A step comes back as a whole: a photo with what belongs to it.
    """
    recorded = run.journal.recorded
    paths = [now for path in paths for now in places_now(path, run.base, recorded)]
    steps: set[str] = set()
    whole: set[bytes] = set()
    parts: dict[bytes, StepPart] = {}
    for record in recorded.held():
        for move in record.moves:
            place = join(run.base, move.path)
            for path in paths:
                if is_below(place, path) or (record.is_empty_folder and is_below(path, place)):
                    steps.add(record.step)
                    whole.add(move.path)
                elif is_below(path, place) and not record.emptied:
                    part = StepPart(record.step, move, relative_path(path, place))
                    # A copy of a tree that was in another one left before it.
                    if part.path not in parts or _has(run, part):
                        parts[part.path] = part
    around = set(parts)
    return steps, [
        part
        for part in parts.values()
        if part.step not in steps
        and (part.path not in whole or _has(run, part))
        and not any(is_below(part.path, path) for path in around - {part.path})
    ]


def _has(run: Quarantine, part: StepPart) -> bool:
    """Return whether a part is in the quarantine."""
    return os.path.lexists(run.slot_location(part.move.slot).at(part.inner).path)


def open_folders_put_back_before(run: Quarantine) -> None:
    """Allow merging with folders that an undo of another run put in place.

    If a photo is put back from an album, and a later run quarantines the rest of the album, now
    small, then whichever run is taken back first, the other one finds a folder in the album's
    place: what was put back is in it, or around it. A copy of a tree is one thing, and is not mixed
    with another one.
    """
    waiting = {
        move.path: move.slot
        for record in run.journal.recorded.held()
        for move in record.moves
        if record.kind == "folder" and not record.is_member
        if os.path.isdir(join(run.base, move.path))
    }
    for name in begun_runs(run.base) if waiting else ():
        with suppress(UntrustedInput):
            for record in read_run(run.base, name).steps.values():
                items = record.moves if record.state == UNDONE else record.back
                for item in items:
                    run.journal.recorded.opened |= {
                        slot
                        for path, slot in waiting.items()
                        if is_below(item.path, path) or is_below(path, item.path)
                    }


def undo_part(
    run: Quarantine, part: StepPart, now: Callable[[], int]
) -> tuple[StepRecord, StepProblem | None]:
    """Put a part of a step back, durably.

    Return the step as if it had contained that part alone, and why it was not put back. The caller
    holds the lock. Raises OSError if the journal cannot be written.
    """
    record = run.journal.recorded.steps[part.step]
    place, slot = run.original_location(part.move), run.slot_location(part.move.slot)
    files, size = size_below(slot.at(part.inner).path)
    keep = kept_for(record, part.move, part.inner)
    move = replace(part.move, path=part.path, keep=keep)
    alone = replace(record, files=files, size=size, moves=(move,))
    early = why_not_yet(run, record)
    if early is not None:
        return alone, StepProblem(join(run.base, part.path), early)
    made = missing_folders(place, part.inner)
    item = ReturnedItem(part.path, made=made)
    _note(run, replace(record, back=(item,)))
    cause = _carry_out(run, part, made)
    if cause is not None:
        if os.path.lexists(slot.at(part.inner).path):  # else the next run finds it at its place
            _note(run, replace(record, back=(replace(item, cause=cause),)))
        return alone, StepProblem(join(run.base, part.path), cause)
    left = replace(record, files=max(record.files - files, 0), size=max(record.size - size, 0))
    _note(run, replace(left, back=(replace(item, when_ns=now()),)))
    _end_if_empty(run, part, now)
    return alone, None


def _carry_out(run: Quarantine, part: StepPart, made: int) -> str | None:
    """Move a part back; return why not."""
    move = part.move
    place, slot = run.original_location(move), run.slot_location(move.slot)
    times = FolderTimes(run, [move])
    try:
        put_back_part(slot, place, part.inner, made)
    except OSError as error:
        return os_error_text(error)
    times.restore()
    return None


def _note(run: Quarantine, record: StepRecord) -> None:
    """Write a step's line once more; one whose deletion had begun keeps that state."""
    if record.state == PURGING:
        run.journal.note([replace(record, state=DONE), replace(record, back=())])
    else:
        run.journal.note([record])


def _end_if_empty(run: Quarantine, part: StepPart, now: Callable[[], int]) -> None:
    """Mark a step as undone if only folders that are already back are left of it."""
    record = run.journal.recorded.steps[part.step]
    place, slot = run.original_location(part.move), run.slot_location(part.move.slot)
    if len(record.moves) > 1 or not run.has_slot(part.move) or not holds_nothing_more(slot, place):
        return
    run.put_back(part.move)
    run.sync_put_back(record.moves)
    run.journal.note([replace(record, state=UNDONE, cause=None, when_ns=now())])


def finish_parts(run: Quarantine, now: Callable[[], int]) -> Iterator[StepProblem]:
    """Put back what was about to be put back when a run was killed; report each."""
    for record in run.journal.recorded.held():
        for item in record.back:
            for move in record.moves:
                if item.when_ns is not None or not is_below(item.path, move.path):
                    continue
                part = StepPart(record.step, move, relative_path(item.path, move.path))
                # The run may have been killed before it was synced.
                _note(run, replace(run.journal.recorded.steps[record.step], back=(item,)))
                cause = _carry_out(run, part, item.made)
                ended = replace(item, when_ns=now() if cause is None else None, cause=cause)
                _note(run, replace(run.journal.recorded.steps[record.step], back=(ended,)))
                if cause is None:
                    _end_if_empty(run, part, now)
                yield StepProblem(join(run.base, item.path), cause or "put back")

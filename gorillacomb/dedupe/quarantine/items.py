"""The items of a run, one by one: where each was, where it is, and what became of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from gorillacomb.dedupe.model import KeptPlace
from gorillacomb.dedupe.quarantine.inventory import (
    BLOCK,
    RecordedRun,
)
from gorillacomb.dedupe.quarantine.journal_entries import (
    HELD,
    PURGED,
    PURGING,
    UNDONE,
    JournalContents,
    KeptCopy,
    MovedItem,
    ReturnedItem,
    StepRecord,
)
from gorillacomb.fs.paths import is_below, join, join_relative, relative_path


class ItemState(StrEnum):
    """What became of an item of a run."""

    WAITING = "waiting"
    PUT_BACK = "put back"
    PURGED = "purged"
    NOT_DONE = "not done"
    MISSING = "missing"
    """It is neither in the quarantine nor at its place, and no journal says why."""


@dataclass(frozen=True, slots=True)
class RunItem:
    """A file or folder that a run quarantined, and what became of it; absolute paths."""

    run: str
    action: str
    step: str
    kind: str
    """``file`` or ``folder``."""
    state: ItemState
    path: bytes
    aside: bytes
    """Where it is, or was, in the quarantine."""
    keep: bytes
    """The copy that was kept for it; empty for an empty folder, and for what a lock file makes
    again."""
    set_aside_ns: int
    ended_ns: int | None
    """When it was put back or deleted; None while it is in the quarantine."""
    cause: str | None
    """Why it was not done, is stuck, or is only partly left."""
    files: int = 0
    """Files in it when it was quarantined, as a plan counts them: without system files such as
    .DS_Store, except in a copy of a tree that left as a whole. While it waits, without those that
    were put back alone; 0 for a folder that was put back, or found, alone."""
    size: int = 0
    """Bytes on disk of those; 0 for what was removed along with another file. Of a file that was
    put back alone, those that it has now."""
    kept_in: tuple[KeptPlace, ...] = ()
    """Where the files of a folder are kept, most files first; empty if that is ``keep`` alone."""
    is_part: bool = False
    """Whether it is in an item, or was put back before the rest of its step."""
    kept_object: bytes = b""
    """If ``keep`` is a `.git`: the id of the object in it with the content of a file."""
    belongs_to: bytes = b""
    """The file with which it was removed, and in whose ``size`` it is counted; empty if none."""


def items_of(run: RecordedRun) -> Iterator[RunItem]:
    """Yield every item of a run, in the order in which they were quarantined.

    Folders that it emptied are included only if their paths are asked for.
    """
    for record in run.recorded.steps.values():
        if record.emptied and not record.is_empty_folder:
            continue
        for move in record.moves:
            yield _item(run, record, move)
        for back in record.back:
            yield _returned_item(run, record, back)


def items_at(run: RecordedRun, path: bytes) -> Iterator[RunItem]:
    """Yield the items of a run that were at an absolute path, in it, or around it.

    For an item around it, yield the part at the path, if there was one. The path may also be one
    from when the base was elsewhere.
    """
    paths = places_now(path, run.base, run.recorded)
    for record in run.recorded.steps.values():
        for wanted in paths:
            for move in record.moves:
                item = _item(run, record, move)
                is_inside = is_below(wanted, item.path)
                if is_below(item.path, wanted) or (is_inside and record.is_empty_folder):
                    yield item  # an empty folder comes back as a whole
                elif is_inside and not record.emptied:
                    yield from _part(run, record, move, item, wanted)
            for back in record.back:
                place = join(run.base, back.path)
                if is_below(place, wanted):
                    yield _returned_item(run, record, back)


def items_kept_for(run: RecordedRun, path: bytes) -> Iterator[RunItem]:
    """Yield the items of a run, or parts of them, whose kept copy is at an absolute path.

    A part that is no longer in the quarantine is skipped.
    """
    for record in (each for each in run.recorded.steps.values() if not each.emptied):
        for move in record.moves:
            whole = _item(run, record, move)
            for inner in _counterparts(run, record, move, path):
                if not inner:
                    yield whole
                else:
                    yield from _part(run, record, move, whole, join(whole.path, inner))


def _counterparts(run: RecordedRun, record: StepRecord, move: MovedItem, path: bytes) -> set[bytes]:
    """Return which parts of an item have their kept copy at a path; empty for all of it."""
    kept = [(b"", move.keep), *(record.nested if move is record.moves[0] else ())]
    found = {
        join_relative(inner, rest) if (rest := relative_path(path, keep.at(run.base))) else inner
        for inner, keep in kept
        if is_below(path, keep.at(run.base))
    }
    return {each for each in found if kept_for(record, move, each).at(run.base) == path}


def places_now(path: bytes, base: bytes, recorded: JournalContents) -> set[bytes]:
    """Return a path, and where it is now if it dates from when the base was elsewhere."""
    if not is_below(path, recorded.base):
        return {path}
    return {path, join(base, relative_path(path, recorded.base))}


def _item(run: RecordedRun, record: StepRecord, move: MovedItem) -> RunItem:
    path = join(run.base, move.path)
    state, ended, cause = ItemState.WAITING, None, record.cause
    if record.state == PURGED:
        state, ended = ItemState.PURGED, record.when_ns
    elif record.state == UNDONE:
        state, ended = ItemState.PUT_BACK, record.when_ns
    elif move.slot in run.slots:
        if record.state == PURGING:
            cause = "its deletion was begun: part of it may be gone"
    elif record.state not in HELD:
        state, cause = ItemState.NOT_DONE, cause or "the run was interrupted"
    else:
        # The run that takes it back may have been killed before the journal says so.
        state = ItemState.PUT_BACK if os.path.lexists(path) else ItemState.MISSING
    return RunItem(
        run.run,
        run.recorded.action,
        record.step,
        record.kind,
        state,
        path,
        join(run.folder, move.slot),
        b"" if record.is_empty_folder else move.keep.at(run.base),
        record.set_aside_ns,
        ended,
        cause,
        1 if record.kind == "file" else _copies_in(record, state),
        _size_of(record, state) if move is record.moves[0] else 0,
        record.kept_places(run.base),
        belongs_to=b"" if move is record.moves[0] else join(run.base, record.moves[0].path),
    )


def _copies_in(record: StepRecord, state: ItemState) -> int:
    """Count the files that a step for a folder quarantined, as a plan counts them.

    That is without system files, except in a copy of a tree that left as a whole. While it waits,
    those that were put back alone do not count.
    """
    left = record.files if state is ItemState.WAITING else record.files_set_aside
    files = left or record.files
    return files if record.is_member else max(files - record.system_files, 0)


def _size_of(record: StepRecord, state: ItemState) -> int:
    """Return the bytes on disk of those."""
    left = record.size if state is ItemState.WAITING else record.size_set_aside
    return left or record.size


def _part(
    run: RecordedRun, record: StepRecord, move: MovedItem, whole: RunItem, path: bytes
) -> Iterator[RunItem]:
    """Describe what was at a path inside an item, if anything was."""
    inner = relative_path(path, whole.path)
    is_made_again = any(is_below(inner, each) for each in record.regenerable)
    keep = b"" if is_made_again else kept_for(record, move, inner).at(run.base)
    aside = join(whole.aside, inner)
    oid = dict(record.in_history).get(inner, b"") if move is record.moves[0] else b""
    part = replace(whole, path=path, aside=aside, keep=keep, files=0, size=0, kept_in=())
    part = replace(part, is_part=True, kept_object=oid)
    for back in record.back:
        place = join(run.base, back.path)
        if path == place:
            return  # reported among what was put back alone
        if is_below(path, place):
            yield replace(_returned_item(run, record, back), path=path, aside=part.aside, keep=keep)
            return
    was_there = part.aside if whole.state is ItemState.WAITING else keep
    if os.path.lexists(was_there):
        is_folder = os.path.isdir(was_there) and not os.path.islink(was_there)
        yield replace(part, kind="folder" if is_folder else "file")


def _returned_item(run: RecordedRun, record: StepRecord, back: ReturnedItem) -> RunItem:
    """Describe an item that was put back before the rest of its step."""
    path = join(run.base, back.path)
    around = next((each for each in record.moves if is_below(back.path, each.path)), None)
    aside, keep = run.folder, back.keep
    if around is not None:
        inner = relative_path(back.path, around.path)
        aside = join(join(run.folder, around.slot), inner)
        keep = kept_for(record, around, inner)
    waits = back.when_ns is None and os.path.lexists(aside)
    files, size = _file_at(aside if waits else path)
    return RunItem(
        run.run,
        run.recorded.action,
        record.step,
        "folder" if os.path.isdir(path) and not os.path.islink(path) else "file",
        ItemState.WAITING if waits else ItemState.PUT_BACK,
        path,
        aside,
        b"" if keep is None else keep.at(run.base),
        record.set_aside_ns,
        back.when_ns,
        None,
        files,
        size,
        is_part=True,
    )


def _file_at(path: bytes) -> tuple[int, int]:
    """Count the file at a path, and its bytes on disk; nothing for a link or a folder."""
    try:
        facts = os.lstat(path)
    except OSError:
        return 0, 0
    return (1, facts.st_blocks * BLOCK) if stat.S_ISREG(facts.st_mode) else (0, 0)


def kept_for(record: StepRecord, move: MovedItem, inner: bytes) -> KeptCopy:
    """Return the copy that is kept for what was at a path inside an item of a step."""
    rest, keep = inner, move.keep
    if move is record.moves[0]:
        if inner in dict(record.in_history):
            return replace(keep, path=join(keep.path, b".git"))
        around = [(path, kept) for path, kept in record.nested if is_below(inner, path)]
        for path, kept in sorted(around, key=lambda pair: len(pair[0]))[-1:]:
            return replace(kept, path=join(kept.path, relative_path(inner, path)))
        for path in record.repositories:
            if is_below(inner, path):  # in whatever form
                rest = path
    return replace(keep, path=join(keep.path, rest))

"""The scan workers: how many there are, and how each performs a task in its process."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

from gorillacomb.fs.block_device import is_rotational
from gorillacomb.fs.bounded_read import read_unchanged
from gorillacomb.fs.drive_errors import DriveFailureCounter, is_lost_cause, is_lost_drive
from gorillacomb.fs.openat import OpenFolders, open_file
from gorillacomb.hashing import digest_of_descriptor, drop_page_cache, probe_of_descriptor
from gorillacomb.index.rows import (
    CAUSE,
    CHECKED,
    DIGEST,
    MTIME,
    NAME,
    PROBE,
    SIZE,
    STATE,
    EntryRow,
    with_changes,
)
from gorillacomb.index.snapshot import IndexSnapshot
from gorillacomb.model import DAMAGE, EntryState
from gorillacomb.scan.damage import classify_change, classify_late_change
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.read_file import (
    ATTEMPTS,
    HAS_PLACEHOLDERS,
    failed_row,
    hashed_row,
    row_of,
    stat_row,
    without_false_alarm,
)
from gorillacomb.scan.root_registry import MountedFolder
from gorillacomb.scan.tasks import (
    HashItem,
    HashResult,
    HashTask,
    RootContext,
    ScanTask,
    ScanTaskResult,
)
from gorillacomb.scan.visitor import visit_folders
from gorillacomb.workers.worker import Advance, InlineWorkers, Workers

_SMALL_TREE = 600
"""Entries; a smaller tree is done before a pool would have started."""
_SMALL_BYTES = 64 << 20
"""Bytes; likewise, for the content of all its files."""
_FEW_FOLDERS = 200


def start_scan_workers(places: Sequence[MountedFolder], options: ScanOptions) -> Workers:
    """Start a worker pool, or work inline for small trees."""
    count = options.workers
    few = options.changed is not None and len(options.changed) <= _FEW_FOLDERS
    if count == 0 or (count is None and (few or _is_small(places))):
        return InlineWorkers(ScanWorker)
    from gorillacomb.workers.pool import start_pool  # imports multiprocessing, sockets and the like

    return start_pool(count, ScanWorker, lambda: all(is_rotational(each.path) for each in places))


def _is_small(places: Sequence[MountedFolder]) -> bool:
    left, room = _SMALL_TREE, _SMALL_BYTES
    stack = [place.path for place in places]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    left -= 1
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(os.fsencode(entry.path))
                    else:
                        room -= entry.stat(follow_symlinks=False).st_size
                    if left < 0 or room < 0:
                        return False
        except OSError:
            continue  # the walk will report it
    return True


class ScanWorker:
    """Performs tasks one after the other; keeps its index snapshots open."""

    def __init__(self) -> None:
        self._baselines: dict[str, IndexSnapshot] = {}

    def perform(self, task: ScanTask, advance: Advance) -> ScanTaskResult:
        """Do one task and return its result."""
        if isinstance(task, HashTask):
            return hash_files(task, advance)
        path = task.context.index
        if path is None:
            return visit_folders(task, None)
        if path not in self._baselines:
            self._baselines[path] = IndexSnapshot(path)
        return visit_folders(task, self._baselines[path])

    def close(self) -> None:
        """Close the snapshots."""
        while self._baselines:
            self._baselines.popitem()[1].close()


def hash_files(task: HashTask, advance: Advance) -> HashResult:
    """Read the probes or the whole content of deferred files."""
    rows: list[tuple[int, EntryRow]] = []
    gone: list[tuple[int, bytes]] = []
    failures = DriveFailureCounter(task.context.path, task.context.identity)
    open_folders = OpenFolders(task.context.path)
    try:
        for item in task.items:
            if not failures.root_is_there:
                return _lost(task)
            try:
                row = _hash_one(open_folders, item, task, advance)
            except OSError as error:
                # Its folder can no longer be opened: only a listing may report files as missing.
                if failures.note(is_lost_drive(error)):
                    return _lost(task)
                continue
            if row is None:
                gone.append((item.folder, item.row[NAME]))
                continue
            if not is_lost_cause(row[CAUSE]):
                failures.reset()
            elif failures.note(1):
                return _lost(task)
            rows.append((item.folder, row))
    finally:
        open_folders.close()
    read = [row[SIZE] for _, row in rows if row[CHECKED]]
    return HashResult(task.root, rows, gone, len(read), sum(read), lost=False)


def _lost(task: HashTask) -> HashResult:
    """Return a result without the rows of a failing drive: what was known before is better."""
    return HashResult(task.root, [], [], 0, 0, lost=True)


def _hash_one(
    open_folders: OpenFolders, item: HashItem, task: HashTask, advance: Advance
) -> EntryRow | None:
    name, context = item.row[NAME], task.context
    folder = open_folders.open(item.path)
    moment = context.now()
    if HAS_PLACEHOLDERS:
        now = stat_row(folder, name, context)
        if now is None or now[STATE] != EntryState.PENDING:
            return now  # its content was moved to the cloud since the walk
    try:
        descriptor = open_file(name, folder, download=context.hydrate_limit is not None)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _failed(folder, item.row, context, error)
    try:
        if task.probe:
            return _probe_open_file(descriptor, item.row, context)
        return _digest_open_file(descriptor, item.row, context, moment, advance)
    except OSError as error:
        return _failed(folder, item.row, context, error)
    finally:
        os.close(descriptor)


def _failed(folder: int, old: EntryRow, context: RootContext, error: OSError) -> EntryRow | None:
    row = failed_row(folder, old[NAME], context, error)
    return None if row is None else classify_change(row, old, context)


def _probe_open_file(descriptor: int, row: EntryRow, context: RootContext) -> EntryRow:
    facts = os.fstat(descriptor)
    now = row_of(row[NAME], EntryState.PENDING, facts, context)
    probe = probe_of_descriptor(descriptor, facts.st_size)
    kept = row[DIGEST] if (now[SIZE], now[MTIME]) == (row[SIZE], row[MTIME]) else None
    return with_changes(now, {DIGEST: kept, PROBE: probe})


def _digest_open_file(
    descriptor: int, row: EntryRow, context: RootContext, moment: int, advance: Advance
) -> EntryRow:
    doubted = False
    for attempt in range(ATTEMPTS):
        before = os.fstat(descriptor)
        if attempt:
            os.lseek(descriptor, 0, os.SEEK_SET)
        elif hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        read = partial(digest_of_descriptor, descriptor, advance=advance)
        content = read_unchanged(descriptor, before, read)
        if content is not None:
            found = hashed_row(row[NAME], before, context, moment, *content)
            judged = classify_late_change(found, row, context)
            if judged[STATE] not in DAMAGE:
                return judged
            if doubted or attempt == ATTEMPTS - 1:
                return without_false_alarm(descriptor, judged)
            doubted = True  # as in diff.py
            drop_page_cache(descriptor)
    return row_of(
        row[NAME], EntryState.UNSTABLE, before, context, cause="changed while it was read"
    )

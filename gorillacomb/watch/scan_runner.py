"""Run the watcher's scans, and the checks before and after them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from gorillacomb.errors import GorillaCombError, Interrupted, RootVanished, UsageError, VaultLocked
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import is_below, join, path_text, relative_path
from gorillacomb.index import scrub_queries
from gorillacomb.index.database import Index
from gorillacomb.index.hard_links import (
    StaleLinks,
    linked_files,
    stale_after_partial_scan,
    stale_after_whole_scan,
)
from gorillacomb.index.paths import FolderPaths, folders_from, nearest_folder, unused_folder
from gorillacomb.index.roots import all_roots, folder_paths
from gorillacomb.index.scrub_queries import DamageRow
from gorillacomb.model import EntryState, Root, ScanReport
from gorillacomb.progress import Progress
from gorillacomb.scan.scrub_queue import ScrubBatch
from gorillacomb.stamping.damage_entries import good_copies
from gorillacomb.vault.vault import Vault
from gorillacomb.watch.debounce import ChangeQueue
from gorillacomb.watch.health import WatcherHealth
from gorillacomb.watch.options import DamageReport, ScanFunction, WatchListener

_SOON = 0.5
"""Seconds until a retry after a locked vault, or a root that just disappeared."""
_LATER = 10.0


class ScanRunner:
    """Scans, and records problems in the health."""

    def __init__(
        self,
        vault: Vault,
        scan: ScanFunction,
        listener: WatchListener,
        health: WatcherHealth,
        pending: ChangeQueue,
        tops: Callable[[], Sequence[bytes]],
        progress: Progress,
    ) -> None:
        """Prepare to scan; only damage in the watched roots, returned by ``tops``, is reported."""
        self._vault = vault
        self._scan = scan
        self._listener = listener
        self._health = health
        self._pending = pending
        self._tops = tops
        self._progress = progress
        self._damage: set[DamageRow] = set()
        self._uncertain: set[bytes] = set()
        self._due_ns: int | None = None

    @property
    def is_stamp_due(self) -> bool:
        """Whether something that the last scan deferred is due for stamping."""
        return self._due_ns is not None and time.time_ns() >= self._due_ns

    def whole(self, roots: list[bytes]) -> list[bytes]:
        """Scan whole roots; return those that were read completely. Raises GorillaCombError."""
        # The scan covers earlier changes in them.
        self._pending.drop(lambda path: any(is_below(path, root) for root in roots))
        report = self._scanned(roots, None)
        with self._reading() as (index, _):
            self._look_for_damage(index)
            if len(self._pending):  # changes during the scan, perhaps between two names of a file
                self._queue(index, stale_after_whole_scan(index.connection))
        return [root for root in roots if root not in report.vanished]

    def changed(self, roots: list[bytes], folders: tuple[bytes, ...]) -> None:
        """Scan changed folders, all inside these roots. Raises GorillaCombError."""
        try:
            with self._watching_links(lambda index, known: _ids(index, known, folders)) as parted:
                parted |= self._scanned(roots, folders).parted_links
        except BaseException:
            for each in folders:
                self._pending.add(each)
            raise

    def again(self, batch: ScrubBatch) -> None:
        """Read files again that have not been read for long. Raises GorillaCombError."""
        inside = {folder for folder, _ in batch.entries}
        with self._watching_links(lambda index, known: inside) as parted:
            report = self._scan(batch.roots, again=batch.entries)
            parted |= report.parted_links
        self._due_ns = report.stamps.due_ns

    def look_again_at_links(self) -> None:
        """Queue folders again whose files may have lost other names, once nothing else waits.

        A name may be removed after the file was looked at, and before its own folder is scanned.
        """
        if self._uncertain and not len(self._pending):
            for path in self._uncertain:
                self._pending.add(path)
            self._uncertain.clear()

    @contextmanager
    def report_failures(self) -> Iterator[None]:
        """Report what prevents a scan, and wait before the next attempt."""
        try:
            yield
        except Interrupted:
            raise
        except VaultLocked:
            self._pending.wait(_SOON)
        except (RootVanished, UsageError, OSError) as error:  # a root disappeared at that moment
            self._health.set_problem("scan", _words(error))
            self._pending.wait(_SOON)
        except GorillaCombError as error:
            self._health.set_problem("scan", error.message)
            self._pending.wait(_LATER)

    def _scanned(self, roots: list[bytes], folders: tuple[bytes, ...] | None) -> ScanReport:
        report = self._scan(roots, folders, progress=self._progress)
        self._due_ns = report.stamps.due_ns
        vanished = [path_text(path) for path in report.vanished]
        cause = f"{vanished[0]} went away while it was read" if vanished else None
        self._health.set_problem("scan", cause)
        for root in report.roots:
            shown = path_text(root.root.path)
            cause = f"{shown} may not be what it was: {root.suspect}"
            self._health.set_problem(f"suspect {shown}", cause if root.suspect else None)
        self._listener.scanned(report, folders)
        return report

    @contextmanager
    def _reading(self) -> Iterator[tuple[Index, list[Root]]]:
        with Index.read(self._vault) as index:
            yield index, all_roots(index.connection)

    @contextmanager
    def _watching_links(
        self, folders: Callable[[Index, Sequence[Root]], Iterable[int]]
    ) -> Iterator[set[int]]:
        """Wrap a scan of folders, given by id, and queue other folders with affected hard links.

        A change to a file with several names is reported only for the folder of one of them. What
        is yielded is to be filled with the ``parted_links`` of the scan.
        """
        parted = set[int]()
        with self._reading() as (index, known):
            first = unused_folder(index.connection)
            before = linked_files(index.connection, folders(index, known))
        yield parted
        with self._reading() as (index, known):
            self._look_for_damage(index)
            scanned = {*folders(index, known), *folders_from(index.connection, first)}
            after = linked_files(index.connection, scanned)
            stale = stale_after_partial_scan(index.connection, before, after, scanned, parted)
            self._queue(index, stale)

    def _queue(self, index: Index, stale: StaleLinks) -> None:
        """Queue the outdated folders now, and the others when nothing else waits."""
        paths = folder_paths(index.connection)
        for place in map(paths.place, stale.outdated):
            if place is not None:
                self._pending.add(place[1])
        self._uncertain.update(
            place[1] for place in map(paths.place, stale.uncertain) if place is not None
        )

    def _look_for_damage(self, index: Index) -> None:
        """Report watched files whose content changed while size and time did not."""
        paths = folder_paths(index.connection)
        tops = self._tops()
        found = {
            each
            for each in scrub_queries.damaged_files(index.connection)
            if any(is_below(_path(paths, each), top) for top in tops)
        }
        known = {each.what for each in self._damage}
        new = [each for each in found if each.what not in known]
        self._damage = found
        cause = f"files that may be damaged: {len(found):,} (gorillacomb scrub names them)"
        self._health.set_problem("damage", cause if found else None)
        if new:
            self._listener.damaged([_damaged(index, paths, each) for each in sorted(new)])


def _damaged(index: Index, paths: FolderPaths, file: DamageRow) -> DamageReport:
    good = good_copies(index, paths, file.digest)
    return DamageReport(_path(paths, file), file.state == EntryState.SUSPECT, tuple(good))


def _path(paths: FolderPaths, file: DamageRow) -> bytes:
    """Return a file's path; its name alone if its folder just disappeared."""
    place = paths.place(file.folder)
    return file.name if place is None else join(place[1], file.name)


def _ids(index: Index, known: Sequence[Root], folders: tuple[bytes, ...]) -> Iterator[int]:
    """Yield the ids of the folders that a scan of changed folders visits.

    For one that is not indexed, that is the nearest indexed parent.
    """
    for path in folders:
        for root in known:
            if is_below(path, root.path):
                yield nearest_folder(index.connection, root, relative_path(path, root.path))


def _words(error: GorillaCombError | OSError) -> str:
    return os_error_text(error) if isinstance(error, OSError) else error.message

"""The Gorilla Comb: one pass over drives that leaves a true index behind.

Walk and hash what is small; then read of the large files those that may be duplicates; tell the
caller; then read the rest. Whatever was found is committed twice a second, so that a pass that is
cut short goes on where it stopped.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from gorillacomb.bytepaths import below, is_below, join
from gorillacomb.errors import GorillaCombError, Interrupted
from gorillacomb.index import pending
from gorillacomb.index import roots as root_table
from gorillacomb.index.database import Index, explaining
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.store import Store
from gorillacomb.index.vault import Vault
from gorillacomb.model import (
    Changes,
    Progress,
    RootReport,
    ScanReport,
    Silence,
    Unreadable,
)
from gorillacomb.scan.dispatch import Dispatcher
from gorillacomb.scan.file_list import FileList, sort_file_list
from gorillacomb.scan.fingerprint import PROBE_SPAN
from gorillacomb.scan.large import LargeFiles
from gorillacomb.scan.options import OnDuplicates, ScanOptions
from gorillacomb.scan.pool import Inline, Pool, Workers, default_workers
from gorillacomb.scan.roots import Place, Scope, ensure_folder, locate, register
from gorillacomb.scan.tasks import FolderTask, RootContext
from gorillacomb.scan.volumes import PSEUDO, mounts_below
from gorillacomb.scan.walk import Walk

_SMALL_TREE = 600
"""Entries; a tree of fewer is done before a pool would have started."""


def comb(
    vault: Vault,
    paths: Sequence[bytes],
    options: ScanOptions | None = None,
    progress: Progress | None = None,
    on_duplicates: OnDuplicates | None = None,
) -> ScanReport:
    """Scan folders into the vault's index.

    Takes paths of folders; returns what was done, with sizes in bytes. Raises UsageFault for paths
    that cannot be scanned, VaultError for a vault that cannot be used, Interrupted on Ctrl-C (what
    was done is kept), RootVanished for a drive that is not there.
    """
    options = options or ScanOptions()
    progress = progress or Silence()
    places = with_inner_file_systems(locate(paths), options)
    _refuse_the_vault(vault, places)
    # Before the index is opened: a forked worker must not hold a copy of the connection.
    workers = start_workers(places, options)
    collecting = gc.isenabled()
    gc.disable()  # rows come in by the 100,000 and hold no cycles: looking for them takes time
    try:
        with Index.write(vault) as index, explaining(vault):
            run = _Run(index, workers, places, options, progress)
            try:
                return run.all_stages(on_duplicates)
            finally:
                workers.close()  # their views first, or the index cannot fold its log back in
    finally:
        workers.close()
        progress.close()
        if collecting:
            gc.enable()


def start_workers(places: Sequence[Place], options: ScanOptions) -> Workers:
    """A pool for all but small trees."""
    count = default_workers() if options.workers is None else options.workers
    if count < 1 or (options.workers is None and _is_small(places)):
        return Inline()
    return Pool(count)


def _is_small(places: Sequence[Place]) -> bool:
    left = _SMALL_TREE
    stack = [place.path for place in places]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        return False
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(os.fsencode(entry.path))
        except OSError:
            continue  # the walk will tell of it
    return True


def with_inner_file_systems(places: list[Place], options: ScanOptions) -> list[Place]:
    """With --cross-file-systems, every file system mounted inside is a root of its own."""
    if not options.cross_file_systems:
        return places
    inner = [
        mount.point
        for place in places
        for mount in mounts_below(place.path)
        if mount.type not in PSEUDO and os.access(mount.point, os.R_OK | os.X_OK)
    ]
    return locate([place.path for place in places] + [p for p in inner if os.path.isdir(p)])


def _refuse_the_vault(vault: Vault, places: Sequence[Place]) -> None:
    ours = os.path.realpath(os.fsencode(vault.folder))
    for place in places:
        if is_below(place.path, ours):
            raise GorillaCombError(
                f"{os.fsdecode(place.path)} is inside the vault itself.", "Scan another folder."
            )


@dataclass(slots=True)
class _Scanned:
    """A root of this run."""

    scope: Scope
    scan: int
    context: RootContext


@dataclass(slots=True)
class _Run:
    """One scan under way."""

    index: Index
    workers: Workers
    places: Sequence[Place]
    options: ScanOptions
    progress: Progress
    started: float = field(default_factory=time.monotonic)
    roots: dict[int, _Scanned] = field(default_factory=dict)
    junk: list[Unreadable] = field(default_factory=list)

    def all_stages(self, on_duplicates: OnDuplicates | None) -> ScanReport:
        rows_before = self.index.rows_written
        with self.index.atomic():
            lists = self._register()
            store = Store(self.index)
        self.index.commit()
        contexts = {root: each.context for root, each in self.roots.items()}
        walk = Walk(self.index, store, contexts, self.options.budget, self.progress)
        paths = FolderPaths(
            self.index.connection, {each.scope.root.id: each.scope.root for each in self._each()}
        )
        scopes = {root: each.scope.relative for root, each in self.roots.items()}
        large = LargeFiles(self.index, store, paths, contexts, scopes, self.progress)
        dispatcher = Dispatcher(self.workers, self.progress)
        try:
            moved = self._walk(walk, dispatcher, lists)
            self._duplicates(store, large, dispatcher)
            if on_duplicates is not None:
                report = self._report(walk, large, moved, rows_before, complete=False)
                on_duplicates(self.index, report)
            if not self.options.quick:
                self._rest(store, large, dispatcher)
            self._finish(walk, large, time.time_ns())
        except (KeyboardInterrupt, GorillaCombError) as stop:
            self._keep(store, walk, large)
            if isinstance(stop, GorillaCombError):
                raise
            raise Interrupted(
                f"Interrupted. Of {sum(walk.files.values()):,} files seen, all that was read is"
                " kept.",
                "Run the same command again to go on from here.",
            ) from None
        return self._report(walk, large, moved, rows_before, complete=True)

    def _each(self) -> list[_Scanned]:
        return list(self.roots.values())

    def _register(self) -> dict[int, FileList]:
        lists: dict[int, FileList] = {}
        for place in self.places:
            scope = register(self.index, place, self.options)
            context = self._context(scope)
            root = scope.root
            scan = root_table.start_scan(
                self.index.connection, root.id, scope.relative, time.time_ns()
            )
            self.roots[root.id] = _Scanned(scope, scan, context)
        if self.options.file_list is not None:
            scopes = [each.scope for each in self._each()]
            lists, self.junk = sort_file_list(self.index, scopes, self.options.file_list)
        return lists

    def _context(self, scope: Scope) -> RootContext:
        options, place, root = self.options, scope.place, scope.root
        top = place.volume
        return RootContext(
            path=place.path,
            device=top.device,
            inode=os.stat(place.path).st_ino,
            volume=top.id,
            weak=top.weak,
            hour_shifts=top.hour_shifts,
            grain_ns=top.grain_ns,
            exclude=(*options.standing_excludes, *root.exclude),
            min_size=root.min_size,
            hash_limit=-1 if options.quick else options.hash_limit,
            rehash=options.rehash,
            hydrate_limit=options.hydrate_limit,
            boundaries=frozenset(
                below(mount.point, place.path) for mount in mounts_below(place.path)
            ),
            own=self.index.vault.own_folders(),
            index=None if scope.first else str(self.index.vault.index),
        )

    def _walk(self, walk: Walk, dispatcher: Dispatcher, lists: dict[int, FileList]) -> int:
        volumes = {each.scope.place.volume.id: each.scope.place.volume for each in self._each()}
        whole = not lists and not any(each.scope.relative for each in self._each())
        used = sum(volume.used_bytes for volume in volumes.values()) if whole else None
        self.progress.stage("Combing", None, used)
        for root, each in self.roots.items():
            if self.options.file_list is not None:
                walk.add(root, lists[root].tasks if root in lists else [])
                continue
            relative = each.scope.relative
            with self.index.atomic():
                folder = ensure_folder(self.index, each.scope.root, relative)
            walk.add(root, [FolderTask(folder, relative, 0)])
        self.index.commit()
        dispatcher.run(walk.next_task, walk.take)
        moved = walk.finish()
        self.index.commit()
        return moved

    def _duplicates(self, store: Store, large: LargeFiles, dispatcher: Dispatcher) -> None:
        connection = self.index.connection
        files = pending.pending_totals(connection)[0]
        if files:
            self.progress.stage("Comparing large files", files, None)
            least = 2 * PROBE_SPAN
            large.plan(pending.to_probe(connection, least), probe=True)
            dispatcher.run(large.next_task, large.take)
            large.plan(pending.to_compare(connection, least), probe=False)
            dispatcher.run(large.next_task, large.take)
        with self.index.atomic():
            store.refresh_groups()
        self.index.commit()

    def _rest(self, store: Store, large: LargeFiles, dispatcher: Dispatcher) -> None:
        connection = self.index.connection
        files, size = pending.pending_totals(connection)
        if not files:
            return
        self.progress.stage("Reading the rest", files, size)
        large.plan(pending.all_pending(connection), probe=False)
        dispatcher.run(large.next_task, large.take)
        with self.index.atomic():
            store.refresh_groups()
        self.index.commit()

    def _finish(self, walk: Walk, large: LargeFiles, now_ns: int | None) -> None:
        with self.index.atomic():
            for root, each in self.roots.items():
                lost = root in walk.lost or root in large.lost
                root_table.finish_scan(
                    self.index.connection,
                    each.scan,
                    None if lost or self.options.file_list is not None else now_ns,
                    walk.files[root],
                    walk.bytes[root],
                    walk.hashed_files[root],
                    walk.hashed_bytes[root],
                )
        self.index.commit()

    def _keep(self, store: Store, walk: Walk, large: LargeFiles) -> None:
        """Commit what is there, after an interruption; the next scan goes on from it."""
        walk.finish()
        if not store.first_groups_missing:
            with self.index.atomic():
                store.refresh_groups()
        self._finish(walk, large, None)

    def _report(
        self, walk: Walk, large: LargeFiles, moved: int, rows_before: int, complete: bool
    ) -> ScanReport:
        lost = walk.lost | large.lost
        roots = tuple(
            RootReport(
                root=each.scope.root,
                scope=join(each.scope.root.path, each.scope.relative),
                first=each.scope.first,
                vanished=root in lost,
                files=walk.files[root],
                folders=walk.folders[root],
                size=walk.bytes[root],
            )
            for root, each in self.roots.items()
        )
        files = sum(walk.files.values())
        hashed = sum(walk.hashed_files.values()) + large.hashed_files
        return ScanReport(
            scan=max(each.scan for each in self._each()),
            roots=roots,
            files=files,
            folders=sum(walk.folders.values()),
            size=sum(walk.bytes.values()),
            hashed_files=hashed,
            hashed_bytes=sum(walk.hashed_bytes.values()) + large.hashed_bytes,
            reused_files=max(files - hashed, 0),
            changes=Changes(
                new=walk.new - moved,
                changed=walk.changed,
                gone=walk.gone - moved,
                moved=moved,
                folders_moved=walk.folders_moved,
            ),
            junk=tuple(self.junk),
            seconds=time.monotonic() - self.started,
            rows_written=self.index.rows_written - rows_before,
            other_file_systems=tuple(
                join(self.roots[root].context.path, path) for root, path in walk.boundaries
            ),
            complete=complete,
            vanished=tuple(self.roots[root].scope.root.path for root in sorted(lost)),
        )

"""The Gorilla Comb: one pass over drives that brings the index up to date.

Walk and hash small files; then read those large files that may be duplicates; report to the caller;
then read the rest. Results are committed twice a second, so that an interrupted scan continues
where it stopped.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from gorillacomb.errors import GorillaCombError, Interrupted
from gorillacomb.fs.paths import is_below, join
from gorillacomb.hashing import PROBE_SPAN
from gorillacomb.index import duplicate_candidates
from gorillacomb.index import roots as root_table
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.folder_digest import set_missing_digests
from gorillacomb.index.folder_queries import begin_arrivals, end_arrivals
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.writer import IndexWriter
from gorillacomb.model import RootReport, ScanReport
from gorillacomb.progress import NullProgress, Progress
from gorillacomb.scan.deferred import DeferredFiles
from gorillacomb.scan.options import OnDuplicates, ScanOptions, ScanRecorder
from gorillacomb.scan.root_registry import MountedFolder, resolve_roots
from gorillacomb.scan.scan_roots import LossJudge, ScanRoots
from gorillacomb.scan.size_sampler import SizeSampler
from gorillacomb.scan.walk import ExpectedFiles, ScanWalk
from gorillacomb.scan.worker import start_scan_workers
from gorillacomb.vault.vault import Vault
from gorillacomb.workers.resilient_dispatcher import ResilientDispatcher
from gorillacomb.workers.worker import Workers

_FOLDERS_AHEAD = 3
"""Queued walk tasks per worker. With one, workers idle during the index's WAL checkpoint: measured,
1.05 s of processor time against 0.82 with three, and the same with five."""


def scan(
    vault: Vault,
    paths: Sequence[bytes],
    options: ScanOptions | None = None,
    progress: Progress | None = None,
    on_duplicates: OnDuplicates | None = None,
    recorder: ScanRecorder | None = None,
) -> ScanReport:
    """Scan folders into the vault's index.

    ``recorder`` records the outcome elsewhere. Returns a report, with sizes in bytes. Raises
    UsageError for paths that cannot be scanned, VaultError for a vault that cannot be used,
    Interrupted on Ctrl-C (results so far are kept), RootVanished for a drive that is not mounted.
    """
    options = options or ScanOptions()
    progress = progress or NullProgress()
    places = resolve_roots(paths)
    _refuse_the_vault(vault, places)
    # Before the index is opened: a forked worker must not inherit the connection.
    workers = start_scan_workers(places, options)
    collecting = gc.isenabled()
    gc.disable()  # rows come in by the 100,000 and contain no cycles: collecting takes time
    try:
        with Index.write(vault) as index, translate_errors(vault):
            if recorder is not None:
                recorder.begin(index)
            run = _ScanRun(index, workers, places, options, progress)
            try:
                report = run.all_stages(on_duplicates)
                if recorder is None:
                    return report
                workers.release()
                stamps = recorder.end(index, report.scan, progress)
                return replace(report, stamps=stamps, seconds=run.seconds)
            finally:
                workers.close()  # their views first, or the index cannot checkpoint its WAL
    except KeyboardInterrupt:
        raise Interrupted(
            "Interrupted before or after the work itself; the index is unchanged since then.",
            "Run the same command again to continue.",
        ) from None
    finally:
        workers.close()
        if recorder is not None:
            recorder.close()
        progress.close()
        if collecting:
            gc.enable()


def _refuse_the_vault(vault: Vault, places: Sequence[MountedFolder]) -> None:
    ours = os.path.realpath(os.fsencode(vault.folder))
    for place in places:
        if is_below(place.path, ours):
            raise GorillaCombError(
                f"{os.fsdecode(place.path)} is inside the vault itself.", "Scan another folder."
            )


@dataclass(slots=True)
class _ScanRun:
    """A scan in progress."""

    index: Index
    workers: Workers
    places: Sequence[MountedFolder]
    options: ScanOptions
    progress: Progress
    started: float = field(default_factory=time.monotonic)
    roots: ScanRoots = field(init=False)

    def __post_init__(self) -> None:
        self.roots = ScanRoots(self.index, self.options)

    @property
    def seconds(self) -> float:
        """Seconds since the scan began."""
        return time.monotonic() - self.started

    def all_stages(self, on_duplicates: OnDuplicates | None) -> ScanReport:
        rows_before = self.index.rows_written
        roots = self.roots
        with self.index.atomic():
            begin_arrivals(self.index.connection)
            for place in self.places:
                roots.add(place)
            work = roots.first_folders()
            store = IndexWriter(self.index)
        self.index.commit()
        sizes = SizeSampler() if self.options.quick else None
        expected = ExpectedFiles(roots.files_last_time())
        walk = ScanWalk(
            self.index, store, roots.contexts, self.options.budget, self.progress, expected, sizes
        )
        paths = FolderPaths(self.index.connection, roots.table)
        large = DeferredFiles(self.index, store, paths, roots.contexts, roots.scopes, self.progress)
        dispatcher = ResilientDispatcher(self.workers, self.progress)
        try:
            self.progress.stage("Combing", expected.total(0), None)
            while work:
                for root, tasks in work.items():
                    walk.add(root, tasks)
                dispatcher.run(walk.next_task, walk.accept_result, ahead=_FOLDERS_AHEAD)
                work = roots.enter(walk.boundaries, store)
            judge = LossJudge(roots, store)
            walk.finish(judge)
            self._compare(store, large, dispatcher)
            self._group(store)
            if on_duplicates is not None:
                report = self._report(walk, large, rows_before, complete=False)
                _tell(on_duplicates, self.index, report)
            if not self.options.quick:
                self._rest(store, large, dispatcher)
            self._finish(walk, large, self.options.now(), judge)
        except (KeyboardInterrupt, GorillaCombError) as stop:
            self._keep(store, walk, large)
            if isinstance(stop, GorillaCombError):
                raise
            again = ": it reads everything again" if self.options.rehash else " to continue"
            raise Interrupted(
                f"Interrupted. Of {sum(walk.files.values()):,} files seen, what was read is kept.",
                f"Run the same command again{again}.",
            ) from None
        return self._report(walk, large, rows_before, complete=True)

    def _compare(
        self, store: IndexWriter, large: DeferredFiles, dispatcher: ResilientDispatcher
    ) -> None:
        """Read those large files that may be duplicates."""
        connection = self.index.connection
        files = duplicate_candidates.pending_totals(connection)[0]
        if not files:
            return
        self.progress.stage("Comparing large files", files, None)
        duplicate_candidates.collect_same_sizes(connection)
        least = 2 * PROBE_SPAN
        large.plan(duplicate_candidates.rows_to_probe(connection, least), probe=True)
        dispatcher.run(large.next_task, large.accept_result)
        large.plan(duplicate_candidates.rows_to_hash(connection, least), probe=False)
        dispatcher.run(
            large.next_task, large.accept_result, meanwhile=partial(self._prepare, store)
        )

    def _group(self, store: IndexWriter) -> None:
        with self.index.atomic():
            store.refresh_groups()
        self.index.commit()

    def _prepare(self, store: IndexWriter) -> None:
        with self.index.atomic():
            store.index_digests()

    def _rest(
        self, store: IndexWriter, large: DeferredFiles, dispatcher: ResilientDispatcher
    ) -> None:
        connection = self.index.connection
        files, size = duplicate_candidates.pending_totals(connection)
        if not files:
            return
        self.progress.stage("Reading the rest", files, size)
        large.plan(duplicate_candidates.all_pending(connection), probe=False)
        dispatcher.run(large.next_task, large.accept_result)
        self._group(store)

    def _finish(
        self,
        walk: ScanWalk,
        large: DeferredFiles,
        now_ns: int | None,
        judge: LossJudge | None = None,
    ) -> None:
        with self.index.atomic():
            for root, each in self.roots.all.items():
                vanished = root in walk.lost or root in large.lost
                lost = vanished or root in walk.suspect
                done = None if lost or self.options.is_partial else now_ns
                if judge is not None and (root in walk.suspect or not vanished):
                    judge.note(root, walk.suspect.get(root))
                if done is not None:
                    set_missing_digests(self.index.connection, root)
                for scan in each.scans:
                    root_table.finish_scan(
                        self.index.connection,
                        scan,
                        done,
                        walk.files[root],
                        walk.bytes[root],
                        walk.hashed_files[root],
                        walk.hashed_bytes[root],
                    )
                root_table.drop_old_scans(self.index.connection, root)
            if judge is not None:
                end_arrivals(self.index.connection)
        self.index.commit()

    def _keep(self, store: IndexWriter, walk: ScanWalk, large: DeferredFiles) -> None:
        """Commit what was found so far, after an interruption; the next scan continues from it."""
        if not store.first_groups_missing:
            with self.index.atomic():
                store.refresh_groups()
        self._finish(walk, large, None)

    def _report(
        self, walk: ScanWalk, large: DeferredFiles, rows_before: int, complete: bool
    ) -> ScanReport:
        lost = walk.lost | large.lost
        roots = tuple(
            RootReport(
                root=each.root,
                scopes=tuple(join(each.root.path, relative) for relative in each.relatives),
                first=each.first,
                vanished=root in lost,
                suspect=walk.suspect.get(root),
                files=walk.files[root],
                folders=walk.folders[root],
                size=walk.bytes[root],
            )
            for root, each in self.roots.all.items()
        )
        files = sum(walk.files.values())
        hashed = sum(walk.hashed_files.values()) + large.hashed_files
        return ScanReport(
            scan=max(scan for each in self.roots.all.values() for scan in each.scans),
            roots=roots,
            files=files,
            folders=sum(walk.folders.values()),
            size=sum(walk.bytes.values()),
            hashed_files=hashed,
            hashed_bytes=sum(walk.hashed_bytes.values()) + large.hashed_bytes,
            read_again_young=frozenset(walk.read_again_young),
            parted_links=frozenset(walk.parted_links),
            reused_files=max(files - hashed, 0),
            changes=walk.changes,
            junk=tuple(self.roots.junk),
            seconds=self.seconds,
            rows_written=self.index.rows_written - rows_before,
            other_file_systems=self.roots.not_entered(walk.boundaries),
            complete=complete,
            vanished=tuple(self.roots.table[root].path for root in sorted(lost)),
        )


def _tell(on_duplicates: OnDuplicates, index: Index, report: ScanReport) -> None:
    """Report the duplicates to the caller; a closed output does not end a scan."""
    try:
        on_duplicates(index, report)
    except BrokenPipeError:
        return

"""The first stage: walk the roots, hash small files, and write the workers' results."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from gorillacomb.index.database import Index
from gorillacomb.index.folder_queries import linked_inodes_below
from gorillacomb.index.paths import FileKey
from gorillacomb.index.rows import HASHED_WIDTH, LATER_WIDTH, SHORT_SIZE, SIZE, STATE
from gorillacomb.index.writer import IndexChanges, IndexWriter
from gorillacomb.model import READ, ScanChanges
from gorillacomb.progress import Progress
from gorillacomb.scan.scan_roots import LossJudge
from gorillacomb.scan.size_sampler import SizeSampler
from gorillacomb.scan.tasks import (
    FOLDER_IDS,
    FolderTask,
    RootContext,
    ScanTask,
    ScanTaskResult,
    VisitResult,
    VisitTask,
)

_FIRST_BUDGET = 64
"""While there are fewer folders than workers, tasks are short, so that all soon have work."""
_MOST_FOLDERS = 64
_LEAST_SHARE = 0.01
"""Before this part of the walk is done, nothing is said about the rest of it."""


class ExpectedFiles:
    """How many files a walk is going to see: as many as last time, or judged by what was listed.

    Of a folder that was listed, each subfolder is taken to be as large as the others, so the part
    of the walk that is done is known, and with it how much is left.
    """

    def __init__(self, last_time: int | None) -> None:
        self._last_time = last_time
        self._share = 0.0

    def note(self, share: float) -> None:
        """Add to the part of the walk that is done."""
        self._share += share

    def total(self, files: int) -> int | None:
        """Return the estimate, given the number of files so far; None if it is too early."""
        if self._last_time is not None:
            return max(self._last_time, files)
        if self._share < _LEAST_SHARE:
            return None
        return max(round(files / self._share), files)


class ScanWalk:
    """The folders still to be visited, and the totals so far."""

    def __init__(
        self,
        index: Index,
        store: IndexWriter,
        contexts: dict[int, RootContext],
        budget: int,
        progress: Progress,
        expected: ExpectedFiles,
        sizes: SizeSampler | None = None,
    ) -> None:
        """Prepare a walk; with ``sizes``, defer files where that pays."""
        self._index = index
        self._store = store
        self._contexts = contexts
        self._budget = budget
        self._progress = progress
        self._expected = expected
        self._sizes = sizes
        self._stacks: dict[int, list[FolderTask]] = {root: [] for root in contexts}
        self._parts_left: Counter[int] = Counter()
        self.files: Counter[int] = Counter()
        self.bytes: Counter[int] = Counter()
        self.folders: Counter[int] = Counter()
        self.hashed_files: Counter[int] = Counter()
        self.hashed_bytes: Counter[int] = Counter()
        self.read_again_young: set[FileKey] = set()
        self.parted_links: set[int] = set()
        self.new: Counter[int] = Counter()
        self._changed = self._gone = self._moved = self._folders_moved = 0
        self.suspect: dict[int, str] = {}
        """Roots that may not be what they were, and why."""
        self.lost: set[int] = set()
        self.boundaries: list[tuple[int, bytes]] = []

    @property
    def changes(self) -> ScanChanges:
        """How the roots differ from the index; complete once the walk is finished."""
        return ScanChanges(
            new=sum(self.new.values()) - self._moved,
            changed=self._changed,
            gone=max(self._gone - self._moved, 0),
            moved=self._moved,
            folders_moved=self._folders_moved,
        )

    def add(self, root: int, folders: list[FolderTask]) -> None:
        """Queue folders for a visit."""
        self._stacks.setdefault(root, []).extend(reversed(folders))

    def next_task(self) -> ScanTask | None:
        """Return the next task, from the longest queue; None when there is none now."""
        root = max(self._stacks, key=lambda root: len(self._stacks[root]))
        stack = self._stacks[root]
        if not stack:
            return None
        share = max(1, min(_MOST_FOLDERS, len(stack) // 4))
        folders = tuple(reversed(stack[-share:]))
        del stack[-share:]
        budget = self._budget if len(stack) > share else min(self._budget, _FIRST_BUDGET)
        first_id = self._store.reserve_folders(FOLDER_IDS)
        context = self._contexts[root]
        if self._sizes is not None and not self._sizes.repeat:
            context = replace(context, hash_limit=0)
        return VisitTask(context, root, folders, budget, first_id)

    def accept_result(self, result: ScanTaskResult) -> None:
        """Write the result of a visit, and queue the folders it did not reach."""
        assert isinstance(result, VisitResult)
        root = result.root
        self._parts_left.update(result.parts)
        if result.writes or result.parts_done:
            with self._index.atomic():
                self._store.write(root, result.writes)
                self._finish_parts(result.parts_done)
            self._index.commit_if_due()
        if self._sizes is not None:
            self._sizes.note(_new_sizes(result.writes, self._contexts[root].hash_limit))
        self._sum_up(result)
        if result.lost:
            self.lost.add(root)
            self._stacks[root].clear()
        elif root not in self.lost:
            self._stacks[root] += reversed(result.rest)

    def _finish_parts(self, folders: list[int]) -> None:
        for folder in folders:
            if folder in self._parts_left:
                self._parts_left[folder] -= 1
                if not self._parts_left[folder]:
                    del self._parts_left[folder]
                    self._store.set_listed(folder)

    def _sum_up(self, result: VisitResult) -> None:
        root = result.root
        self.files[root] += result.files
        self.bytes[root] += result.bytes
        self.new[root] += result.new
        self._changed += result.changed
        self.read_again_young.update(result.read_again_young)
        self._folders_moved += len(result.writes.moved)
        self.folders[root] += result.folders
        self.hashed_files[root] += result.hashed_files
        self.hashed_bytes[root] += result.hashed_bytes
        self.boundaries += [(root, path) for path in result.boundaries]
        self._expected.note(result.share)
        self._progress.total(self._expected.total(self.files.total()), None)
        self._progress.advance(result.files, result.bytes)

    def finish(self, judge: LossJudge) -> None:
        """Drop what no longer exists, except in suspect roots, and count moved files.

        Only at the end, since a folder missing in one place may have been found in another.
        """
        for root in self._contexts:
            cause = judge.cause(root, self.files[root], self.new[root])
            if cause is not None:
                self.suspect[root] = cause
                continue
            more = True
            while more:
                with self._index.atomic():
                    gone = self._store.drop_gone(root)
                self._index.commit_if_due()
                self._gone, more = self._gone + gone, gone > 0
            with self._index.atomic():
                away = self._store.move_away(root)
            for folder in away:
                self.parted_links |= linked_inodes_below(self._index.connection, folder)
                with self._index.atomic():
                    self._gone += self._store.remove_folder(folder)
                self._index.commit_if_due()
        self._moved = self._store.moved_files()


def _new_sizes(writes: IndexChanges, limit: int) -> list[int]:
    """Return the sizes of small files that a visit read or deferred."""
    later = [size for size in writes.later[SHORT_SIZE::LATER_WIDTH] if size <= limit]
    # On macOS, and on weak volumes, each file has a whole row.
    whole = [row[SIZE] for _, row in writes.rows if row[STATE] in READ and 0 < row[SIZE] <= limit]
    return writes.hashed[SHORT_SIZE::HASHED_WIDTH] + later + whole

"""The first stage: walks the roots, hashing what is small, and writes what the workers found."""

from __future__ import annotations

from collections import Counter

from gorillacomb.index.database import Index
from gorillacomb.index.store import FolderChange, Store
from gorillacomb.model import Progress
from gorillacomb.scan.fingerprint import EMPTY
from gorillacomb.scan.tasks import FolderTask, Result, RootContext, Task, VisitResult, VisitTask

_FIRST_BUDGET = 64
"""While there are fewer folders than workers, tasks are short, so that all soon have some."""
_MOST_FOLDERS = 64


class Walk:
    """The folders that are still to be visited, and the sums of what was found."""

    def __init__(
        self,
        index: Index,
        store: Store,
        contexts: dict[int, RootContext],
        budget: int,
        progress: Progress,
    ) -> None:
        self._index = index
        self._store = store
        self._contexts = contexts
        self._budget = budget
        self._progress = progress
        self._stacks: dict[int, list[FolderTask]] = {root: [] for root in contexts}
        self._parts_left: Counter[int] = Counter()
        self.deep = True
        self.files: Counter[int] = Counter()
        self.bytes: Counter[int] = Counter()
        self.folders: Counter[int] = Counter()
        self.hashed_files: Counter[int] = Counter()
        self.hashed_bytes: Counter[int] = Counter()
        self.new = self.changed = self.gone = self.folders_moved = 0
        self.lost: set[int] = set()
        self.boundaries: list[tuple[int, bytes]] = []

    def add(self, root: int, folders: list[FolderTask]) -> None:
        """Put folders on the list of those to visit."""
        self._stacks[root] += folders

    def next_task(self) -> Task | None:
        """The next piece of work, from the longest list; None when there is none now."""
        root = max(self._stacks, key=lambda root: len(self._stacks[root]))
        stack = self._stacks[root]
        if not stack:
            return None
        share = max(1, min(_MOST_FOLDERS, len(stack) // 4))
        folders = tuple(reversed(stack[-share:]))
        del stack[-share:]
        budget = self._budget if len(stack) > share else min(self._budget, _FIRST_BUDGET)
        return VisitTask(self._contexts[root], root, folders, budget, self.deep)

    def take(self, result: Result) -> None:
        """Write what a visit found, and put what it did not get to on the list."""
        assert isinstance(result, VisitResult)
        root = result.root
        if result.results or result.rest or result.parts_done:
            with self._index.atomic():
                ids = self._write(result)
                rest = [self._resolve(root, ids, *rest) for rest in result.rest]
                self._finish_parts(result.parts_done)
            self._index.commit_if_due()
            if root not in self.lost:
                self._stacks[root] += reversed(rest)
        self._sum_up(result)
        if result.lost:
            self.lost.add(root)
            self._stacks[root].clear()

    def _write(self, result: VisitResult) -> list[int]:
        changes = [
            FolderChange(
                each.folder,
                each.parent,
                each.name,
                each.inode,
                each.state,
                each.cause,
                each.marker,
                each.moved,
                each.hashed,
                each.rows,
                each.gone,
                each.gone_folders,
                each.old_digests,
            )
            for each in result.results
        ]
        ids = self._store.put_folders(result.root, changes) if changes else []
        for each in result.results:
            self.new += each.new
            self.changed += each.changed
            self.gone += len(each.gone)
            self.folders_moved += each.moved
        return ids

    def _resolve(self, root: int, ids: list[int], reference: int, task: FolderTask) -> FolderTask:
        """Give a folder that was not visited its id."""
        at = reference if reference >= 0 else ids[-reference - 1]
        if task.only is not None:
            self._parts_left[at] += 1
            return task._replace(folder=at)
        if not at:
            return task  # it came with the task and was just not reached
        name = task.path.rpartition(b"/")[2]
        if task.folder:
            self.folders_moved += self._store.adopt_folder(task.folder, root, at, name)
            return task
        return task._replace(folder=self._store.new_folder(root, at, name, task.inode))

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
        self.folders[root] += result.folders
        self.hashed_files[root] += result.hashed_files
        self.hashed_bytes[root] += result.hashed_bytes
        self.boundaries += [(root, path) for path in result.boundaries]
        self._progress.advance(result.files, result.bytes)

    def finish(self) -> int:
        """Drop the folders that went, and count the files that moved.

        Only now, since a folder that left one place may have come to light in another.
        """
        for folder in self._store.away():
            with self._index.atomic():
                self.gone += self._store.remove_folder(folder)
            self._index.commit_if_due()
        return self._store.moved_files(EMPTY)

"""The second stage: read what the walk deferred, mainly large files; possible duplicates first.

Compare sizes, then probes (head and tail), then BLAKE3: a file that differs from all others in
size, head or tail is not read until the duplicates are known. `index/duplicate_candidates` finds
which files those are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gorillacomb.fs.paths import is_below, relative_path
from gorillacomb.index.database import Index
from gorillacomb.index.duplicate_candidates import UnreadRow
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.rows import INODE, LINKS, NAME, SIZE, EntryRow, with_changes
from gorillacomb.index.writer import IndexWriter
from gorillacomb.progress import Progress
from gorillacomb.scan.tasks import (
    HashItem,
    HashResult,
    HashTask,
    RootContext,
    ScanTask,
    ScanTaskResult,
)

_TASK_BYTES = 64 << 20
_TASK_FILES = 128


class DeferredFiles:
    """Hands out unread files as tasks and writes the results. Hard links are read once."""

    def __init__(
        self,
        index: Index,
        store: IndexWriter,
        paths: FolderPaths,
        contexts: dict[int, RootContext],
        scopes: dict[int, list[bytes]],
        progress: Progress,
    ) -> None:
        self._index = index
        self._store = store
        self._paths = paths
        self._contexts = contexts
        self._scopes = scopes
        self._progress = progress
        self._probe = False
        self._tasks: Iterator[ScanTask] = iter(())
        self._links: dict[tuple[str, int], list[tuple[int, bytes]]] = {}
        self._known_links: dict[tuple[str, int], EntryRow] = {}
        self.hashed_files = 0
        self.hashed_bytes = 0
        self.lost: set[int] = set()

    def plan(self, pending: Iterable[UnreadRow], probe: bool) -> None:
        """Set the unread files that `next_task` hands out from now on."""
        self._probe = probe
        self._links.clear()
        self._known_links.clear()
        self._tasks = self._batches(pending)

    def next_task(self) -> ScanTask | None:
        """Return a task for the next files to read; None when there are none left."""
        return next(self._tasks, None)

    def _batches(self, pending: Iterable[UnreadRow]) -> Iterator[ScanTask]:
        items: list[HashItem] = []
        size = 0
        at = 0
        for folder, root, row in pending:
            item = self._item(folder, root, row)
            if item is None or root in self.lost:
                continue
            if items and (root != at or size >= _TASK_BYTES or len(items) >= _TASK_FILES):
                yield HashTask(self._contexts[at], at, tuple(items), self._probe)
                items, size = [], 0
            at = root
            items.append(item)
            size += row[SIZE]
        if items:
            yield HashTask(self._contexts[at], at, tuple(items), self._probe)

    def _item(self, folder: int, root: int, row: EntryRow) -> HashItem | None:
        """Return what to read; None outside this scan, or for another hard link of a known file."""
        context = self._contexts.get(root)
        if context is None:
            return None
        place = self._paths.place(folder)
        if place is None:
            return None
        path = relative_path(place[1], context.path)
        if not any(not scope or is_below(path, scope) for scope in self._scopes[root]):
            return None
        if row[LINKS] > 1:
            key = (context.volume, row[INODE])
            if key in self._known_links:
                same = with_changes(self._known_links[key], {NAME: row[NAME]})
                with self._index.atomic():
                    self._store.put_rows([(folder, same)], [])
                return None
            others = self._links.setdefault(key, [])
            others.append((folder, row[NAME]))
            if len(others) > 1:
                return None
        return HashItem(folder, path, row)

    def accept_result(self, result: ScanTaskResult) -> None:
        """Write the result of a task to the index."""
        assert isinstance(result, HashResult)
        volume = self._contexts[result.root].volume
        rows = []
        for folder, row in result.rows:
            rows.append((folder, row))
            others = self._links.pop((volume, row[INODE]), []) if row[LINKS] > 1 else []
            if row[LINKS] > 1:
                self._known_links[volume, row[INODE]] = row
            rows += [
                (at, with_changes(row, {NAME: name}))
                for at, name in others
                if (at, name) != (folder, row[NAME])
            ]
        with self._index.atomic():
            self._store.put_rows(rows, result.gone)
        self._index.commit_if_due()
        self.hashed_files += result.hashed_files
        self.hashed_bytes += result.hashed_bytes
        self._progress.advance(len(result.rows) + len(result.gone), 0)
        if result.lost:
            self.lost.add(result.root)

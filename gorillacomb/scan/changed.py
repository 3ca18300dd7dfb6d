"""Folders in which something changed, to be scanned instead of whole roots."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from gorillacomb.bytepaths import below, is_below
from gorillacomb.index.database import Index
from gorillacomb.index.paths import find_folder
from gorillacomb.model import Root
from gorillacomb.openat import OUR_FOLDER
from gorillacomb.scan.exclude import compile_patterns
from gorillacomb.scan.options import Changed
from gorillacomb.scan.roots import as_known
from gorillacomb.scan.tasks import FolderTask, RootContext


def sort_changed(
    index: Index, tops: Sequence[tuple[Root, RootContext]], changed: Iterable[Changed]
) -> dict[int, list[FolderTask]]:
    """The work that changed folders make, by root id.

    A folder that the index does not know, or that is no more, is found out by the nearest one
    around it that the index knows. Folders in one that is looked at wholly come with it.
    """
    wholly: dict[int, dict[bytes, int]] = {}
    alone: dict[int, dict[bytes, int]] = {}
    for each in changed:
        for root, context in tops:
            if is_below(each.path, context.path):
                relative = below(each.path, context.path)
                if not _is_left_out(relative, context):
                    inner, folder = _nearest(index, root, relative)
                    kind = wholly if each.wholly and inner == relative else alone
                    kind.setdefault(root.id, {})[inner] = folder
                break
    work: dict[int, list[FolderTask]] = {}
    for root, _ in tops:
        whole, single = wholly.get(root.id, {}), alone.get(root.id, {})
        tasks = [
            FolderTask(folder, path, 0)
            for path, folder in whole.items()
            if not _is_inside(path, whole, itself=False)
        ]
        tasks += [
            FolderTask(folder, path, 0, alone=True)
            for path, folder in single.items()
            if not _is_inside(path, whole, itself=True)
        ]
        if tasks:
            work[root.id] = sorted(tasks, key=lambda task: task.path)
    return work


def _nearest(index: Index, root: Root, relative: bytes) -> tuple[bytes, int]:
    """The path and id of the innermost folder on the way to one that is still the known one."""
    relative = as_known(index, root, relative)
    while True:
        folder = find_folder(index.connection, root, relative)
        if folder is not None:
            return relative, folder
        relative = relative.rpartition(b"/")[0]


def _is_inside(path: bytes, folders: Collection[bytes], itself: bool) -> bool:
    """Whether a folder stands in one of others, or is one where ``itself`` counts."""
    ways = list(_ways(path)) if itself else list(_ways(path))[:-1]
    return any(each in folders for each in ways)


def _ways(path: bytes) -> Iterator[bytes]:
    """The folders on the way to one, from the root's top to itself."""
    parts = path.split(b"/") if path else []
    for depth in range(len(parts) + 1):
        yield b"/".join(parts[:depth])


def _is_left_out(relative: bytes, context: RootContext) -> bool:
    if OUR_FOLDER in relative.split(b"/"):
        return True
    if not context.exclude:
        return False
    is_excluded = compile_patterns(context.exclude)
    return any(each and is_excluded(each, True) for each in _ways(relative))

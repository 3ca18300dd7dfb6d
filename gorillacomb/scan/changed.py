"""Folders in which something changed, to be scanned instead of whole roots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gorillacomb.fs.openat import OUR_FOLDER, OpenFolders
from gorillacomb.fs.paths import below, is_below
from gorillacomb.index.database import Index
from gorillacomb.model import Root
from gorillacomb.scan.exclude import compile_patterns
from gorillacomb.scan.root_registry import follow
from gorillacomb.scan.tasks import FolderTask, RootContext


def sort_changed(
    index: Index, tops: Sequence[tuple[Root, RootContext]], changed: Iterable[bytes]
) -> dict[int, list[FolderTask]]:
    """The work that changed folders, given by their paths, make; by root id.

    What became of a folder that the index does not know, or that is no more, is found out by
    looking at the nearest one around it that the index knows.
    """
    work: dict[int, list[FolderTask]] = {}
    paths = sorted(changed)
    for root, context in tops:
        inside = [below(path, context.path) for path in paths if is_below(path, context.path)]
        opened = OpenFolders(root.path)
        try:
            followed = (
                follow(index, root, relative, opened)
                for relative in inside
                if not _is_left_out(relative, context)
            )
            found = {each.path: each.folder for each in followed}
        finally:
            opened.close()
        if found:
            work[root.id] = [
                FolderTask(folder, path, 0, alone=True) for path, folder in sorted(found.items())
            ]
    return work


def _is_left_out(relative: bytes, context: RootContext) -> bool:
    parts = relative.split(b"/") if relative else []
    if OUR_FOLDER in parts:
        return True
    if not context.exclude:
        return False
    is_excluded = compile_patterns(context.exclude)
    return any(is_excluded(b"/".join(parts[: at + 1]), True) for at in range(len(parts)))

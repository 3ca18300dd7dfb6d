"""Select parts of roots to scan: entries to read again, changed folders, a file list."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence

from gorillacomb.fs.openat import OUR_FOLDER, OpenFolders, os_error_text
from gorillacomb.fs.paths import is_below, join, path_parts, path_prefixes, relative_path
from gorillacomb.fs.real_path import listed_name, real_path
from gorillacomb.index.database import Index
from gorillacomb.index.paths import path_below_root, root_of
from gorillacomb.model import Root, UnreadablePath
from gorillacomb.scan.exclude import compile_patterns
from gorillacomb.scan.root_registry import ensure_folder, known_prefix
from gorillacomb.scan.tasks import WINDOW, FolderTask, RootContext


def tasks_for_rescan(
    index: Index, roots: Iterable[int], entries: Iterable[tuple[int, bytes]]
) -> dict[int, list[FolderTask]]:
    """Return the tasks for entries, given as (folder id, name), by root id.

    Entries in none of the roots are skipped.
    """
    names: dict[int, list[bytes]] = {}
    for folder, name in entries:
        names.setdefault(folder, []).append(name)
    work: dict[int, list[FolderTask]] = {root: [] for root in roots}
    for folder, some in names.items():
        root = root_of(index.connection, folder)
        if root in work:
            path = path_below_root(index.connection, folder)
            some.sort()
            work[root] += (
                FolderTask(folder, path, 0, tuple(some[start : start + WINDOW]))
                for start in range(0, len(some), WINDOW)
            )
    return work


def tasks_for_changed(
    index: Index, tops: Sequence[tuple[Root, RootContext]], changed: Iterable[bytes]
) -> dict[int, list[FolderTask]]:
    """Return the tasks for changed folders, given by path, by root id.

    For a folder that is not indexed, or no longer exists, the nearest indexed parent is scanned.
    """
    work: dict[int, list[FolderTask]] = {}
    paths = sorted(changed)
    for root, context in tops:
        inside = [
            relative_path(path, context.path) for path in paths if is_below(path, context.path)
        ]
        opened = OpenFolders(root.path)
        try:
            followed = (
                known_prefix(index, root, relative, opened)
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
    if OUR_FOLDER in path_parts(relative):
        return True
    if not context.exclude:
        return False
    is_excluded = compile_patterns(context.exclude)
    return any(is_excluded(folder, True) for folder in path_prefixes(relative))


_ListedPath = tuple[int, bytes, bool]
"""A root's id, a path below it, and whether it is a folder."""


def tasks_for_file_list(
    index: Index, tops: Sequence[tuple[Root, RootContext]], listed: Iterable[bytes]
) -> tuple[dict[int, list[FolderTask]], list[UnreadablePath]]:
    """Return the tasks for listed paths, by root id. Call inside `Index.atomic`.

    Files are looked at one by one, listed folders with everything below them, and nothing twice.
    Returns the tasks, and the paths that cannot be scanned with their causes.
    """
    junk: list[UnreadablePath] = []
    names: dict[tuple[int, bytes], set[bytes]] = {}
    folders: set[tuple[int, bytes]] = set()
    parents: dict[bytes, bytes] = {}
    for path in listed:
        place = _place(path, tops, parents)
        if isinstance(place, UnreadablePath):
            junk.append(place)
        elif place[2]:
            folders.add(place[:2])
        else:
            parent, _, name = place[1].rpartition(b"/")
            names.setdefault((place[0], parent), set()).add(name)
    roots = {root.id: root for root, _ in tops}
    work: dict[int, list[FolderTask]] = {}
    for root, relative in sorted(folders):
        if not _inside(folders - {(root, relative)}, root, relative):
            at = ensure_folder(index, roots[root], relative)
            work.setdefault(root, []).append(FolderTask(at, relative, 0))
    for (root, relative), wanted in sorted(names.items()):
        if not _inside(folders, root, relative):
            at, some = ensure_folder(index, roots[root], relative), sorted(wanted)
            work.setdefault(root, []).extend(
                FolderTask(at, relative, 0, tuple(some[start : start + WINDOW]))
                for start in range(0, len(some), WINDOW)
            )
    return work, junk


def _inside(folders: set[tuple[int, bytes]], root: int, relative: bytes) -> bool:
    return any((root, each) in folders for each in (b"", *path_prefixes(relative)))


def _place(
    path: bytes, tops: Sequence[tuple[Root, RootContext]], parents: dict[bytes, bytes]
) -> _ListedPath | UnreadablePath:
    """Return the root and path of a listed path, or why it cannot be scanned.

    ``parents`` caches the real paths of parent folders.
    """
    if not path or b"\0" in path:
        return UnreadablePath(path, "not a path")
    try:
        parent, name = os.path.split(os.path.abspath(path))
        if parent not in parents:
            parents[parent] = real_path(parent)
        above = parents[parent]
        whole = join(above, listed_name(above, name))
        facts = os.lstat(whole)
    except OSError as error:
        return UnreadablePath(path, os_error_text(error))
    for root, context in tops:
        if is_below(whole, context.path):
            relative, folder = relative_path(whole, context.path), stat.S_ISDIR(facts.st_mode)
            if _is_ours(relative, facts, context):
                return UnreadablePath(path, "Gorilla Comb's own")
            if context.exclude and compile_patterns(context.exclude)(relative, folder):
                return UnreadablePath(path, "excluded")
            if folder or stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode):
                return root.id, relative, folder
            return UnreadablePath(path, "neither a file nor a folder")
    return UnreadablePath(path, "not in a folder that is scanned")


def _is_ours(relative: bytes, facts: os.stat_result, context: RootContext) -> bool:
    if OUR_FOLDER in relative.split(b"/"):
        return True
    at = context.path
    for name in path_parts(relative):
        at = os.path.join(at, name)
        facts = os.lstat(at)
        if facts.st_dev == context.device and facts.st_ino in context.own:
            return True
    return False

"""A list of paths to scan instead of whole roots (``--files-from``)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gorillacomb.bytepaths import below, is_below
from gorillacomb.index.database import Index
from gorillacomb.model import Unreadable
from gorillacomb.scan.read import cause_of
from gorillacomb.scan.roots import Scope, ensure_folder
from gorillacomb.scan.tasks import WINDOW, FolderTask


@dataclass(slots=True)
class FileList:
    """What the list names in one root."""

    tasks: list[FolderTask] = field(default_factory=list)


def sort_file_list(
    index: Index, scopes: Sequence[Scope], listed: Iterable[bytes]
) -> tuple[dict[int, FileList], list[Unreadable]]:
    """Sort listed paths by root and folder; call inside `Index.atomic`.

    Files are looked at one by one, listed folders with all below them. Returns the work by root id,
    and what names nothing that can be scanned, with the cause.
    """
    junk: list[Unreadable] = []
    names: dict[tuple[int, bytes], list[bytes]] = {}
    folders: dict[tuple[int, bytes], None] = {}
    by_root = {scope.root.id: scope for scope in scopes}
    for path in listed:
        place = _place(path, scopes)
        if isinstance(place, Unreadable):
            junk.append(place)
            continue
        root, relative, folder = place
        if folder:
            folders[root, relative] = None
        else:
            parent, _, name = relative.rpartition(b"/")
            names.setdefault((root, parent), []).append(name)
    lists: dict[int, FileList] = {}
    for (root, relative), wanted in names.items():
        at = ensure_folder(index, by_root[root].root, relative)
        unique = sorted(set(wanted))
        lists.setdefault(root, FileList()).tasks += [
            FolderTask(at, relative, 0, tuple(unique[start : start + WINDOW]))
            for start in range(0, len(unique), WINDOW)
        ]
    for root, relative in folders:
        at = ensure_folder(index, by_root[root].root, relative)
        lists.setdefault(root, FileList()).tasks.append(FolderTask(at, relative, 0))
    return lists, junk


def _place(path: bytes, scopes: Sequence[Scope]) -> tuple[int, bytes, bool] | Unreadable:
    """The root's id, the path below it and whether it is a folder; or why it is none of these."""
    if not path or b"\0" in path:
        return Unreadable(path, "not a path")
    try:
        parent, name = os.path.split(os.path.abspath(path))
        whole = os.path.join(os.path.realpath(parent), name)
        facts = os.lstat(whole)
    except OSError as error:
        return Unreadable(path, cause_of(error))
    for scope in scopes:
        top = scope.place.path
        if is_below(whole, top):
            if stat.S_ISDIR(facts.st_mode):
                return scope.root.id, below(whole, top), True
            if stat.S_ISREG(facts.st_mode) or stat.S_ISLNK(facts.st_mode):
                return scope.root.id, below(whole, top), False
            return Unreadable(path, "neither a file nor a folder")
    return Unreadable(path, "not in a folder that is scanned")

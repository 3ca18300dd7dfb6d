"""Compare symbolic links in two folders, by their texts and by where they lead."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection

from gorillacomb.dedupe.model import Reference
from gorillacomb.fs.paths import is_below, join
from gorillacomb.index.database import Index
from gorillacomb.index.roots import folder_paths
from gorillacomb.index.tree_queries import symlinks

_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR})


def links_equivalent(text: bytes, folder: bytes, other: bytes, depth: int) -> bool:
    """Return whether a link to be removed is equivalent to one with the same text elsewhere.

    ``folder``, where it is or was, and ``other`` are the paths of their folders, ``depth`` the
    number of folders that they are below the compared tops. Inside a top, the same text leads to
    its counterpart in the other; outside, the same text leads from two places to two targets. But a
    link that leads nowhere means no more than its text.
    """
    if text.startswith(b"/") or not _leads_out(text, depth):
        return True
    return os.path.normpath(os.path.join(folder, text)) == os.path.normpath(
        os.path.join(other, text)
    ) or _leads_nowhere(text, folder)


def _leads_nowhere(text: bytes, folder: bytes) -> bool:
    """Return whether the target of a relative link is missing; its folder may be missing too.

    ``folder`` is an absolute path without links. Return False if that cannot be determined.
    """
    parts = text.split(b"/")
    while parts and parts[0] in (b"..", b".", b""):
        if parts.pop(0) == b"..":
            folder = os.path.dirname(folder)
    if b".." in parts and not os.path.isdir(folder):
        return False  # the folder that it would enter and leave was removed with its own folder
    try:
        os.stat(join(folder, b"/".join(parts)))
    except OSError as error:
        return error.errno in _NOWHERE
    return False


def _leads_out(text: bytes, depth: int) -> bool:
    """Return whether a relative link leads out of the folder that it is this many folders below."""
    for part in text.split(b"/"):
        if part == b"..":
            depth -= 1
            if depth < 0:
                return True
        elif part not in (b"", b"."):
            depth += 1
    return False


def symlink_targets(index: Index, online: Collection[int]) -> list[Reference]:
    """Return where the links in the index lead now, sorted.

    What they lead through is included. ``online`` are the ids of connected roots; links that lead
    nowhere are omitted.
    """
    paths = folder_paths(index.connection)
    found = []
    for folder, name in symlinks(index.connection):
        place = paths.place(folder)
        if place is None or place[0] not in online:
            continue
        link = join(place[1], name)
        if os.path.exists(link):
            is_absolute = os.readlink(link).startswith(b"/")
            found += [Reference(each, link, 0, is_absolute) for each in link_chain(link)]
    return sorted(found)


_MOST_LINKS = 40
"""As many as Linux follows in one path (path_resolution(7))."""


def link_chain(link: bytes) -> list[bytes]:
    """Return what a link needs in order to resolve: its end, which exists, and what is on the way.

    ``link`` is an absolute path, as are those returned. Folders around it are omitted.
    """
    return [each for each in path_chain(link, link) if each != link]


def path_chain(path: bytes, source: bytes = b"") -> list[bytes]:
    """Return what an absolute path needs in order to resolve: what is on the way, and its end last.

    On the way are links, and folders that are entered and left again by ``..``, unless ``source``
    is in those. The folders around each of the returned paths are real ones.
    """
    at = b"/"
    parts = path.split(b"/")[::-1]
    found: list[bytes] = []
    followed = 0
    while parts:
        part = parts.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            if not is_below(source, at):
                found.append(at)
            at = os.path.dirname(at)
            continue
        here = join(at, part)
        try:
            text = os.readlink(here)
        except OSError:
            at = here  # not a link
            continue
        found.append(here)
        followed += 1
        if followed > _MOST_LINKS:  # it was changed in the meantime, and leads in a circle
            break
        parts += text.split(b"/")[::-1]
        if text.startswith(b"/"):
            at = b"/"
    return [*found, at]

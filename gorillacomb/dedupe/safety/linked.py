"""Where symbolic links lead to: what others reach by a link is left alone."""

from __future__ import annotations

import os
from collections.abc import Collection

from gorillacomb.fs.paths import is_below, join
from gorillacomb.index.database import Index
from gorillacomb.index.roots import folder_paths
from gorillacomb.index.tree_queries import links


def link_targets(index: Index, online: Collection[int]) -> list[tuple[bytes, bytes]]:
    """Where the links that the index knows lead to now, sorted, each with the path of the link.

    What they lead through is among it. ``online`` are the ids of roots that are there; links that
    lead nowhere are left out.
    """
    paths = folder_paths(index.connection)
    found = []
    for folder, name in links(index.connection):
        place = paths.place(folder)
        if place is None or place[0] not in online:
            continue
        link = join(place[1], name)
        if os.path.exists(link):
            found += [(each, link) for each in steps_of(link)]
    return sorted(found)


_MOST_LINKS = 40
"""As many as Linux follows in one path (path_resolution(7))."""


def steps_of(link: bytes) -> list[bytes]:
    """What a link needs to lead where it does: its end, which exists, and what is on the way.

    That are other links, and folders that are entered and left again by ``..``. ``link`` is an
    absolute path, as are those returned; the folders around each of them are real ones.
    """
    at = b"/"
    parts = link.split(b"/")[::-1]
    found: list[bytes] = []
    followed = 0
    while parts:
        part = parts.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            if not is_below(link, at):
                found.append(at)
            at = os.path.dirname(at)
            continue
        path = join(at, part)
        try:
            text = os.readlink(path)
        except OSError:
            at = path  # no link
            continue
        found.append(path)
        followed += 1
        if followed > _MOST_LINKS:  # it was changed meanwhile, and leads in a circle
            break
        parts += text.split(b"/")[::-1]
        if text.startswith(b"/"):
            at = b"/"
    return [each for each in (*found, at) if each != link]

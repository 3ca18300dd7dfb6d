"""Where symbolic links lead to: what others reach by a link is left alone."""

from __future__ import annotations

import os
from collections.abc import Collection

from gorillacomb.bytepaths import join
from gorillacomb.index.database import Index
from gorillacomb.index.forest import links
from gorillacomb.index.roots import folder_paths


def link_targets(index: Index, online: Collection[int]) -> list[tuple[bytes, bytes]]:
    """Where the links that the index knows lead to now, sorted, each with the path of the link.

    ``online`` are the ids of roots that are there; links that lead nowhere are left out.
    """
    paths = folder_paths(index.connection)
    found = []
    for folder, name in links(index.connection):
        place = paths.place(folder)
        if place is None or place[0] not in online:
            continue
        link = join(place[1], name)
        target = os.path.realpath(link)
        if target != link and os.path.lexists(target):
            found.append((target, link))
    return sorted(found)

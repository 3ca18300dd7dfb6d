"""Keep what is copied out of a private folder as private as it was."""

from __future__ import annotations

import os
import stat

from gorillacomb.fs.paths import parent_path, path_and_parents

_ALL = 0o777


def still_allowed(source: bytes, target: bytes) -> int:
    """Return the permission bits that a copy may have, so that nobody else can read it now.

    ``source`` and ``target`` are absolute paths. A folder around the source that only its owner, or
    only its group, can enter closes everything in it to others; one that is around both places
    still does. Raises OSError.
    """
    around = set(path_and_parents(parent_path(target)))
    allowed = _ALL
    for folder in path_and_parents(parent_path(source)):
        if folder not in around:
            mode = os.stat(folder).st_mode
            if not mode & stat.S_IXOTH:
                allowed &= ~stat.S_IRWXO
            if not mode & stat.S_IXGRP:
                allowed &= ~stat.S_IRWXG
    return allowed

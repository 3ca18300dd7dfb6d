"""Whether symbolic links in two folders lead to the same, by what they say and where they lead."""

from __future__ import annotations

import errno
import os

_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR})


def lead_alike(text: bytes, folder: bytes, other: bytes, depth: int) -> bool:
    """Whether a link's text means the same in two folders.

    ``folder`` and ``other`` are the paths of the folders that the links stand in, ``depth`` how
    many folders they are below what is compared. Inside of that the same text leads to what is
    compared too; out of it, from two places, to two.
    """
    if text.startswith(b"/") or not _leads_out(text, depth):
        return True
    return os.path.normpath(os.path.join(folder, text)) == os.path.normpath(
        os.path.join(other, text)
    )


def leads_nowhere(link: bytes, folder: int | None = None) -> bool:
    """Whether nothing stands where a link leads to now; not so where that cannot be told.

    ``link`` is its path, below the folder of the descriptor if one is given.
    """
    try:
        os.stat(link, dir_fd=folder)
    except OSError as error:
        return error.errno in _NOWHERE
    return False


def _leads_out(text: bytes, depth: int) -> bool:
    """Whether a relative link leads out of the folder that it is so many folders below."""
    for part in text.split(b"/"):
        if part == b"..":
            depth -= 1
            if depth < 0:
                return True
        elif part not in (b"", b"."):
            depth += 1
    return False

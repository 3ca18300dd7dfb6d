"""Whether symbolic links in two folders lead to the same, by what they say and where they lead."""

from __future__ import annotations

import errno
import os

from gorillacomb.fs.paths import join

_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR})


def lead_alike(text: bytes, folder: bytes, other: bytes, depth: int) -> bool:
    """Whether a link that goes says no more than one with the same text in another folder.

    ``folder``, where it stands or stood, and ``other`` are the paths of their folders, ``depth``
    how many folders they are below what is compared. Inside of that the same text leads to what is
    compared too; out of it, from two places, to two. But one that leads nowhere says no more than
    its text.
    """
    if text.startswith(b"/") or not _leads_out(text, depth):
        return True
    return os.path.normpath(os.path.join(folder, text)) == os.path.normpath(
        os.path.join(other, text)
    ) or _leads_nowhere(text, folder)


def _leads_nowhere(text: bytes, folder: bytes) -> bool:
    """Whether nothing stands where a relative link leads to from its folder, which may be gone.

    ``folder`` is an absolute path without links. Not so where it cannot be told.
    """
    parts = text.split(b"/")
    while parts and parts[0] in (b"..", b".", b""):
        if parts.pop(0) == b"..":
            folder = os.path.dirname(folder)
    if b".." in parts and not os.path.isdir(folder):
        return False  # what it would go through and leave again went with its folder
    try:
        os.stat(join(folder, b"/".join(parts)))
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

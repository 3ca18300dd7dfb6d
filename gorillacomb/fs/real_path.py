"""The one path of what has several: links resolved, each name spelled as its folder lists it."""

from __future__ import annotations

import os
import unicodedata

from gorillacomb.fs.paths import join


def real_path(path: bytes) -> bytes:
    """The path of a file or folder, absolute, without links, whatever way it was named.

    On a volume that takes ``photos`` for ``Photos``, or one Unicode form of a name for another, it
    has the names that the folders list. What does not exist keeps its names.
    """
    return _as_listed(os.path.realpath(path))


def real_path_of_entry(path: bytes) -> bytes:
    """The same, but a link stays the link: only those in its folders are resolved."""
    parent, name = os.path.split(path.rstrip(b"/"))
    if name in (b"", b".", b".."):
        return real_path(path)
    folder = real_path(parent or b".")
    return join(folder, listed_name(folder, name))


def _as_listed(path: bytes) -> bytes:
    at = b"/"
    for name in path.split(b"/"):
        if name:
            at = join(at, listed_name(at, name))
    return at


def listed_name(folder: bytes, name: bytes) -> bytes:
    """The name by which a folder lists what it has under a name."""
    text = os.fsdecode(name)
    forms = {text.swapcase(), *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))}
    here = join(folder, name)
    # Where no other spelling is there too, the volume tells them apart, and nothing is listed.
    if not any(os.path.lexists(join(folder, os.fsencode(each))) for each in forms - {text}):
        return name
    try:
        inode = os.lstat(here).st_ino
        with os.scandir(folder) as listing:
            entries = list(listing)
        if any(entry.name == name for entry in entries):
            return name
        alike = [entry.name for entry in entries if _folded(entry.name) == _folded(name)]
        # A FAT volume has a second, short name for a long one, which is not like it.
        alike = alike or [entry.name for entry in entries if entry.inode() == inode]
    except OSError:
        return name  # it does not exist, or its folder may not be listed
    return alike[0] if len(alike) == 1 else name


def _folded(name: bytes) -> str:
    return unicodedata.normalize("NFC", os.fsdecode(name)).casefold()

"""Resolve links, and spell each name as its folder lists it: one path for each file."""

from __future__ import annotations

import os
import sys
import unicodedata
from functools import lru_cache

from gorillacomb.fs.paths import join, spelling_key


def real_path(path: bytes) -> bytes:
    """Return the absolute path of a file or folder without links, however it was named.

    On a volume that accepts ``photos`` for ``Photos``, or one Unicode form for another, it has the
    names that the folders list. What does not exist keeps its name.
    """
    return _as_listed(os.path.realpath(path))


def real_path_of_entry(path: bytes) -> bytes:
    """Return the same, but without resolving the last component if it is a link."""
    parent, name = os.path.split(path.rstrip(b"/"))
    if name in (b"", b".", b".."):
        return real_path(path)
    folder = real_path(parent or b".")
    return _as_made(join(folder, name)) or join(folder, listed_name(folder, name))


def _as_listed(path: bytes) -> bytes:
    made = _as_made(path)
    if made is not None:
        return made
    at = b"/"
    for name in path.split(b"/"):
        if name:
            at = join(at, listed_name(at, name))
    return at


def _as_made(path: bytes) -> bytes | None:
    """Return the system's own path for an existing file; None if it cannot be asked."""
    if sys.platform != "darwin":
        return None
    from gorillacomb.fs.darwin.true_path import true_path

    known = true_path(path)
    return known if known is not None and spelling_key(known) == spelling_key(path) else None


def listed_name(folder: bytes, name: bytes) -> bytes:
    """Return the name under which a folder lists an entry."""
    here = join(folder, name)
    # If no other spelling exists too, the volume tells them apart, and no listing is needed.
    if not any(os.path.lexists(join(folder, each)) for each in _other_spellings(name)):
        return name
    try:
        inode = os.lstat(here).st_ino
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError:
        return name  # it does not exist, or its folder cannot be listed
    names = [entry.name for entry in entries]
    if name in names:
        return name
    for key in (_upper_key, spelling_key, _fat_key):
        alike = [each for each in names if key(each) == key(name)]
        if len(alike) == 1:
            return alike[0]
    # A FAT volume has a second, short name for a long one, which does not resemble it.
    same = [entry.name for entry in entries if entry.inode() == inode]
    return same[0] if len(same) == 1 else name


@lru_cache(maxsize=1024)
def _other_spellings(name: bytes) -> frozenset[bytes]:
    """Return names that a volume may treat as equal; each kind separately, as volumes differ.

    Only characters whose case change is reversible are changed: no volume takes ``SS`` for ``ß``,
    but swapping that would make two names of ``Straße`` and ``sTRASSE``.
    """
    text = os.fsdecode(name)
    forms = {unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}
    swapped = [_swapped(char) for char in text]
    for kinds in ((True, False), (True,), (False,)):
        pairs = zip(text, swapped, strict=True)
        forms.add("".join(new if old.isascii() in kinds else old for old, new in pairs))
    forms.add(text.rstrip(". "))
    return frozenset(os.fsencode(each) for each in forms - {text, ""})


def _swapped(char: str) -> str:
    other = char.swapcase()
    return other if len(other) == 1 and other.swapcase() == char else char


def _upper_key(name: bytes) -> str:
    """Return what FAT, exFAT and NTFS compare: each character on its own, in upper case."""
    text = unicodedata.normalize("NFC", os.fsdecode(name))
    return "".join(char.upper() if len(char.upper()) == 1 else char for char in text)


def _fat_key(name: bytes) -> bytes:
    """Return the same without trailing dots and spaces, which FAT and NTFS drop."""
    return spelling_key(name.rstrip(b". "))

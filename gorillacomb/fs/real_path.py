"""The one path of what has several: links resolved, each name spelled as its folder lists it."""

from __future__ import annotations

import os
import unicodedata

from gorillacomb.fs import darwin
from gorillacomb.fs.paths import join, spelling_key


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
    """The path that the system has for what is at one; None where it cannot be asked."""
    known = darwin.true_path(path)
    return known if known is not None and spelling_key(known) == spelling_key(path) else None


def listed_name(folder: bytes, name: bytes) -> bytes:
    """The name by which a folder lists what it has under a name."""
    here = join(folder, name)
    # Where no other spelling is there too, the volume tells them apart, and nothing is listed.
    if not any(os.path.lexists(join(folder, each)) for each in _other_spellings(name)):
        return name
    try:
        inode = os.lstat(here).st_ino
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError:
        return name  # it does not exist, or its folder may not be listed
    names = [entry.name for entry in entries]
    if name in names:
        return name
    for key in (_upper_key, spelling_key, _fat_key):
        alike = [each for each in names if key(each) == key(name)]
        if len(alike) == 1:
            return alike[0]
    # A FAT volume has a second, short name for a long one, which is not like it.
    same = [entry.name for entry in entries if entry.inode() == inode]
    return same[0] if len(same) == 1 else name


def _other_spellings(name: bytes) -> set[bytes]:
    """Names that a volume may take for one; each kind by itself, as volumes differ in them.

    Only characters change their case that come back from it: no volume takes ``SS`` for ``ß``, but
    that one makes two names of ``Straße`` and ``sTRASSE``.
    """
    text = os.fsdecode(name)
    forms = {unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}
    swapped = [_swapped(char) for char in text]
    for kinds in ((True, False), (True,), (False,)):
        pairs = zip(text, swapped, strict=True)
        forms.add("".join(new if old.isascii() in kinds else old for old, new in pairs))
    forms.add(text.rstrip(". "))
    return {os.fsencode(each) for each in forms - {text, ""}}


def _swapped(char: str) -> str:
    other = char.swapcase()
    return other if len(other) == 1 and other.swapcase() == char else char


def _upper_key(name: bytes) -> str:
    """What FAT, exFAT and NTFS compare: each character by itself, in capitals."""
    text = unicodedata.normalize("NFC", os.fsdecode(name))
    return "".join(char.upper() if len(char.upper()) == 1 else char for char in text)


def _fat_key(name: bytes) -> bytes:
    """The same, without the dots and spaces at the end that FAT and NTFS leave out."""
    return spelling_key(name.rstrip(b". "))

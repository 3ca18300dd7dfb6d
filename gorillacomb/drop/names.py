"""Decide which names from outside may become names on a user's disk.

A member of an archive, or an upload, names its own place: it must not lead out of the folder that
the drop gets, nor to something that a program treats as its own.
"""

from __future__ import annotations

import os
import re
import unicodedata

from gorillacomb.classify.names import is_version_control
from gorillacomb.dedupe.collapse.own_items import is_device_name
from gorillacomb.dedupe.collapse.shelf import folded
from gorillacomb.fs.openat import OUR_FOLDER
from gorillacomb.fs.paths import path_prefixes

DEEPEST = 64
"""Folders around a file."""
LONGEST_NAME = 255
LONGEST_PATH = 1023
"""Bytes, as most systems can still open."""
_CONTROL = re.compile(rb"[\0-\x1f\x7f]")
_DRIVE = re.compile(rb"[A-Za-z]:")


def why_unsafe(name: bytes) -> str | None:
    """Return why a relative path from outside is not used; None if it may be."""
    if b"\0" in name:
        return "has a NUL in its name"
    if not name:
        return "has no name"
    if name.startswith(b"/"):
        return "has an absolute path"
    if b"\\" in name:
        return "has a backslash in its name"
    if _DRIVE.match(name):
        return "names a drive"
    if _CONTROL.search(name):
        return "has a control character in its name"
    try:
        name.decode()
    except UnicodeDecodeError:
        return "has a name that is not UTF-8"
    parts = name.split(b"/")
    if any(part in (b"", b".", b"..") for part in parts):
        return "has a path with an empty part, . or .."
    if len(parts) > DEEPEST + 1:
        return f"is in more than {DEEPEST} folders"
    if len(name) > LONGEST_PATH or any(len(part) > LONGEST_NAME for part in parts):
        return "has a name that is too long"
    if any(map(is_device_name, parts)):
        return "has the name of a device"
    if any(_as_seen(part) == OUR_FOLDER for part in parts):
        return "is Gorilla Comb's own"
    return None


def why_not_alone(name: bytes) -> str | None:
    """Return why a file is not kept without what is around it; None if it may be."""
    if any(is_version_control(_as_seen(part)) for part in name.split(b"/")):
        return "is part of a repository: copy that as a whole"
    return None


def _as_seen(part: bytes) -> bytes:
    """Return a name as file systems compare it that ignore case and invisible characters."""
    text = part.decode(errors="surrogateescape")
    shown = "".join(each for each in text if unicodedata.category(each) != "Cf")
    return folded(os.fsencode(shown))


class TakenNames:
    """The names that were taken: no two are the same on any file system."""

    def __init__(self) -> None:
        self._files: set[bytes] = set()
        self._folders: dict[bytes, bytes] = {}
        """By folded path: how it is spelled."""

    def why_not(self, name: bytes) -> str | None:
        """Take the name of a file; return why it cannot be had."""
        prefixes = path_prefixes(name)
        around, last = prefixes[:-1], folded(prefixes[-1])
        if last in self._files or last in self._folders:
            return "has the same name as something else in it, on some file system"
        folders = [(folded(each), each) for each in around]
        if any(key in self._files for key, _ in folders):
            return "is in a folder that is a file, too"
        if any(self._folders.get(key, each) != each for key, each in folders):
            return "is in a folder of which the name differs in case or form alone"
        self._files.add(last)
        self._folders.update(folders)
        return None

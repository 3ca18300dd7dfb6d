"""Where quarantines are: in the ``.gorillacomb`` of a root, and of cloud folders in it."""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress

from gorillacomb.classify.cloud_folders import cloud_folder_around
from gorillacomb.fs import mutations
from gorillacomb.fs.openat import FILE_FLAGS, FOLDER_FLAGS, OUR_FOLDER
from gorillacomb.fs.paths import is_below, join, relative_path
from gorillacomb.json_paths import path_from_json, path_to_json

QUARANTINE = b"quarantine"
_BASES = b"bases.jsonl"
_MOST_BASES = 1 << 20
"""Bytes."""


def quarantine_base(root: bytes, path: bytes) -> bytes:
    """The folder in whose quarantine a path below a root is set aside."""
    return cloud_folder_around(root, path) or root


def open_our_folder(base: int, make: bool = False) -> int:
    """A descriptor of ``.gorillacomb`` in an open folder. Raises OSError."""
    return open_below(base, OUR_FOLDER, make)


def open_below(parent: int, name: bytes, make: bool) -> int:
    """A descriptor of a folder of ours in an open one, made if that is wanted. Raises OSError."""
    if make:
        before = os.fstat(parent).st_mtime_ns
        try:
            mutations.make_folder(parent, name)
        except FileExistsError:
            pass  # it was made by an earlier run
        else:
            mutations.set_mtime(parent, before)  # ours is no change of what is theirs
    return os.open(name, FOLDER_FLAGS, dir_fd=parent)


def remember_base(root: bytes, base: bytes) -> None:
    """Note in the root that it has a quarantine elsewhere too."""
    if base in quarantine_bases(root):
        return
    folder = os.open(join(root, OUR_FOLDER), FOLDER_FLAGS)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(_BASES, flags, 0o600, dir_fd=folder)
        try:
            mutations.append_durably(
                file, json.dumps(path_to_json(relative_path(base, root))).encode() + b"\n"
            )
        finally:
            os.close(file)
        mutations.fsync(folder)
    finally:
        os.close(folder)


def quarantine_bases(root: bytes) -> list[bytes]:
    """The folders in a root that have quarantines: the root itself, and synced folders in it."""
    found = [root]
    for line in _lines_of(join(root, join(OUR_FOLDER, _BASES))):
        # Torn, or not ours.
        with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            base = os.path.normpath(join(root, path_from_json(json.loads(line))))
            if is_below(base, root) and base not in found and b"\0" not in base:
                found.append(base)
    return found


def _lines_of(path: bytes) -> list[bytes]:
    """The lines of a small file of ours; none for what is not there or is no file."""
    try:
        file = os.open(path, FILE_FLAGS)
    except OSError:
        return []
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return []
        return os.read(file, _MOST_BASES).splitlines()
    finally:
        os.close(file)

"""Find quarantines: in the ``.gorillacomb`` of a root, and of cloud folders in it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from gorillacomb.classify.cloud_folders import cloud_folder_within
from gorillacomb.dedupe.roots import LiveRoot
from gorillacomb.fs import mutations
from gorillacomb.fs.openat import (
    FILE_FLAGS,
    FOLDER_FLAGS,
    OUR_FOLDER,
    FileIdentity,
    identity_of,
)
from gorillacomb.fs.paths import is_below, join, path_and_parents, relative_path
from gorillacomb.json_paths import path_from_json, path_to_json

QUARANTINE = b"quarantine"
_BASES = b"bases.jsonl"
_MOST_BASES = 1 << 20
"""Bytes."""


def quarantine_base(root: bytes, path: bytes) -> bytes:
    """Return the folder in whose quarantine a path below a root belongs."""
    return cloud_folder_within(root, path) or root


def open_our_folder(base: int, make: bool = False) -> int:
    """Open ``.gorillacomb`` in an open folder and return its descriptor. Raises OSError."""
    return open_below(base, OUR_FOLDER, make)


def open_below(parent: int, name: bytes, make: bool) -> int:
    """Open a folder of ours in an open one, created if requested. Raises OSError."""
    if make:
        before = os.fstat(parent).st_mtime_ns
        try:
            mutations.make_folder(parent, name)
        except FileExistsError:
            pass  # an earlier run created it
        else:
            mutations.set_mtime(parent, before)  # creating ours is not a change of theirs
    return os.open(name, FOLDER_FLAGS, dir_fd=parent)


def remember_base(root: bytes, base: bytes) -> None:
    """Record in the root that it has a quarantine in another folder too."""
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
    """Return the folders in a root that have quarantines: the root and synced folders."""
    found = [root]
    for line in _lines_of(join(root, join(OUR_FOLDER, _BASES))):
        # Torn, or not ours.
        with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            base = os.path.normpath(join(root, path_from_json(json.loads(line))))
            if is_below(base, root) and base not in found and b"\0" not in base:
                found.append(base)
    return found


def bases_of(root: LiveRoot) -> list[bytes]:
    """Return the folders in a root that may have quarantines.

    This includes those that a scan met: of a root that was scanned by itself before, or by another
    vault.
    """
    tops = (root.path, *root.our_folders)
    return [*dict.fromkeys(base for top in tops for base in quarantine_bases(top))]


def known_bases(roots: Iterable[LiveRoot]) -> dict[bytes, list[bytes] | None]:
    """Return all folders that may have quarantines with items of some roots, each once.

    The value is None for a folder that is in a root. A folder around roots, which was once a root
    itself, has a list of these roots: only what was quarantined from them is known of its
    quarantine.
    """
    roots = list(roots)
    found: dict[bytes, list[bytes] | None] = {}
    seen: dict[FileIdentity, bytes] = {}
    for base in (base for root in roots for base in bases_of(root)):
        identity = quarantine_identity(base)
        if identity is not None and seen.setdefault(identity, base) == base:
            found[base] = None
    for root in roots:
        for above in list(path_and_parents(root.path))[1:]:
            identity = quarantine_identity(above)
            if identity is None or identity[0] != root.identity[0]:
                continue
            within = found.setdefault(seen.setdefault(identity, above), [])
            if within is not None:
                within.append(root.path)
    return found


def quarantine_identity(base: bytes) -> FileIdentity | None:
    """Return the identity of a base; None if it has no quarantine, or is missing."""
    try:
        if stat.S_ISDIR(os.lstat(join(base, join(OUR_FOLDER, QUARANTINE))).st_mode):
            return identity_of(os.stat(base))
    except OSError:
        pass
    return None


def base_of_run(folder: bytes) -> tuple[bytes, str]:
    """Return the base and the run of a run's folder, given by its path. Raises ValueError."""
    parts = folder.rstrip(b"/").split(b"/")
    if parts[-3:-1] != [OUR_FOLDER, QUARANTINE] or len(parts) < 4:
        raise ValueError("it is not a run's folder in a quarantine")
    return b"/".join(parts[:-3]) or b"/", os.fsdecode(parts[-1])


def _lines_of(path: bytes) -> list[bytes]:
    """Read the lines of a small file of ours; none if it is missing or not a file."""
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

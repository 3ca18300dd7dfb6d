"""The folder that a manifest describes: its identity, and the abilities of its file system."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from gorillacomb.fs.bounded_read import tells_size
from gorillacomb.fs.lease import is_open_for_writing
from gorillacomb.fs.mounts import mount_of
from gorillacomb.fs.openat import FileIdentity, open_file
from gorillacomb.fs.racy import is_provisional, judge_content
from gorillacomb.fs.volumes import hides_changes, keeps_modes
from gorillacomb.manifest.model import ManifestEntry
from gorillacomb.manifest.walk import identify_tree
from gorillacomb.model import SECOND, EntryState

DifferenceKind = Literal["changed", "damaged", "suspect", "missing", "mode", "unreadable"]
_IN_USE = "in use: a program has it open for writing"
_LONGEST_BUILD_NS = 24 * 3600 * SECOND
"""Upper limit of the time it takes to make a manifest."""


@dataclass(frozen=True, slots=True)
class TreeContext:
    """The folder of the tasks; sent with each of them."""

    root: bytes
    identity: FileIdentity
    own: frozenset[FileIdentity] = frozenset()
    """Our own files, which are never opened."""
    both: bool = True
    """Whether SHA-256 is computed besides BLAKE3."""
    modes: bool = True
    """Whether its file system keeps modes."""
    hides_changes: bool = False
    """Whether content may change there without changing any timestamp."""
    created_ns: int = 0
    """When the manifest to compare with was made; 0 for none."""


def tree_to_check(
    root: bytes, created_ns: int, own: Collection[FileIdentity], both: bool
) -> TreeContext:
    """Describe a folder to compare with a manifest made at ``created_ns``. Raises UsageError."""
    identity = identify_tree(root)
    mount = mount_of(root)
    return TreeContext(
        root,
        identity,
        frozenset(own),
        both,
        keeps_modes(mount.type, mount.source),
        hides_changes(mount.type),
        created_ns,
    )


def ends_as_told(folder: int, name: bytes, size: int) -> bool:
    """Return whether a file has the size that its file system reports, as far as it can be read."""
    try:
        descriptor = open_file(name, folder)
    except OSError:
        return True
    try:
        return tells_size(descriptor, size)
    except OSError:
        return True
    finally:
        os.close(descriptor)


def judge_file(
    entry: ManifestEntry, place: TreeContext, folder: int, name: bytes
) -> tuple[DifferenceKind, str]:
    """Classify a file in an open folder whose content differs while size and mtime do not.

    The rules are those of scans. A manifest has no ctime, so no ctime is known to have changed.
    Raises OSError.
    """
    descriptor = open_file(name, folder)
    try:
        if is_open_for_writing(descriptor):
            return "unreadable", _IN_USE
    finally:
        os.close(descriptor)
    state = judge_content(_was_read_early(entry, place.created_ns), False, place.hides_changes)
    if state is None:
        return "changed", "content changed; it was written just before the manifest was made"
    if state is EntryState.SUSPECT:
        cause = "its file system may let content change without showing it"
        return "suspect", f"content changed; size and time did not, but {cause}"
    return "damaged", "content changed; size and time did not"


def _was_read_early(entry: ManifestEntry, created_ns: int) -> bool:
    """Return whether a file may have been read for a manifest too soon after it was written.

    It was read after the manifest was begun, and after it was written, if that was later.
    """
    latest = min(time.time_ns(), created_ns + _LONGEST_BUILD_NS)
    read_ns = max(created_ns, min(entry.mtime_ns, latest)) if created_ns else 0
    return is_provisional(entry.mtime_ns, entry.mtime_ns, read_ns)

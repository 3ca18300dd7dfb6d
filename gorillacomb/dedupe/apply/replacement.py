"""Put a link in the place of a copy that was set aside, and take it away again."""

from __future__ import annotations

import os
import stat

from gorillacomb.dedupe.apply.snapshot import TreeSnapshot
from gorillacomb.dedupe.model import DedupeAction
from gorillacomb.dedupe.quarantine.journal import MovedItem
from gorillacomb.fs import mutations
from gorillacomb.fs.comparison import extended_attributes
from gorillacomb.fs.location import FileLocation
from gorillacomb.fs.openat import open_file


def link_refusal(
    action: DedupeAction, victim: FileLocation, keep: FileLocation, sighting: TreeSnapshot
) -> str | None:
    """Why no link to ``keep`` can stand for a file; None when one can.

    With a hard link the two are one file, so that owner, mode and all attributes must be equal.
    """
    if action is DedupeAction.SYMLINK:
        return None
    facts = sighting.victim[b""]
    _, other = sighting.survivors[0]
    if facts.st_dev != other.st_dev:
        return "has its other copy on another file system"
    if (facts.st_uid, facts.st_gid) != (other.st_uid, other.st_gid):
        return "has another owner than its other copy"
    if facts.st_mode != other.st_mode:
        return "has another mode than its other copy"
    if _attributes(victim) != _attributes(keep):
        return "has other attributes than its other copy"
    return None


def _attributes(spot: FileLocation) -> dict[str, bytes]:
    with spot.opened() as (folder, name):
        file = open_file(name, folder)
        try:
            return extended_attributes(file)
        finally:
            os.close(file)


def replace_with_link(kind: str, victim: FileLocation, keep: FileLocation) -> None:
    """Put a link to ``keep`` where a file stood that was set aside.

    Raises OSError, FileExistsError where something came meanwhile.
    """
    with victim.opened() as (folder, name):
        if kind == DedupeAction.HARDLINK:
            with keep.opened() as (other, kept):
                mutations.link(other, kept, folder, name)
        else:
            mutations.symlink(symlink_text(victim, keep), folder, name)


def symlink_text(victim: FileLocation, keep: FileLocation) -> bytes:
    """What a symbolic link says that is put in the place of a file."""
    return os.path.relpath(keep.path, os.path.dirname(victim.path))


def remove_link(move: MovedItem, victim: FileLocation, keep: bytes) -> None:
    """Remove the link to ``keep`` that was put in the place of a file, if that stands there.

    Raises FileExistsError where something else does.
    """
    if move.put is None:
        return
    with victim.opened() as (folder, name):
        try:
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        if move.put == DedupeAction.HARDLINK:
            # With one name left it would be the last one of that file.
            ours = facts.st_nlink > 1 and (
                facts.st_ino == move.put_inode or is_same_file_as(facts, keep)
            )
        else:
            ours = stat.S_ISLNK(facts.st_mode) and (
                os.readlink(name, dir_fd=folder) == move.put_text
            )
        if not ours:
            raise FileExistsError("something else stands there now")
        mutations.remove(folder, name)


def is_same_file_as(facts: os.stat_result, keep: bytes) -> bool:
    """Whether a file is the one at a path: a copy of a drive has its links and other inodes."""
    try:
        return os.path.samestat(facts, os.lstat(keep))
    except OSError:
        return False

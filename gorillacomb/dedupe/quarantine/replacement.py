"""Put a link in the place of a copy that was set aside, and take it away again."""

from __future__ import annotations

import os
import stat

from gorillacomb.dedupe.model import DedupeAction
from gorillacomb.dedupe.quarantine.journal import MovedItem
from gorillacomb.fs import mutations
from gorillacomb.fs.location import FileLocation

SOMETHING_ELSE = "something else stands there now"


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


def remove_link(move: MovedItem, folder: int, name: bytes, keep: bytes) -> None:
    """Remove the link to ``keep`` that was put in the place of a file, if it is still there.

    Raises FileExistsError where something else is.
    """
    if move.put not in (DedupeAction.HARDLINK, DedupeAction.SYMLINK):
        return
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
        ours = stat.S_ISLNK(facts.st_mode) and (os.readlink(name, dir_fd=folder) == move.put_text)
    if not ours:
        raise FileExistsError(SOMETHING_ELSE)
    mutations.remove(folder, name)


def is_same_file_as(facts: os.stat_result, keep: bytes) -> bool:
    """Whether a file is the one at a path: a copy of a drive has its links and other inodes."""
    try:
        return os.path.samestat(facts, os.lstat(keep))
    except OSError:
        return False

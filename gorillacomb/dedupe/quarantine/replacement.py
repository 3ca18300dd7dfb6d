"""Replace a quarantined copy with a link, so that its name always leads to a file.

The link is created in the slot reserved for the copy, checked, and exchanged with the copy in one
step. An undo exchanges the two again. If a file system has no such exchange (most FUSE drives, old
kernels), the copy is quarantined first and the link created after that.
"""

from __future__ import annotations

import os
import stat

from gorillacomb.dedupe.model import DedupeAction
from gorillacomb.dedupe.quarantine.journal_entries import MovedItem
from gorillacomb.fs import mutations
from gorillacomb.fs.comparison import contents_equal
from gorillacomb.fs.location import ContentDiffers, FileLocation
from gorillacomb.fs.openat import open_file

LINKS = (DedupeAction.HARDLINK, DedupeAction.SYMLINK)
SOMETHING_ELSE = "something else stands there now"


def make_link(move: MovedItem, keep: FileLocation, folder: int, name: bytes) -> None:
    """Create the link to ``keep`` that will replace a file, in an open folder.

    Raises OSError, FileExistsError if something is there.
    """
    if move.put == DedupeAction.HARDLINK:
        with keep.opened() as (other, kept):
            mutations.link(other, kept, folder, name)
    else:
        mutations.symlink(move.put_text, folder, name)


def verify_link(
    move: MovedItem,
    keep: os.stat_result,
    folder: int,
    name: bytes,
    victim: FileLocation,
    around: int,
) -> None:
    """Make sure that a link, created in an open folder, leads to the kept copy.

    ``keep`` is the kept copy as it was, and ``around`` the open folder of the copy to
    remove, where the link is going to be. Raises ContentDiffers, OSError.
    """
    if move.put == DedupeAction.HARDLINK:
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    else:
        facts = os.stat(os.readlink(name, dir_fd=folder), dir_fd=around)
    if not os.path.samestat(facts, keep):
        raise ContentDiffers(victim.path, "a link there would not lead to its other copy")


def kept_copy(spot: FileLocation, keep: os.stat_result) -> os.stat_result:
    """Return the kept copy after links to it changed: only its ctime may differ.

    Raises ContentDiffers, OSError.
    """
    with spot.opened() as (folder, name):
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    known = keep.st_size, keep.st_mtime_ns
    if not os.path.samestat(facts, keep) or (facts.st_size, facts.st_mtime_ns) != known:
        raise ContentDiffers(spot.path, "was to stay, and changed meanwhile")
    return facts


def symlink_text(victim: FileLocation, keep: FileLocation) -> bytes:
    """Return the text of the symbolic link that replaces a file."""
    return os.path.relpath(keep.path, os.path.dirname(victim.path))


def is_link(move: MovedItem, folder: int, name: bytes, keep: bytes) -> bool:
    """Return whether a name in an open folder is our link to ``keep`` in place of a file.

    The last name of a file does not count: its content would be lost with it. Raises OSError.
    """
    if move.put not in LINKS:
        return False
    try:
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if move.put == DedupeAction.SYMLINK:
        return stat.S_ISLNK(facts.st_mode) and os.readlink(name, dir_fd=folder) == move.put_text
    is_kept = facts.st_ino == move.put_inode != move.inode or is_same_file_as(facts, keep)
    return stat.S_ISREG(facts.st_mode) and facts.st_nlink > 1 and is_kept


def remove_link(move: MovedItem, folder: int, name: bytes, keep: bytes) -> None:
    """Remove the link to ``keep`` that replaced a file, if it is still there.

    Raises FileExistsError if something else is there.
    """
    if move.put not in LINKS:
        return
    if is_link(move, folder, name, keep):
        mutations.remove(folder, name)
        return
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise FileExistsError(SOMETHING_ELSE)


def refuse_changed(move: MovedItem, folder: int, name: bytes, keep: bytes, aside: int) -> None:
    """Refuse a hard link, in an open folder, with more in it than the file that it replaces.

    ``aside`` is the open folder of the slot. While ``keep`` is a name of the same file, nothing is
    lost with the link; otherwise, all names of what someone wrote to it may be such links. Raises
    FileExistsError, OSError.
    """
    if move.put != DedupeAction.HARDLINK:
        return
    link = open_file(name, folder)
    try:
        facts = os.fstat(link)
        if is_same_file_as(facts, keep):
            return
        file = open_file(move.slot, aside)
        try:
            if not contents_equal(link, file, facts.st_size, lambda size: None):
                raise FileExistsError(SOMETHING_ELSE)
        finally:
            os.close(file)
    finally:
        os.close(link)


def is_same_file_as(facts: os.stat_result, keep: bytes) -> bool:
    """Return whether a file is the one at a path, even on a copy of the drive.

    Such a copy has the links of the original, but other inodes.
    """
    try:
        return os.path.samestat(facts, os.lstat(keep))
    except OSError:
        return False

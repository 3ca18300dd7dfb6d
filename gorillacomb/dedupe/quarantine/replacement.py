"""Put a link in the place of a copy that is set aside, so that its name always leads to a file.

The link is made in the slot where the copy is to wait, looked at, and exchanged with the copy in
one step. Whoever takes it back exchanges the two again. Where a file system has no such exchange
(most FUSE drives, old kernels), the copy is set aside first and the link made after that.
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
    """Make the link to ``keep`` that is to stand for a file, in an open folder.

    Raises OSError, FileExistsError where something is.
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
    """Make sure that a link, made in an open folder, leads to what stays.

    ``keep`` is what that was, and ``around`` the open folder of the victim, where the link is going
    to stand. Raises ContentDiffers, OSError.
    """
    if move.put == DedupeAction.HARDLINK:
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    else:
        facts = os.stat(os.readlink(name, dir_fd=folder), dir_fd=around)
    if not os.path.samestat(facts, keep):
        raise ContentDiffers(victim.path, "a link there would not lead to its other copy")


def kept_copy(spot: FileLocation, keep: os.stat_result) -> os.stat_result:
    """What stays, after links to it were made or moved: they change its ctime and nothing else.

    Raises ContentDiffers, OSError.
    """
    with spot.opened() as (folder, name):
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    known = keep.st_size, keep.st_mtime_ns
    if not os.path.samestat(facts, keep) or (facts.st_size, facts.st_mtime_ns) != known:
        raise ContentDiffers(spot.path, "was to stay, and changed meanwhile")
    return facts


def symlink_text(victim: FileLocation, keep: FileLocation) -> bytes:
    """What a symbolic link says that is put in the place of a file."""
    return os.path.relpath(keep.path, os.path.dirname(victim.path))


def is_link(move: MovedItem, folder: int, name: bytes, keep: bytes) -> bool:
    """Whether a name in an open folder is the link to ``keep`` that was made to stand for a file.

    The last name of a file is none: with it the content would go. Raises OSError.
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
    """Remove the link to ``keep`` that was put in the place of a file, if it is still there.

    Raises FileExistsError where something else is.
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
    """Refuse a hard link, in an open folder, that holds more than what it stands for.

    ``aside`` is the open folder of the slot. While ``keep`` is a name of the same file, nothing is
    lost with the link; else all names of what somebody wrote to it may be such links. Raises
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
    """Whether a file is the one at a path: a copy of a drive has its links and other inodes."""
    try:
        return os.path.samestat(facts, os.lstat(keep))
    except OSError:
        return False

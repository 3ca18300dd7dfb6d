"""Walk a folder without following links or entering other file systems."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Iterator
from typing import Literal, NamedTuple

from gorillacomb.errors import RootVanished, UsageError
from gorillacomb.fs.drive_errors import DriveFailureCounter, is_vanished
from gorillacomb.fs.openat import (
    OUR_FOLDER,
    FileIdentity,
    OpenFolders,
    identity_of,
    os_error_text,
    special_kind,
)

TreeEntryKind = Literal["file", "link", "dir", "fifo", "socket", "device", "mount", "unreadable"]


class TreeEntry(NamedTuple):
    """An entry found in a tree."""

    path: bytes
    """Relative to the root of the tree."""
    kind: TreeEntryKind
    """``dir`` for a folder without any file, link or folder in it, ``unreadable`` for one that
    cannot be listed, ``mount`` for one on another file system."""
    cause: str = ""


def identify_tree(root: bytes) -> FileIdentity:
    """Return the identity of the folder at a path. Raises UsageError if it cannot be read."""
    shown = os.fsdecode(root)
    try:
        facts = os.stat(root)
        os.listdir(root)
    except NotADirectoryError:
        raise UsageError(f"{shown} is not a folder.", "Name the folder that it is in.") from None
    except OSError as error:
        raise UsageError(
            f"{shown} cannot be read: {os_error_text(error)}.", "Name another folder."
        ) from error
    return identity_of(facts)


def walk_tree(
    root: bytes,
    identity: FileIdentity,
    own: Collection[FileIdentity] = (),
    enters: Callable[[bytes], bool] = lambda path: False,
) -> Iterator[TreeEntry]:
    """Yield everything below a root, in no particular order.

    ``own`` are our own files, which are skipped; ``enters`` decides whether to enter a folder on
    another file system. Raises RootVanished if the root is another folder now, or if its drive
    yields only errors.
    """
    folders = OpenFolders(root, identity)
    failures = DriveFailureCounter(root, identity)
    stack = [b""]
    try:
        while stack:
            path = stack.pop()
            try:
                descriptor = folders.open(path)
                device = os.fstat(descriptor).st_dev
                if device != identity[0] and not enters(path):
                    yield TreeEntry(path, "mount")
                    continue
                found, below = _listed(descriptor, path, {i for d, i in own if d == device})
            except OSError as error:
                if not path or failures.note_error(error):
                    raise root_vanished(root, error) from error
                yield from _failed(path, error)
                continue
            failures.reset()
            yield from found
            if path and not below and not any(each.kind in ("file", "link") for each in found):
                yield TreeEntry(path, "dir")
            stack += below
    finally:
        folders.close()


def _listed(
    descriptor: int, path: bytes, own: Collection[int]
) -> tuple[list[TreeEntry], list[bytes]]:
    """Return the entries of an open folder, and the paths of its subfolders."""
    found: list[TreeEntry] = []
    below: list[bytes] = []
    prefix = path + b"/" if path else b""
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            if own and entry.inode() in own:
                continue
            if entry.is_file(follow_symlinks=False):
                found.append(TreeEntry(prefix + name, "file"))
            elif entry.is_dir(follow_symlinks=False):
                if name != OUR_FOLDER:
                    below.append(prefix + name)
            elif entry.is_symlink():
                found.append(TreeEntry(prefix + name, "link"))
            else:
                found += _odd(descriptor, name, prefix + name)
    return found, below


def _odd(folder: int, name: bytes, path: bytes) -> list[TreeEntry]:
    try:
        kind = special_kind(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return []
    return [TreeEntry(path, kind or "file")]


def root_vanished(root: bytes, error: OSError) -> RootVanished:
    """Return the error for a root that is missing, or whose drive is."""
    return RootVanished(
        f"{os.fsdecode(root)} cannot be read any more: {os_error_text(error)}.",
        "Plug its drive in again, or make sure that nothing moves it, and run this again.",
    )


def _failed(path: bytes, error: OSError) -> Iterator[TreeEntry]:
    if error.errno == errno.ENOENT:
        return  # removed since its parent was listed
    cause = "was replaced meanwhile" if is_vanished(error) else os_error_text(error)
    yield TreeEntry(path, "unreadable", cause)

"""List the entries of one folder, sorted by how they are handled."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from gorillacomb.classify.projects import project_marker
from gorillacomb.fs.openat import OUR_FOLDER, to_signed64
from gorillacomb.scan.exclude import compile_patterns
from gorillacomb.scan.tasks import RootContext

_ENCODING = sys.getfilesystemencoding()
"""Same as `os.fsencode`, but faster: the calling program may run under any locale."""

ListedFile = tuple[int, bytes]
"""Inode and name."""


class FolderListing(NamedTuple):
    """The entries of a folder, not yet looked at."""

    files: list[ListedFile]
    """Regular files, opened in inode order: a cold disk seeks less."""
    others: list[bytes]
    """Names of entries that are neither files nor folders."""
    folders: list[ListedFile]
    """Subfolders; with inodes as in the index, 0 on weak file systems."""
    marker: str | None
    """What marks it as a project."""
    excluded: Sequence[bytes] = ()
    """Names of excluded files and other entries."""
    excluded_folders: Sequence[ListedFile] = ()
    is_ours: bool = False
    """Whether it contains a `.gorillacomb` folder, which may hold a quarantine."""


def list_folder(descriptor: int, path: bytes, context: RootContext) -> FolderListing:
    """List an open folder; ``path`` is relative to the root. Raises OSError."""
    names: list[bytes] = []
    others: list[bytes] = []
    files: list[ListedFile] = []
    folders: list[ListedFile] = []
    own, weak, is_ours = context.own, context.weak, False
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = entry.name.encode(_ENCODING, "surrogateescape")
            inode = entry.inode()
            if inode in own:
                continue
            names.append(name)
            if entry.is_file(follow_symlinks=False):
                files.append((inode, name))
            elif not entry.is_dir(follow_symlinks=False):
                others.append(name)
            elif name == OUR_FOLDER:
                is_ours = True
            else:
                folders.append((0 if weak else to_signed64(inode), name))
    marker = project_marker(names, [name for _, name in folders] if folders else ())
    listing = FolderListing(files, others, folders, marker, is_ours=is_ours)
    if context.exclude or context.boundaries:
        return _leave_out(listing, path, context)
    return listing


def _leave_out(listing: FolderListing, path: bytes, context: RootContext) -> FolderListing:
    """Separate what is excluded, and files that are mount points.

    A file that is a mount point belongs to another drive, or is a second view of a file that exists
    elsewhere; a folder that is one is reported when its turn comes.
    """
    excluded = compile_patterns(context.exclude) if context.exclude else None
    boundaries, prefix = context.boundaries, path + b"/" if path else b""

    def is_left_out(name: bytes, folder: bool) -> bool:
        if prefix + name in boundaries:
            return not folder
        return excluded is not None and excluded(prefix + name, folder)

    names = [name for _, name in listing.files] + listing.others
    out = {name for name in names if is_left_out(name, folder=False)}
    closed = {name for _, name in listing.folders if is_left_out(name, folder=True)}
    return FolderListing(
        [entry for entry in listing.files if entry[1] not in out],
        [name for name in listing.others if name not in out],
        [entry for entry in listing.folders if entry[1] not in closed],
        listing.marker,
        sorted(out),
        [entry for entry in listing.folders if entry[1] in closed],
        listing.is_ours,
    )

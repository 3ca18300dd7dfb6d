"""The entries of one folder, sorted by what is to be done with them."""

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
"""As `os.fsencode`, which takes longer: a library user's program may run under any locale."""

ListedFile = tuple[int, bytes]
"""Inode and name."""


class FolderListing(NamedTuple):
    """What stands in a folder: not yet looked at."""

    files: list[ListedFile]
    """Regular files: opened in inode order, a cold disk seeks less."""
    others: list[bytes]
    """Names of what is neither file nor folder."""
    folders: list[ListedFile]
    """Subfolders; their inodes as the index has them, 0 on weak file systems."""
    marker: str | None
    """What makes it a project."""
    excluded: Sequence[bytes] = ()
    """Names of files and others that are left out."""
    excluded_folders: Sequence[ListedFile] = ()
    is_ours: bool = False
    """Whether a folder of ours is in it, where a quarantine may be."""


def list_folder(descriptor: int, path: bytes, context: RootContext) -> FolderListing:
    """List an open folder; ``path`` is its place below the root. Raises OSError."""
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
    """Sort out what is excluded, and what something is mounted over.

    A file with something mounted over it is another drive's, or a second view of one that stands
    elsewhere; such a folder is told of when its turn comes.
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

"""The entries of one folder, sorted by what is to be done with them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from gorillacomb.markers import marker_among
from gorillacomb.openat import OUR_FOLDER, fold
from gorillacomb.scan.exclude import compile_patterns
from gorillacomb.scan.tasks import RootContext


@dataclass(slots=True)
class Listing:
    """What stands in a folder: names as bytes, not yet looked at."""

    files: list[tuple[int, bytes]] = field(default_factory=list)
    """(inode, name) of regular files: opened in inode order, a cold disk seeks less."""
    others: list[bytes] = field(default_factory=list)
    folders: list[tuple[bytes, int]] = field(default_factory=list)
    """(name, inode) of subfolders."""
    excluded: list[bytes] = field(default_factory=list)
    excluded_folders: list[tuple[bytes, int]] = field(default_factory=list)
    marker: str | None = None


def list_folder(descriptor: int, path: bytes, context: RootContext) -> Listing:
    """List an open folder; ``path`` is its place below the root. Raises OSError."""
    listing = Listing()
    files, folders, names = listing.files, listing.folders, []
    excluded = compile_patterns(context.exclude) if context.exclude else None
    prefix = path + b"/" if path else b""
    own, boundaries, weak = context.own, context.boundaries, context.weak
    plain = excluded is None and not boundaries
    with os.scandir(descriptor) as entries:
        for entry in entries:
            name = entry.name.encode("utf-8", "surrogateescape")
            names.append(name)
            inode = entry.inode()
            is_file = entry.is_file(follow_symlinks=False)
            folder = not is_file and entry.is_dir(follow_symlinks=False)
            if inode in own or (folder and name == OUR_FOLDER):
                continue
            if not plain:
                # A file with something mounted over it is another drive's, or a second view of one
                # that stands elsewhere; such a folder is told of when its turn comes.
                mounted = prefix + name in boundaries
                left_out = not mounted and excluded is not None and excluded(prefix + name, folder)
                if folder and left_out:
                    listing.excluded_folders.append((name, fold(inode)))
                    continue
                if left_out or (mounted and not folder):
                    listing.excluded.append(name)
                    continue
            if is_file:
                files.append((inode, name))
            elif folder:
                folders.append((name, 0 if weak else fold(inode)))
            else:
                listing.others.append(name)
    listing.marker = marker_among(names, (name for name, _ in folders))
    return listing

"""Roll files that exist in one place only up to folders that have nothing in common with others.

A folder is shown instead of its files if none of its contents exists elsewhere. What version
control keeps is shown as its folder in any case: its files mean nothing to a reader.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from gorillacomb.classify.names import is_version_control
from gorillacomb.fs.paths import join_relative

RolledUpKind = Literal["folder", "file"]


@dataclass(frozen=True, slots=True)
class RolledUpEntry:
    """A folder or a file with contents that exist nowhere else."""

    path: bytes
    """Relative to the folder that was asked about; empty for that folder itself."""
    kind: RolledUpKind
    files: int
    """Files in it with contents that exist nowhere else."""
    size: int
    """Bytes of those; several hard links of one file count once."""
    is_whole: bool = True
    """Whether that is true of all its files with known content."""
    unproven: int = 0
    """Files and folders in it with unknown content."""


@dataclass(slots=True)
class FolderAmounts:
    """What is directly in a folder; after `add_up`, also below it."""

    parent: int
    """The position of the folder around it; negative if there is none."""
    name: bytes
    shared: int = 0
    """Files whose content exists elsewhere."""
    files: int = 0
    """Files whose content exists nowhere else."""
    size: int = 0
    """Bytes of those."""
    unproven: int = 0
    """Files and folders with unknown content."""


def add_up(folders: Sequence[FolderAmounts]) -> None:
    """Add what is in each folder to those around it. Each comes after the one around it."""
    for folder in reversed(folders):
        if folder.parent >= 0:
            above = folders[folder.parent]
            above.shared += folder.shared
            above.files += folder.files
            above.size += folder.size
            above.unproven += folder.unproven


def covering_entries(folders: Sequence[FolderAmounts]) -> list[int]:
    """Return for each folder the position of the one that is shown for it; -1 if none is.

    The folders must have been added up.
    """
    shown: list[int] = []
    for position, folder in enumerate(folders):
        above = shown[folder.parent] if folder.parent >= 0 else -1
        is_shown = folder.files > 0 and (not folder.shared or is_version_control(folder.name))
        shown.append(above if above >= 0 else position if is_shown else -1)
    return shown


def paths_of(folders: Sequence[FolderAmounts]) -> list[bytes]:
    """Return the path of each folder, relative to the first."""
    paths: list[bytes] = []
    for folder in folders:
        if folder.parent < 0:
            paths.append(b"")
        else:
            paths.append(join_relative(paths[folder.parent], folder.name))
    return paths


def folder_entries(
    folders: Sequence[FolderAmounts], shown: Sequence[int], paths: Sequence[bytes]
) -> list[RolledUpEntry]:
    """Return the folders that are shown for what is in them, the largest first."""
    entries = [
        RolledUpEntry(
            paths[position],
            "folder",
            folder.files,
            folder.size,
            not folder.shared,
            folder.unproven,
        )
        for position, folder in enumerate(folders)
        if shown[position] == position
    ]
    return sorted(entries, key=size_order)


def size_order(entry: RolledUpEntry) -> tuple[int, bytes]:
    """Return the sort key of entries: the largest first, then by path."""
    return -entry.size, entry.path


def roll_up_files(
    only: Iterable[tuple[bytes, int]],
    shared: Iterable[tuple[bytes, int]],
    unproven: Iterable[bytes],
) -> list[RolledUpEntry]:
    """Roll up files, given as (path, bytes); the largest entries first.

    ``shared`` are the folders with contents that exist elsewhere and how many files those are, and
    ``unproven`` the paths with unknown content. All are relative to the same folder.
    """
    folders = [FolderAmounts(-1, b"")]
    places = {b"": 0}
    files = sorted(only)
    for path, size in files:
        folder = folders[_position(os.path.dirname(path), places, folders)]
        folder.files += 1
        folder.size += size
    for path, number in shared:
        folders[_position(path, places, folders)].shared += number
    for path in unproven:
        folders[_position(os.path.dirname(path), places, folders)].unproven += 1
    add_up(folders)
    shown = covering_entries(folders)
    entries = folder_entries(folders, shown, paths_of(folders))
    entries += [
        RolledUpEntry(path, "file", 1, size)
        for path, size in files
        if shown[places[os.path.dirname(path)]] < 0
    ]
    return sorted(entries, key=size_order)


def _position(path: bytes, places: dict[bytes, int], folders: list[FolderAmounts]) -> int:
    """Return the position of a folder, which is added, with those around it, if it is missing."""
    missing = []
    while path not in places:
        missing.append(path)
        path = os.path.dirname(path)
    at = places[path]
    for each in reversed(missing):
        places[each] = len(folders)
        folders.append(FolderAmounts(at, os.path.basename(each)))
        at = places[each]
    return at

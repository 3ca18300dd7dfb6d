"""What a comparison saw, and whether all of that is still so."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from gorillacomb.fs.location import ContentDiffers, FileLocation, list_names, stat_or_differs
from gorillacomb.fs.openat import (
    FileIdentity,
    OpenFolders,
    identity_of,
    is_unchanged,
    os_error_text,
)
from gorillacomb.fs.paths import join


@dataclass(slots=True)
class TreeSnapshot:
    """What a comparison saw."""

    victim: dict[bytes, os.stat_result] = field(default_factory=dict)
    """Everything that is to go by its path relative to what goes; the thing itself is empty."""
    survivors: list[tuple[FileLocation, os.stat_result]] = field(default_factory=list)
    """What stays for it."""
    noise: set[bytes] = field(default_factory=set)
    """Paths in ``victim`` of files of the system's own, for which nothing stays."""

    @property
    def files(self) -> int:
        """Regular files that go."""
        return sum(stat.S_ISREG(facts.st_mode) for facts in self.victim.values())


def freed_bytes(sighting: TreeSnapshot, names: dict[FileIdentity, int]) -> int:
    """Bytes on disk that are free once everything seen is gone: a file's, with its last name.

    ``names`` counts how many names of each file go, these and those before.
    """
    size = 0
    for facts in sighting.victim.values():
        if stat.S_ISREG(facts.st_mode):
            key = identity_of(facts)
            names[key] = names.get(key, 0) + 1
            if names[key] == facts.st_nlink:
                size += facts.st_blocks * 512
    return size


def verify_unchanged(sighting: TreeSnapshot, moved: FileLocation) -> None:
    """Make sure that nothing changed since a comparison, but for the place of what goes.

    ``moved`` is where that stands now; what stays is reached anew by its path. Raises Different.
    """
    top = sighting.victim[b""]
    found = set()
    for inner, facts in _everything(moved):
        was = sighting.victim.get(inner)
        path = moved.at(inner).path
        if was is None:
            raise ContentDiffers(path, "came meanwhile")
        # A rename changes the ctime of what is renamed, and of a folder perhaps the mtime.
        if inner:
            same = (
                is_unchanged(was, facts) if not stat.S_ISDIR(was.st_mode) else _is_place(was, facts)
            )
        elif stat.S_ISDIR(top.st_mode):
            same = identity_of(was) == identity_of(facts)
        else:
            same = (
                identity_of(was) == identity_of(facts)
                and was.st_mtime_ns == facts.st_mtime_ns
                and was.st_size == facts.st_size
            )
        if not same:
            raise ContentDiffers(path, "changed meanwhile")
        found.add(inner)
    gone = sighting.victim.keys() - found
    if gone:
        raise ContentDiffers(moved.at(min(gone)).path, "went meanwhile")
    verify_kept_copies(sighting)


def verify_kept_copies(sighting: TreeSnapshot) -> None:
    """Make sure that what stays is as it was, reached by its path. Raises Different."""
    folders: dict[bytes, OpenFolders] = {}
    try:
        for spot, was in sighting.survivors:
            opened = folders.setdefault(spot.root, OpenFolders(spot.root, spot.identity))
            try:
                facts = os.stat(spot.name, dir_fd=opened.open(spot.parent), follow_symlinks=False)
            except OSError as error:
                raise ContentDiffers(spot.path, f"was to stay: {os_error_text(error)}") from error
            if not is_unchanged(was, facts):
                raise ContentDiffers(spot.path, "was to stay, and changed meanwhile")
    finally:
        for each in folders.values():
            each.close()


def _everything(top: FileLocation) -> Iterator[tuple[bytes, os.stat_result]]:
    """It and all that stands below, by relative path. Raises Different."""
    folders = OpenFolders(top.root, top.identity)
    try:
        facts = stat_or_differs(folders.open(top.parent), top.name, top.path)
        yield b"", facts
        waiting = [b""] if stat.S_ISDIR(facts.st_mode) else []
        while waiting:
            relative = waiting.pop()
            here = top.at(relative)
            for name in list_names(folders, here):
                inner = join(relative, name) if relative else name
                facts = stat_or_differs(folders.open(here.inner), name, here.at(name).path)
                yield inner, facts
                if stat.S_ISDIR(facts.st_mode):
                    waiting.append(inner)
    finally:
        folders.close()


def _is_place(was: os.stat_result, now: os.stat_result) -> bool:
    """Whether two looks met one folder to which nothing came and from which nothing went."""
    return identity_of(was) == identity_of(now) and was.st_mtime_ns == now.st_mtime_ns

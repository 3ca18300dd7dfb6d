"""Record what a comparison saw, and verify that it is still true."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from gorillacomb.dedupe.model import KEPT_IS_MISSING
from gorillacomb.dedupe.proof import Holder
from gorillacomb.fs.extents import (
    NEVER_SHARED,
    DiskSpace,
    FileBlocks,
    RemovedFiles,
    blocks_of_file,
    storage_key,
)
from gorillacomb.fs.lease import IN_USE, is_open_for_writing
from gorillacomb.fs.location import ContentDiffers, FileLocation, list_names, stat_or_differs
from gorillacomb.fs.openat import (
    FileIdentity,
    OpenFolders,
    identity_of,
    is_unchanged,
    open_file,
    os_error_text,
)
from gorillacomb.fs.paths import join


@dataclass(slots=True)
class TreeSnapshot:
    """What a comparison saw."""

    victim: dict[bytes, os.stat_result] = field(default_factory=dict)
    """Everything to be removed, by its path relative to the top, which has an empty path."""
    survivors: list[tuple[FileLocation, os.stat_result]] = field(default_factory=list)
    """What is kept for it."""
    noise: set[bytes] = field(default_factory=set)
    """Paths in ``victim`` of system files, for which no copy is kept."""
    unique: set[bytes] = field(default_factory=set)
    """Paths in ``victim`` of files and links that are kept nowhere else."""
    blocks: dict[bytes, FileBlocks] = field(default_factory=dict)
    """By paths in ``victim``: the blocks of files."""
    one_copy: set[bytes] = field(default_factory=set)
    """Paths in ``victim`` of other names of the kept file, and of files on the same blocks."""
    unknown_use: int = 0
    """Files that a program may have open for writing: this is unknown."""
    held: Counter[Holder] = field(default_factory=Counter)
    """How many files and links in ``victim`` are kept by what: each was compared with that."""

    @property
    def files(self) -> int:
        """Regular files to be removed."""
        return sum(stat.S_ISREG(facts.st_mode) for facts in self.victim.values())

    @property
    def is_proven(self) -> bool:
        """Whether it is known of each file and link what keeps it."""
        entries = sum(not stat.S_ISDIR(facts.st_mode) for facts in self.victim.values())
        return self.held.total() == entries

    def without_other_name(self, linked: Collection[FileIdentity]) -> bytes | None:
        """Return a file that is to be removed with all its names; None if there is none.

        ``linked`` are the files that are kept under another name: what looks like another name may
        be the same one, seen through a mount.
        """
        names = Counter(map(identity_of, self.victim.values()))
        for inner, facts in self.victim.items():
            if identity_of(facts) in linked and names[identity_of(facts)] >= facts.st_nlink:
                return inner
        return None

    def note_blocks(
        self, inner: bytes, file: int, kind: str, kept: int | None = None, kept_kind: str = ""
    ) -> None:
        """Record the blocks of an open file, and whether they are those of the kept one.

        ``kind`` and ``kept_kind`` are the kinds of their file systems. Raises OSError.
        """
        blocks = blocks_of_file(file, os.fstat(file), kind)
        self.blocks[inner] = blocks
        if kept is None or not blocks.shared or kept_kind in NEVER_SHARED:
            return
        if storage_key(file) == storage_key(kept):
            self.one_copy.add(inner)


def disk_space(
    sighting: TreeSnapshot, removed: RemovedFiles, paths: Collection[bytes] | None = None
) -> DiskSpace:
    """Return the disk space that everything seen takes; ``removed`` was removed before.

    Count only some ``paths`` in it, if given.
    """
    space = DiskSpace()
    for inner, facts in sighting.victim.items():
        if paths is not None and inner not in paths:
            continue
        if stat.S_ISREG(facts.st_mode):
            blocks = sighting.blocks.get(inner) or FileBlocks(facts.st_blocks * 512)
            space += removed.add(facts, blocks, inner in sighting.one_copy)
    return space


def refuse_in_use(folder: int, name: bytes, path: bytes) -> bool:
    """Refuse a file that a program may write to; return whether that could be determined.

    ``path`` is for messages. Raises ContentDiffers.
    """
    try:
        file = open_file(name, folder)
    except OSError:
        return False
    try:
        used = is_open_for_writing(file)
    finally:
        os.close(file)
    if used:
        raise ContentDiffers(path, IN_USE)
    return used is False


def verify_unchanged(sighting: TreeSnapshot, moved: FileLocation) -> None:
    """Make sure that nothing changed since a comparison, except where the removed copy is.

    Also make sure that no program has any of it open for writing, as far as that can be known.
    ``moved`` is where it is now; what is kept is opened again by its path. Raises ContentDiffers.
    """
    top = sighting.victim[b""]
    found = set()
    sighting.unknown_use = 0
    for inner, facts, folder in _everything(moved):
        was = sighting.victim.get(inner)
        path = moved.at(inner).path
        if was is None:
            raise ContentDiffers(path, "came meanwhile")
        # A rename changes the ctime of what is renamed, and perhaps the mtime of a folder.
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
        if stat.S_ISREG(facts.st_mode):
            name = os.path.basename(path)
            sighting.unknown_use += not refuse_in_use(folder, name, path)
        found.add(inner)
    gone = sighting.victim.keys() - found
    if gone:
        raise ContentDiffers(moved.at(min(gone)).path, "went meanwhile")
    verify_kept_copies(sighting)


def verify_kept_copies(sighting: TreeSnapshot) -> None:
    """Make sure that the kept copies, opened by path, are unchanged and not being written to.

    Raises ContentDiffers.
    """
    folders: dict[bytes, OpenFolders] = {}
    try:
        for spot, was in sighting.survivors:
            opened = folders.setdefault(spot.root, OpenFolders(spot.root, spot.identity))
            try:
                folder = opened.open(spot.parent)
                facts = os.stat(spot.name, dir_fd=folder, follow_symlinks=False)
            except (FileNotFoundError, NotADirectoryError):
                raise ContentDiffers(spot.path, KEPT_IS_MISSING) from None
            except OSError as error:
                raise ContentDiffers(spot.path, f"was to stay: {os_error_text(error)}") from error
            if not is_unchanged(was, facts):
                raise ContentDiffers(spot.path, "was to stay, and changed meanwhile")
            if stat.S_ISREG(facts.st_mode):
                refuse_in_use(folder, spot.name, spot.path)
    finally:
        for each in folders.values():
            each.close()


def _everything(top: FileLocation) -> Iterator[tuple[bytes, os.stat_result, int]]:
    """Yield an entry and everything below it: relative path, stat, and the open folder around it.

    Raises ContentDiffers.
    """
    folders = OpenFolders(top.root, top.identity)
    try:
        folder = folders.open(top.parent)
        facts = stat_or_differs(folder, top.name, top.path)
        yield b"", facts, folder
        waiting = [b""] if stat.S_ISDIR(facts.st_mode) else []
        while waiting:
            relative = waiting.pop()
            here = top.at(relative)
            for name in list_names(folders, here):
                inner = join(relative, name) if relative else name
                folder = folders.open(here.inner)
                facts = stat_or_differs(folder, name, here.at(name).path)
                yield inner, facts, folder
                if stat.S_ISDIR(facts.st_mode):
                    waiting.append(inner)
    finally:
        folders.close()


def _is_place(was: os.stat_result, now: os.stat_result) -> bool:
    """Return whether two looks saw the same folder, with nothing added or removed."""
    return identity_of(was) == identity_of(now) and was.st_mtime_ns == now.st_mtime_ns

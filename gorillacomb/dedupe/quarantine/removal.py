"""Delete from a run's folder what was seen there, and nothing else."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping

from gorillacomb.dedupe.quarantine.run import Quarantine
from gorillacomb.dedupe.quarantine.run_folders import PURGE_MARK
from gorillacomb.fs import mutations
from gorillacomb.fs.location import ContentDiffers, FileLocation, list_names, stat_or_differs
from gorillacomb.fs.openat import OpenFolders, identity_of
from gorillacomb.fs.paths import join, join_relative


def remove_seen(
    run: Quarantine, slot: bytes, seen: Mapping[bytes, os.stat_result]
) -> Iterator[bytes]:
    """Delete what was seen in a slot, deepest first; yield each path, relative to it, once deleted.

    ``seen`` are stats by such paths. Links are never followed. Raises ContentDiffers for what
    changed since, OSError: a folder in which something was created is not empty and stays.
    """
    folders = OpenFolders(run.path, identity_of(os.fstat(run.folder)))

    def deepest_first(path: bytes) -> tuple[bool, int, bool, bytes]:
        # What is beside a folder may say what it is: a lock file, that it can be made again.
        return not path, -path.count(b"/"), not stat.S_ISDIR(seen[path].st_mode), path

    try:
        for inner in sorted(seen, key=deepest_first):
            remove_one(run, folders, join(slot, inner), seen[inner])
            yield inner
    finally:
        folders.close()


def remove_all(run: Quarantine, slot: bytes) -> None:
    """Delete a slot, and all that is in it now. Raises ContentDiffers, OSError."""
    for _ in remove_seen(run, slot, _everything(run.slot_location(slot))):
        pass


def take_out(run: Quarantine, slot: bytes, inner: bytes, number: int) -> bytes:
    """Move a folder out of an item, to delete it; return its new name in the run's folder.

    It counts as deleted from then on: of some folders, such as repositories, nobody could say what
    a rest of them contains. ``number`` tells those of one item apart. Raises OSError.
    """
    folders = OpenFolders(run.path, identity_of(os.fstat(run.folder)))
    name = _taken_out(slot) + b"%d" % number
    try:
        above, _, last = join(slot, inner).rpartition(b"/")
        mutations.rename_no_replace(folders.open(above), last, run.folder, name)
    finally:
        folders.close()
    mutations.fsync(run.folder)
    return name


def remove_taken_out(run: Quarantine, slot: bytes) -> None:
    """Delete what a killed run had moved out of an item. Raises ContentDiffers, OSError."""
    for name in map(os.fsencode, os.listdir(run.folder)):
        if name.startswith(_taken_out(slot)):
            remove_all(run, name)


def _taken_out(slot: bytes) -> bytes:
    return PURGE_MARK + slot + b"-git-"


def _everything(top: FileLocation) -> dict[bytes, os.stat_result]:
    """Return a folder, and all that is in it. Raises ContentDiffers, OSError."""
    folders = OpenFolders(top.root, top.identity)
    try:
        found = {b"": stat_or_differs(folders.open(top.parent), top.name, top.path)}
        waiting = [b""] if stat.S_ISDIR(found[b""].st_mode) else []
        while waiting:
            inner = waiting.pop()
            here = top.at(inner)
            for name in list_names(folders, here):
                below = join_relative(inner, name)
                folder = folders.open(here.inner)
                found[below] = stat_or_differs(folder, name, here.at(name).path)
                if stat.S_ISDIR(found[below].st_mode):
                    waiting.append(below)
        return found
    finally:
        folders.close()


def remove_one(run: Quarantine, folders: OpenFolders, inner: bytes, was: os.stat_result) -> None:
    """Delete one file, link or empty folder, given relative to the run's folder.

    Raises ContentDiffers if it is not what was seen, OSError.
    """
    above, _, name = inner.rpartition(b"/")
    folder = folders.open(above)
    facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISDIR(was.st_mode):
        mutations.remove_folder(folder, name)
    elif (facts.st_ino, facts.st_size, facts.st_mtime_ns) == (
        was.st_ino,
        was.st_size,
        was.st_mtime_ns,
    ):
        mutations.remove(folder, name)
    else:
        raise ContentDiffers(join(run.path, inner), "changed meanwhile")

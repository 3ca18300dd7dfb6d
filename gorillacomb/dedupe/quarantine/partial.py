"""Put back one item from a quarantined folder, and later the rest of it.

Every decision depends on what is on disk, so both operations can be repeated after an interruption.
Nothing is replaced.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from gorillacomb.dedupe.quarantine.replacement import SOMETHING_ELSE
from gorillacomb.fs import mutations
from gorillacomb.fs.comparison import extended_attributes
from gorillacomb.fs.location import FileLocation, create_parents
from gorillacomb.fs.openat import OpenFolders
from gorillacomb.fs.paths import join_relative, path_prefixes, path_text


class _TwoTrees:
    """The open folders of a slot and of the place that its folder had."""

    def __init__(self, slot: FileLocation, place: FileLocation) -> None:
        self._slot, self._place = slot, place
        self._aside = OpenFolders(slot.root, slot.identity)
        self._back = OpenFolders(place.root, place.identity)

    def open(self, inner: bytes) -> tuple[int, int]:
        """Return descriptors of a folder in the slot and at the place, valid until the next
        call.
        """
        return self._aside.open(self._slot.at(inner).inner), self._back.open(
            self._place.at(inner).inner
        )

    def above(self, inner: bytes) -> tuple[int, bytes]:
        """Return the open folder at the place around a path, and the name in it."""
        at = self._place.at(inner)
        return self._back.open(at.parent), at.name

    def close(self) -> None:
        self._aside.close()
        self._back.close()


def missing_folders(place: FileLocation, inner: bytes) -> int:
    """Count the missing folders around a path inside a place, including the path itself."""
    around = [b"", *path_prefixes(inner)][: inner.count(b"/") + 1]
    return sum(not os.path.lexists(place.at(each).path) for each in around)


def put_back_part(slot: FileLocation, place: FileLocation, inner: bytes, made: int) -> None:
    """Move what is at a path inside a slot's folder to its place, unless it is already there.

    ``made`` says how many of the innermost folders around it are missing at the place, or were
    created by an interrupted attempt: they get mode, owner, times and attributes of those in the
    slot. When this returns, everything is on disk. Raises OSError: FileExistsError if something
    else is there.
    """
    around = [b"", *path_prefixes(inner)][: inner.count(b"/") + 1]
    fresh = around[len(around) - made :]
    create_parents(place)
    trees = _TwoTrees(slot, place)
    try:
        times = _times(trees, [each for each in around if each not in fresh])
        for each in fresh:
            folder, name = trees.above(each)
            try:
                mutations.make_folder(folder, name)
            except FileExistsError:
                mutations.fsync(folder)  # the run that created it may have been killed before that
        try:
            _move(trees, inner)
        except OSError:
            for each in reversed(fresh):
                folder, name = trees.above(each)
                with suppress(OSError):  # something was created in it
                    mutations.remove_folder(folder, name)
            raise
        for each in reversed(fresh):
            aside, back = trees.open(each)
            with suppress(OSError):  # not everyone may give a folder to its owner
                _copy_metadata(aside, back)
        _restore_times(trees, times)
    finally:
        trees.close()


def _times(trees: _TwoTrees, folders: list[bytes]) -> dict[bytes, int]:
    """Return the mtimes of folders that no one has written to since the slot's copy was as now."""
    found = {}
    for each in folders:
        aside, back = (os.fstat(folder).st_mtime_ns for folder in trees.open(each))
        if aside == back:
            found[each] = back
    return found


def _restore_times(trees: _TwoTrees, times: dict[bytes, int]) -> None:
    for each, mtime_ns in times.items():
        _, back = trees.open(each)
        with suppress(OSError):  # the folder belongs to someone else
            mutations.set_mtime(back, mtime_ns)


def _copy_metadata(aside: int, back: int) -> None:
    mutations.copy_metadata(
        back, os.fstat(aside), extended_attributes(back), extended_attributes(aside)
    )
    mutations.fsync(back)


def _move(trees: _TwoTrees, inner: bytes) -> None:
    """Move one item from the slot to its place, durably."""
    above, _, name = inner.rpartition(b"/")
    aside, back = trees.open(above)
    before = os.fstat(aside).st_mtime_ns
    _rename(aside, name, back)
    mutations.fsync(back)
    with suppress(OSError):  # the folder belongs to someone else
        mutations.set_mtime(aside, before)
    mutations.fsync(aside)


def _rename(aside: int, name: bytes, back: int) -> None:
    """Rename from one open folder to another, even if the name is already back."""
    try:
        mutations.rename_no_replace(aside, name, back, name)
    except FileNotFoundError:
        os.stat(name, dir_fd=back, follow_symlinks=False)
    except FileExistsError as error:
        here = os.stat(name, dir_fd=back, follow_symlinks=False)
        there = os.stat(name, dir_fd=aside, follow_symlinks=False)
        if not (stat.S_ISREG(here.st_mode) and os.path.samestat(here, there)):
            raise FileExistsError(SOMETHING_ELSE) from error
        mutations.fsync(back)  # it was linked to its place, but not yet unlinked here
        mutations.remove(aside, name)


def put_back_rest(slot: FileLocation, place: FileLocation) -> None:
    """Move everything in a slot's folder into the folder at its place, then remove it.

    What cannot be moved stays in the slot, the rest is moved. When this returns, or raises, that is
    on disk. Raises OSError: FileExistsError if something else is there.
    """
    failed: OSError | None = None
    trees = _TwoTrees(slot, place)
    try:
        shared: list[bytes] = []
        waiting = [b""]
        while waiting:
            shared.append(waiting.pop())
            failed = _merge(trees, shared[-1], waiting) or failed
        with place.opened() as (folder, _):
            mutations.fsync(folder)
        for inner in reversed(shared[1:]):
            above, _, name = inner.rpartition(b"/")
            aside, _ = trees.open(above)
            with suppress(OSError):  # something in it could not be moved
                mutations.remove_folder(aside, name)
    finally:
        trees.close()
    if failed is not None:
        raise failed
    with slot.opened() as (folder, name):
        mutations.remove_folder(folder, name)


def _merge(trees: _TwoTrees, inner: bytes, waiting: list[bytes]) -> OSError | None:
    """Move the content of a folder in the slot; ``waiting`` collects names that are in both places.

    Return what could not be moved.
    """
    failed: OSError | None = None
    times = _times(trees, [inner])
    aside, back = trees.open(inner)
    for name in sorted(map(os.fsencode, os.listdir(aside))):
        if is_folder_at(aside, name) and is_folder_at(back, name):
            waiting.append(join_relative(inner, name))
            continue
        try:
            _rename(aside, name, back)
        except FileExistsError as error:
            failed = FileExistsError(f"{error}: {path_text(join_relative(inner, name))}")
        except OSError as error:
            failed = error
    mutations.fsync(back)
    mutations.fsync(aside)
    _restore_times(trees, times)
    return failed


def is_folder_at(folder: int, name: bytes) -> bool:
    """Return whether a name in an open folder is a folder, and not a link to one."""
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def holds_nothing_more(slot: FileLocation, place: FileLocation) -> bool:
    """Return whether a slot has only folders that are at its place too. Raises OSError."""
    trees = _TwoTrees(slot, place)
    try:
        waiting = [b""]
        while waiting:
            inner = waiting.pop()
            aside, back = trees.open(inner)
            for name in map(os.fsencode, os.listdir(aside)):
                if not (is_folder_at(aside, name) and is_folder_at(back, name)):
                    return False
                waiting.append(join_relative(inner, name))
    finally:
        trees.close()
    return True

"""Copy chosen items of a folder into a slot of a run, where nobody else sees them yet."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gorillacomb.classify.secrets import is_secret
from gorillacomb.fs import mutations
from gorillacomb.fs.bounded_read import UNTOLD, tells_size
from gorillacomb.fs.comparison import extended_attributes
from gorillacomb.fs.lease import IN_USE, is_open_for_writing
from gorillacomb.fs.location import ContentDiffers, FileLocation, list_names, stat_or_differs
from gorillacomb.fs.openat import (
    FOLDER_FLAGS,
    OUR_FOLDER,
    OpenFolders,
    is_placeholder,
    is_unchanged,
    open_file,
    special_kind,
)
from gorillacomb.fs.paths import join_relative, path_prefixes
from gorillacomb.hashing import pieces

_SECRET_MODE = 0o600
_EXECUTABLE = 0o111
_PERMISSIONS = 0o777
_OWNER = 0o700
"""A folder that its owner cannot change could neither be moved to its place nor be taken back."""


def copy_content(source: int, file: int, size: int, sparse: bool) -> None:
    """Copy ``size`` bytes from one open file to another, with holes for zeros if ``sparse``.

    Raises OSError.
    """
    at = 0
    for piece in pieces(source, size):
        mutations.write_piece(file, piece, at, sparse)
        at += len(piece)
    mutations.set_size(file, at)


@dataclass(slots=True)
class TreeCopier:
    """Copies from one folder to another, which only its owner can enter; used once."""

    source: FileLocation
    """The folder from which it copies; it must not change during that."""
    target: FileLocation
    """The new folder, which exists and is empty; or where the only item will be."""
    advance: Callable[[int], None] = lambda size: None
    """Called with the number of bytes copied."""
    files: int = 0
    size: int = 0
    """Bytes of their content."""
    allowed: int = 0o777
    """The permission bits that the new folder may have."""
    only: bytes = b""
    """The only item that is copied, by its path relative to the source: to the target itself."""
    _ours: OpenFolders = field(init=False)
    _theirs: OpenFolders = field(init=False)
    _made: dict[bytes, os.stat_result] = field(default_factory=dict)
    """The folders that were created, by relative path, with the stat of what they are copies of."""

    def copy(self, items: Iterable[bytes]) -> None:
        """Copy items, by paths relative to both folders, and sync them to disk.

        With content, mode, times, owner and attributes. Raises ContentDiffers for what is in use,
        changes during that, or cannot be copied; OSError.
        """
        self._ours = OpenFolders(self.source.root, self.source.identity)
        self._theirs = OpenFolders(self.target.root, self.target.identity)
        try:
            top = os.fstat(self._ours.open(self.source.inner))
            self._made |= dict.fromkeys((b"", *path_prefixes(self.only)[:-1]), top)
            given = set(self._made) if self.only else set()
            for item in [self.only] if self.only else sorted(items):
                self._copy_item(item)
            # Deepest first: what is created in a folder sets its times.
            for inner in sorted(self._made, key=lambda path: (not path, -path.count(b"/"))):
                if inner not in given:
                    self._finish_folder(inner)
        finally:
            self._ours.close()
            self._theirs.close()

    def _copy_item(self, item: bytes) -> None:
        *above, last = path_prefixes(item)
        for inner in above:
            if inner not in self._made:
                facts = self._stat(inner)
                if not stat.S_ISDIR(facts.st_mode):
                    raise ContentDiffers(self.source.at(inner).path, "is not a folder any more")
                self._make(inner, facts)
        waiting = [last]
        while waiting:
            inner = waiting.pop()
            facts = self._stat(inner)
            path = self.source.at(inner).path
            if os.path.basename(inner) == OUR_FOLDER:
                raise ContentDiffers(path, "is Gorilla Comb's own")
            kind = special_kind(facts.st_mode)
            if kind is not None:
                raise ContentDiffers(path, f"is a {kind}")
            if stat.S_ISDIR(facts.st_mode):
                if facts.st_dev != self._made[b""].st_dev:
                    raise ContentDiffers(path, "is on another file system")
                self._make(inner, facts)
                names = list_names(self._ours, self.source.at(inner))
                waiting += [join_relative(inner, name) for name in names]
            elif stat.S_ISLNK(facts.st_mode):
                self._copy_link(inner, facts)
            else:
                self._copy_file(inner, facts)

    def _there(self, inner: bytes) -> FileLocation:
        if not self.only:
            return self.target.at(inner)
        return self.target.at(inner[len(self.only) + 1 :])

    def _stat(self, inner: bytes) -> os.stat_result:
        place = self.source.at(inner)
        return stat_or_differs(self._ours.open(place.parent), place.name, place.path)

    def _make(self, inner: bytes, like: os.stat_result) -> None:
        if inner not in self._made:
            place = self._there(inner)
            mutations.make_folder(self._theirs.open(place.parent), place.name)
            self._made[inner] = like

    def _copy_link(self, inner: bytes, facts: os.stat_result) -> None:
        ours, theirs = self.source.at(inner), self._there(inner)
        text = os.readlink(ours.name, dir_fd=self._ours.open(ours.parent))
        folder = self._theirs.open(theirs.parent)
        mutations.symlink(text, folder, theirs.name)
        mutations.set_link_times(folder, theirs.name, facts)

    def _copy_file(self, inner: bytes, facts: os.stat_result) -> None:
        ours, theirs = self.source.at(inner), self._there(inner)
        if is_placeholder(facts):
            raise ContentDiffers(ours.path, "is only in the cloud")
        source = open_file(ours.name, self._ours.open(ours.parent))
        try:
            if is_open_for_writing(source):
                raise ContentDiffers(ours.path, IN_USE)
            if not tells_size(source, facts.st_size):
                raise ContentDiffers(ours.path, UNTOLD)
            mutations.fsync(source)  # a write through a memory map shows in the times from then on
            before = os.fstat(source)
            if not is_unchanged(facts, before):
                raise ContentDiffers(ours.path, "changed meanwhile")
            file = mutations.create(self._theirs.open(theirs.parent), theirs.name)
            try:
                if not mutations.clone_content(file, source):
                    copy_content(source, file, before.st_size, mutations.has_holes(before))
                attributes = extended_attributes(source)
                mutations.copy_metadata(file, before, extended_attributes(file), attributes)
                if is_secret(ours.name) or b".git" in ours.inner.split(b"/"):
                    mutations.set_mode(file, _SECRET_MODE | before.st_mode & _EXECUTABLE)
                mutations.fsync(file)
            finally:
                os.close(file)
            if not is_unchanged(before, os.fstat(source)):
                raise ContentDiffers(ours.path, "changed meanwhile")
        finally:
            os.close(source)
        self.files += 1
        self.size += before.st_size
        self.advance(before.st_size)

    def _finish_folder(self, inner: bytes) -> None:
        """Give a folder the mode, times and attributes of the one that it is a copy of."""
        like = self._made[inner]
        source = self._ours.open(self.source.at(inner).inner)
        attributes = extended_attributes(source)
        place = self._there(inner)
        with _opened_folder(self._theirs.open(place.parent), place.name) as folder:
            mutations.copy_metadata(folder, like, extended_attributes(folder), attributes)
            mode = stat.S_IMODE(like.st_mode) | _OWNER
            mutations.set_mode(folder, mode if inner else mode & (self.allowed | ~_PERMISSIONS))
            mutations.fsync(folder)


@contextmanager
def _opened_folder(parent: int, name: bytes) -> Iterator[int]:
    folder = os.open(name, FOLDER_FLAGS, dir_fd=parent)
    try:
        yield folder
    finally:
        os.close(folder)

"""Find the files in what a user drops: files, folders, archives."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from gorillacomb.classify.stores import is_ours
from gorillacomb.dedupe.copies.privacy import still_allowed
from gorillacomb.drop.archive import Archive, is_archive
from gorillacomb.drop.model import ContentChanged, FoundFile, LeftOut
from gorillacomb.errors import UsageError
from gorillacomb.fs.openat import (
    FileIdentity,
    OpenFolders,
    identity_of,
    is_placeholder,
    is_unchanged,
    open_file,
    os_error_text,
    special_kind,
)
from gorillacomb.fs.paths import is_below, join, join_relative, path_text
from gorillacomb.fs.real_path import real_path
from gorillacomb.hashing import CHUNK, pieces

_MAC_ATTRIBUTES = b"__MACOSX"
"""The folder with extended attributes in archives that macOS makes."""
_CHANGED = "changed while it was read"


@dataclass(slots=True)
class DropSources:
    """All that was dropped; archives stay open until this is closed."""

    own: Collection[FileIdentity]
    """The files of the vault, which must not be opened."""
    noise: Collection[bytes]
    """Names of files that systems leave behind: they are not looked at."""
    received: bytes = b""
    """The absolute path of a folder of ours with what came over the network: that only we can enter
    it does not make what is in it private."""
    files: list[FoundFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    system_files: int = 0
    """Files that systems leave behind."""
    paths: list[bytes] = field(default_factory=list)
    """The absolute paths of what was dropped, links resolved."""
    folders: set[FileIdentity] = field(default_factory=set)
    """All folders in it."""
    _tops: set[bytes] = field(default_factory=set)
    _opened: ExitStack = field(default_factory=ExitStack)

    def add(self, path: bytes) -> None:
        """Add a file, folder or archive. Raises UsageError, UntrustedInput."""
        real = real_path(path)
        try:
            facts = os.stat(real)
            if stat.S_ISDIR(facts.st_mode):
                self._add_folder(real, self._top(os.path.basename(real) or b"drop"))
            elif not stat.S_ISREG(facts.st_mode):
                raise UsageError(
                    f"{path_text(path)} is not a file, folder or zip.", "Name one of those."
                )
            elif is_archive(real):
                top = self._top(os.path.basename(real)[:-4] or b"archive")
                archive = Archive.open(
                    real, top, bool(self.received and is_below(real, self.received))
                )
                self._opened.callback(archive.close)
                for file in archive.files:
                    self._take(file)
                self.left_out += archive.left_out
            else:
                name = os.path.basename(real)
                self._add_file(os.path.dirname(real), name, self._top(name), facts)
        except OSError as error:
            raise UsageError(
                f"Reading {path_text(path)} failed: {os_error_text(error)}.",
                "Check the spelling, and the permissions.",
            ) from error
        self.paths.append(real)

    def _top(self, name: bytes) -> bytes:
        """Return a name that nothing else that was dropped has."""
        stem, dot, ending = name.rpartition(b".")
        if not stem:
            stem, dot, ending = name, b"", b""
        found, number = name, 1
        while found.lower() in self._tops:
            number += 1
            found = b"%b (%d)%b%b" % (stem, number, dot, ending)
        self._tops.add(found.lower())
        return found

    def _take(self, file: FoundFile) -> None:
        parts = file.name.split(b"/")
        if parts[-1] in self.noise or parts[1:2] == [_MAC_ATTRIBUTES]:
            self.system_files += 1
        else:
            self.files.append(file)

    def _add_file(self, folder: bytes, inner: bytes, name: bytes, facts: os.stat_result) -> None:
        """Add a file at a path below a folder, which becomes one of a name."""
        kind = special_kind(facts.st_mode)
        if stat.S_ISLNK(facts.st_mode):
            self.left_out.append(LeftOut(name, "is a link"))
        elif kind is not None:
            self.left_out.append(LeftOut(name, f"is a {kind}"))
        elif identity_of(facts) in self.own:
            self.left_out.append(LeftOut(name, "is Gorilla Comb's own"))
        elif is_placeholder(facts):
            self.left_out.append(LeftOut(name, "is only in the cloud"))
        else:
            mode = 0o600 | facts.st_mode & 0o755
            is_received = bool(self.received) and is_below(folder, self.received)
            source = DiskFile(folder, inner, facts, is_received)
            self._take(FoundFile(name, facts.st_size, source, mode, facts.st_mtime_ns))

    def _add_folder(self, path: bytes, top: bytes) -> None:
        folders = OpenFolders(path)
        device = os.stat(path).st_dev
        waiting = [b""]
        try:
            while waiting:
                inner = waiting.pop()
                name = join(top, inner) if inner else top
                try:
                    descriptor = folders.open(inner)
                    facts = os.fstat(descriptor)
                    if facts.st_dev != device:
                        self.left_out.append(LeftOut(name, "is on another file system"))
                        continue
                    self.folders.add(identity_of(facts))
                    entries = sorted(map(os.fsencode, os.listdir(descriptor)))
                    found = [
                        (each, os.stat(each, dir_fd=descriptor, follow_symlinks=False))
                        for each in entries
                    ]
                except OSError as error:
                    self.left_out.append(LeftOut(name, os_error_text(error)))
                    continue
                below = [each for each, one in found if stat.S_ISDIR(one.st_mode)]
                ours = [each for each in below if is_ours(each)]
                self.left_out += [LeftOut(join(name, x), "is Gorilla Comb's own") for x in ours]
                waiting += [join_relative(inner, x) for x in reversed(below) if x not in ours]
                for each, one in found:
                    if not stat.S_ISDIR(one.st_mode):
                        self._add_file(path, join_relative(inner, each), join(name, each), one)
        finally:
            folders.close()

    def close(self) -> None:
        """Close the archives."""
        self._opened.close()


@dataclass(frozen=True, slots=True)
class DiskFile:
    """The content of a file on a disk."""

    folder: bytes
    """An absolute path."""
    inner: bytes
    """The path of the file relative to that."""
    facts: os.stat_result
    """As it was found."""
    is_received: bool = False

    @property
    def path(self) -> bytes:
        """Its absolute path."""
        return join(self.folder, self.inner)

    @contextmanager
    def opened(self) -> Iterator[Iterator[memoryview]]:
        folders = OpenFolders(self.folder)
        try:
            above, _, name = self.inner.rpartition(b"/")
            file = open_file(name, folders.open(above))
        except OSError as error:
            raise ContentChanged(os_error_text(error)) from error
        finally:
            folders.close()
        try:
            yield self._pieces(file)
        finally:
            os.close(file)

    def allowed_in(self, folder: bytes) -> int:
        return 0o777 if self.is_received else still_allowed(self.path, join(folder, b"x"))

    def _pieces(self, file: int) -> Iterator[memoryview]:
        if not is_unchanged(self.facts, os.fstat(file)):
            raise ContentChanged(_CHANGED)
        read = 0
        try:
            # Of its own: a server reads several at the same time.
            buffer = memoryview(bytearray(min(self.facts.st_size + 1, CHUNK)))
            for piece in pieces(file, self.facts.st_size, lambda: buffer):
                read += len(piece)
                yield piece
        except OSError as error:
            raise ContentChanged(os_error_text(error)) from error
        if read != self.facts.st_size or not is_unchanged(self.facts, os.fstat(file)):
            raise ContentChanged(_CHANGED)

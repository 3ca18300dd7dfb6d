"""Reach a path from its root, component by component and never through a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from gorillacomb.fs import mutations
from gorillacomb.fs.openat import FileIdentity, OpenFolders, open_file, os_error_text
from gorillacomb.fs.paths import join, path_prefixes


class ContentDiffers(Exception):
    """The file to remove differs, or now differs, from the one to keep; or this is unknown."""

    def __init__(self, path: bytes, cause: str) -> None:
        super().__init__(path, cause)
        self.path = path
        """The absolute path that it is about."""
        self.cause = cause


class ContentMissing(ContentDiffers):
    """Nothing that is kept has the same content, or the same attributes."""


@dataclass(frozen=True, slots=True)
class FileLocation:
    """A path in a root, reached from the root, whose identity is known."""

    root: bytes
    identity: FileIdentity
    inner: bytes
    """Relative to the root; never empty for something to remove."""
    grain_ns: int
    """The smallest difference between two timestamps on its file system, ns; `COARSEST_GRAIN_NS` if
    unknown: with a smaller value, a write right after a check might go unnoticed."""
    shows_others: bool = False
    """Whether its file system may show files of another one under its own device number."""
    kind: str = ""
    """The type of its file system; empty if not determined."""

    @property
    def path(self) -> bytes:
        return join(self.root, self.inner)

    @property
    def parent(self) -> bytes:
        """The path of its folder, relative to the root."""
        return self.inner.rpartition(b"/")[0]

    @property
    def name(self) -> bytes:
        return self.inner.rpartition(b"/")[2]

    def at(self, relative: bytes) -> FileLocation:
        """Return the location of a path below this one."""
        inner = b"/".join(part for part in (self.inner, relative) if part)
        return replace(self, inner=inner)

    @contextmanager
    def opened(self) -> Iterator[tuple[int, bytes]]:
        """Open its folder component by component; yield the descriptor and the name.

        Raises OSError.
        """
        folders = OpenFolders(self.root, self.identity)
        try:
            yield folders.open(self.parent), self.name
        finally:
            folders.close()

    @contextmanager
    def opened_file(self) -> Iterator[int]:
        """Open the file for reading; yield its descriptor. Raises OSError."""
        with self.opened() as (folder, name):
            file = open_file(name, folder)
        try:
            yield file
        finally:
            os.close(file)


def create_parents(spot: FileLocation) -> None:
    """Create the missing parent folders of a path. Raises OSError."""
    for inner in path_prefixes(spot.parent):
        above = replace(spot, inner=inner)
        with above.opened() as (folder, name), suppress(FileExistsError):
            mutations.make_folder(folder, name, 0o755)


def stat_or_differs(folder: int, name: bytes, path: bytes) -> os.stat_result:
    """Return the stat of an entry in an open folder. Raises ContentDiffers, naming ``path``."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        raise ContentDiffers(path, "is not there any more") from None
    except OSError as error:
        raise ContentDiffers(path, os_error_text(error)) from error


def list_names(folders: OpenFolders, spot: FileLocation) -> list[bytes]:
    """Return the names in a folder. Raises ContentDiffers."""
    try:
        return [os.fsencode(name) for name in os.listdir(folders.open(spot.inner))]
    except OSError as error:
        raise ContentDiffers(spot.path, os_error_text(error)) from error


def is_folder(folders: OpenFolders, spot: FileLocation) -> bool:
    """Return whether the path is a folder, and not a link to one."""
    try:
        facts = os.stat(spot.name, dir_fd=folders.open(spot.parent), follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode)

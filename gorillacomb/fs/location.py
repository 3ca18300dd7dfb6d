"""A place that is reached from its root, step by step and through no link."""

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
    """What is to go is not, or no longer, what stays; or it cannot be told."""

    def __init__(self, path: bytes, cause: str) -> None:
        super().__init__(path, cause)
        self.path = path
        """Of what, absolute."""
        self.cause = cause


@dataclass(frozen=True, slots=True)
class FileLocation:
    """A path in a root: reached from the root, whose identity is known."""

    root: bytes
    identity: FileIdentity
    inner: bytes
    """Relative to the root; never empty for what is to go."""
    grain_ns: int
    """How far apart two times can be at the least on its file system, ns; `COARSEST_GRAIN_NS` where
    that is not known: with less, a write right after a look may pass unnoticed."""
    shows_others: bool = False
    """Whether its file system may show the files of another one, under a device of its own."""
    kind: str = ""
    """The type of its file system; empty where nobody asked."""

    @property
    def path(self) -> bytes:
        return join(self.root, self.inner)

    @property
    def parent(self) -> bytes:
        """Its folder's path, relative to the root."""
        return self.inner.rpartition(b"/")[0]

    @property
    def name(self) -> bytes:
        return self.inner.rpartition(b"/")[2]

    def at(self, relative: bytes) -> FileLocation:
        """A path below this one."""
        inner = b"/".join(part for part in (self.inner, relative) if part)
        return replace(self, inner=inner)

    @contextmanager
    def opened(self) -> Iterator[tuple[int, bytes]]:
        """A descriptor of its folder, opened step by step, and its name. Raises OSError."""
        folders = OpenFolders(self.root, self.identity)
        try:
            yield folders.open(self.parent), self.name
        finally:
            folders.close()

    @contextmanager
    def opened_file(self) -> Iterator[int]:
        """A descriptor of the file there, open for reading. Raises OSError."""
        with self.opened() as (folder, name):
            file = open_file(name, folder)
        try:
            yield file
        finally:
            os.close(file)


def create_parents(spot: FileLocation) -> None:
    """Make the folders around a path that are not there any more. Raises OSError."""
    for inner in path_prefixes(spot.parent):
        above = replace(spot, inner=inner)
        with above.opened() as (folder, name), suppress(FileExistsError):
            mutations.make_folder(folder, name, 0o755)


def stat_or_differs(folder: int, name: bytes, path: bytes) -> os.stat_result:
    """What stands in an open folder; ``path`` is for people. Raises Different."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        raise ContentDiffers(path, "is not there any more") from None
    except OSError as error:
        raise ContentDiffers(path, os_error_text(error)) from error


def list_names(folders: OpenFolders, spot: FileLocation) -> list[bytes]:
    """The names in a folder. Raises Different."""
    try:
        return [os.fsencode(name) for name in os.listdir(folders.open(spot.inner))]
    except OSError as error:
        raise ContentDiffers(spot.path, os_error_text(error)) from error


def is_folder(folders: OpenFolders, spot: FileLocation) -> bool:
    """Whether a folder stands there, and no link to one."""
    try:
        facts = os.stat(spot.name, dir_fd=folders.open(spot.parent), follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode)

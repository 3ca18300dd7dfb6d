"""A folder on disk as the names in it, listed when they are asked for."""

from __future__ import annotations

import os
from functools import cached_property

from gorillacomb.fs.openat import OpenFolders
from gorillacomb.fs.paths import join


class DiskFolder:
    """A folder below an open root; what it says was so when it was first asked."""

    def __init__(self, opened: OpenFolders, inner: bytes) -> None:
        """``inner`` is the path below the root, empty for the root itself."""
        self._opened = opened
        self._inner = inner

    @cached_property
    def _names(self) -> tuple[list[bytes], list[bytes]]:
        files: list[bytes] = []
        folders: list[bytes] = []
        with os.scandir(self._opened.open(self._inner)) as entries:
            for entry in entries:
                found = folders if entry.is_dir(follow_symlinks=False) else files
                found.append(os.fsencode(entry.name))
        return files, folders

    @property
    def files(self) -> list[bytes]:
        """Names of what is not a folder. Raises OSError."""
        return self._names[0]

    @property
    def folders(self) -> list[bytes]:
        """Names of subfolders. Raises OSError."""
        return self._names[1]

    def enter(self, name: bytes) -> DiskFolder:
        """A subfolder."""
        return DiskFolder(self._opened, join(self._inner, name) if self._inner else name)

"""What the stages of a drop hand to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


class ContentChanged(Exception):
    """A file cannot be read as it was found: it changed, or is damaged. The text says why."""


class ContentSource(Protocol):
    """Where the content of a file comes from."""

    def opened(self) -> AbstractContextManager[Iterator[memoryview]]:
        """Open it and yield its pieces; each is valid until the next one.

        Raises ContentChanged, at the latest after the last piece, if it is not what was found, or
        cannot be read.
        """

    def allowed_in(self, folder: bytes) -> int:
        """Return the permission bits that a copy in a folder may have, given its absolute path.

        Raises OSError.
        """


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file in what was dropped, before it is read."""

    name: bytes
    """Its path relative to the folder that a drop gets."""
    size: int
    source: ContentSource | None
    """Where it can be read again; None for what was sent and not stored."""
    mode: int = 0o644
    """The permission bits that it is to get."""
    mtime_ns: int | None = None

    @property
    def content(self) -> ContentSource:
        """Its source, where it is to be read."""
        assert self.source is not None, "only what is stored is read"
        return self.source


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """A file that was read."""

    file: FoundFile
    digest: bytes
    """BLAKE3, 32 bytes."""

    @property
    def name(self) -> bytes:
        """Its path relative to the folder that a drop gets."""
        return self.file.name

    @property
    def size(self) -> int:
        """Bytes."""
        return self.file.size


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was dropped, but is not looked at, or not kept."""

    name: bytes
    """Its path, relative like that of a file; of a member of an archive, as that has it."""
    cause: str


Advance = Callable[[int, int], None]
"""Called with files and bytes that are done."""

"""The shelf beside a kept tree: a folder for each copy, with what only that copy contains."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from gorillacomb.classify.names import SHELF
from gorillacomb.fs.paths import join, path_prefixes, path_text, relative_path

_LONGEST_PATH = 1023
"""Bytes, as most systems can still open."""
_LONGEST_NAME = 255
_LONGEST_LABEL = 100


@dataclass(slots=True)
class ShelfLabels:
    """Names on the shelf of a kept tree; no two are the same on any file system."""

    shelf: bytes
    around: bytes
    """The folder around all copies."""
    name: bytes
    """Of the kept tree."""
    _taken: set[bytes] = field(default_factory=set)

    @classmethod
    def of(cls, members: Sequence[bytes], keep: bytes) -> ShelfLabels:
        """Return the names for the shelf of a kept tree."""
        around = os.path.commonpath([os.path.dirname(each) for each in (*members, keep)])
        return cls(keep + SHELF, around, os.path.basename(keep))

    def new(self, member: bytes) -> bytes:
        """Return the path of a folder for a copy, named after the folders that the copy is in.

        Nothing is there yet.
        """
        parts = relative_path(member, self.around).split(b"/")
        if len(parts) > 1 and parts[-1] == self.name:
            parts.pop()
        label = b" - ".join(parts)[-_LONGEST_LABEL:]
        if label in (b"", b".", b".."):
            label = b"copy"
        name, number = label, 1
        while folded(name) in self._taken or os.path.lexists(join(self.shelf, name)):
            number += 1
            name = b"%b (%d)" % (label, number)
        self._taken.add(folded(name))
        return join(self.shelf, name)


def folded(name: bytes) -> bytes:
    """Return what is equal for names that some file system takes for the same."""
    text = name.decode(errors="surrogateescape")
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return text.encode(errors="surrogateescape")


@dataclass(slots=True)
class ShelfFolder:
    """One folder on the shelf, with the items that get their relative paths in it."""

    path: bytes
    items: list[bytes] = field(default_factory=list)
    _spelled: dict[bytes, bytes] = field(default_factory=dict)
    """By folded path: how it is spelled here."""

    def takes(self, item: bytes) -> bool:
        """Add an item, unless it clashes with another one on some file system."""
        prefixes = {folded(each): each for each in path_prefixes(item)}
        if any(self._spelled.get(key, each) != each for key, each in prefixes.items()):
            return False
        self._spelled |= prefixes
        self.items.append(item)
        return True


def length_refusal(folder: bytes, item: bytes, below: int = 0) -> str | None:
    """Return why an item cannot be on the shelf because of its length; None if it can.

    ``below`` is the length of the longest path in it, in bytes.
    """
    path = join(folder, item)
    length = len(path) + (1 + below if below else 0)
    if length > _LONGEST_PATH:
        return f"would get a path of {length:,} bytes on the shelf"
    long = next((each for each in path.split(b"/") if len(each) > _LONGEST_NAME), None)
    return None if long is None else f"would need a name of {len(long)} bytes: {path_text(long)}"

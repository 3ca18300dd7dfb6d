"""The shelf beside a kept tree: a folder for each copy, with what only that copy contains."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gorillacomb.classify.cloud_folders import cloud_folder_around, wants_windows_names
from gorillacomb.classify.names import SHELF
from gorillacomb.dedupe.collapse.own_items import RESERVED_BYTES, OwnItem, is_reserved
from gorillacomb.dedupe.model import CopyStep
from gorillacomb.dedupe.not_brought import NotBrought
from gorillacomb.fs.mounts import mount_of
from gorillacomb.fs.paths import join, path_prefixes, path_text, relative_path
from gorillacomb.fs.volumes import has_windows_names

_LONGEST_PATH = 1023
"""Bytes, as most systems can still open."""
_LONGEST_NAME = 255
_LONGEST_LABEL = 100
_INNER_BYTES = bytes(range(0x80, 0xC0))
"""What a character of UTF-8 does not begin with."""


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
        label = _portable(b" - ".join(parts))
        name, number = label, 1
        while folded(name) in self._taken or os.path.lexists(join(self.shelf, name)):
            number += 1
            name = b"%b (%d)" % (label, number)
        self._taken.add(folded(name))
        return join(self.shelf, name)


def _portable(name: bytes) -> bytes:
    """Return a name like another one that every file system and service allows."""
    if len(name) > _LONGEST_LABEL:
        name = name[-_LONGEST_LABEL:].lstrip(_INNER_BYTES)
    name = RESERVED_BYTES.sub(b"_", name).rstrip(b". ")
    return name + b"_" if is_reserved(name) else name or b"copy"


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
    files: int = 0
    size: int = 0
    """Bytes."""
    not_brought: list[NotBrought] = field(default_factory=list)
    """Why each item is not brought, if things are to be brought."""
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


@dataclass(frozen=True, slots=True)
class NameRules:
    """Which names and paths may be created beside a kept tree, and in it."""

    wanting: str | None
    """What wants names that Windows allows, if anything does."""

    @classmethod
    def of(cls, kept: bytes) -> NameRules:
        """Return the rules for the volume and the cloud folder of a kept tree."""
        synced = cloud_folder_around(kept)
        if synced is not None and wants_windows_names(synced):
            return cls(f"the service that syncs {path_text(synced)}")
        mount = mount_of(kept)
        return cls("the volume" if has_windows_names(mount.type, mount.source) else None)

    def refusal(self, folder: bytes, item: OwnItem) -> str | None:
        """Return why an item cannot be created in a folder; None if it can."""
        path = join(folder, item.path)
        length = len(path) + (1 + item.longest if item.longest else 0)
        if length > _LONGEST_PATH:
            return f"would get a path of {length:,} bytes"
        long = next((each for each in path.split(b"/") if len(each) > _LONGEST_NAME), None)
        if long is not None:
            return f"would need a name of {len(long)} bytes: {path_text(long)}"
        if self.wanting is None:
            return None
        reserved = next(filter(is_reserved, item.path.split(b"/")), item.reserved)
        return (
            f"cannot be copied: Windows reserves the name {path_text(reserved)}, and"
            f" {self.wanting} needs others"
            if reserved
            else None
        )


def copy_steps(
    top: bytes,
    folders: Sequence[ShelfFolder],
    brought: Sequence[tuple[bytes, bytes, int, int]],
    first: int,
) -> Iterator[CopyStep]:
    """Yield the steps that copy things out of one copy, numbered from ``first``.

    ``brought`` has for each thing where it is, where it will be, its files, and its bytes.
    """
    for number, each in enumerate(folders, first):
        yield CopyStep(
            f"shelve-{number}",
            top,
            each.path,
            tuple(each.items),
            each.files,
            each.size,
            tuple(each.not_brought),
        )
    for number, (source, target, files, size) in enumerate(brought, first + len(folders)):
        yield CopyStep(f"bring-{number}", source, target, (), files, size)

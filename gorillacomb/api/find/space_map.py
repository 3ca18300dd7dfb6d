"""Show where the space is, and how much of it is used for what is there more than once."""

from __future__ import annotations

import os
from dataclasses import dataclass

from gorillacomb.api.documents.contents import MapDocument, map_document
from gorillacomb.api.lookup import away_notes, look_up_path, not_a_folder_error
from gorillacomb.api.paths import PathInput
from gorillacomb.folders.space import SpaceEntry, largest_entries
from gorillacomb.fs.real_path import real_path
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.vault.vault import Vault

__all__ = ["SpaceEntry", "SpaceMap", "map_space"]

_MOST = 1000
"""Entries: what a person can see at once, and a browser can show."""
_PART = 5000
"""Of all bytes, what an entry takes at least: less is a dot on a large screen."""


@dataclass(frozen=True, slots=True)
class SpaceMap:
    """Where the space is in some folders."""

    items: tuple[SpaceEntry, ...]
    """The folders that were asked about, and the largest of what is in them, each after the folder
    that it is in."""
    warnings: tuple[str, ...]

    @property
    def tops(self) -> list[SpaceEntry]:
        """The folders that were asked about."""
        return [each for each in self.items if each.parent is None]

    @property
    def files(self) -> int:
        """Regular files in them."""
        return sum(each.files for each in self.tops)

    @property
    def bytes(self) -> int:
        """Bytes of those."""
        return sum(each.bytes for each in self.tops)

    @property
    def duplicate_bytes(self) -> int:
        """Bytes of the files whose content has another copy, wherever."""
        return sum(each.duplicate_bytes for each in self.tops)

    def inside(self, entry: SpaceEntry) -> list[SpaceEntry]:
        """Return the entries directly in a folder, the largest first."""
        at = self.items.index(entry)
        found = [each for each in self.items if each.parent == at]
        return sorted(found, key=lambda each: (-each.bytes, each.path))

    def to_dict(self) -> MapDocument:
        """Return the document of ``gorillacomb map --json``."""
        return map_document(self)


def map_space(vault: Vault, path: PathInput | None = None) -> SpaceMap:
    """Map a folder, or everything that was scanned, as `OpenVault.space_map` says."""
    with Index.read(vault) as index, translate_errors(vault):
        warnings: tuple[str, ...] = ()
        if path is None:
            tops = [(root.folder, root.path) for root in all_roots(index.connection)]
        else:
            found = look_up_path(index, real_path(os.fsencode(path)))
            if found.folder is None:
                raise not_a_folder_error(found)
            warnings, tops = tuple(away_notes(found)), [(found.folder, found.path)]
        items = largest_entries(index.connection, tops, _MOST, _PART)
        return SpaceMap(tuple(items), warnings)

"""What is in a folder, as of its last scan, in pages."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import Any, Literal, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.api.lookup import look_up_path, unknown_path_error
from gorillacomb.errors import UsageError
from gorillacomb.fs.paths import join, path_text
from gorillacomb.fs.volumes import is_online
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.folder_queries import ListedEntry, list_entries
from gorillacomb.index.roots import all_roots
from gorillacomb.json_paths import path_to_json
from gorillacomb.vault.vault import Vault

__all__ = [
    "ScannedPlace",
    "TreePage",
    "TreePageDocument",
    "read_tree_page",
    "scanned_places",
    "tree_page_document",
]

_KINDS = {stat.S_IFREG: "file", stat.S_IFLNK: "link"}


class EntryDocument(PathDocument):
    """A folder or file directly in a folder."""

    kind: Literal["folder", "file", "link", "other"]
    state: str | None
    """What is known about it: ``hashed``, ``pending`` and the like; null for a folder."""
    size: int
    """Bytes; 0 for a folder."""
    mtime_ns: str | None
    """When it was last changed, ns since the epoch, as decimal text; null for a folder."""
    blake3: str | None
    """The BLAKE3 digest of its content, 64 hex digits; null if it was not read."""
    copies: int
    """Separate copies of its content, itself included; 0 if it was not read."""


class TreePageDocument(PathDocument):
    """Some of what is in a folder, by name."""

    items: list[EntryDocument]
    next: str | None
    """What ``after`` takes to continue; null if no more follow."""


@dataclass(frozen=True, slots=True)
class ScannedPlace:
    """A drive or folder that was scanned."""

    path: bytes
    name: str | None
    """What the user calls it."""
    is_online: bool
    """Whether its drive is connected."""


@dataclass(frozen=True, slots=True)
class TreePage:
    """Some of what is in a folder, by name."""

    path: bytes
    entries: tuple[ListedEntry, ...]
    next: bytes | None
    """The name of the last one; None if no more follow."""
    generation: str
    """Of the index that they were read from."""


def scanned_places(vault: Vault) -> list[ScannedPlace]:
    """Return what was scanned, by path, without what is in it. Raises VaultError."""
    with Index.read(vault) as index, translate_errors(vault):
        roots = all_roots(index.connection)
    places = [ScannedPlace(root.path, root.name, is_online(root)) for root in roots]
    return sorted(places, key=lambda place: place.path)


def read_tree_page(vault: Vault, path: bytes, after: bytes, limit: int) -> TreePage:
    """Read what is in a folder after a name, at most ``limit`` entries.

    Raises UsageError for a path that is not a folder of the index, VaultError.
    """
    with Index.read(vault) as index, translate_errors(vault):
        found = look_up_path(index, path)
        if found.folder is None:
            if found.file is not None:
                raise UsageError(f"{path_text(found.path)} is a file.", "Name its folder.")
            raise unknown_path_error(found)
        entries = list_entries(index.connection, found.folder, after, limit + 1)
        last = entries[limit - 1].name if len(entries) > limit else None
        return TreePage(found.path, tuple(entries[:limit]), last, index.generation())


def tree_page_document(page: TreePage, token: str | None) -> TreePageDocument:
    """Return a page as a document; ``token`` is what continues after it."""
    items = [_entry(page.path, each) for each in page.entries]
    return cast(TreePageDocument, {**path_to_json(page.path), "items": items, "next": token})


def _entry(folder: bytes, entry: ListedEntry) -> dict[str, Any]:
    kind = "folder" if entry.is_folder else _KINDS.get(stat.S_IFMT(entry.mode), "other")
    return {
        **path_to_json(join(folder, entry.name)),
        "kind": kind,
        "state": None if entry.state is None else entry.state.name.lower(),
        "size": entry.size,
        "mtime_ns": None if entry.is_folder else str(entry.mtime_ns),
        "blake3": None if entry.digest is None else entry.digest.hex(),
        "copies": entry.copies,
    }

"""Pages of the groups of identical files, each read by one short query."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from gorillacomb.api.documents.duplicates import GroupsPageDocument
from gorillacomb.api.duplicates import FileGroup
from gorillacomb.api.lookup import open_groups
from gorillacomb.errors import UsageError
from gorillacomb.index.content_queries import GroupPosition
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.vault.vault import Vault

__all__ = [
    "GroupPosition",
    "GroupsPage",
    "group_of_content",
    "groups_page_document",
    "index_generation",
    "read_groups_page",
]


@dataclass(frozen=True, slots=True)
class GroupsPage:
    """Some groups, the most wasteful first, and where the next ones begin."""

    groups: tuple[FileGroup, ...]
    next: GroupPosition | None
    """The position of the last one; None if no more follow."""
    generation: str
    """Of the index that they were read from."""


def read_groups_page(
    vault: Vault, after: GroupPosition | None, limit: int, min_reclaimable: int = 0
) -> GroupsPage:
    """Read the groups that follow a position, at most ``limit`` of them.

    ``min_reclaimable`` is in bytes on disk; the order ends there. Raises VaultError.
    """
    with Index.read(vault) as index, translate_errors(vault):
        found = [
            FileGroup.of(group)
            for group in islice(open_groups(index).page(after), limit + 1)
            if group.summary.reclaimable >= min_reclaimable
        ]
        shown = found[:limit]
        last = None
        if len(found) > limit:
            it = shown[-1]
            last = GroupPosition(it.reclaimable, it.size * it.copies, it.digest)
        return GroupsPage(tuple(shown), last, index.generation())


def index_generation(vault: Vault) -> str:
    """Return what changes with the index, as `Index.generation` says. Raises VaultError."""
    with Index.read(vault) as index:
        return index.generation()


def group_of_content(vault: Vault, digest: bytes) -> FileGroup:
    """Return the files with a content, by its BLAKE3. Raises UsageError if none is known."""
    with Index.read(vault) as index, translate_errors(vault):
        group = open_groups(index).of_any_content(digest)
    if group is None:
        raise UsageError("No file of the index has that content.")
    return FileGroup.of(group)


def groups_page_document(page: GroupsPage, token: str | None) -> GroupsPageDocument:
    """Return a page as a document; ``token`` is what continues after it."""
    return {"items": [group.to_dict() for group in page.groups], "next": token}

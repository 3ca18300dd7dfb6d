"""Pages of the groups of identical files, each read by a few short queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gorillacomb.api.documents.duplicates import GroupsPageDocument
from gorillacomb.api.duplicates import FileGroup
from gorillacomb.api.lookup import look_up_path, not_a_folder_error, open_groups
from gorillacomb.api.roots import index_with_figures
from gorillacomb.classify.content_kinds import ContentKind, kind_of_name
from gorillacomb.errors import UsageError
from gorillacomb.index.content_queries import GroupTotals
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.duplicate_groups import (
    GroupOrder,
    GroupPosition,
    folders_below,
    groups_after,
    names_with,
)
from gorillacomb.model import GroupSummary
from gorillacomb.vault.vault import Vault

__all__ = [
    "ContentKind",
    "GroupOrder",
    "GroupPosition",
    "GroupsAsked",
    "GroupsPage",
    "group_of_content",
    "group_totals",
    "groups_page_document",
    "index_generation",
    "read_groups_page",
]

_MOST_LOOKED_AT = 5_000
"""Groups that one page may exclude: reading the names of more takes too long for a page."""
_AT_ONCE = 500
"""Groups whose names are read by one query."""


@dataclass(frozen=True, slots=True)
class GroupsAsked:
    """Which groups are asked for, and in which order."""

    order: GroupOrder = GroupOrder.WASTE
    min_reclaimable: int = 0
    """Bytes on disk that all copies but one take, at least."""
    within: bytes | None = None
    """The folder that at least one of the copies is in."""
    kind: ContentKind | None = None
    """The kind that the name of at least one of them says."""

    @property
    def needs_names(self) -> bool:
        """Whether the names of copies have to be read to tell which groups are asked for."""
        return self.within is not None or self.kind is not None


@dataclass(frozen=True, slots=True)
class GroupsPage:
    """Some groups, the largest first, and where the next ones begin."""

    groups: tuple[FileGroup, ...]
    """Fewer than were asked for, even none, if many were excluded."""
    next: GroupPosition | None
    """Where to continue; None if no more follow."""
    generation: str
    """Of the index that they were read from."""


def read_groups_page(
    vault: Vault, after: GroupPosition | None, limit: int, asked: GroupsAsked
) -> GroupsPage:
    """Read the groups that follow a position, at most ``limit`` of them.

    Raises UsageError for a folder that the index does not have, VaultError.
    """
    with Index.read(vault) as index, translate_errors(vault):
        reader, found = open_groups(index), list[FileGroup]()
        last = following = after
        candidates = _candidates(index, after, limit, asked)
        for looked_at, (summary, is_asked) in enumerate(candidates, 1):
            group = reader.of_content(summary.digest) if is_asked else None
            if group is not None and reader.is_reported(group):
                if len(found) == limit:
                    following = last
                    break
                found.append(FileGroup.of(group))
            last = GroupPosition.of(summary, asked.order)
            if looked_at == _MOST_LOOKED_AT:
                following = last
                break
        else:
            following = None
        return GroupsPage(tuple(found), following, index.generation())


def _candidates(
    index: Index, after: GroupPosition | None, limit: int, asked: GroupsAsked
) -> Iterator[tuple[GroupSummary, bool]]:
    """Yield the groups that follow a position, and whether their names are as asked for."""
    connection = index.connection
    accepts = _filter(index, asked)
    number = limit + 1
    if accepts is not None:  # only the order by waste is read from where the last part ended
        number = 4 * _AT_ONCE if asked.order is GroupOrder.WASTE else _MOST_LOOKED_AT
    while True:
        read = groups_after(connection, asked.order, after, asked.min_reclaimable, number)
        for first in range(0, len(read), _AT_ONCE):
            part = read[first : first + _AT_ONCE]
            sizes = {group.digest: group.size for group in part}
            wanted = set(sizes)
            if accepts is not None:
                names = names_with(connection, sorted(wanted))
                wanted = {of for of, folder, name in names if accepts(folder, name, sizes[of])}
            yield from ((group, group.digest in wanted) for group in part)
        if len(read) < number:
            return
        after = GroupPosition.of(read[-1], asked.order)


def _filter(index: Index, asked: GroupsAsked) -> Callable[[int, bytes, int], bool] | None:
    """Return what says whether a file, by folder, name and size, is asked for; None if all are."""
    if not asked.needs_names:
        return None
    folders: set[int] | None = None
    if asked.within is not None:
        found = look_up_path(index, asked.within)
        if found.folder is None:
            raise not_a_folder_error(found)
        folders = folders_below(index.connection, found.folder)

    def accepts(folder: int, name: bytes, size: int) -> bool:
        if folders is not None and folder not in folders:
            return False
        return asked.kind is None or kind_of_name(name, size) is asked.kind

    return accepts


def index_generation(vault: Vault) -> str:
    """Return what changes with the index, as `Index.generation` says. Raises VaultError."""
    with Index.read(vault) as index:
        return index.generation()


def group_totals(vault: Vault) -> GroupTotals:
    """Return the totals over all groups. Raises VaultError."""
    with index_with_figures(vault) as (_, figures):
        return figures.totals


def group_of_content(vault: Vault, digest: bytes) -> FileGroup:
    """Return the files with a content, by its BLAKE3. Raises UsageError if none is known."""
    with Index.read(vault) as index, translate_errors(vault):
        reader = open_groups(index)
        group = reader.of_content(digest) or reader.of_any_content(digest)
    if group is None:
        raise UsageError("No file of the index has that content.")
    return FileGroup.of(group)


def groups_page_document(page: GroupsPage, token: str | None) -> GroupsPageDocument:
    """Return a page as a document; ``token`` is what continues after it."""
    return {"items": [group.to_dict() for group in page.groups], "next": token}

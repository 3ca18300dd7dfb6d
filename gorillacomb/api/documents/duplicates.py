"""The document of `gorillacomb dupes --json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.json_paths import path_to_json

if TYPE_CHECKING:
    from gorillacomb.api.duplicates import FileGroup, GroupedFile


class GroupedFileDocument(PathDocument):
    """One name of a content that exists several times."""

    canonical: bool
    """Whether it is the copy to keep."""
    hardlink_of: PathDocument | None
    """An earlier name in the group of the same file; null if it is a copy of its own."""
    online: bool
    """Whether its drive is connected."""


class FileGroupDocument(TypedDict):
    """Identical files."""

    blake3: str
    """The BLAKE3 digest of their content, 64 hex digits."""
    size: int
    """Bytes of each."""
    copies: int
    """Separate copies: hard links of one file count once."""
    reclaimable: int
    """Bytes on disk that all copies but one take."""
    reasons: list[str]
    """Why the canonical copy is the one to keep."""
    files: list[GroupedFileDocument]


class DupesDocument(TypedDict):
    """Groups of identical files, the most wasteful first."""

    groups: list[FileGroupDocument]


class GroupsPageDocument(TypedDict):
    """Some groups of identical files, the most wasteful first."""

    items: list[FileGroupDocument]
    next: str | None
    """What ``after`` takes to continue; null if no more follow."""


def dupes_document(groups: Iterable[FileGroup]) -> DupesDocument:
    """Return groups as a document."""
    return {"groups": [group_document(group) for group in groups]}


def group_document(group: FileGroup) -> FileGroupDocument:
    """Return a group as a document."""
    return {
        "blake3": group.digest.hex(),
        "size": group.size,
        "copies": group.copies,
        "reclaimable": group.reclaimable,
        "reasons": list(group.reasons),
        "files": list(map(file_document, group.files)),
    }


def file_document(file: GroupedFile) -> GroupedFileDocument:
    """Return a file of a group as a document."""
    document = {
        **path_to_json(file.path),
        "canonical": file.is_canonical,
        "hardlink_of": None if file.hard_link_of is None else path_to_json(file.hard_link_of),
        "online": file.is_online,
    }
    return cast(GroupedFileDocument, document)

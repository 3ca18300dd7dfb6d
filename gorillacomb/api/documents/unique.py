"""The document of `gorillacomb unique --json`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal, TypedDict, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.json_paths import path_to_json
from gorillacomb.unique.report import UniqueFile, UniqueReport
from gorillacomb.unique.rollup import RolledUpEntry


class UniqueFileDocument(PathDocument):
    """A file whose content exists nowhere else."""

    size: int
    """Bytes."""
    blake3: str
    """The BLAKE3 digest of its content, 64 hex digits."""
    cause: str | None
    """Why a copy in the index does not count, with its path; null if there is none."""


class RolledUpDocument(PathDocument):
    """A file whose content exists nowhere else, or a folder that stands for all such files in it.

    The path is relative to the folder that was asked about; it is empty for that folder itself.
    """

    kind: Literal["folder", "file"]
    files: int
    """Such files in it."""
    bytes: int
    """Bytes of those files; hard links of one file count once."""
    whole: bool
    """Whether nothing in it exists elsewhere, as far as contents are known."""
    unproven: int
    """Files and folders in it whose content is unknown."""


class UnprovenDocument(PathDocument):
    """A file or folder about which nothing can be said."""

    cause: str


class ExtentCauseDocument(TypedDict):
    """Files whose copy may use the same blocks on the disk."""

    cause: str
    """Why that is unknown."""
    files: int


class CopyFolderDocument(PathDocument):
    """A folder with copies of files in the folder that was asked about."""

    files: int


class OfflineRootDocument(PathDocument):
    """A root that is not connected and was allowed to count."""

    last_read_ns: str
    """When the oldest of the copies in it was last read, ns since the epoch, as decimal text."""


class UniqueDocument(PathDocument):
    """What would be lost if a folder were deleted."""

    files: int
    """Regular files found on disk."""
    bytes: int
    """Bytes of those files."""
    empty_files: int
    links: int
    """Symbolic links."""
    noise_files: int
    """Files that systems leave behind by themselves, such as ``.DS_Store``."""
    linked_files: int
    """Files that remain under another name, by a hard link outside the folder."""
    unknown_extents: list[ExtentCauseDocument]
    unique_bytes: int
    """Bytes of the files in ``unique``."""
    unique: list[UniqueFileDocument]
    rolled_up: list[RolledUpDocument]
    """The same, rolled up by folder, the largest first."""
    unproven: list[UnprovenDocument]
    vouched_by: list[CopyFolderDocument]
    """Where the copies of the other files are, the folder with the most first."""
    to_keep: int
    """Contents with copies elsewhere whose canonical copy is in this folder."""
    planned_to_go: list[PathDocument]
    """Copies that do not count because the plan removes them."""
    quarantined_files: int
    """Files in a quarantine inside the folder."""
    quarantined_bytes: int
    offline: list[OfflineRootDocument]


def unique_document(
    report: UniqueReport, places: list[tuple[bytes, int]], rolled_up: Iterable[RolledUpEntry]
) -> UniqueDocument:
    """Return a report as a document.

    ``places`` are the folders with copies, and their files; ``rolled_up`` are the unique files.
    """
    document = {
        **path_to_json(report.path),
        "files": report.files,
        "bytes": report.size,
        "empty_files": report.empty,
        "links": report.links,
        "noise_files": report.noise,
        "linked_files": report.linked,
        "unknown_extents": [
            {"cause": cause, "files": number} for cause, number in report.unknown_extents.items()
        ],
        "unique_bytes": sum(each.size for each in report.unique),
        "unique": [
            {
                **path_to_json(each.path),
                "size": each.size,
                "blake3": each.digest.hex(),
                "cause": _cause(each),
            }
            for each in report.unique
        ],
        "rolled_up": list(map(rolled_up_document, rolled_up)),
        "unproven": [{**path_to_json(each.path), "cause": each.cause} for each in report.unproven],
        "vouched_by": [{**path_to_json(path), "files": files} for path, files in places],
        "to_keep": report.to_keep,
        "planned_to_go": [path_to_json(path) for path in report.planned],
        "quarantined_files": report.quarantined,
        "quarantined_bytes": report.quarantined_size,
        "offline": [
            {**path_to_json(path), "last_read_ns": str(oldest)}
            for path, oldest in report.offline.items()
        ],
    }
    return cast(UniqueDocument, document)


def rolled_up_document(entry: RolledUpEntry) -> RolledUpDocument:
    """Return a folder or file with contents that exist nowhere else as a document."""
    document = {
        **path_to_json(entry.path),
        "kind": entry.kind,
        "files": entry.files,
        "bytes": entry.size,
        "whole": entry.is_whole,
        "unproven": entry.unproven,
    }
    return cast(RolledUpDocument, document)


def _cause(file: UniqueFile) -> str | None:
    """Return why the known copy of a file does not count, with its path."""
    return None if file.copy is None else f"{file.cause}: {os.fsdecode(file.copy)}"

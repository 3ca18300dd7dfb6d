"""The documents about contents, wherever they are: `compare --contents`, `map` and `drop`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.api.documents.unique import RolledUpDocument, UnprovenDocument, rolled_up_document
from gorillacomb.json_paths import path_to_json

if TYPE_CHECKING:
    from gorillacomb.api.drop.drop import DropEntry, DropOutcome, DropResult
    from gorillacomb.api.find.contents import ContentComparison, ContentSide
    from gorillacomb.api.find.space_map import SpaceMap


class ContentSideDocument(PathDocument):
    """One of the two folders."""

    root: str
    """The id of the root that it is in, 32 hex digits."""
    name: str | None
    """What the user calls that root; null if it was given no name."""
    online: bool
    """Whether its drive is connected; if not, the answer is as of its last scan."""
    last_scan_ns: str | None
    """When the root was last scanned to the end, ns since the epoch, as decimal text."""
    suspect: str | None
    """Why the root may not be what it was; null if nothing suggests that."""
    files: int
    """Regular files."""
    bytes: int
    """Bytes of those files."""
    empty_files: int
    links: int
    """Symbolic links."""
    shared_files: int
    """Files whose content the other folder has."""
    linked_files: int
    """Files that are in both folders as one file, by hard links."""
    only_files: int
    """Files whose content the other folder lacks."""
    only_bytes: int
    """Bytes of those files; hard links of one file count once."""
    only_contents: int
    """How many different contents those are."""
    only_content_bytes: int
    """Bytes of those contents, each counted once."""
    unproven: int
    """Files and folders whose content is unknown."""


class CompareContentsDocument(TypedDict):
    """What each of two folders contains and the other lacks, by paths relative to them."""

    a: ContentSideDocument
    b: ContentSideDocument
    only_a: list[RolledUpDocument]
    """What B lacks, the largest first; with ``--files`` single files alone."""
    only_b: list[RolledUpDocument]
    """What A lacks, likewise."""
    unproven_a: list[UnprovenDocument]
    """What in A has unknown content."""
    unproven_b: list[UnprovenDocument]


def compare_contents_document(
    found: ContentComparison, single_files: bool
) -> CompareContentsDocument:
    """Return what two folders lack of each other as a document."""
    document = {
        "a": _side(found.a),
        "b": _side(found.b),
        "only_a": list(map(rolled_up_document, found.a.only(single_files=single_files))),
        "only_b": list(map(rolled_up_document, found.b.only(single_files=single_files))),
        "unproven_a": _unproven(found.a),
        "unproven_b": _unproven(found.b),
    }
    return cast(CompareContentsDocument, document)


def _side(side: ContentSide) -> dict[str, object]:
    return {
        **path_to_json(side.path),
        "root": side.root.uid,
        "name": side.root.name,
        "online": side.is_online,
        "last_scan_ns": None if side.last_scan_ns is None else str(side.last_scan_ns),
        "suspect": side.root.suspect,
        "files": side.files,
        "bytes": side.size,
        "empty_files": side.empty_files,
        "links": side.links,
        "shared_files": side.shared_files,
        "linked_files": side.linked_files,
        "only_files": side.only_files,
        "only_bytes": side.only_size,
        "only_contents": side.only_contents,
        "only_content_bytes": side.only_content_size,
        "unproven": side.unproven,
    }


def _unproven(side: ContentSide) -> list[dict[str, str]]:
    return [{**path_to_json(each.path), "cause": each.cause} for each in side.unknown()]


class MappedDocument(PathDocument):
    """A folder or file that takes a part of the space."""

    kind: Literal["folder", "file"]
    parent: int | None
    """Which of the list it is in, from 0; null for a place that was asked about."""
    files: int
    """Regular files in it; 1 for a file."""
    bytes: int
    """Bytes of those files."""
    duplicate_bytes: int
    """Bytes of the files whose content has another copy, in here or elsewhere."""


class MapDocument(TypedDict):
    """Where the space is, and how much of it is used for contents that are there more than once."""

    files: int
    bytes: int
    duplicate_bytes: int
    items: list[MappedDocument]
    """The places that were asked about, and the largest of what is in them; a folder comes before
    what it contains. What is too small for the list is counted by its folder alone."""


def map_document(found: SpaceMap) -> MapDocument:
    """Return the document of ``gorillacomb map``."""
    items = [
        {
            **path_to_json(each.path),
            "kind": "folder" if each.is_folder else "file",
            "parent": each.parent,
            "files": each.files,
            "bytes": each.bytes,
            "duplicate_bytes": each.duplicate_bytes,
        }
        for each in found.items
    ]
    document = {
        "files": found.files,
        "bytes": found.bytes,
        "duplicate_bytes": found.duplicate_bytes,
        "items": items,
    }
    return cast(MapDocument, document)


class DropTotalsDocument(TypedDict):
    """Some of the files that were dropped."""

    files: int
    bytes: int


class DropCopyDocument(PathDocument):
    """A copy of a dropped file in a scanned folder."""

    cause: str | None
    """Why it does not count; null if it does."""


class DropEntryDocument(PathDocument):
    """A file that was dropped; its path is relative to what was dropped."""

    bytes: int
    blake3: str
    state: Literal["have", "new", "repeated", "empty"]
    """``have`` if a copy of it counts; ``repeated`` if another new file has its content."""
    copy: DropCopyDocument | None
    """A copy: the one that counts, or one that does not; null if none is known."""
    same_as: PathDocument | None
    """Of a repeated file, the other one; else null."""


class DropProblemDocument(PathDocument):
    """Something that was not read, or not kept; its path is relative to what was dropped."""

    cause: str


class DropKeptDocument(TypedDict):
    """What was kept of the new files."""

    run: str
    """The run that `dedupe --undo` takes back."""
    folder: PathDocument | None
    """The folder in which the files are; null if none was kept."""
    files: int
    bytes: int
    failed: list[DropProblemDocument]
    """What was not kept."""
    recovered: list[DropProblemDocument]
    """What earlier runs had left half done, by absolute paths."""


class DropDocument(TypedDict):
    """What of some files is known already, and what became of the new ones."""

    files: int
    """All that were read."""
    bytes: int
    have: DropTotalsDocument
    new: DropTotalsDocument
    """Each content once."""
    repeated: DropTotalsDocument
    empty: int
    """Files without content."""
    system_files: int
    """Files that systems leave behind; they are not counted, and not kept."""
    items: list[DropEntryDocument]
    left_out: list[DropProblemDocument]
    kept: DropKeptDocument | None
    """Null if nothing was to be kept, or nothing is new."""


def drop_document(result: DropResult) -> DropDocument:
    """Return what is known of dropped files as a document."""
    from gorillacomb.api.drop.drop import DropState

    kept = result.kept
    document = {
        "files": len(result.entries),
        "bytes": result.size,
        **{
            str(state): _drop_totals(result.of(state))
            for state in (DropState.HAVE, DropState.NEW, DropState.REPEATED)
        },
        "empty": len(result.of(DropState.EMPTY)),
        "system_files": result.system_files,
        "items": list(map(drop_entry_document, result.entries)),
        "left_out": [{**path_to_json(each.name), "cause": each.cause} for each in result.left_out],
        "kept": None if kept is None else drop_kept_document(kept),
    }
    return cast(DropDocument, document)


def _drop_totals(entries: list[DropEntry]) -> dict[str, int]:
    return {"files": len(entries), "bytes": sum(each.file.size for each in entries)}


def drop_entry_document(entry: DropEntry) -> DropEntryDocument:
    """Return what is known of a dropped file as a document."""
    copy = None if entry.copy is None else {**path_to_json(entry.copy), "cause": entry.cause}
    document = {
        **path_to_json(entry.file.name),
        "bytes": entry.file.size,
        "blake3": entry.file.digest.hex(),
        "state": str(entry.state),
        "copy": copy,
        "same_as": None if entry.same_as is None else path_to_json(entry.same_as),
    }
    return cast(DropEntryDocument, document)


def drop_kept_document(kept: DropOutcome) -> DropKeptDocument:
    """Return what was kept of a drop as a document."""
    document = {
        "run": kept.run,
        "folder": path_to_json(kept.folder) if kept.folder else None,
        "files": len(kept.kept),
        "bytes": sum(each.size for each in kept.kept),
        "failed": [{**path_to_json(each.path), "cause": each.cause} for each in kept.problems],
        "recovered": [{**path_to_json(each.path), "cause": each.cause} for each in kept.recovered],
    }
    return cast(DropKeptDocument, document)

"""The documents of `gorillacomb mark`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypedDict, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.json_paths import path_to_json

if TYPE_CHECKING:
    from gorillacomb.api.dedupe.marks import MarkChange, MarkedPath


class MarkedPathDocument(PathDocument):
    """A mark, and the file or folder that it is about."""

    mark: Literal["keep", "intended", "not-duplicates"]
    kind: Literal["file", "folder"]
    state: Literal["current", "changed", "missing"]
    """Whether it is there as it was marked; only ``keep`` holds for what changed."""
    note: str | None
    marked_ns: str
    """When it was marked, ns since the epoch, as decimal text."""
    seq: int
    """The last entry of the trace about this mark."""
    set: str
    """The same for all that was marked together."""


class MarksDocument(TypedDict):
    """The marks of a vault."""

    marks: list[MarkedPathDocument]


class MarkChangeDocument(TypedDict):
    """What marking, or clearing marks, changed."""

    marked: list[MarkedPathDocument]
    cleared: list[MarkedPathDocument]
    """Marks that no longer hold: cleared, or replaced by those."""


def marked_path_document(mark: MarkedPath) -> MarkedPathDocument:
    """Return a mark as a document."""
    document = {
        **path_to_json(mark.path),
        "mark": mark.kind.value,
        "kind": "folder" if mark.is_folder else "file",
        "state": mark.state.value,
        "note": mark.note,
        "marked_ns": str(mark.marked_ns),
        "seq": mark.seq,
        "set": mark.set,
    }
    return cast(MarkedPathDocument, document)


def marks_document(marks: Iterable[MarkedPath]) -> MarksDocument:
    """Return the marks of a vault as a document."""
    return {"marks": list(map(marked_path_document, marks))}


def mark_change_document(change: MarkChange) -> MarkChangeDocument:
    """Return what changed as a document."""
    return {
        "marked": list(map(marked_path_document, change.marked)),
        "cleared": list(map(marked_path_document, change.cleared)),
    }

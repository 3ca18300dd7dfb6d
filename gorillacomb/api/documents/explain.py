"""The documents of `gorillacomb explain --json` and `gorillacomb trace show --json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict, cast

from gorillacomb.api.documents.dedupe import RunItemDocument, run_item_document
from gorillacomb.api.documents.duplicates import GroupedFileDocument, file_document
from gorillacomb.api.documents.folders import FamilyDocument, RelationDocument, relation_document
from gorillacomb.api.documents.marks import MarkedPathDocument, marked_path_document
from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.api.next_step.step import shell_word
from gorillacomb.dedupe.quarantine.items import ItemState, RunItem
from gorillacomb.json_paths import path_to_json

if TYPE_CHECKING:
    from gorillacomb.api.find.explain import ExplainedFile, ExplainedFolder, ExplainedGone
    from gorillacomb.api.find.fate import PathFate
    from gorillacomb.canonical.rule_effects import RuleEffect


class FateItemDocument(RunItemDocument):
    """A file or folder that a run quarantined, and how to put it back."""

    undo: str | None
    """The command that puts it back; null if it is not in quarantine."""


class FateDocument(TypedDict):
    """What became of a path."""

    runs: list[FateItemDocument]
    """What runs quarantined at the path, oldest first."""
    kept_for: list[FateItemDocument]
    """What is in quarantine because this path had a copy of it; only if nothing is at the
    path now.
    """
    moved_to: PathDocument | None
    left_ns: str | None
    """When a scan found that it was no longer there, ns since the epoch, as decimal text."""
    trace: list[dict[str, object]]
    """The entries of the trace about it as they are, the oldest first."""


class TracedPathDocument(FateDocument, PathDocument):
    """Every entry of the trace about a path, and what became of it."""


class RuleEffectDocument(TypedDict):
    """What one rule does in a choice."""

    rule: str
    """As in ``rules`` in config.toml, or the name of a built-in rule."""
    own: bool
    """Whether it is from ``rules`` in config.toml."""
    left: int
    """Places that it leaves; 1 also if an earlier rule decided."""
    dropped: list[PathDocument]
    """The others that it was asked about."""
    reason: str | None
    """Null if it makes no difference, or was not needed."""


class ExplainedFileDocument(FateDocument, PathDocument):
    """A file or symbolic link of the index."""

    kind: Literal["file", "symbolic link", "FIFO", "socket", "device"]
    state: str
    """``hashed``, ``pending``, ``unreadable`` and the like."""
    cause: str | None
    """Why it was not read."""
    size: int
    mtime_ns: str
    """ns since the epoch, as decimal text."""
    blake3: str | None
    """Null if it was not read."""
    canonical: PathDocument | None
    """The copy to keep; null if there is no group."""
    reasons: list[str]
    copies: list[GroupedFileDocument]
    marks: list[MarkedPathDocument]
    """Its own marks, and those of the folders around it."""
    rules: list[RuleEffectDocument] | None
    """Null without ``--rules``."""


class CanonicalFolderDocument(PathDocument):
    """The folder to keep."""

    relation: Literal["canonical"]


class RelatedFolderDocument(RelationDocument, PathDocument):
    """A copy of the folder to keep."""


class ExplainedFolderDocument(FateDocument, PathDocument):
    """A folder of the index."""

    kind: Literal["folder"]
    files: int
    folders: int
    """Folders below it."""
    bytes: int
    duplicate_files: int
    """Files whose content also exists elsewhere, in this folder or outside it."""
    duplicate_bytes: int
    complete: bool
    not_read: int
    """Entries that were not read, or are damaged."""
    canonical: PathDocument | None
    """The folder to keep; null if it has no copies."""
    reasons: list[str]
    copies: list[CanonicalFolderDocument | RelatedFolderDocument]
    """The copies of it, or else of the innermost folder around it that has some."""
    same_path: FamilyDocument | None
    """It and what is at the same path in the other copies of a folder around it; null if it is a
    copy itself, or there is nothing.
    """
    marks: list[MarkedPathDocument]
    """Its own marks, and those of the folders around it."""
    rules: list[RuleEffectDocument] | None
    """Null without ``--rules``."""


class ExplainedGoneDocument(FateDocument, PathDocument):
    """A path that is not in the index."""

    kind: Literal["gone"]
    canonical: None
    reasons: list[str]
    copies: list[GroupedFileDocument]


ExplainDocument = ExplainedFileDocument | ExplainedFolderDocument | ExplainedGoneDocument


def explained_file_document(found: ExplainedFile) -> ExplainedFileDocument:
    """Return a file as a document."""
    file, group = found.file, found.group
    document = {
        **path_to_json(file.path),
        "kind": found.kind,
        "state": file.state.name.lower(),
        "cause": file.cause,
        "size": file.size,
        "mtime_ns": str(file.mtime_ns),
        "blake3": None if file.digest is None else file.digest.hex(),
        "canonical": None if group is None else path_to_json(group.canonical.path),
        "reasons": [] if group is None else list(group.reasons),
        "copies": [] if group is None else list(map(file_document, group.files)),
        "marks": list(map(marked_path_document, found.marks)),
        "rules": None if found.rules is None else list(map(_rule, found.rules)),
        **_fate(found.fate),
    }
    return cast(ExplainedFileDocument, document)


def explained_folder_document(found: ExplainedFolder) -> ExplainedFolderDocument:
    """Return a folder as a document."""
    totals, family = found.totals, found.family
    there = None if found.same_path is None else found.same_path.counterparts
    copies: list[dict[str, object]] = []
    if family is not None:
        copies = [{**path_to_json(family.keep), "relation": "canonical"}]
        copies += [
            {**path_to_json(each.path), **relation_document(each.relation)}
            for each in family.others
        ]
    document = {
        **path_to_json(found.path),
        "kind": "folder",
        "files": totals.files,
        "folders": totals.folders,
        "bytes": totals.bytes,
        "duplicate_files": totals.duplicates,
        "duplicate_bytes": totals.duplicate_bytes,
        "complete": not totals.gaps,
        "not_read": totals.gaps,
        "canonical": None if family is None else path_to_json(family.keep),
        "reasons": [] if family is None else list(family.reasons),
        "copies": copies,
        "same_path": None if there is None else there.to_dict(),
        "marks": list(map(marked_path_document, found.marks)),
        "rules": None if found.rules is None else list(map(_rule, found.rules)),
        **_fate(found.fate),
    }
    return cast(ExplainedFolderDocument, document)


def explained_gone_document(found: ExplainedGone) -> ExplainedGoneDocument:
    """Return what became of a path as a document."""
    document = {
        **path_to_json(found.path),
        "kind": "gone",
        "canonical": None,
        "reasons": [],
        "copies": [],
        **_fate(found.fate),
    }
    return cast(ExplainedGoneDocument, document)


def traced_path_document(fate: PathFate) -> TracedPathDocument:
    """Return what the trace says about a path as a document."""
    return cast(TracedPathDocument, {**path_to_json(fate.path), **_fate(fate)})


def _rule(effect: RuleEffect) -> dict[str, object]:
    return {
        "rule": effect.name,
        "own": effect.is_own,
        "left": effect.left,
        "dropped": list(map(path_to_json, effect.dropped)),
        "reason": effect.reason,
    }


def _fate(fate: PathFate) -> dict[str, object]:
    moved = fate.left is not None and fate.left.is_move and fate.place is not None
    return {
        "runs": list(map(_item, fate.items)),
        "kept_for": list(map(_item, fate.kept_for)),
        "moved_to": path_to_json(fate.place) if moved and fate.place is not None else None,
        "left_ns": None if fate.left is None else fate.left.entry["time_ns"],
        "trace": list(fate.entries),
    }


def _item(item: RunItem) -> FateItemDocument:
    return cast(FateItemDocument, {**run_item_document(item), "undo": undo_command(item)})


def undo_command(item: RunItem) -> str | None:
    """Return the command that puts an item back; None if it is not in quarantine."""
    if item.state is not ItemState.WAITING:
        return None
    return f"gorillacomb dedupe --undo {item.run} --only {shell_word(item.path)}"

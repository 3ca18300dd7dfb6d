"""The documents of `gorillacomb folders --json` and `gorillacomb compare --json`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.folders.relation import FolderRelation, RelationKind
from gorillacomb.fs.paths import printable_path
from gorillacomb.json_paths import path_to_json

if TYPE_CHECKING:
    from gorillacomb.api.find.compare import Comparison
    from gorillacomb.api.find.folders import FamilyReport, FolderReport, RelatedFolder


MovedPathDocument = TypedDict("MovedPathDocument", {"from": PathDocument, "to": PathDocument})
MovedPathDocument.__doc__ = "Equal content under two paths, each relative to its folder."


class OverlapDocument(TypedDict):
    """What two folders share. A content counts once, and machine-made folders do not."""

    shared_files: int
    shared_bytes: int
    only_a: int
    """Contents that ``b`` lacks."""
    only_a_bytes: int
    only_b: int
    only_b_bytes: int
    same: int
    """Entries that are equal under the same path."""
    changed: int
    """Paths that lead to something different in each."""
    moved: int
    """Equal contents under different paths."""


class PairDocument(OverlapDocument):
    """Two folders that share something."""

    a: PathDocument
    b: PathDocument
    structural: bool
    """Whether both are inside one project, as part of how it is built."""


class OverlappingDocument(PairDocument):
    """Two folders that overlap."""

    cause: str | None
    """Why they are not called identical or contained, although nothing that was read differs."""


class RelationDocument(OverlapDocument):
    """How a folder, ``a``, relates to the one to keep, ``b``."""

    relation: Literal[
        "identical",
        "same content",
        "contained",
        "contains",
        "content contained",
        "overlapping",
        "apart",
    ]
    cause: str | None
    """As in ``overlapping``."""
    only_a_paths: list[PathDocument]
    changed_paths: list[PathDocument]
    moved_paths: list[MovedPathDocument]
    perhaps_damaged_paths: list[PathDocument]
    """Those changed files that have the same size and time in both: either may be damaged."""
    kept_more: int
    """The user's files and links at paths at which only the one to keep has something."""


class FamilyMemberDocument(RelationDocument, PathDocument):
    """A copy of a tree that is not the one to keep."""

    said: str
    """How it relates to the one to keep, in a few words."""
    own: int
    """The user's files that only it has: of content that the one to keep lacks."""
    files: int
    bytes: int
    last_work_ns: str
    """When a file in it was last modified, outside machine-made folders, ns since the epoch, as
    decimal text; 0 if there is none.
    """
    root: str
    """The root's id, 32 hex digits."""
    via: PathDocument | None
    """If it is too unlike the one to keep: the copy that it is a copy of instead."""


class FamilyDocument(TypedDict):
    """Copies of one tree."""

    keep: PathDocument
    reasons: list[str]
    structural: bool
    files: int
    """Those of the folder to keep."""
    bytes: int
    last_work_ns: str
    """As in ``others``."""
    root: str
    others: list[FamilyMemberDocument]


class IdenticalDocument(TypedDict):
    """Identical folders."""

    folders: list[PathDocument]
    keep: PathDocument
    reasons: list[str]
    files: int
    bytes: int


class ContainedDocument(TypedDict):
    """A folder that has nothing of its own."""

    inner: PathDocument
    outer: PathDocument | None
    """The folder that contains all of it; null if it takes several."""
    outers: list[PathDocument]
    names: bool
    """Whether it is contained under the same names."""
    files: int
    bytes: int


class MachineMadeDocument(TypedDict):
    """Folders of one name that programs make."""

    name: str
    folders: int
    files: int
    bytes: int


class FoldersDocument(TypedDict):
    """Which folders belong together."""

    identical: list[IdenticalDocument]
    same_content: list[PairDocument]
    contained: list[ContainedDocument]
    overlapping: list[OverlappingDocument]
    similar_names: list[PairDocument]
    """Members of one family that have no content in common now."""
    families: list[FamilyDocument]
    """The one with the largest folder first."""
    machine_made: list[MachineMadeDocument]


MovedEntryDocument = TypedDict(
    "MovedEntryDocument", {"from": PathDocument, "to": PathDocument, "cause": str}
)
MovedEntryDocument.__doc__ = (
    "An entry that is elsewhere in B; its cause says how a name is spelled."
)


class CompareDocument(TypedDict):
    """How two folders differ, by paths relative to them."""

    same: int
    changed: list[PathDocument]
    moved: list[MovedEntryDocument]
    respelled: list[MovedPathDocument]
    """Paths that B has in another Unicode form."""
    modes_compared: bool
    """Whether executable bits were compared: not every file system has them."""
    only_a: list[PathDocument]
    only_b: list[PathDocument]
    unknown: list[PathDocument]
    """Paths at which one of them was not read."""
    perhaps_damaged: list[PathDocument]
    """Those changed files that have the same size and time in both: either may be damaged."""


_INNER = {
    RelationKind.CONTAINED: ("a", "b", True),
    RelationKind.CONTAINS: ("b", "a", True),
    RelationKind.CONTENT_CONTAINED: ("a", "b", False),
}
"""By kind: which of the two is the inner one, which the outer one, and whether names are kept."""


def folders_document(report: FolderReport) -> FoldersDocument:
    """Return which folders belong together as a document."""
    families = list(report.families())
    both = [each for family in families for each in family.others if report.concerns(each.relation)]
    both += [*report.same_content(), *report.overlapping()]
    document = {
        "identical": [
            {
                "folders": list(map(path_to_json, each.paths)),
                "keep": path_to_json(each.keep),
                "reasons": list(each.reasons),
                "files": each.files,
                "bytes": each.size,
            }
            for each in report.identical()
        ],
        "same_content": [_pair(each) for each in both if each.kind is RelationKind.SAME_CONTENT],
        "contained": [
            *(_contained(each) for each in both if each.kind in _INNER),
            *(
                {
                    "inner": path_to_json(each.path),
                    "outer": path_to_json(each.outer[0]) if len(each.outer) == 1 else None,
                    "outers": list(map(path_to_json, each.outer)),
                    "names": False,
                    "files": each.files,
                    "bytes": each.size,
                }
                for each in report.covered()
                if not each.is_mutual
            ),
        ],
        "overlapping": [
            {**_pair(each), "cause": each.relation.cause}
            for each in both
            if each.kind is RelationKind.OVERLAPPING
        ],
        "similar_names": [_pair(each) for each in both if each.kind is RelationKind.APART],
        "families": list(map(family_document, families)),
        "machine_made": [
            {
                "name": printable_path(each.name),
                "folders": each.folders,
                "files": each.files,
                "bytes": each.bytes,
            }
            for each in report.machine_made()
        ],
    }
    return cast(FoldersDocument, document)


def family_document(family: FamilyReport) -> FamilyDocument:
    """Return copies of one tree as a document."""
    document = {
        "keep": path_to_json(family.keep),
        "reasons": list(family.reasons),
        "structural": family.is_structural,
        "files": family.files,
        "bytes": family.size,
        "last_work_ns": str(family.last_work_ns),
        "root": family.root,
        "others": [
            {
                **path_to_json(each.path),
                "said": relation_text(each.relation),
                "own": each.own,
                "files": each.relation.a.files,
                "bytes": each.relation.a.size,
                "last_work_ns": str(each.last_work_ns),
                "root": each.root,
                "via": None if each.via is None else path_to_json(each.via),
                **relation_document(each.relation),
            }
            for each in family.others
        ],
    }
    return cast(FamilyDocument, document)


def _pair(pair: RelatedFolder) -> dict[str, object]:
    return {
        "a": path_to_json(pair.path),
        "b": path_to_json(pair.to),
        "structural": pair.is_structural,
        **_overlap(pair.relation),
    }


def _contained(pair: RelatedFolder) -> dict[str, object]:
    inner, outer, names = _INNER[pair.kind]
    folders = {"a": pair.relation.a, "b": pair.relation.b}
    paths = {"a": path_to_json(pair.path), "b": path_to_json(pair.to)}
    return {
        "inner": paths[inner],
        "outer": paths[outer],
        "outers": [paths[outer]],
        "names": names,
        "files": folders[inner].files,
        "bytes": folders[inner].size,
    }


def relation_document(relation: FolderRelation) -> RelationDocument:
    """Return how a folder relates to the one to keep as a document."""
    entries = relation.entries
    document = {
        "relation": str(relation.kind),
        "cause": relation.cause,
        **_overlap(relation),
        "only_a_paths": _paths(entries.only_a),
        "changed_paths": _paths(entries.changed),
        "moved_paths": _moves(entries.moved),
        "perhaps_damaged_paths": _paths(entries.perhaps_damaged),
        "kept_more": relation.more_b,
    }
    return cast(RelationDocument, document)


def _overlap(relation: FolderRelation) -> dict[str, object]:
    entries = relation.entries
    return {
        "shared_files": relation.shared.files,
        "shared_bytes": relation.shared.bytes,
        "only_a": relation.only_a.files,
        "only_a_bytes": relation.only_a.bytes,
        "only_b": relation.only_b.files,
        "only_b_bytes": relation.only_b.bytes,
        "same": entries.same,
        "changed": len(entries.changed),
        "moved": len(entries.moved),
    }


def relation_text(relation: FolderRelation) -> str:
    """Say how a folder relates to the one to keep in a few words."""
    entries = relation.entries
    if relation.kind is RelationKind.IDENTICAL:
        return "identical"
    if relation.kind is RelationKind.SAME_CONTENT:
        if not (entries.moved or entries.only_a or entries.only_b):
            return f"same content, {len(entries.changed):,} modes or links"
        return "same content, other names"
    if relation.kind is RelationKind.CONTAINED:
        return f"contained, lacks {len(entries.only_b):,}"
    if relation.kind is RelationKind.CONTAINS:
        return f"has all of it and {len(entries.only_a):,} more"
    if relation.kind is RelationKind.CONTENT_CONTAINED:
        return "contained, under other names"
    if relation.kind is RelationKind.APART:
        return "alike by name alone"
    if relation.cause is not None:
        return f"not complete: {relation.cause}"
    if not relation.only_a.files and not entries.only_a and len(entries.changed) == 1:
        return f"differs in {printable_path(entries.changed[0])}"
    counts = relation.counts
    differ = "differs" if counts.changed == 1 else "differ"
    parts = [
        f"{number:,} {word}"
        for number, word in (
            (counts.only, "only here"),
            (counts.changed, differ),
            (counts.moved, "moved"),
            (counts.unknown, "not read"),
        )
        if number
    ]
    if not parts:
        return "differs in machine-made folders"
    return ", ".join([*parts, f"{counts.same:,} same"])


def compare_document(found: Comparison) -> CompareDocument:
    """Return how two folders differ as a document."""
    diff = found.diff
    document = {
        "same": diff.same,
        "changed": _paths(diff.changed),
        "moved": [
            {
                "from": path_to_json(pair[0]),
                "to": path_to_json(pair[1]),
                "cause": found.spelling(pair[0]),
            }
            for pair in diff.moved
        ],
        "respelled": _moves(sorted(diff.respelled.items())),
        "modes_compared": found.modes_compared,
        "only_a": _paths(diff.only_a),
        "only_b": _paths(diff.only_b),
        "unknown": _paths(diff.unknown),
        "perhaps_damaged": _paths(diff.perhaps_damaged),
    }
    return cast(CompareDocument, document)


def _paths(paths: Sequence[bytes]) -> list[dict[str, str]]:
    return list(map(path_to_json, paths))


def _moves(pairs: Iterable[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    return [{"from": path_to_json(pair[0]), "to": path_to_json(pair[1])} for pair in pairs]

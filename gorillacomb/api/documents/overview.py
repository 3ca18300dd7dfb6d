"""The document of `gorillacomb overview --json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict, cast

from gorillacomb.api.documents.folders import FamilyDocument
from gorillacomb.api.documents.status import (
    QuarantineDocument,
    RootDocument,
    StateTotalsDocument,
    quarantine_documents,
    root_document,
    state_documents,
)

if TYPE_CHECKING:
    from gorillacomb.api.find.overview import Overview
    from gorillacomb.api.find.surplus import SurplusPart


class DriveOverlapDocument(TypedDict):
    """How much of one root is on another one, whatever its path; empty files do not count."""

    root: str
    """The root's id, 32 hex digits."""
    other: str
    """The other root's id."""
    files: int
    """Files of ``root`` with a content."""
    bytes: int
    shared_files: int
    """Those whose content is on ``other`` too."""
    shared_bytes: int


class YearDocument(TypedDict):
    """Files of one kind that were last changed in one year."""

    year: int
    files: int
    bytes: int


class KindDocument(TypedDict):
    """All files of a kind, judged by the endings of their names."""

    kind: str
    files: int
    bytes: int
    disk_bytes: int
    """Bytes on disk; each name of a file that has several counts for its part."""
    redundant_bytes: int
    """Bytes on disk that redundant copies use."""
    years: list[YearDocument]


class RemovableDocument(TypedDict):
    """What `gorillacomb dedupe` would quarantine."""

    steps: int
    files: int
    bytes: int
    """Bytes on disk."""


class SurplusReasonDocument(TypedDict):
    """Surplus copies that are left alone for one reason."""

    rule: str
    """The safety rule, or ``kept``: no rule forbids it, but it is kept for copies that are removed.
    """
    files: int
    bytes: int


class SurplusPartDocument(TypedDict):
    """Surplus copies with one fate."""

    fate: Literal["removable", "decision", "stays"]
    files: int
    bytes: int
    """Bytes on disk."""
    reasons: list[SurplusReasonDocument]
    """Most bytes first; empty for what is removable."""


class LeftAloneTotalsDocument(TypedDict):
    """What a plan leaves alone for one reason."""

    rule: str
    places: int
    """Files, and folders or projects."""
    files: int
    bytes: int
    """Bytes on disk of copies that are kept."""


class OverviewDocument(TypedDict):
    """What the vault knows, in figures."""

    roots: list[RootDocument]
    groups: int
    """Groups of identical files."""
    redundant_files: int
    """Surplus copies, over all groups."""
    redundant_bytes: int
    """Bytes on disk that those take."""
    surplus: list[SurplusPartDocument]
    """What becomes of them: the parts add up to both figures."""
    family_count: int
    """All families, without those that are part of how a single project is built."""
    families: list[FamilyDocument]
    """The largest of them, most bytes first."""
    removable: RemovableDocument
    quarantine: list[QuarantineDocument]
    left_alone: list[LeftAloneTotalsDocument]
    files_by_state: dict[str, StateTotalsDocument]
    """As in ``status``."""
    folders_by_state: dict[str, int]
    overlaps: list[DriveOverlapDocument]
    """Each root with each other one."""
    kinds: list[KindDocument]
    """Most bytes first."""


def overview_document(overview: Overview) -> OverviewDocument:
    """Return an overview as a document."""
    status, totals, plan = overview.status, overview.status.totals, overview.plan
    document = {
        "roots": list(map(root_document, status.roots)),
        "groups": totals.groups,
        "redundant_files": totals.redundant_files,
        "redundant_bytes": totals.redundant_bytes,
        "surplus": list(map(_surplus_document, overview.surplus)),
        "family_count": overview.family_count,
        "families": [each.to_dict() for each in overview.families],
        "removable": {
            "steps": len(plan.steps),
            "files": plan.files,
            "bytes": sum(step.size for step in plan.steps),
        },
        "quarantine": quarantine_documents(status.quarantine),
        "left_alone": [
            {"rule": each.rule, "places": each.places, "files": each.files, "bytes": each.bytes}
            for each in overview.left_alone
        ],
        **state_documents(status),
        "overlaps": [
            {
                "root": each.root.id,
                "other": each.other.id,
                "files": each.files,
                "bytes": each.bytes,
                "shared_files": each.shared_files,
                "shared_bytes": each.shared_bytes,
            }
            for each in overview.overlaps
        ],
        "kinds": [
            {
                "kind": each.kind,
                "files": each.files,
                "bytes": each.bytes,
                "disk_bytes": each.disk_bytes,
                "redundant_bytes": each.redundant_bytes,
                "years": [
                    {"year": year, "files": files, "bytes": size}
                    for year, (files, size) in each.years.items()
                ],
            }
            for each in overview.kinds
        ],
    }
    return cast(OverviewDocument, document)


def _surplus_document(part: SurplusPart) -> dict[str, object]:
    return {
        "fate": str(part.fate),
        "files": part.files,
        "bytes": part.bytes,
        "reasons": [
            {
                "rule": "kept" if each.rule is None else str(each.rule),
                "files": each.files,
                "bytes": each.bytes,
            }
            for each in part.reasons
        ],
    }

"""Everything about a vault that a person wants to know first, and which command to use next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, permutations
from operator import itemgetter
from typing import TYPE_CHECKING

from gorillacomb.api.dedupe.plan import DedupePlan, SafetyRule, plan_of_index
from gorillacomb.api.find.families import FamilyReport, family_reports
from gorillacomb.api.find.surplus import SurplusFate, SurplusPart, SurplusReason, surplus_parts
from gorillacomb.api.roots import RootStatus
from gorillacomb.api.status import VaultStatus, index_status
from gorillacomb.classify.content_kinds import ContentKind, content_kind
from gorillacomb.index import content_queries
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.progress import Progress, ProgressCallback, as_progress
from gorillacomb.vault.vault import Vault

if TYPE_CHECKING:
    from gorillacomb.api.documents.overview import OverviewDocument

__all__ = [
    "ContentKind",
    "DriveOverlap",
    "KindTotals",
    "LeftAlone",
    "Overview",
    "SurplusFate",
    "SurplusPart",
    "SurplusReason",
    "vault_overview",
]

_FAMILIES = 5
"""Families that are read in full: each takes a comparison of all its folders."""


@dataclass(frozen=True, slots=True)
class DriveOverlap:
    """How much of one root is on another one, whatever its path; empty files do not count."""

    root: RootStatus
    other: RootStatus
    files: int
    """Files of ``root`` with a content."""
    bytes: int
    shared_files: int
    """Those whose content is on ``other`` too."""
    shared_bytes: int


@dataclass(frozen=True, slots=True)
class KindTotals:
    """All files of a kind."""

    kind: ContentKind
    files: int
    bytes: int
    disk_bytes: int
    """Bytes on disk; each name of a file that has several counts for its part."""
    redundant_bytes: int
    """Bytes on disk that redundant copies use."""
    years: Mapping[int, tuple[int, int]]
    """Files and bytes, by the year of the last change."""


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """What a plan leaves alone for one reason."""

    rule: SafetyRule
    places: int
    """Files, and folders or projects."""
    files: int
    bytes: int
    """Bytes on disk of copies that are kept."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What a vault knows, in figures."""

    status: VaultStatus
    families: tuple[FamilyReport, ...]
    """The largest families of copies of one tree, most bytes first."""
    family_count: int
    """All families, without those that are part of how a single project is built."""
    plan: DedupePlan
    """What can be removed without a decision, and what is left alone."""
    surplus: tuple[SurplusPart, ...]
    """What becomes of each surplus copy: the parts add up to what is there twice."""
    overlaps: tuple[DriveOverlap, ...]
    """Each root with each other one."""
    kinds: tuple[KindTotals, ...]
    """Most bytes first."""

    @property
    def left_alone(self) -> tuple[LeftAlone, ...]:
        """What the plan leaves alone, by rule, most bytes first."""
        places: Counter[SafetyRule] = Counter()
        files: Counter[SafetyRule] = Counter()
        size: Counter[SafetyRule] = Counter()
        for each in self.plan.left_alone:
            places[each.rule] += 1
            files[each.rule] += each.files
            size[each.rule] += each.size
        order = sorted(places, key=lambda rule: (-size[rule], rule))
        return tuple(LeftAlone(rule, places[rule], files[rule], size[rule]) for rule in order)

    def to_dict(self) -> OverviewDocument:
        """Return the document of ``overview --json``."""
        from gorillacomb.api.documents.overview import overview_document

        return overview_document(self)


def vault_overview(
    vault: Vault, *, progress: Progress | ProgressCallback | None = None
) -> Overview:
    """Read what a vault knows, in figures, as `OpenVault.overview` says."""
    shown = as_progress(progress)
    try:
        with Index.read(vault) as index, translate_errors(vault):
            status = index_status(index)
            made = plan_of_index(index, shown)
            families = [each for each in made.folders.families() if not each.structural]
            families.sort(key=lambda each: -sum(member.size for member in each.members))
            return Overview(
                status,
                tuple(family_reports(made.folders, families[:_FAMILIES])),
                len(families),
                made.plan,
                surplus_parts(made.surplus),
                tuple(_overlaps(index, status.roots)),
                _kinds(index),
            )
    finally:
        shown.close()


def _overlaps(index: Index, roots: Sequence[RootStatus]) -> Iterator[DriveOverlap]:
    """Yield how much of each root is on each other one."""
    if len(roots) < 2:
        return
    files: Counter[tuple[int, int]] = Counter()
    size: Counter[tuple[int, int]] = Counter()
    for _, copies in groupby(content_queries.copies_by_root(index.connection), itemgetter(0)):
        for (_, each, root, names), (_, _, other, _) in permutations(copies, 2):
            files[root, other] += names
            size[root, other] += names * each
    totals = content_queries.contents_by_root(index.connection)
    for one, two in permutations(roots, 2):
        pair = one.root.id, two.root.id
        yield DriveOverlap(one, two, *totals.get(one.root.id, (0, 0)), files[pair], size[pair])


def _kinds(index: Index) -> tuple[KindTotals, ...]:
    files: Counter[ContentKind] = Counter()
    size: Counter[ContentKind] = Counter()
    held: Counter[ContentKind] = Counter()
    redundant: Counter[ContentKind] = Counter()
    years: dict[ContentKind, dict[int, tuple[int, int]]] = defaultdict(dict)
    for each in content_queries.totals_by_ending(index.connection):
        kind = content_kind(each.ending, each.bytes // each.files)
        files[kind] += each.files
        size[kind] += each.bytes
        held[kind] += each.disk_bytes
        redundant[kind] += each.redundant_bytes
        number, total = years[kind].get(each.year, (0, 0))
        years[kind][each.year] = (number + each.files, total + each.bytes)
    return tuple(
        KindTotals(
            *(kind, files[kind], size[kind], held[kind], redundant[kind]),
            years=dict(sorted(years[kind].items())),
        )
        for kind in sorted(files, key=lambda kind: (-size[kind], kind))
    )

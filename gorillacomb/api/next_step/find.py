"""Decide which commands to suggest after reports about what is a copy of what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from gorillacomb.api.next_step.step import (
    DEDUPE,
    DEDUPE_VERBOSE,
    DUPES,
    FOLDERS,
    STATUS,
    NextStep,
    NextSteps,
)
from gorillacomb.model import EntryState

if TYPE_CHECKING:
    from gorillacomb.api.drop.drop import DropResult
    from gorillacomb.api.find.compare import Comparison
    from gorillacomb.api.find.contents import ContentComparison
    from gorillacomb.api.find.empty_folders import EmptyFolders
    from gorillacomb.api.find.explain import ExplainedFile, ExplainedFolder
    from gorillacomb.api.find.families import FamilyReport
    from gorillacomb.api.find.folders import FolderReport
    from gorillacomb.api.find.overview import DriveOverlap, Overview
    from gorillacomb.api.find.space_map import SpaceEntry
    from gorillacomb.api.scan import ScanResult
    from gorillacomb.api.unique import UniqueResult
    from gorillacomb.model import IndexedFile

_HOW_DROPPED = "keep the new ones in a scanned folder"
_BY_CHOICE = ("excluded", "below min-size", "only in the cloud")
"""Reasons for unknown contents that another scan does not remove."""
_FAMILIES = 8
"""Only for the largest families it is found out whether their copies drifted."""


def after_scan(result: ScanResult) -> NextSteps:
    """Return the commands to suggest after a scan."""
    if result.damaged:
        return tuple(_damage(result.damaged))
    if not result.totals.groups:
        return (NextStep(("scan", "PATH"), "another drive, to find what both have"), STATUS)
    overview = NextStep(("overview",), "all of it on one page, with what to do about it")
    return (overview, FOLDERS, DUPES, DEDUPE)


def after_drop(result: DropResult, paths: Sequence[bytes]) -> NextSteps:
    """Return the commands to suggest after files were dropped, given by ``paths``."""
    kept = result.kept
    if kept is not None and kept.kept:
        return (NextStep(("dedupe", "--undo", kept.run), "remove again what was added"),)
    if kept is None and result.new:
        return (NextStep(("drop", "--into", "FOLDER", "--", *paths), _HOW_DROPPED),)
    return ()


def _damage(files: Sequence[IndexedFile]) -> Iterator[NextStep]:
    damaged = [file for file in files if file.state is not EntryState.SUSPECT]
    if damaged:
        yield NextStep(("explain", damaged[0].path), "what is damaged, and its good copies")
        yield NextStep(("scrub", "--repair"), "replace what is damaged with good copies")
    else:
        path = files[0].path
        yield NextStep(("explain", path), "what may be damaged, and its good copies")
        yield NextStep(("scrub", "--accept", path), "accept this file as it is now")


def after_map(entries: Sequence[SpaceEntry]) -> NextSteps:
    """Return the commands to suggest after the folders that take the most space."""
    folder = next((each for each in entries if each.is_folder), None)
    inside = () if folder is None else (NextStep(("map", folder.path), "what is large in there"),)
    return (*inside, FOLDERS)


def for_copies_left_alone(overview: Overview) -> NextStep:
    """Return the command to suggest after naming what a plan leaves alone."""
    # Other reports need nothing of plans.
    from gorillacomb.api.next_step.dedupe import retire_drifted
    from gorillacomb.dedupe.model import SafetyRule

    rules = {each.rule for part in overview.surplus for each in part.reasons}
    if retire := retire_drifted(overview.plan):
        return retire[0]
    if SafetyRule.OTHER_VOLUME in rules:
        return NextStep(("dedupe", "--across-volumes"), "remove copies whose other one is there")
    return DEDUPE_VERBOSE


def for_overlap(overlap: DriveOverlap) -> NextStep:
    """Return the command to suggest after saying how much two roots have in common."""
    pair = overlap.root.path, overlap.other.path
    return NextStep(("compare", *pair, "--contents"), "what only one of them has")


def collapse_drifted(families: Iterable[FamilyReport]) -> NextSteps:
    """Return the command that makes one tree of drifted copies, for the first that have drifted.

    That is not possible for the parts of a project, for a scanned folder, beside which nothing can
    be put, nor for a copy around the one to keep; copies on other drives are not asked about.
    """
    for family in families:
        for other in () if family.is_structural else family.others:
            copy, keep = other.relation.a, other.relation.b
            if copy.root != keep.root or keep.parent is None or copy.holds(keep):
                continue
            if other.relation.only_a.files:
                purpose = "plan to make one tree of its copies; changes nothing"
                return (NextStep(("dedupe", "--plan", "--collapse", family.keep), purpose),)
    return ()


def after_dupes(path: bytes | None, any_shown: bool) -> NextSteps:
    """Return the commands to suggest after listing groups of identical files."""
    if not any_shown:
        return ()
    if path is None:
        return (FOLDERS, DEDUPE)
    return (NextStep(("dedupe", "--within", path), "what could be removed there; changes nothing"),)


def after_folders(report: FolderReport) -> NextSteps:
    """Return the commands to suggest after listing folders that belong together."""
    pair = report.first_pair()
    if pair is None:
        return ()
    copy, keep = pair
    families = map(report.family, islice(report.families_here(), _FAMILIES))
    return (
        NextStep(("compare", copy, keep), "what two of them have that the other lacks"),
        *(collapse_drifted(families) or (DEDUPE,)),
    )


def after_empty_folders(found: EmptyFolders, path: bytes | None) -> NextSteps:
    """Return the commands to suggest after listing empty folders."""
    if not found.removable:
        return ()
    within = () if path is None else ("--within", path)
    plan = ("dedupe", "--plan", "--empty-folders", *within, "-o", "empty.jsonl")
    return (NextStep(plan, "plan to remove these"),)


def after_compare(found: Comparison) -> NextSteps:
    """Return the commands to suggest after comparing two folders by path."""
    if not found.is_scanned:
        purpose = "remember them, to look for copies anywhere"
        return (NextStep(("scan", found.a, found.b), purpose),)
    if found.a == found.b:
        return ()
    if found.is_same and found.is_complete:
        return (NextStep(("dedupe", "--within", found.a), "whether A could be removed"),)
    return (
        NextStep(
            ("compare", found.a, found.b, "--contents"),
            "what one of them has and the other lacks, wherever it is there",
        ),
        NextStep(("unique", found.a), "what would be lost if A were deleted"),
    )


def after_contents(found: ContentComparison, single_files: bool) -> NextSteps:
    """Return the commands to suggest after comparing the contents of two folders."""
    if found.a.path == found.b.path and found.a.root.id == found.b.root.id:
        return ()
    steps = [
        NextStep(("scan", side.path), f"read what is unproven in {letter}")
        for letter, side in (("A", found.a), ("B", found.b))
        if side.is_online and any(each.cause not in _BY_CHOICE for each in side.unknown())
    ]
    steps += [
        NextStep(("unique", side.path), f"check the copies of what is in {letter} on the disk")
        for letter, side in (("A", found.a), ("B", found.b))
        if side.shared_files and not side.only_files and not side.unproven and side.is_online
    ]
    if not found.is_same and not single_files:
        words = ("compare", *found.named, "--contents", "--files", "--all")
        steps.append(NextStep(words, "every single file"))
    return tuple(steps)


def after_unique(result: UniqueResult) -> NextSteps:
    """Return the commands to suggest after a report on what would be lost."""
    path, steps = result.path, []
    if any(each.cause not in _BY_CHOICE for each in result.unproven):
        steps.append(NextStep(("scan", path), "read again what is unproven"))
    if result.report.vouchers and not result.report.to_keep:
        purpose = "plan to remove what also exists elsewhere; changes nothing"
        steps.append(NextStep(("dedupe", "--within", path, "--retire", path), purpose))
    return tuple(steps)


def after_explain(found: ExplainedFile | ExplainedFolder) -> NextSteps:
    """Return the commands to suggest after explaining a file or folder."""
    from gorillacomb.api.find.explain import ExplainedFile

    path = found.path
    if not isinstance(found, ExplainedFile):
        if not found.totals.duplicates:
            return ()
        inside = NextStep(("folders", path), "which folders in it are copies of others")
        return (
            *(() if found.is_member else (inside,)),
            NextStep(("dupes", path), "the groups that have a copy here"),
            NextStep(("unique", path), "what would be lost if it were deleted"),
            NextStep(("dedupe", "--within", path), "what could be removed here; changes nothing"),
        )
    if found.is_damaged:
        return (
            NextStep(("scrub", "--repair", path), "replace it with a good copy, if any"),
            NextStep(("scrub", "--accept", path), "accept it as it is now"),
        )
    if found.group is not None and found.group.copies > 1:
        return (DEDUPE,)
    return ()

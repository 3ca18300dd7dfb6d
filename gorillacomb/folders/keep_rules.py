"""Which of several copies of a tree is the one to keep: named rules in order, that say why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from gorillacomb.canonical.ranking import rank
from gorillacomb.classify.copy_names import looks_like_copy
from gorillacomb.classify.projects import is_repository_marker
from gorillacomb.folders.content_sets import ContentAmount
from gorillacomb.folders.tree import TreeFolder


@dataclass(frozen=True, slots=True)
class KeepCandidate:
    """A copy of a tree, with what the rules look at."""

    folder: TreeFolder
    path: bytes
    """Absolute."""
    amount: ContentAmount
    """What it holds, other copies of the tree inside of it left out."""
    stamped: int
    """How many of its contents have their canonical file in it."""
    preferred: bool
    around: int
    """Of the copy of a larger tree that it stands in: as `Folders.rank_around` says."""


@dataclass(frozen=True, slots=True)
class FolderRule:
    """A rule by its name: ``rank`` orders candidates, lowest first; ``reason`` says why one won."""

    name: str
    rank: Callable[[KeepCandidate], int | bytes]
    reason: Callable[[KeepCandidate, Iterable[KeepCandidate]], str]


def copy_name_parts_of_folder(folder: TreeFolder) -> list[bytes]:
    """The names on the way to a folder, below its root, that smell of a copy."""
    found = []
    at = folder
    while at.parent is not None:
        if looks_like_copy(at.name):
            found.append(at.name)
        at = at.parent
    return found[::-1]


def _stands(candidate: KeepCandidate) -> int:
    folder = candidate.folder
    return folder.unread or candidate.stamped * 2 <= candidate.amount.files


def _project(candidate: KeepCandidate) -> int:
    project = candidate.folder.project
    if project is None:
        return 2
    return 0 if is_repository_marker(project.marker) else 1


def _project_reason(winner: KeepCandidate, losers: Iterable[KeepCandidate]) -> str:
    project = winner.folder.project
    if project is None:
        return "no copy is inside a project"
    return ("a repository" if not _project(winner) else "a project") + f" ({project.marker})"


def _smell_reason(winner: KeepCandidate, losers: Iterable[KeepCandidate]) -> str:
    worst = max((copy_name_parts_of_folder(each.folder) for each in losers), key=len)
    name = worst[0].decode("utf-8", "backslashreplace") if worst else ""
    return f"not under a name of a copy, such as '{name}'"


FOLDER_RULES: tuple[FolderRule, ...] = (
    FolderRule("preferred", lambda each: not each.preferred, lambda _, __: "you prefer this place"),
    FolderRule(
        "made", lambda each: each.folder.machine, lambda _, __: "not in a folder that programs make"
    ),
    FolderRule(
        "tree", lambda each: each.around, lambda _, __: "in the copy of a tree that is kept"
    ),
    FolderRule("standing", _stands, lambda _, __: "most of it is stamped as canonical already"),
    FolderRule(
        "complete",
        lambda each: each.folder.unread,
        lambda _, __: "all of it could be read",
    ),
    FolderRule("project", _project, _project_reason),
    FolderRule("smell", lambda each: len(copy_name_parts_of_folder(each.folder)), _smell_reason),
    FolderRule("fuller", lambda each: -each.amount.files, lambda _, __: "the more complete one"),
    FolderRule("newer", lambda each: -each.folder.touched, lambda _, __: "worked on more recently"),
    FolderRule("shallower", lambda each: each.folder.depth, lambda _, __: "less deeply nested"),
    FolderRule("name", lambda each: each.path, lambda _, __: "first by name, all else being equal"),
)
"""The rules in the order in which they are applied."""


def choose_kept_folder(candidates: Sequence[KeepCandidate]) -> tuple[int, tuple[str, ...]]:
    """Which of the copies of a tree to keep, by its place among them, and the reasons."""
    ranks = [tuple(rule.rank(each) for rule in FOLDER_RULES) for each in candidates]
    left, reasons = rank(ranks, FOLDER_RULES, lambda place: candidates[place])
    return left[0], reasons

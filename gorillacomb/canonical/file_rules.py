"""Which copy of a content is the canonical one: named rules, applied in order, that say why.

Each rule ranks the copies that the rules before it left; those with the lowest rank stay. A rule
that made a difference gives a reason. The last rule is the path itself, so the answer never depends
on chance or on the order in which copies are given.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gorillacomb.canonical.ranking import rank
from gorillacomb.classify.copy_names import ends_in_number, looks_like_copy
from gorillacomb.fs.paths import relative_path
from gorillacomb.model import CanonicalChoice, FileCopy


def copy_name_parts(copy: FileCopy) -> tuple[bytes, ...]:
    """The parts of a copy's path, below the root that the user named, that smell of a copy."""
    folder, _, name = relative_path(copy.path, copy.root_path).rpartition(b"/")
    return (*_smelly_folders(folder), name) if looks_like_copy(name) else _smelly_folders(folder)


@lru_cache(maxsize=65536)
def _smelly_folders(path: bytes) -> tuple[bytes, ...]:
    return tuple(part for part in path.split(b"/") if looks_like_copy(part))


@dataclass(frozen=True, slots=True)
class FileRule:
    """A rule by its name: ``rank`` orders copies, lowest first; ``reason`` says why one stayed."""

    name: str
    rank: Callable[[FileCopy], int | bytes]
    reason: Callable[[FileCopy, Iterable[FileCopy]], str]


def _prefer_reason(winner: FileCopy, losers: Iterable[FileCopy]) -> str:
    return "you prefer this place"


def _tree_reason(winner: FileCopy, losers: Iterable[FileCopy]) -> str:
    return f"its whole folder is kept: {'; '.join(winner.tree.reasons)}"


def _project_rank(copy: FileCopy) -> int:
    return 0 if copy.repository else 1 if copy.project is not None else 2


def _project_reason(winner: FileCopy, losers: Iterable[FileCopy]) -> str:
    if winner.project is None:
        return "inside a project"
    kind = "repository" if winner.repository else "project"
    return f"inside the {kind} {_show(os.path.basename(winner.project))} ({winner.marker})"


def _smell_reason(winner: FileCopy, losers: Iterable[FileCopy]) -> str:
    worst = max(losers, key=lambda copy: (len(copy_name_parts(copy)), copy.path))
    parts = copy_name_parts(worst)
    if not parts:
        return "fewer names of copies in its path"
    return f"not under a name of a copy, such as '{_show(parts[0])}'"


def _show(name: bytes) -> str:
    text = name.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else repr(text)[1:-1]


RULES: tuple[FileRule, ...] = (
    FileRule("preferred", lambda copy: not copy.preferred, _prefer_reason),
    FileRule("tree", lambda copy: copy.tree.rank, _tree_reason),
    FileRule("project", _project_rank, _project_reason),
    FileRule("smell", lambda copy: len(copy_name_parts(copy)), _smell_reason),
    FileRule("shallower", lambda copy: copy.path.count(b"/"), lambda _, __: "less deeply nested"),
    FileRule("older", lambda copy: copy.mtime_ns, lambda _, __: "the older one"),
    FileRule(
        "plain",
        lambda copy: ends_in_number(os.path.basename(copy.path)),
        lambda _, __: "no number at the end of its name",
    ),
    FileRule("name", lambda copy: copy.path, lambda _, __: "first by name, all else being equal"),
)
"""The rules in the order in which they are applied."""


RULES_OF_PLACE = RULES[:5]
"""Those that look at where a copy stands and at nothing that its content's other copies share."""
RULES_OF_FILES = RULES[5:]
"""The others, which look at the file itself: its mtime, its name, and its path."""


def choose_canonical(
    copies: Sequence[FileCopy], rules: Sequence[FileRule] = RULES
) -> CanonicalChoice:
    """Choose the canonical one of several copies (at least one); any order gives the same choice.

    Returns its place in ``copies`` and the reasons, the decisive rule last.
    """
    ranks = [tuple(rule.rank(copy) for rule in rules) for copy in copies]
    left, reasons = rank(ranks, rules, lambda place: copies[place])
    return CanonicalChoice(left[0], reasons or ("the only copy",))

"""Which copy of a content is the canonical one: named rules, applied in order, that say why.

Each rule ranks the copies that the rules before it left; those with the lowest rank stay. A rule
that made a difference gives a reason. The last rule is the path itself, so the answer never depends
on chance or on the order in which copies are given.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from gorillacomb.fs.paths import below
from gorillacomb.model import Choice, Copy

_SMELLS = re.compile(
    rb"""
    ^copy\ (\(\d+\)\ )?of\ | ^kopie\ von\ | ^copie\ de\ | ^copia\ de\        # Copy of report.pdf
    | \ ?\(\d+\)(\.[^.]*)?$                                                 # report (1).pdf
    | [\s_-]copy(\s?\(?\d+\)?)?(\.[^.]*)?$                                  # report - Copy.pdf
    | \(?conflicted\ copy | \bconflict[-_ ]\d{8}                            # sync conflicts
    | ^new\ folder | ^untitled\ folder | ^neuer\ ordner
    | ^(te?mp|cache|caches|downloads?|backups?|bak|old|trash|recycled?)$
    | ^temp\ | ^temp[-_ ]?folder | ^backup\ of\  | [-_ ](old|backup|bak|orig)$
    | ^\.trash | ^\$recycle\.bin$ | ^lost\+found$
    | _files$
    | \.(bak|orig|old|tmp)$ | ~$
    """,
    re.IGNORECASE | re.VERBOSE,
)


@lru_cache(maxsize=65536)
def smells(name: bytes) -> bool:
    """Whether a file's or folder's name says that it is a copy, a leftover or a passing place."""
    return _SMELLS.search(name) is not None


def smelly_parts(copy: Copy) -> tuple[bytes, ...]:
    """The parts of a copy's path, below the root that the user named, that smell of a copy."""
    folder, _, name = below(copy.path, copy.root_path).rpartition(b"/")
    return (*_smelly_folders(folder), name) if smells(name) else _smelly_folders(folder)


@lru_cache(maxsize=65536)
def _smelly_folders(path: bytes) -> tuple[bytes, ...]:
    return tuple(part for part in path.split(b"/") if smells(part))


_Thing = TypeVar("_Thing", contravariant=True)


class _Reasoned(Protocol[_Thing]):
    """A rule about copies of anything, which says why one of them stayed."""

    @property
    def reason(self) -> Callable[[_Thing, Iterable[_Thing]], str]: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by its name: ``rank`` orders copies, lowest first; ``reason`` says why one stayed."""

    name: str
    rank: Callable[[Copy], int | bytes]
    reason: Callable[[Copy, Iterable[Copy]], str]


def _prefer_reason(winner: Copy, losers: Iterable[Copy]) -> str:
    return "you prefer this place"


def _tree_reason(winner: Copy, losers: Iterable[Copy]) -> str:
    return f"its whole folder is kept: {'; '.join(winner.tree.reasons)}"


def _project_rank(copy: Copy) -> int:
    return 0 if copy.repository else 1 if copy.project is not None else 2


def _project_reason(winner: Copy, losers: Iterable[Copy]) -> str:
    if winner.project is None:
        return "inside a project"
    kind = "repository" if winner.repository else "project"
    return f"inside the {kind} {_show(os.path.basename(winner.project))} ({winner.marker})"


def _smell_reason(winner: Copy, losers: Iterable[Copy]) -> str:
    worst = max(losers, key=lambda copy: (len(smelly_parts(copy)), copy.path))
    parts = smelly_parts(worst)
    if not parts:
        return "fewer names of copies in its path"
    return f"not under a name of a copy, such as '{_show(parts[0])}'"


def _show(name: bytes) -> str:
    text = name.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else repr(text)[1:-1]


RULES: tuple[Rule, ...] = (
    Rule("preferred", lambda copy: not copy.preferred, _prefer_reason),
    Rule("tree", lambda copy: copy.tree.rank, _tree_reason),
    Rule("project", _project_rank, _project_reason),
    Rule("smell", lambda copy: len(smelly_parts(copy)), _smell_reason),
    Rule("shallower", lambda copy: copy.path.count(b"/"), lambda _, __: "less deeply nested"),
    Rule("older", lambda copy: copy.mtime_ns, lambda _, __: "the older one"),
    Rule("name", lambda copy: copy.path, lambda _, __: "first by name, all else being equal"),
)
"""The rules in the order in which they are applied."""


RULES_OF_PLACE = RULES[:5]
"""Those that look at where a copy stands and at nothing that its content's other copies share."""
RULES_OF_FILES = RULES[5:]
"""The others, which look at the file itself: its mtime, and its path."""


def choose(copies: Sequence[Copy], rules: Sequence[Rule] = RULES) -> Choice:
    """Choose the canonical one of several copies (at least one); any order gives the same choice.

    Returns its place in ``copies`` and the reasons, the decisive rule last.
    """
    ranks = [tuple(rule.rank(copy) for rule in rules) for copy in copies]
    left, reasons = narrow(ranks, rules, lambda place: copies[place])
    return Choice(left[0], reasons or ("the only copy",))


Ranks = tuple[int | bytes, ...]
"""What each rule thinks of a copy, the lowest is the best."""


def narrow(
    ranks: Sequence[Ranks], rules: Sequence[_Reasoned[Any]], copy_at: Callable[[int], Any]
) -> tuple[list[int], tuple[str, ...]]:
    """Which copies, of files or folders, the rules leave, by their places in ``ranks``, and why.

    ``copy_at`` gives the copy at a place; it is asked only for those that a reason speaks of: the
    winner, and of the losers those that were worst.
    """
    left = list(range(len(ranks)))
    reasons = []
    for at, rule in enumerate(rules):
        if len(left) == 1:
            break
        here = [ranks[place][at] for place in left]
        best, worst = min(here), max(here)
        if best != worst:
            losers = [place for place in left if ranks[place][at] == worst]
            left = [place for place in left if ranks[place][at] == best]
            reasons.append(rule.reason(copy_at(left[0]), map(copy_at, losers)))
    return left, tuple(reasons)

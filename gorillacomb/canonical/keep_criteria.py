"""The order of places, for files and folders: named rules, applied in turn, that give reasons.

Each rule ranks the places that the previous rules left; those with the lowest rank remain. A rule
that made a difference gives a reason. Together they form a total order: each looks only at
attributes that a place has by itself, or that were chosen for it, never at which other copies
exist. So whether one place precedes another does not depend on any third copy. The last rule is the
path itself, so the result never depends on chance or on the order of the copies.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gorillacomb.canonical.rule_engine import order, order_with_reasons, rank
from gorillacomb.classify.copy_names import ends_in_number
from gorillacomb.fs.paths import is_below
from gorillacomb.model import CanonicalChoice, Root


class Place(Protocol):
    """A file or a folder with the attributes that the rules look at."""

    @property
    def path(self) -> bytes:
        """Absolute."""

    @property
    def is_folder(self) -> bool: ...

    @property
    def preferred(self) -> int:
        """1 if the user prefers it by the settings, 2 if it is marked to be kept; 0 otherwise."""

    @property
    def made(self) -> bool:
        """Whether it is in a folder that programs make or keep."""

    @property
    def copy_names(self) -> Sequence[bytes]:
        """The components of its path that are names of copies."""

    @property
    def own_project(self) -> int:
        """Of a folder: its rank by what it is itself; 0 for a file.

        0 for a repository, 1 for another project, 2 for neither, 3 for a project inside another
        one.
        """

    @property
    def inner_project(self) -> int:
        """Of a folder outside any project: its rank by what it contains; 2 for a file.

        0 if it contains a repository, 1 if another project, else 2.
        """

    @property
    def contents(self) -> int:
        """Of a folder: how many contents it has. 0 for a file."""

    @property
    def standing(self) -> int:
        """1 for a file stamped as canonical, and for a folder with all its contents stamped there.

        How many of a folder's contents are proves nothing: a third copy of part of it may have the
        others.
        """

    @property
    def known_since(self) -> int:
        """Of a folder: how many scans had finished when it was first met.

        Of a file: its number in the order of the copies after the last scan, which new ones follow.
        """

    @property
    def project(self) -> bytes | None:
        """The path of the outermost project around it."""

    @property
    def marker(self) -> str | None:
        """The name that makes that folder a project."""

    @property
    def repository(self) -> bool: ...

    @property
    def nested(self) -> bool:
        """Whether it is in a project inside another project."""

    @property
    def company(self) -> int:
        """Of a file: how many related files it has; 0 for a folder.

        The files of its project; outside any project, the files of its kind in its folder.
        """

    @property
    def touched(self) -> int:
        """When its project was last modified, ns; 0 outside any project."""

    @property
    def mtime_ns(self) -> int:
        """Of a file. 0 for a folder."""

    @property
    def worked_on_ns(self) -> int:
        """When what it belongs together with was last modified: its album or project, or itself.

        Of a folder: its newest file.
        """

    @property
    def root(self) -> Root | None:
        """The root that it is in."""


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """A named rule: ``rank`` orders places, lowest first; ``reason`` says why one was kept."""

    name: str
    rank: Callable[[Place], int | bytes]
    reason: Callable[[Place, Iterable[Place]], str]
    by_folder: bool = False
    """Whether it can tell files of one name apart by the folders that they are in."""


def _copy_name_reason(winner: Place, losers: Iterable[Place]) -> str:
    # By folder first: the reason of files with one name in the same folders is the same.
    names = [(len(place.copy_names), place) for place in losers]
    most = max(number for number, _ in names)
    worst = [place for number, place in names if number == most]
    if len(worst) > 1:
        worst.sort(key=lambda place: os.path.split(place.path))
    parts = [part for part in worst[-1].copy_names if part not in winner.copy_names]
    if not parts:
        return "fewer names of copies in its path"
    return f"its path has none of the names that copies get, such as '{_show(parts[0])}'"


def _around_others(winner: Place, losers: Iterable[Place]) -> str | None:
    """Return that a folder contains the others, if it does: that says more than what it is."""
    others = list(losers)
    if winner.is_folder and all(is_below(each.path, winner.path) for each in others):
        return f"it contains the {'others' if len(others) > 1 else 'other one'}"
    return None


def _own_project_reason(winner: Place, losers: Iterable[Place]) -> str:
    around = _around_others(winner, losers)
    if around is not None:
        return around
    if winner.own_project == 2:
        return "no project that was copied into another one"
    return f"a {'project' if winner.own_project else 'repository'} ({winner.marker})"


def _project_rank(place: Place) -> int:
    if place.project is None:
        return 3 + place.inner_project
    return 2 if place.nested else 0 if place.repository else 1


def _project_reason(winner: Place, losers: Iterable[Place]) -> str:
    if winner.project is None:
        return f"around a {'project' if winner.inner_project else 'repository'}"
    kind = "repository" if winner.repository else "project"
    return f"inside the {kind} {_show(os.path.basename(winner.project))} ({winner.marker})"


def _company_reason(winner: Place, losers: Iterable[Place]) -> str:
    if winner.project is not None:
        return "in the more complete project"
    return "among more files of its kind"


def _show(name: bytes) -> str:
    text = name.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else repr(text)[1:-1]


PREFERRED = PlaceRule(
    "preferred",
    lambda place: -place.preferred,
    lambda winner, _: "you marked it keep" if winner.preferred > 1 else "you prefer this place",
)
MADE = PlaceRule(
    "made",
    lambda place: place.made,
    lambda _, __: "not in a folder that programs make",
    by_folder=True,
)
COPY_NAME = PlaceRule(
    "copy name", lambda place: len(place.copy_names), _copy_name_reason, by_folder=True
)
CHOSEN_BEFORE = "chosen before"
"""The reason if merit alone would now choose another one; the trace has the details."""
_KNOWN_LONGER = "known for longer"
"""The same for folders."""
STANDING = PlaceRule("standing", lambda place: -place.standing, lambda _, __: CHOSEN_BEFORE)
KNOWN = PlaceRule(
    "known",
    lambda place: place.known_since,
    lambda winner, _: _KNOWN_LONGER if winner.is_folder else CHOSEN_BEFORE,
)

COMPANY = PlaceRule("company", lambda place: -place.company, _company_reason, by_folder=True)

OWN_PROJECT = PlaceRule("own project", lambda place: place.own_project, _own_project_reason)
COMPLETE = PlaceRule(
    "complete",
    lambda place: -place.contents,
    lambda winner, losers: _around_others(winner, losers) or "the more complete one",
)
PLAIN = PlaceRule(
    "plain",
    # A folder's number counts only as part of its path, as it does for everything in it.
    lambda place: not place.is_folder and ends_in_number(os.path.basename(place.path)),
    lambda _, __: "no number at the end of its name",
)

RULES: tuple[PlaceRule, ...] = (
    PREFERRED,
    MADE,
    COPY_NAME,
    OWN_PROJECT,
    COMPLETE,
    STANDING,
    KNOWN,
    PlaceRule("project", _project_rank, _project_reason, by_folder=True),
    COMPANY,
    PlaceRule(
        "newer",
        lambda place: -place.touched,
        lambda _, __: "in a project worked on more recently",
        by_folder=True,
    ),
    PlaceRule(
        "shallower",
        lambda place: place.path.count(b"/"),
        lambda winner, losers: _around_others(winner, losers) or "less deeply nested",
        by_folder=True,
    ),
    PLAIN,
    PlaceRule(
        "folder",
        # By components, so that the contents of "Trip" precede those of "Trip 2", as the folders
        # do. Times of single files would tear folders apart, so they count only within one folder.
        lambda place: (place.path if place.is_folder else os.path.dirname(place.path)).replace(
            b"/", b"\0"
        ),
        lambda _, __: "first by name, all else being equal",
        by_folder=True,
    ),
    PlaceRule("older", lambda place: place.mtime_ns, lambda _, __: "the older one"),
    PlaceRule(
        "name", lambda place: place.path, lambda _, __: "first by name, all else being equal"
    ),
)
"""The rules in the order in which they are applied. Those before `STANDING` override earlier
choices; for a file these are the first three. `user_rules` inserts the user's list before that."""


_Stages = tuple[tuple[PlaceRule, ...], ...]


def _stages(*firsts: PlaceRule, by_folder: bool = False) -> _Stages:
    """Return the built-in rules that new files of a user without wishes can differ by, in stages.

    ``firsts`` are the first rules of all stages but the first. With ``by_folder``, those that can
    tell apart files of one name.
    """
    alike = (PREFERRED, OWN_PROJECT, COMPLETE, STANDING, KNOWN)
    stages: list[list[PlaceRule]] = [[]]
    for rule in RULES:
        if rule in firsts:
            stages.append([])
        if rule not in alike and (rule.by_folder or not by_folder):
            stages[-1].append(rule)
    return tuple(map(tuple, stages))


NEW_FILES = _stages(COMPANY, PLAIN)
"""The second stage is the first that reads the index."""
NEW_FILES_OF_ONE_NAME = _stages(COMPANY, by_folder=True)
"""No two of them are in one folder, so what follows is never asked."""


@dataclass(frozen=True, slots=True)
class KeepCriteria:
    """The rules in the order in which they are applied, those of the user's list among them."""

    rules: tuple[PlaceRule, ...] = RULES
    own: tuple[PlaceRule, ...] = ()
    """The rules of the user's list."""
    wanted: tuple[PlaceRule, ...] = ()
    """Those of them that name a place to keep: their rank is 0 in it."""
    overruling: tuple[PlaceRule, ...] = RULES[: RULES.index(STANDING)]
    """Those that override earlier choices."""
    of_merit: tuple[PlaceRule, ...] = tuple(rule for rule in RULES if rule not in (STANDING, KNOWN))
    """Those that look at no earlier choice."""

    def choose(self, places: Sequence[Place]) -> tuple[int, tuple[str, ...]]:
        """Return the position of the first of some places (at least one), and the reasons.

        The result does not depend on the order of the places. The last reason is the decisive one.
        """
        left, reasons = rank(places, self.rules)
        if CHOSEN_BEFORE in reasons or _KNOWN_LONGER in reasons:
            by_merit, merits = rank(places, self.of_merit)
            if by_merit == left:
                reasons = merits  # why it was chosen is more useful than that it was chosen before
        return left[0], reasons

    def order(self, places: Sequence[Place]) -> list[int]:
        """Return the positions of places in their order, first place first."""
        return order(places, self.rules)

    def order_new(self, places: Sequence[Place]) -> tuple[list[int], tuple[str, ...]]:
        """Return the order of places about which nothing was decided, and why the first is it."""
        return order_with_reasons(places, [(rule,) for rule in self.rules])

    def choose_canonical(self, copies: Sequence[Place]) -> CanonicalChoice:
        """Choose the canonical one of several copies (at least one)."""
        winner, reasons = self.choose(copies)
        return CanonicalChoice(winner, reasons or ("the only copy",))

    def wants(self, place: Place) -> bool:
        """Return whether a place is one that the user named as one to keep."""
        return bool(place.preferred) or any(rule.rank(place) == 0 for rule in self.wanted)

    def overruling_rank(self, place: Place) -> tuple[int | bytes, ...]:
        """Rank a place by the rules that override earlier choices."""
        return tuple(rule.rank(place) for rule in self.overruling)


BUILT_IN = KeepCriteria()
"""The criteria of a user without a list."""

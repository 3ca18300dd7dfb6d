"""Put the user's list of rules among the built-in ones.

The order of the list is kept. Built-in rules that are about safety come before the first of its
rules that compares what every place has: places that programs make, names of copies, and folders
that have more. Rules by which the user names places come before those, as `prefer` does.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Sequence

from gorillacomb.canonical.keep_criteria import (
    BUILT_IN,
    COPY_NAME,
    KNOWN,
    PREFERRED,
    RULES,
    STANDING,
    KeepCriteria,
    Place,
    PlaceRule,
)
from gorillacomb.vault.keep_rules import PLAIN_NAME, PREFER, KeepRule
from gorillacomb.vault.settings import is_in_any

_NUMBER = re.compile(rb"[0-9]+")
_Rank = Callable[[Place], int | bytes]

MARKED = PlaceRule(
    "marked", lambda place: -(place.preferred > 1), lambda _, __: "you marked it keep"
)
_PREFERRED = PlaceRule(
    "preferred", lambda place: -(place.preferred > 0), lambda _, __: "you prefer this place"
)


def keep_criteria(listed: Sequence[KeepRule]) -> KeepCriteria:
    """Return the criteria of a user with a list of rules."""
    if not listed:
        return BUILT_IN
    own = {rule: _place_rule(rule) for rule in listed}
    names = {rule.name for rule in listed}
    first, *built_in = RULES[: RULES.index(STANDING)]
    assert first is PREFERRED, "the user's wish comes before anything else"
    before = [rule for rule in built_in if rule is not COPY_NAME or PLAIN_NAME not in names]
    order: list[PlaceRule] = [MARKED if PREFER in names else PREFERRED]
    for rule in listed:
        if not rule.names_places:
            order += before
            before = []
        order.append(own[rule])
    order += before
    rest = RULES[RULES.index(STANDING) :]
    merit = (rule for rule in rest if rule not in (STANDING, KNOWN))
    wanted = [own[rule] for rule in listed if rule.name in ("in", "on") and not rule.negated]
    return KeepCriteria(
        (*order, *rest), tuple(own.values()), tuple(wanted), tuple(order), (*order, *merit)
    )


def _place_rule(rule: KeepRule) -> PlaceRule:
    if rule.name == PREFER:
        return _PREFERRED
    if rule.name == PLAIN_NAME:
        return COPY_NAME
    rank = _rank(rule)
    if rule.negated:
        positive = rank
        rank = lambda place: -int(positive(place))  # noqa: E731
    return PlaceRule(rule.text, rank, _reason(rule.text))


def _reason(text: str) -> Callable[[Place, Iterable[Place]], str]:
    return lambda _, __: f"by your rule '{text}'"


def _rank(rule: KeepRule) -> _Rank:
    """Return how a rule ranks places; lowest is best. A rule that matches has the ranks 0 and 1."""
    if not rule.arguments:
        return _RANKS[rule.name]
    [first, *_] = rule.arguments
    if rule.name == "in":
        return lambda place: not is_in_any(_path(place), rule.arguments)
    if rule.name == "on":
        return lambda place: place.root is None or first not in (place.root.uid, place.root.name)
    if rule.name == "name":
        return lambda place: not fnmatch.fnmatchcase(os.fsdecode(_name(place)), first)
    pattern = re.compile(first)
    if rule.name == "name-regex":
        return lambda place: pattern.search(os.fsdecode(_name(place))) is None
    return lambda place: pattern.search(os.fsdecode(_path(place))) is None


def _path(place: Place) -> bytes:
    """Return a path that ends in a slash if it is a folder's, so that it looks like its files'."""
    return place.path + b"/" * place.is_folder


def _name(place: Place) -> bytes:
    """Return the name of a file. Folders have none: theirs is part of the paths of their files."""
    return b"" if place.is_folder else os.path.basename(place.path)


def _ends_in_digit(name: bytes) -> bool:
    stem, dot, _ = name.rpartition(b".")
    return (stem if stem and dot else name)[-1:].isdigit()


def _by_parts(path: bytes) -> bytes:
    """Return a path such that paths are compared by their components, and numbers by value."""
    return _by_value(path).replace(b"/", b"\0")


def _by_value(text: bytes) -> bytes:
    """Return a text such that the numbers in it are compared by their value: ``x2``, ``x10``."""
    return _NUMBER.sub(lambda found: _number_key(found[0].lstrip(b"0")), text)


def _number_key(digits: bytes) -> bytes:
    # A longer number is larger; of endless ones, which no name needs, the first digits decide.
    return b"0" + bytes([min(len(digits), 255)]) + digits


def _last_first(text: bytes) -> bytes:
    """Return bytes that are sorted in the opposite order."""
    return b"".join(bytes((0, 255 - each)) for each in text) + b"\1"


_RANKS: dict[str, _Rank] = {
    "newest": lambda place: -place.worked_on_ns,
    "oldest": lambda place: place.worked_on_ns,
    "shallowest": lambda place: place.path.count(b"/"),
    "deepest": lambda place: -place.path.count(b"/"),
    "shortest-path": lambda place: len(place.path),
    "longest-path": lambda place: -len(place.path),
    "first-path": lambda place: _by_parts(place.path),
    "last-path": lambda place: _last_first(_by_parts(place.path)),
    "shortest-name": lambda place: len(_name(place)),
    "longest-name": lambda place: -len(_name(place)),
    "first-name": lambda place: _by_value(_name(place).lower()),
    "last-name": lambda place: _last_first(_by_value(_name(place).lower())),
    "numbered": lambda place: not _ends_in_digit(_name(place)),
}

"""Read the user's rules about which copy to keep, as they are written in the settings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gorillacomb.errors import near_names
from gorillacomb.vault.settings import path_spellings


class RuleArgument(StrEnum):
    """What follows the name of a rule."""

    NOTHING = ""
    PATH = "PATH"
    """A path, or a glob over whole paths."""
    DRIVE = "DRIVE"
    """The name or id of a root."""
    GLOB = "GLOB"
    """A glob over names."""
    REGEX = "REGEX"


ARGUMENTS = {
    "in": RuleArgument.PATH,
    "on": RuleArgument.DRIVE,
    "name": RuleArgument.GLOB,
    "name-regex": RuleArgument.REGEX,
    "path-regex": RuleArgument.REGEX,
}
MEASURES = (
    *("newest", "oldest"),
    *("shallowest", "deepest"),
    *("shortest-path", "longest-path", "first-path", "last-path"),
    *("shortest-name", "longest-name", "first-name", "last-name"),
    "numbered",
)
"""Rules that compare what every place has, so that they say something about any two."""
PREFER, PLAIN_NAME = "prefer", "plain-name"
"""Names of built-in rules, whose place in the list the user may choose."""
_NEGATABLE = {*ARGUMENTS, "numbered"}
_FORMS = [
    *(f"{name} {argument}" for name, argument in ARGUMENTS.items()),
    *MEASURES,
    *(PREFER, PLAIN_NAME),
]


@dataclass(frozen=True, slots=True)
class KeepRule:
    """One rule of the user's list."""

    text: str
    """As written."""
    name: str
    negated: bool = False
    arguments: tuple[str, ...] = ()
    """One; for a path or pattern, each of its spellings."""

    @property
    def argument(self) -> RuleArgument:
        """What follows its name."""
        return ARGUMENTS.get(self.name, RuleArgument.NOTHING)

    @property
    def names_places(self) -> bool:
        """Whether it says which places are to be kept, instead of comparing all."""
        return self.name in ARGUMENTS or self.name == PREFER


def parse_keep_rules(texts: Iterable[str]) -> tuple[KeepRule, ...]:
    """Parse the rules of a list. Raises ValueError, with the nearest rule, for an unknown one."""
    found: list[KeepRule] = []
    for text in texts:
        rule = _parse(text)
        same = (rule.name, rule.negated, rule.arguments)
        if same in [(each.name, each.negated, each.arguments) for each in found]:
            raise ValueError(f"rules: {text!r} is there twice")
        found.append(rule)
    return tuple(found)


def _parse(text: str) -> KeepRule:
    words = text.strip()
    negated = words.startswith("not ")
    name, _, rest = words.removeprefix("not ").lstrip().partition(" ")
    argument, rest = ARGUMENTS.get(name, RuleArgument.NOTHING), rest.strip()
    known = name in ARGUMENTS or name in MEASURES or name in (PREFER, PLAIN_NAME)
    if not known or bool(rest) != bool(argument) or (negated and name not in _NEGATABLE):
        raise ValueError(_unknown(text, name, negated))
    if argument is RuleArgument.REGEX:
        try:
            re.compile(rest)
        except re.error as error:
            raise ValueError(f"rules: {text!r} is not a regular expression: {error}") from error
    arguments: tuple[str, ...] = (rest,) if rest else ()
    if argument is RuleArgument.PATH:
        rest = os.path.expanduser(rest)
        if not rest.startswith(("/", "*")):
            raise ValueError(f"rules: {text!r} needs an absolute path, or a pattern with a star")
        arguments = path_spellings(rest)
    return KeepRule(text, name, negated, arguments)


def _unknown(text: str, name: str, negated: bool) -> str:
    """Return what is wrong with a rule, and the nearest one that exists."""
    if name in ARGUMENTS:
        return f"rules: {text!r} is incomplete; write '{name} {ARGUMENTS[name]}'"
    forms = {form.split()[0]: form for form in _FORMS}
    name = name.lower()
    asked = "-".join(text.strip().removeprefix("not ").lower().split())
    near = [*near_names(asked, forms, 1), *near_names(name, forms, 1)]
    if near and negated and near[0] not in _NEGATABLE:
        return f"rules: {text!r} cannot be negated: name the opposite rule"
    if near:
        return f"rules: there is no rule {text!r}; did you mean {forms[near[0]]!r}?"
    return f"rules: there is no rule {text!r}; there are {', '.join(_FORMS)}"

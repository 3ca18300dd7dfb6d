"""Resolve the paths in settings and options; refuse those that would silently protect nothing."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gorillacomb.errors import UsageError, near_names
from gorillacomb.fs.paths import is_below, join, path_text, relative_path
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import is_online
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots, folder_paths
from gorillacomb.index.tree_queries import entry_names
from gorillacomb.model import Root
from gorillacomb.vault.keep_rules import KeepRule, RuleArgument
from gorillacomb.vault.settings import fixed_part, path_spellings

RULES_SETTING = "rules in config.toml"


@dataclass(slots=True)
class NamedPaths:
    """Turns paths and patterns into those that the index has."""

    index: Index
    warnings: list[str] = field(default_factory=list)
    """Messages about patterns that match nothing."""
    _roots: list[Root] = field(init=False)

    def __post_init__(self) -> None:
        self._roots = all_roots(self.index.connection)

    def patterns(self, texts: Sequence[str], option: str) -> tuple[str, ...]:
        """Return what to protect or to prefer, in every spelling of the given paths and patterns.

        ``option`` is the user's name for them. Raises UsageError for a path that is below no known
        root (nor around one), or that is missing on a connected drive; the same applies to the part
        of a pattern before its first star. Any other pattern that matches nothing gives a warning.
        """
        found: dict[str, None] = {}
        globs: dict[str, list[str]] = {}
        for text in texts:
            if not text.startswith(("/", "*")):
                raise UsageError(
                    f"{option}: {_shown(text)} names nothing: it is not an absolute path.",
                    "Start it with / or ~, or a pattern with a star.",
                )
            spelled, fixed = self._spellings(text), fixed_part(text)
            if fixed == text or os.path.lexists(text):
                self._refuse_unknown(text, list(map(os.fsencode, spelled)), option, around=True)
            else:
                if fixed:
                    parts = [os.fsencode(fixed_part(each)) for each in spelled]
                    self._refuse_missing(fixed, parts, option)
                globs[text] = spelled
            found.update(dict.fromkeys(spelled))
        self.warnings += [
            f"{option}: {text} matches nothing that was scanned."
            for text in self._without_hit(globs)
        ]
        return tuple(found)

    def folders(self, paths: Sequence[bytes], option: str) -> tuple[bytes, ...]:
        """Return paths below a known root, as the index has them. Raises UsageError for others."""
        found: dict[bytes, None] = {}
        for path in paths:
            spelled = list(self._of_roots({path: None, real_path(path): None}))
            self._refuse_unknown(os.fsdecode(path), spelled, option, around=False)
            found.update(dict.fromkeys(each for each in spelled if self._around(each)))
        return tuple(found)

    def rules(self, listed: Sequence[KeepRule]) -> tuple[KeepRule, ...]:
        """Return the user's rules, with the paths as for `patterns`.

        Raises UsageError for a path or drive that is not known.
        """
        return tuple(map(self._rule, listed))

    def _rule(self, rule: KeepRule) -> KeepRule:
        if rule.argument is RuleArgument.PATH:
            places = self.patterns(rule.arguments[:1], f"{RULES_SETTING}: '{rule.text}'")
            return replace(rule, arguments=places)
        if rule.argument is RuleArgument.DRIVE:
            names = {each.uid: None for each in self._roots}
            names |= {each.name: None for each in self._roots if each.name is not None}
            [name] = rule.arguments
            if name not in names:
                raise UsageError(
                    f"{RULES_SETTING}: {rule.text!r} names no drive or folder that was scanned.",
                    _advice(_nearest(name, names), "Name it: gorillacomb roots name PATH NAME."),
                )
        return rule

    def _spellings(self, text: str) -> list[str]:
        """Return a path or pattern as written, with links resolved, and by the roots' paths."""
        found: dict[str, None] = {}
        for each in path_spellings(text):
            fixed = fixed_part(each)
            bases = {os.fsencode(fixed): None} if fixed else {}
            found[each] = None
            for base in self._of_roots(bases):
                found[os.fsdecode(base) + each[len(fixed) :]] = None
        return list(found)

    def _of_roots(self, paths: dict[bytes, None]) -> dict[bytes, None]:
        """Return paths, also as they are in roots whose own paths lead through a link by now."""
        for root in self._roots:
            real = os.path.realpath(root.path)
            for path in list(paths) if real != root.path else ():
                if is_below(path, real):
                    paths[join(root.path, relative_path(path, real))] = None
        return paths

    def _around(self, path: bytes) -> list[Root]:
        """Return the innermost roots around a path: several if drives shared a mount point."""
        around = [root for root in self._roots if is_below(path, root.path)]
        deepest = max((len(root.path) for root in around), default=0)
        return [root for root in around if len(root.path) == deepest]

    def _refuse_unknown(
        self, text: str, spelled: Sequence[bytes], option: str, around: bool
    ) -> None:
        """Refuse a path unrelated to any root; a path ``around`` one may be accepted."""
        self._refuse_missing(text, spelled, option)
        if not any(self._around(path) for path in spelled) and not (
            around and any(is_below(root.path, path) for root in self._roots for path in spelled)
        ):
            raise UsageError(
                f"{option}: {_shown(text)} is in no folder that was scanned.",
                _advice(self._root_called_like(text), "Scan it first: gorillacomb scan PATH."),
            )

    def _root_called_like(self, text: str) -> str | None:
        paths = {os.path.basename(root.path): os.fsdecode(root.path) for root in self._roots}
        near = _nearest(os.path.basename(text.rstrip("/")), map(os.fsdecode, paths))
        return None if near is None else paths[os.fsencode(near)]

    def _refuse_missing(self, text: str, spelled: Sequence[bytes], option: str) -> None:
        """Refuse what does not exist, unless it may be on a drive that is not connected."""
        for path in spelled:
            around = self._around(path)
            if os.path.lexists(path) or (around and not all(map(is_online, around))):
                return
        raise UsageError(
            f"{option}: {_shown(text)} does not exist.",
            _advice(_nearest_existing(text), "Check the spelling."),
        )

    def _without_hit(self, globs: Mapping[str, Sequence[str]]) -> Iterable[str]:
        """Return the patterns that neither match a path in the index nor equal one.

        Each is given with its spellings. All paths are checked once, until each pattern had a
        match.
        """
        left: dict[str, re.Pattern[str]] = {}
        for text, spelled in globs.items():
            ways = (*spelled, *map(glob.escape, spelled))
            left[text] = re.compile("|".join(map(fnmatch.translate, ways)))
        for path in self._all_paths() if left else ():
            hit = [text for text, pattern in left.items() if pattern.match(path)]
            for text in hit:
                del left[text]
            if not left:
                break
        return left

    def _all_paths(self) -> Iterator[str]:
        paths = folder_paths(self.index.connection)
        paths.load()
        at, folder = -1, ""
        for number, name in entry_names(self.index.connection):
            if number != at:
                place = paths.place(number)
                at, folder = number, "" if place is None else os.fsdecode(place[1])
                if folder:
                    yield folder
            if folder and name is not None:
                yield f"{folder}/{os.fsdecode(name)}"


def _nearest_existing(text: str) -> str | None:
    """Return the existing path most like a missing one, in its innermost existing folder."""
    folder, name = os.path.split(text.rstrip("/"))
    below = ""
    while not os.path.isdir(folder):
        below = os.path.join(name, below)
        folder, name = os.path.split(folder)
    try:
        near = _nearest(name, os.listdir(folder))
    except OSError:
        return None  # it may not be listed
    if near is None:
        return None
    whole = os.path.join(folder, near, below).rstrip("/")
    return whole if os.path.lexists(whole) else os.path.join(folder, near)


def _nearest(text: str, others: Iterable[str]) -> str | None:
    return next(iter(near_names(text, others, 1)), None)


def _advice(near: str | None, otherwise: str) -> str:
    if near is not None:
        return f"Did you mean {_shown(near)}?"
    return f"{otherwise} `gorillacomb roots list` shows what was scanned."


def _shown(text: str) -> str:
    return path_text(os.fsencode(text))

"""Decide what of a copy may be put into the kept tree, where that has nothing."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field

from gorillacomb.classify.acting import acts
from gorillacomb.classify.companions import Companions, CompanionTable
from gorillacomb.classify.names import is_version_control
from gorillacomb.classify.secrets import is_secret
from gorillacomb.dedupe.collapse.own_items import OwnItem
from gorillacomb.dedupe.collapse.shelf import NameRules, folded
from gorillacomb.dedupe.collapse.text_form import form_difference
from gorillacomb.dedupe.copies.privacy import still_allowed
from gorillacomb.dedupe.not_brought import BringRule, NotBrought
from gorillacomb.dedupe.safety.git import ignored_in
from gorillacomb.fs.bounded_read import UnexpectedFile, read_bounded
from gorillacomb.fs.openat import OUR_FOLDER, os_error_text
from gorillacomb.fs.paths import is_below, join, join_relative, path_prefixes, path_text

_PUBLIC = 0o777
_LONGEST_TEXT = 4 << 20
"""Bytes of a file that is compared as text."""


@dataclass(slots=True)
class BringRules:
    """What of the copies of one tree may be put into the kept tree."""

    kept: bytes
    """The path of the kept tree."""
    wanted: Collection[bytes] | None
    """Paths in copies that are to be brought; empty for all that may be, None for nothing."""
    companions: CompanionTable
    former: Callable[[], Set[bytes] | None]
    """Returns what was ever in the kept tree: relative paths, with the folders around each. None if
    that cannot be known. It may be asked often."""
    names: NameRules
    kept_as: Callable[[bytes, OwnItem], bytes | None]
    """Returns where the kept tree has the content of something in a copy, by the path of that;
    None if it has not, and for what is small."""
    named: dict[bytes, str] = field(default_factory=dict)
    """By wanted paths in copies: why what is there is not brought; empty text if it is."""
    _versions: Counter[bytes] = field(default_factory=Counter)
    """By folded relative path: how many different things the copies have there."""
    _taken: set[bytes] = field(default_factory=set)
    """Folded relative paths of what is brought."""
    _names: dict[bytes, set[bytes]] = field(default_factory=dict)
    """By folder of the kept tree: the folded names in it."""
    _sets: dict[bytes, Companions] = field(default_factory=dict)
    """By folder of a copy: which of its files belong together."""
    _is_ignored: Callable[[bytes], bool] = field(init=False)

    def __post_init__(self) -> None:
        # Without a wish nothing is asked, and no library is needed.
        self._is_ignored = (lambda path: True) if self.wanted is None else ignored_in(self.kept)

    def count(self, items: Mapping[bytes, Sequence[OwnItem]]) -> None:
        """Take in what only the copies contain, by their paths, before anything is decided."""
        seen: set[tuple[bytes, object]] = set()
        for top, own in items.items():
            for item in own:
                path = folded(item.path)
                what: object = item.key if item.key is not None else (top, item.path)
                if (path, what) not in seen:
                    seen.add((path, what))
                    self._versions[path] += 1

    @property
    def is_asked(self) -> bool:
        """Whether anything is to be brought."""
        return self.wanted is not None

    def why_not(self, top: bytes, item: OwnItem) -> NotBrought | None:
        """Return why an item of a copy is not brought; None if it is."""
        here = join(top, item.path)
        wanted = self.wanted or ()
        named = [each for each in wanted if is_below(here, each) or is_below(each, here)]
        if self.wanted is None or (wanted and not named):
            return NotBrought(BringRule.NOT_NAMED, "was not named to be brought", item.files)
        try:
            why = self._refusal(top, item, is_named=bool(wanted))
        except OSError as error:
            why = NotBrought(BringRule.UNREADABLE, os_error_text(error))
        for each in named:
            self.named[each] = self.named.get(each, "") or (why.cause if why else "")
        if why is not None:
            return why._replace(files=item.files)
        self._taken.add(folded(item.path))
        return None

    def _refusal(self, top: bytes, item: OwnItem, is_named: bool) -> NotBrought | None:
        """Return why an item is not brought; None if it is. Raises OSError."""
        return (
            self._refusal_at_path(top, item)
            or self._refusal_by_content(top, item, is_named)
            or self._refusal_by_place(top, item, is_named)
        )

    def _refusal_at_path(self, top: bytes, item: OwnItem) -> NotBrought | None:
        """Return why nothing can be brought to the path of an item. Raises OSError."""
        around, _, name = item.path.rpartition(b"/")
        if any(map(is_version_control, item.path.split(b"/"))):
            return NotBrought(BringRule.REPOSITORY, "is part of a repository")
        place = join(self.kept, around)
        if not stat.S_ISDIR(os.lstat(place).st_mode):
            return NotBrought(BringRule.STRUCTURAL, "has no folder around it in the kept tree")
        if os.path.lexists(join(self.kept, item.path)):
            return self._other_version(join(top, item.path), join(self.kept, item.path))
        if place not in self._names:
            self._names[place] = set(map(folded, os.listdir(place)))
        if folded(name) in self._names[place]:
            cause = "has the same name as something in the kept tree on some file system"
            return NotBrought(BringRule.CLASH, cause)
        path = folded(item.path)
        if not self._taken.isdisjoint(path_prefixes(path)):
            cause = "has a name that is brought from another copy already"
            return NotBrought(BringRule.CLASH, cause)
        if self._versions[path] > 1:
            return NotBrought(BringRule.SEVERAL_VERSIONS, "has several versions in the copies")
        return None

    def _other_version(self, here: bytes, there: bytes) -> NotBrought:
        """Say how something differs from what the kept tree has at its path. Raises OSError."""
        form = None
        if all(stat.S_ISREG(os.lstat(path).st_mode) for path in (here, there)):
            with suppress(UnexpectedFile):  # too large for a text
                texts = (read_bounded(path, _LONGEST_TEXT) for path in (here, there))
                form = form_difference(*texts)
        if form is not None:
            cause = f"differs from what the kept tree has in {form} alone"
            return NotBrought(BringRule.SAME_TEXT, cause)
        cause = "is another version of what the kept tree has"
        return NotBrought(BringRule.ANOTHER_VERSION, cause)

    def _refusal_by_content(self, top: bytes, item: OwnItem, is_named: bool) -> NotBrought | None:
        """Return why something like an item is not brought to any path. Raises OSError."""
        for inner, mode in _everything(join(top, item.path)):
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                return NotBrought(BringRule.LINK, "is, or contains, a link")
            whole = join_relative(item.path, inner) if inner else item.path
            last = os.path.basename(whole)
            if is_version_control(last) or last == OUR_FOLDER:
                return NotBrought(BringRule.REPOSITORY, "contains a repository")
            if is_named:
                continue
            what = f"is, or contains, {path_text(last)}"
            if is_secret(last):
                return NotBrought(BringRule.SECRET, f"{what}: a secret")
            if acts(whole):
                return NotBrought(BringRule.ACTS, f"{what}, which acts by being there")
            if self._is_ignored(whole + b"/" if stat.S_ISDIR(mode) else whole):
                cause = f"{what}, which the kept tree's .gitignore ignores"
                return NotBrought(BringRule.IGNORED, cause)
        return None

    def _refusal_by_place(self, top: bytes, item: OwnItem, is_named: bool) -> NotBrought | None:
        """Return why an item is not put where it would be. Raises OSError."""
        here, there = join(top, item.path), join(self.kept, item.path)
        if still_allowed(here, there) != _PUBLIC:
            cause = "is in a folder that others cannot enter, and could there"
            return NotBrought(BringRule.PRIVATE, cause)
        if self._belongs_to_others(top, item.path):
            return NotBrought(BringRule.COMPANION, "belongs to files beside it")
        if not is_named:
            other = self.kept_as(top, item)
            if other is not None:
                cause = f"has the same content as {path_text(other)} in the kept tree"
                return NotBrought(BringRule.SAME_CONTENT, cause)
            known = self.former()
            if known is None:
                cause = "may have been in the kept tree before: its history cannot be read"
                return NotBrought(BringRule.DELETED, cause)
            if item.path in known:
                cause = "was in the kept tree before, and was deleted there"
                return NotBrought(BringRule.DELETED, cause)
        wrong = self.names.refusal(self.kept, item)
        return None if wrong is None else NotBrought(BringRule.NAME, wrong)

    def _belongs_to_others(self, top: bytes, path: bytes) -> bool:
        around, _, name = path.rpartition(b"/")
        folder = join(top, around)
        if folder not in self._sets:
            self._sets[folder] = Companions(os.listdir(folder), self.companions)
        return any(True for _ in self._sets[folder].of(name))


def _everything(top: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the relative path and the mode of something, and of all in it. Raises OSError."""
    yield b"", os.lstat(top).st_mode
    waiting = [b""] if os.path.isdir(top) and not os.path.islink(top) else []
    while waiting:
        inner = waiting.pop()
        with os.scandir(join(top, inner)) as listing:
            for entry in listing:
                path = join_relative(inner, entry.name)
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISDIR(mode):
                    waiting.append(path)
                yield path, mode

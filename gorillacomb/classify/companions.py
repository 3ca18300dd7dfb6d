"""Find the files of a folder that belong together: they leave as one set, or not at all.

The table is in `companion_table`; a user can add to it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gorillacomb.classify.companion_table import COMPANIONS, CompanionKind, InUse

_STEM = "{stem}"


@dataclass(frozen=True, slots=True)
class _Template:
    """A template, made ready to be matched."""

    kind: CompanionKind
    is_main: bool
    before: bytes
    """Of a name: what it begins with, before the stem."""
    pattern: re.Pattern[bytes]
    has_stem: bool
    is_open: bool
    """Whether it leaves open where the stem ends: then ``pattern`` is what follows the stem."""

    def stems(self, lower: bytes) -> Iterator[bytes]:
        """What the stem of a name may be; nothing for a name that does not match."""
        if not self.is_open:
            match = self.pattern.fullmatch(lower)
            if match is not None:
                yield match[1] if self.has_stem else b""
            return
        for at in range(1, len(lower)):
            if self.pattern.fullmatch(lower, at):
                yield lower[:at]


def _compiled(kind: CompanionKind, template: str, is_main: bool) -> _Template:
    before, has_stem, after = template.encode().rpartition(_STEM.encode())
    is_open = bool(has_stem) and b"*" in after
    if is_open:
        assert not before, template
        pattern = _regex(after)
    elif has_stem:
        pattern = _regex(before) + b"(.+)" + _regex(after)
    else:
        pattern = _regex(template.encode())
    return _Template(kind, is_main, before, re.compile(pattern, re.DOTALL), bool(has_stem), is_open)


def _regex(text: bytes) -> bytes:
    wild = {b"@": b"[0-9]", b"?": b".", b"*": b".+"}
    return b"".join(wild.get(part, re.escape(part)) for part in re.split(rb"([@?*])", text) if part)


class CompanionTable:
    """The templates of some kinds, by the endings of the names that they may match."""

    def __init__(self, kinds: Sequence[CompanionKind]) -> None:
        self.by_ending: defaultdict[bytes, list[_Template]] = defaultdict(list)
        """By what follows the last dot."""
        self.by_digit: list[_Template] = []
        """Those that end in a digit."""
        self.by_beginning: list[tuple[bytes, _Template]] = []
        self.by_tail: list[tuple[bytes, _Template]] = []
        self.of_any: defaultdict[int, list[bytes]] = defaultdict(list)
        """By kind: what is before the stem of main files that may have any ending."""
        self.kinds = kinds
        for number, kind in enumerate(kinds):
            for is_main, templates in ((True, kind.mains), (False, kind.others)):
                for template in templates:
                    self._add(number, kind, template, is_main)

    def _add(self, number: int, kind: CompanionKind, template: str, is_main: bool) -> None:
        made = _compiled(kind, template, is_main)
        text = template.encode()
        ending = text.rpartition(b".")[2] if b"." in text else b""
        if is_main and text.endswith(_STEM.encode()):
            self.of_any[number].append(made.before)
        elif text.endswith(b"@"):
            self.by_digit.append(made)
        elif made.before:
            self.by_beginning.append((made.before, made))
        elif ending and not set(ending) & set(b"@?*{"):
            self.by_ending[ending].append(made)
        else:
            tail = re.split(rb"[@?*]", text.removeprefix(_STEM.encode()))[-1]
            self.by_tail.append((tail, made))

    def matching(self, lower: bytes) -> Iterator[_Template]:
        """The templates that may match a name."""
        yield from self.by_ending.get(lower.rpartition(b".")[2], ())
        if lower[-1:].isdigit():
            yield from self.by_digit
        for text, template in self.by_beginning:
            if lower.startswith(text):
                yield template
        for text, template in self.by_tail:
            if lower.endswith(text):
                yield template


@lru_cache(maxsize=4)
def companion_table(more: tuple[tuple[str, ...], ...] = ()) -> CompanionTable:
    """The table with the sets of a user, in which each name is that of a main file."""
    own = tuple(
        CompanionKind(
            "set of yours",
            "config.toml",
            tuple(name.lower() for name in each),
            mains_belong_together=True,
        )
        for each in more
    )
    return CompanionTable((*COMPANIONS, *own))


class Companions:
    """The files of a folder by what they belong to."""

    def __init__(self, names: Iterable[bytes], table: CompanionTable | None = None) -> None:
        """``names`` are those of all files right in the folder."""
        table = table or companion_table()
        self._by_lower: defaultdict[bytes, list[bytes]] = defaultdict(list)
        for name in names:
            self._by_lower[name.lower()].append(name)
        self._sets: dict[bytes, list[bytes]] = {}
        """By name: all names of its set."""
        self._signs: defaultdict[bytes, list[tuple[bytes, InUse]]] = defaultdict(list)
        for kind, mains, others in self._found(table):
            self._join([*mains, *others])
            if kind.in_use is not InUse.NEVER:
                for main in mains:
                    self._signs[main] += [(other, kind.in_use) for other in others]

    def _found(
        self, table: CompanionTable
    ) -> Iterator[tuple[CompanionKind, list[bytes], list[bytes]]]:
        """Each set that a kind makes: its main files and the others."""
        numbers = {id(kind): at for at, kind in enumerate(table.kinds)}
        sets: dict[tuple[int, bytes], tuple[list[bytes], list[bytes]]] = {}
        for lower, names in self._by_lower.items():
            for template in table.matching(lower):
                for stem in template.stems(lower):
                    key = numbers[id(template.kind)], stem
                    mains, others = sets.setdefault(key, ([], []))
                    (mains if template.is_main else others).extend(names)
        for (number, stem), (mains, others) in sets.items():
            kind = table.kinds[number]
            others = [name for name in others if name not in mains]
            for before in table.of_any.get(number, ()) if others else ():
                found = self._with_any_ending(before, stem)
                mains += [name for name in found if name not in others]
            if mains and (others or (kind.mains_belong_together and len(mains) > 1)):
                yield kind, mains, others

    def _with_any_ending(self, before: bytes, stem: bytes) -> list[bytes]:
        """Names that are a stem after so many bytes."""
        if not before:
            return self._by_lower.get(stem, [])
        return [
            name
            for lower, names in self._by_lower.items()
            if lower[len(before) :] == stem
            for name in names
        ]

    def _join(self, names: list[bytes]) -> None:
        joined = sorted({each for name in names for each in self._sets.get(name, [name])})
        for name in joined:
            self._sets[name] = joined

    def of(self, name: bytes) -> list[bytes]:
        """The other files that belong to one of them, by name."""
        return [each for each in self._sets.get(name, ()) if each != name]

    def sign_of_use(self, name: bytes, size_of: Callable[[bytes], int]) -> bytes | None:
        """The file beside one that says that it is open, or was not closed; None for no such file.

        ``size_of`` gives the size of a file of the folder.
        """
        return next(
            (
                sign
                for sign, what in self._signs.get(name, ())
                if what is InUse.PRESENT or (size_of(sign) and is_database_size(size_of(name)))
            ),
            None,
        )


def counterpart(other: bytes, name: bytes, kept: bytes) -> bytes:
    """What a companion of ``name`` is called beside a copy that is called ``kept``."""
    if name in other:
        return other.replace(name, kept, 1)
    stem, kept_stem = name.rpartition(b".")[0], kept.rpartition(b".")[0]
    return kept_stem + other.removeprefix(stem) if stem and other.startswith(stem) else other


_MAGIC = b"SQLite format 3\0"
DATABASE_HEADER = len(_MAGIC)
"""Bytes at the beginning of a file that `is_database` asks for."""


def is_database(beginning: bytes) -> bool:
    """Whether a file that begins like this is a database of SQLite."""
    return beginning.startswith(_MAGIC)


def is_database_size(size: int) -> bool:
    """Whether a database of SQLite may have so many bytes: it is made of pages of 512 or more."""
    return size >= 512 and size % 512 == 0


DATABASE_LOGS = (b"-wal", b"-journal")
"""Endings of what SQLite writes beside a database before it is in the database."""

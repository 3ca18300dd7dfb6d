"""Find the files of a folder that belong together: they are removed as one set, or not at all.

The table is in `companion_table`; users can add to it. Names are compared as people read them: in
any normal form or legacy encoding, ignoring case.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from gorillacomb.classify.companion_table import COMPANIONS
from gorillacomb.classify.kinds.companion_kind import CompanionKind, InUse

_STEM = "{stem}"


@lru_cache(maxsize=65536)
def name_key(name: bytes) -> str:
    """Return a name as it is compared: names with the same key count as one name."""
    if name.isascii():
        return name.lower().decode()
    try:
        text = name.decode()
    except UnicodeDecodeError:
        text = name.decode("latin-1")
    return _folded(text)


def _folded(text: str) -> str:
    import unicodedata  # deferred: most names are ASCII

    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@dataclass(frozen=True, slots=True)
class _Template:
    """A template, taken apart for matching."""

    kind: CompanionKind
    is_main: bool
    text: str
    before: str
    """What a name begins with, before the stem."""
    has_stem: bool
    is_open: bool
    """Whether the end of the stem is ambiguous: then its pattern matches what follows it."""
    head: str
    """What follows the stem, up to the first wildcard."""
    is_plain: bool
    """Whether it is a stem and that alone."""

    def stems(self, key: str) -> Iterator[str]:
        """Yield the possible stems of a name; none if it does not match."""
        if self.is_plain:  # as nearly all are
            at = len(key) - len(self.head)
            if at > 0 and key.endswith(self.head):
                yield key[:at]
            return
        pattern = _pattern(self.text)
        if not self.is_open:
            match = pattern.fullmatch(key)
            if match is not None:
                yield match[1] if self.has_stem else ""
            return
        at = key.find(self.head, 1)
        while at > 0:
            if pattern.fullmatch(key, at):
                yield key[:at]
            at = key.find(self.head, at + 1)


def _parsed(kind: CompanionKind, text: str, is_main: bool) -> _Template:
    before, has_stem, after = text.rpartition(_STEM)
    is_open = bool(has_stem) and "*" in after
    assert not (is_open and before), text
    head = _literals(after)[0]
    is_plain = bool(has_stem) and not before and head == after
    return _Template(kind, is_main, text, before, bool(has_stem), is_open, head, is_plain)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Compile a template: when it is first needed, since there are 500 and few folders need ten."""
    before, has_stem, after = template.rpartition(_STEM)
    stem = "(.+)" if has_stem and "*" not in after else ""
    return re.compile(_regex(before) + stem + _regex(after), re.DOTALL)


def _literals(text: str) -> list[str]:
    """Return the literal parts between the wildcards of a template."""
    return re.split(r"[@?*]", text)


def _regex(text: str) -> str:
    wild = {"@": "[0-9]", "?": ".", "*": ".+"}
    return "".join(wild.get(part, re.escape(part)) for part in re.split(r"([@?*])", text) if part)


class CompanionTable:
    """The templates of some kinds, indexed by the endings of the names that they may match."""

    def __init__(self, kinds: Sequence[CompanionKind]) -> None:
        self.by_ending: defaultdict[str, list[_Template]] = defaultdict(list)
        """By what follows the last dot."""
        self.by_length: defaultdict[int, list[_Template]] = defaultdict(list)
        """Templates that fix only the number of characters after the last dot."""
        self.by_digit: list[_Template] = []
        """Templates that end in a digit."""
        self.by_beginning: defaultdict[str, list[tuple[str, _Template]]] = defaultdict(list)
        """By the first character."""
        self.by_tail: defaultdict[str, list[tuple[str, _Template]]] = defaultdict(list)
        """By the last one."""
        self.of_folders: list[tuple[str, _Template]] = []
        """Templates for folders, by their ending."""
        self.of_any: defaultdict[int, list[str]] = defaultdict(list)
        """By kind: what precedes the stem of main files with any ending."""
        self.kinds = kinds
        for number, kind in enumerate(kinds):
            for is_main, templates in ((True, kind.mains), (False, kind.others)):
                for template in templates:
                    self._add(number, kind, template, is_main)

    def _add(self, number: int, kind: CompanionKind, template: str, is_main: bool) -> None:
        made = _parsed(kind, template, is_main)
        ending = template.rpartition(".")[2] if "." in template else ""
        tail = _literals(template.removeprefix(_STEM))[-1]
        if template.endswith("/"):
            self.of_folders.append((tail, made))
        elif is_main and template.endswith(_STEM):
            self.of_any[number].append(made.before)
        elif template.endswith("@"):
            self.by_digit.append(made)
        elif made.before:
            self.by_beginning[made.before[0]].append((made.before, made))
        elif ending and not set(ending) & set("@?*{"):
            self.by_ending[ending].append(made)
        elif ending and not set(ending) - {"?"}:
            self.by_length[len(ending)].append(made)
        elif not tail and not made.has_stem and _literals(template)[0]:
            beginning = _literals(template)[0]
            self.by_beginning[beginning[0]].append((beginning, made))
        else:
            self.by_tail[tail[-1:]].append((tail, made))

    def matching(self, key: str) -> Iterator[_Template]:
        """Yield the templates that may match a name."""
        if key.endswith("/"):
            yield from (template for text, template in self.of_folders if key.endswith(text))
            return
        yield from self.with_ending(key.rpartition(".")[2])
        yield from self.with_form(key)

    def with_ending(self, ending: str) -> list[_Template]:
        """Return the templates that may match a file because of what follows its last dot."""
        return [*self.by_ending.get(ending, ()), *self.by_length.get(len(ending), ())]

    def with_form(self, key: str) -> Iterator[_Template]:
        """Yield those that may match a file because of how else its name begins or ends."""
        if key[-1:].isdigit():
            yield from self.by_digit
        for text, template in self.by_beginning.get(key[:1], ()):
            if key.startswith(text):
                yield template
        for last in (key[-1:], ""):  # the latter: a template of a user's may end in a wildcard
            for text, template in self.by_tail.get(last, ()):
                if key.endswith(text):
                    yield template

    def may_belong(self, folder_name: bytes) -> bool:
        """Return whether a folder of this name may belong to a file beside it."""
        key = name_key(folder_name + b"/")
        return any(True for template in self.matching(key) for _ in template.stems(key))


@lru_cache(maxsize=4)
def companion_table(more: tuple[tuple[str, ...], ...] = ()) -> CompanionTable:
    """Return the table with a user's own sets, in which each name is that of a main file."""
    own = tuple(
        CompanionKind(
            "set of yours",
            "config.toml",
            tuple(map(_folded, each)),
            mains_belong_together=True,
        )
        for each in more
    )
    return CompanionTable((*COMPANIONS, *own))


class Companions:
    """The files of a folder, grouped by what belongs together."""

    def __init__(
        self,
        names: Iterable[bytes],
        table: CompanionTable | None = None,
        folders: Iterable[bytes] = (),
    ) -> None:
        """``names`` are the files directly in the folder, ``folders`` its subfolders.

        In a set, a folder's name ends in a slash.
        """
        table = table or companion_table()
        self._by_key: defaultdict[str, list[bytes]] = defaultdict(list)
        for name in (*names, *(folder + b"/" for folder in folders)):
            self._by_key[name_key(name)].append(name)
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
        """Yield each set that a kind forms: its main files and the others."""
        numbers = {id(kind): at for at, kind in enumerate(table.kinds)}
        sets: dict[tuple[int, str], tuple[list[bytes], list[bytes]]] = {}
        ends_of_mains: defaultdict[int, set[str]] = defaultdict(set)
        for key, names, template in self._candidates(table, numbers, ends_of_mains):
            for stem in template.stems(key):
                place = numbers[id(template.kind)], stem
                mains, others = sets.setdefault(place, ([], []))
                (mains if template.is_main else others).extend(names)
        for (number, stem), (mains, _) in sets.items():
            for end in ends_of_mains.get(number, ()):
                mains += self._by_key.get(stem + end, ())
        for (number, stem), (mains, others) in sets.items():
            kind = table.kinds[number]
            others = [name for name in others if name not in mains]
            for before in table.of_any.get(number, ()) if others else ():
                found = self._with_any_ending(before, stem)
                mains += [name for name in found if name not in others]
            if mains and (others or (kind.mains_belong_together and len(mains) > 1)):
                yield kind, mains, others

    def _candidates(
        self,
        table: CompanionTable,
        numbers: Mapping[int, int],
        ends_of_mains: defaultdict[int, set[str]],
    ) -> Iterator[tuple[str, list[bytes], _Template]]:
        """Yield names with the templates that may match them, of kinds that may form a set here.

        For most kinds a folder has main files alone, as its endings show: a picture can be one of
        14 kinds. ``numbers`` are those of the kinds, by identity. Main files that are nothing
        without the others are omitted: ``ends_of_mains`` gets, by kind, what follows the stem in
        their names, so that they can be looked up for those others, which are few.
        """
        by_ending: dict[str, list[_Template]] = {}
        by_form: dict[str, list[_Template]] = {}
        for key in self._by_key:
            if key.endswith("/"):
                by_form[key] = list(table.matching(key))
                continue
            ending = key.rpartition(".")[2]
            if ending not in by_ending:
                by_ending[ending] = table.with_ending(ending)
            if found := list(table.with_form(key)):
                by_form[key] = found
        possible = (*by_ending.values(), *by_form.values())
        sides = {(id(each.kind), each.is_main) for found in possible for each in found}
        usable = {
            kind
            for kind, is_main in sides
            if (not is_main and ((kind, True) in sides or numbers[kind] in table.of_any))
            or (is_main and table.kinds[numbers[kind]].mains_belong_together)
        }
        for ending, found in by_ending.items():
            by_ending[ending] = []
            for each in found:
                if each.is_main and each.is_plain and each.kind.is_found_by_others:
                    ends_of_mains[numbers[id(each.kind)]].add(each.head)
                elif id(each.kind) in usable:
                    by_ending[ending].append(each)
        for key, names in self._by_key.items():
            found = [] if key.endswith("/") else by_ending[key.rpartition(".")[2]]
            for template in (*found, *by_form.get(key, ())):
                yield key, names, template

    def _with_any_ending(self, before: str, stem: str) -> list[bytes]:
        """Return names that are a stem after that many characters."""
        if not before:
            return self._by_key.get(stem, [])
        return [
            name
            for key, names in self._by_key.items()
            if key[len(before) :] == stem
            for name in names
        ]

    def _join(self, names: list[bytes]) -> None:
        joined = sorted({each for name in names for each in self._sets.get(name, [name])})
        for name in joined:
            self._sets[name] = joined

    def of(self, name: bytes) -> list[bytes]:
        """Return the other files and folders in the set of a name."""
        return [each for each in self._sets.get(name, ()) if each != name]

    def owner_of(self, folder: bytes) -> bytes | None:
        """Return the name of a file that a folder belongs to; None if there is none."""
        found = self.of(folder + b"/")
        return next((each for each in found if not each.endswith(b"/")), None)

    def sign_of_use(self, name: bytes, size_of: Callable[[bytes], int]) -> bytes | None:
        """Return a companion that shows that a file is open, or was not closed cleanly.

        None if there is none. ``size_of`` returns the size of a file in the folder.
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
    """Return the name that a companion of ``name`` has beside a copy named ``kept``."""
    if name in other:
        return other.replace(name, kept, 1)
    stem, kept_stem = name.rpartition(b".")[0], kept.rpartition(b".")[0]
    return kept_stem + other.removeprefix(stem) if stem and other.startswith(stem) else other


_MAGIC = b"SQLite format 3\0"
DATABASE_HEADER = len(_MAGIC)
"""Bytes at the beginning of a file that `is_database` needs."""


def is_database(beginning: bytes) -> bool:
    """Return whether a file with this beginning is an SQLite database."""
    return beginning.startswith(_MAGIC)


def is_database_size(size: int) -> bool:
    """Return whether an SQLite database can have this size: its pages are at least 512 bytes."""
    return size >= 512 and size % 512 == 0


DATABASE_LOGS = (b"-wal", b"-journal")
"""Endings of the files in which SQLite keeps data that is not in the database yet."""

"""Recognize folders that a program keeps as a unit: repositories, backups, libraries, mailboxes.

A store is identified by what it contains, or by an ending that its system gives to such packages;
the table is in `store_table`. Nothing is removed from inside one, and it is a copy of another store
only as a whole.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import translate
from functools import cache, lru_cache
from typing import Final, Protocol

from gorillacomb.classify.kinds.store_kind import StoreKind
from gorillacomb.classify.names import is_version_control
from gorillacomb.classify.store_table import STORES
from gorillacomb.fs.openat import OUR_FOLDER


class FolderView(Protocol):
    """A folder as seen by its entries' names, from the index or the disk."""

    @property
    def files(self) -> Collection[bytes]:
        """Names of entries other than folders."""

    @property
    def folders(self) -> Collection[bytes]:
        """Names of subfolders."""

    def enter(self, name: bytes) -> FolderView:
        """Return a subfolder."""


@lru_cache(maxsize=65536)
def is_opaque(name: bytes) -> bool:
    """Return whether a program keeps folders of this name: version control, packages."""
    return is_version_control(name) or _told_by_name().is_among((name.lower(),))


def is_ours(name: bytes) -> bool:
    """Return whether a folder of this name, ignoring case, belongs to Gorilla Comb."""
    return name == OUR_FOLDER or name.lower() == OUR_FOLDER


def store_kind(name: bytes, folder: FolderView) -> StoreKind | None:
    """Return what kind of store a folder is; None for an ordinary one and for version control.

    Raises what the view raises.
    """
    lower = name.lower()
    if is_version_control(name) or not _has_sign(_all_first_signs(), lower, folder):
        return None
    signs = zip(STORES, _first_signs(), strict=True)
    return next(
        (
            kind
            for kind, sign in signs
            if _has_sign(sign, lower, folder) and _is_store(kind, lower, folder)
        ),
        None,
    )


def _has_sign(sign: _Sign, lower: bytes, folder: FolderView) -> bool:
    """Return whether a folder has a sign: most have none, and need not be compared with a kind."""
    named, folders, files = sign
    return (
        (named is not None and named.is_among((lower,)))
        or (folders is not None and folders.is_among(folder.folders))
        or (files is not None and files.is_among(folder.files))
    )


class _Names:
    """Names and globs to look for all at once."""

    def __init__(self, patterns: Iterable[str]) -> None:
        exact, self._globs = _pattern("|".join(patterns))
        self._exact = frozenset(exact)

    def is_among(self, names: Collection[bytes]) -> bool:
        """Return whether any of some names is one of these."""
        if not self._exact.isdisjoint(names):
            return True
        return self._globs is not None and any(map(self._globs.match, names))


@cache
def _told_by_name() -> _Names:
    """Return the names of the kinds that are recognized by their name alone."""
    return _Names(name for kind in STORES if kind.is_told_by_name for name in kind.named)


_Sign = tuple[_Names | None, _Names | None, _Names | None]
"""Any of these names: that of the folder itself, or of a folder or a file in it."""


@cache
def _first_signs() -> list[_Sign]:
    """Return the first sign of each kind: its own name, a folder in it, or a file in it."""
    return [_sign(*_first_sign(kind)) for kind in STORES]


@cache
def _all_first_signs() -> _Sign:
    """Return a sign that a folder has if it has the first one of any kind."""
    signs = map(_first_sign, STORES)
    return _sign(*([name for names in each for name in names] for each in zip(*signs, strict=True)))


def _first_sign(kind: StoreKind) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    if kind.named:
        return kind.named, (), ()
    first, *inner = (*kind.folders, *kind.files)[0].split("/")
    return ((), [first], ()) if kind.folders or inner else ((), (), [first])


def _sign(named: Sequence[str], folders: Sequence[str], files: Sequence[str]) -> _Sign:
    made = [_Names(each) if each else None for each in (named, folders, files)]
    return made[0], made[1], made[2]


def _is_store(kind: StoreKind, lower: bytes, folder: FolderView) -> bool:
    return (
        (not kind.named or _is_one_of((lower,), kind.named))
        and all(_has_folder(folder, pattern.split("/")) for pattern in kind.folders)
        and all(_has_file(folder, pattern.split("/")) for pattern in kind.files)
    )


def _has_folder(folder: FolderView, parts: list[str]) -> bool:
    found = _matching(folder.folders, parts[0])
    return any(len(parts) == 1 or _has_folder(folder.enter(each), parts[1:]) for each in found)


def _has_file(folder: FolderView, parts: list[str]) -> bool:
    if len(parts) == 1:
        return any(True for _ in _matching(folder.files, parts[0]))
    inner = _matching(folder.folders, parts[0])
    return any(_has_file(folder.enter(each), parts[1:]) for each in inner)


def _matching(names: Collection[bytes], pattern: str) -> Iterator[bytes]:
    exact, globs = _pattern(pattern)
    yield from (each for each in exact if each in names)
    if globs is not None:
        yield from filter(globs.match, names)


def _is_one_of(names: Collection[bytes], patterns: Iterable[str]) -> bool:
    return any(True for pattern in patterns for _ in _matching(names, pattern))


@cache
def _pattern(pattern: str) -> tuple[tuple[bytes, ...], re.Pattern[bytes] | None]:
    """Split a pattern at ``|`` into exact names and one regular expression for its globs."""
    parts = pattern.split("|")
    globs = [translate(each) for each in parts if set(each) & set("*?[")]
    return (
        tuple(each.encode() for each in parts if not set(each) & set("*?[")),
        re.compile("|".join(globs).encode()) if globs else None,
    )


def is_catalog_file(name: bytes) -> bool:
    """Return whether a file is the catalog of the photographs beside it."""
    return name.lower().endswith(_CATALOGS)


_CATALOGS = (b".lrcat", b".lrcat-data", b".lrcat-wal", b".lrcat-journal", b".cocatalog")


class StoreHints:
    """What to look for among many names, so that `store_kind` is called for few folders.

    Each kind has a first sign: a folder in it, a file, or its own name.
    """

    def __init__(self) -> None:
        self._names: defaultdict[bytes, list[int]] = defaultdict(list)
        self._endings: defaultdict[bytes, list[int]] = defaultdict(list)
        """By what follows the last dot, in lower case."""
        self._globs: list[tuple[re.Pattern[bytes], int]] = []
        self.file_names: set[bytes] = set()
        self.file_beginnings: set[bytes] = set()
        """Of `BEGINNING` bytes."""
        self.file_endings: set[bytes] = set()
        """Of `ENDING` bytes."""
        self.file_depth = 1
        for kind in STORES:
            for pattern in kind.named:
                self._add_folders(pattern, 0)
            if kind.named:
                continue
            if kind.folders:
                *above, last = kind.folders[0].split("/")
                self._add_folders(last, len(above) + 1)
            else:
                self._add_files(kind.files[0])

    def _add_folders(self, pattern: str, depth: int) -> None:
        for each in pattern.split("|"):
            literal = each.removeprefix("*.")
            if set(literal) & set("*?[") or (literal != each and "." in literal):
                assert "-" in each or "." in each, "otherwise it would never be checked"
                self._globs.append((re.compile(translate(each).encode(), re.IGNORECASE), depth))
            elif literal != each:
                self._endings[literal.lower().encode()].append(depth)
            else:
                self._names[each.lower().encode()].append(depth)

    def _add_files(self, pattern: str) -> None:
        *above, last = pattern.split("/")
        self.file_depth = max(self.file_depth, len(above) + 1)
        for each in last.encode().split(b"|"):
            literal = re.split(rb"[*?\[]", each)
            if len(literal) == 1:
                self.file_names.add(each)
            elif literal[0]:
                assert len(literal[0]) >= BEGINNING, each
                self.file_beginnings.add(literal[0][:BEGINNING])
            else:
                assert len(literal[-1]) >= ENDING, each
                self.file_endings.add(literal[-1][-ENDING:])

    def levels_above(self, folder_name: bytes) -> list[int]:
        """Return how many levels above a folder of this name a store may be.

        0 is the folder itself.
        """
        lower = folder_name.lower()
        found = self._names.get(lower, ()), self._endings.get(lower.rpartition(b".")[2], ())
        if b"-" not in lower and b"." not in lower:
            return [*found[0], *found[1]]
        globs = [depth for pattern, depth in self._globs if pattern.match(folder_name)]
        return [*found[0], *found[1], *globs]


BEGINNING: Final = 8
ENDING: Final = 4


@lru_cache(maxsize=1)
def store_hints() -> StoreHints:
    """Return the hints, built on first use."""
    return StoreHints()

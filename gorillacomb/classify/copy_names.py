"""Recognize names of copies, and derive the original's name; the words are in `copy_name_table`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from gorillacomb.classify.copy_name_table import (
    COPY_BEGINNINGS,
    COPY_MARKS,
    COPY_WORDS,
    LEFTOVERS,
    NUMBERS,
    PASSING_PLACES,
    VERSION_WORDS,
    WEAK_NUMBERS,
)

_ENDING = r"(?:\.[a-z]{1,4}(?=\.(?:bz2|gz|lz|lzma|lzo|xz|z|zst)$))?(?:\.[^.]*)?$"
"""An extension, or two: browsers put a number before all of ``.tar.gz`` (chromium, base/files/
file_path.cc, kCommonDoubleExtensionSuffixes)."""
_NUMBER = r"(?:[\ _]?\(?\d+\)?)?"
_FLAGS = re.IGNORECASE | re.VERBOSE


def _any_of(texts: Iterable[str]) -> str:
    return "|".join(each for text in texts for each in _spellings(text))


def _spellings(text: str) -> list[str]:
    """Return the spellings of a text (composed or not, capitalized or not), escaped as patterns."""
    if text.isascii():
        return [re.escape(text)]  # the pattern's flag handles upper case
    import unicodedata  # deferred: most commands need it for no name

    capital = text[:1].upper() + text[1:]
    forms = {
        unicodedata.normalize(form, each) for form in ("NFC", "NFD") for each in (text, capital)
    }
    return [re.escape(each) for each in sorted(forms)]


@lru_cache(maxsize=1)
def _beginnings() -> str:
    return "^(?:" + _any_of(each for each, *_ in COPY_BEGINNINGS).replace("@", r"\d+") + ")"


@lru_cache(maxsize=1)
def _marks() -> str:
    bracketed = [each for each in COPY_WORDS if each.is_apart]
    apart = _any_of(each.word for each in bracketed if not each.only_in_brackets)
    joined = _any_of(each.word for each in COPY_WORDS if not each.is_apart)
    inside = _any_of(each.word for each in bracketed)
    return "|".join(
        [
            rf"(?:[\s_-]|—|–)+(?:\d+\.?\ )?(?:{apart}){_NUMBER}",  # x - Copy, x copy 2, x 2. kopia
            rf"\ ?[(](?:[^()/]*\ )?(?:{inside})(?:\ [^()/]*)?[)]",  # x (copy), x (3rd copy)
            rf"(?:[\s_-]|—|–)*(?:{joined}){_NUMBER}",
            *(mark.pattern for mark in COPY_MARKS),
        ]
    )


@lru_cache(maxsize=8)
def _compiled(which: str) -> re.Pattern[bytes]:
    """Return one of the patterns, compiled on first use: together they take a while."""
    numbered = "|".join(mark.pattern for mark in NUMBERS)
    weakly = "|".join(mark.pattern for mark in (*NUMBERS, *WEAK_NUMBERS))
    words = "|".join(VERSION_WORDS)
    texts: dict[str, Callable[[], str]] = {
        "looks": lambda: rf"{_beginnings()}|(?:{_marks()}){_ENDING}|{'|'.join(LEFTOVERS)}",
        "place": lambda: "|".join(PASSING_PLACES),
        "before": _beginnings,
        "after": lambda: rf"(?:{_marks()}|{numbered})(?=(?:\.[^.\s]{{1,8}}){{0,2}}$)",
        "number": lambda: rf".+(?:{weakly})",
        "folder": lambda: (
            rf"[\s_.-]*(?:{_marks()}"
            rf"|(?<![a-z0-9])(?:{words})(?:\s\d{{1,2}}|\s?\(\d+\))?)$"
        ),
    }
    return re.compile(texts[which]().encode(), _FLAGS)


@lru_cache(maxsize=65536)
def looks_like_copy(name: bytes) -> bool:
    """Return whether a file's or folder's name suggests a copy, a leftover or a passing place."""
    return _has_hint(name) and _compiled("looks").search(name) is not None


def _has_hint(name: bytes) -> bool:
    """Return False only for a name without any mark of a copy, except a bare number."""
    return not name.isascii() or _hints().search(name.lower()) is not None


@lru_cache(maxsize=1)
def _hints() -> re.Pattern[bytes]:
    return re.compile(b"|".join(map(re.escape, _HINTS)))


def copy_names_in(path: bytes) -> tuple[bytes, ...]:
    """Return the components of an absolute path that are names of copies.

    All components count, so that it does not matter at which folder a root begins.
    """
    return tuple(part for part in path.split(b"/") if looks_like_copy(part))


_HINTS = (
    *(b"cop", b"kop", b"salin", b"(", b"[", b"conflict"),
    *(b"desktop", b"-laptop-"),
    *(b"schreibtisch", b"escritorio", b"scrivania", b"bureaublad", b"skriv"),
    *(b"folder", b"ordner", b"tmp", b"temp", b"cache", b"download", b"backup", b"bak", b"old"),
    *(b"trash", b"recycle", b"orig", b"lost+found", b"_files", b"~"),
)
"""No ASCII name without one of these looks like a copy, or has a mark of one: 95 % have none, and
the patterns take ten times as long."""


def is_passing_place(folder_name: bytes) -> bool:
    """Return whether things are only left in a folder of this name: ``Downloads``, or its copy."""
    return _compiled("place").search(without_copy_marks(folder_name)) is not None


@lru_cache(maxsize=65536)
def ends_in_number(name: bytes) -> bool:
    """Return whether a name may be that of a numbered copy: ``x 2.jpg``, but also ``Chapter 2``."""
    at = name.rfind(b".")
    stem = name[:at] if at > 0 else name
    return stem[-1:].isdigit() and _compiled("number").fullmatch(stem) is not None


@lru_cache(maxsize=65536)
def plain_name(name: bytes) -> bytes:
    """Return the name of the original that a copy's name implies; the name itself if none."""
    if b" " not in name and not _has_hint(name):  # every bare number follows a space
        return name
    return _without_marks(name)


def _without_marks(name: bytes) -> bytes:
    rest = name
    while True:
        shorter = _compiled("after").sub(b"", _compiled("before").sub(b"", rest), count=1)
        if not shorter.strip(b". ") or shorter == rest:
            return rest
        rest = shorter


_MEANT_BY_NAME = 64
"""Bytes: smaller files may be equal by chance."""


def meaning_of_name(name: bytes, size: int) -> bytes | None:
    """Return what a file is by its name, if its name defines it; None if its content does.

    A dotfile, or a file of a few bytes, is what its name says: if two have equal content but
    different meanings, such as ``.env`` and ``.env.example``, neither is a copy of the other.
    """
    return plain_name(name) if size < _MEANT_BY_NAME or is_dotfile(name) else None


@lru_cache(maxsize=65536)
def is_dotfile(name: bytes) -> bool:
    """Return whether programs look for a file by this name, or it is the name of a copy of one."""
    return plain_name(name).startswith(b".")


def without_copy_marks(folder_name: bytes) -> bytes:
    """Return a folder's name in lower case, without the marks of copies and versions."""
    rest = folder_name.lower()
    while True:
        shorter = _compiled("folder").sub(b"", _compiled("before").sub(b"", rest)).strip()
        if not shorter or shorter == rest:
            return rest
        rest = shorter

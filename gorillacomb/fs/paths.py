"""Path arithmetic on bytes: joining, splitting, containment. Never touches the disk."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar


def is_below(path: bytes, folder: bytes) -> bool:
    """Return whether ``path`` is ``folder`` or inside it; both absolute, without ``..``."""
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")


def relative_path(path: bytes, folder: bytes) -> bytes:
    """Return ``path`` relative to the ``folder`` that it is in; empty for the folder itself."""
    return path[len(folder.rstrip(b"/")) + 1 :]


def join(folder: bytes, relative: bytes) -> bytes:
    """Return the path of ``relative`` in ``folder``; the folder itself if it is empty."""
    return folder.rstrip(b"/") + b"/" + relative if relative else folder


def parent_path(path: bytes) -> bytes:
    """Return the folder around an absolute path."""
    return path[: path.rfind(b"/")] or b"/"


def base_name(path: bytes) -> bytes:
    """Return the last name of an absolute path; empty for ``/``."""
    return path[path.rfind(b"/") + 1 :]


def split_path(path: bytes) -> tuple[bytes, bytes]:
    """Return the folder around an absolute path, and the name in it."""
    at = path.rfind(b"/")
    return path[:at] or b"/", path[at + 1 :]


def join_relative(above: bytes, name: bytes) -> bytes:
    """Join paths that are relative to a root; ``above`` is empty for the root itself."""
    return above + b"/" + name if above else name


def path_parts(relative: bytes) -> list[bytes]:
    """Split a relative path into its names; an empty path has none."""
    return relative.split(b"/") if relative else []


def path_prefixes(relative: bytes) -> list[bytes]:
    """Return all prefixes of a relative path, outermost first, the path itself last.

    An empty path has none.
    """
    parts = path_parts(relative)
    return [b"/".join(parts[: count + 1]) for count in range(len(parts))]


class _HasPath(Protocol):
    @property
    def path(self) -> bytes: ...


_FolderT = TypeVar("_FolderT", bound=_HasPath)


def innermost(
    path: bytes, folders: Iterable[_FolderT], *, strictly: bool = False
) -> _FolderT | None:
    """Return the innermost of some folders that contains a path; None if none does.

    A folder contains its own path, unless ``strictly``. All paths are absolute.
    """
    around = [
        folder
        for folder in folders
        if is_below(path, folder.path) and not (strictly and path == folder.path)
    ]
    return max(around, key=lambda folder: len(folder.path), default=None)


def common_suffix_parts(paths: Sequence[bytes]) -> bytes:
    """Return the longest common suffix of paths, in whole names; empty if there is none."""
    parts = [path.split(b"/")[::-1] for path in paths]
    shared: list[bytes] = []
    for names in zip(*parts, strict=False):
        if not names[0] or len(set(names)) > 1:
            break
        shared.append(names[0])
    return b"/".join(reversed(shared))


def path_text(path: bytes) -> str:
    """Return a path as text that every encoding accepts: bytes that are not UTF-8 are escaped."""
    return path.decode("utf-8", "backslashreplace")


def printable_path(path: bytes) -> str:
    """Return a path on one line that is safe to print to a terminal.

    Bytes that are not UTF-8, control characters and newlines are escaped, and so are blanks at the
    end of a name, which nobody would see.
    """
    text = printable(path_text(path))
    return _BLANKS_AT_END.sub(_escaped_blanks, text) if " /" in text or text[-1:] == " " else text


_BLANKS_AT_END = re.compile(r" +(?=/|$)")


def _escaped_blanks(blanks: re.Match[str]) -> str:
    return "\\x20" * len(blanks[0])


def printable(text: str) -> str:
    """Escape everything in a text that a terminal would interpret, such as names and errors."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def path_and_parents(path: bytes) -> Iterator[bytes]:
    """Yield a path and its parents, innermost first, ending with ``/``."""
    while path != b"/":
        yield path
        path = path.rpartition(b"/")[0] or b"/"
    yield path


def unicode_key(path: bytes) -> bytes:
    """Normalize a path to NFC: equal for paths that people cannot tell apart."""
    if path.isascii():
        return path
    return os.fsencode(unicodedata.normalize("NFC", os.fsdecode(path)))


def spelling_key(path: bytes) -> bytes:
    """Normalize a path as `unicode_key` does, and ignore upper and lower case."""
    text = unicodedata.normalize("NFD", os.fsdecode(path)).casefold()
    return os.fsencode(unicodedata.normalize("NFC", text))


def pair_spellings(
    wanted: Iterable[bytes], found: Iterable[bytes], key: Callable[[bytes], bytes]
) -> dict[bytes, bytes]:
    """Pair paths that differ in spelling only, by a key; ambiguous ones are not paired."""
    sides: tuple[defaultdict[bytes, list[bytes]], ...] = defaultdict(list), defaultdict(list)
    for side, paths in zip(sides, (wanted, found), strict=True):
        for path in paths:
            side[key(path)].append(path)
    return {
        paths[0]: sides[1][alike][0]
        for alike, paths in sides[0].items()
        if len(paths) == 1 == len(sides[1].get(alike, ()))
    }


def spelling_difference(before: bytes, after: bytes) -> str:
    """Describe how two paths that differ in spelling only differ."""
    if unicode_key(before) != unicode_key(after):
        return "the same name in other upper and lower case"
    return f"the same name in another Unicode form: {_form(before)}, then {_form(after)}"


def _form(path: bytes) -> str:
    text = os.fsdecode(path)
    found = [form for form in ("NFC", "NFD") if unicodedata.is_normalized(form, text)]
    words = {"NFC": "composed (NFC)", "NFD": "decomposed (NFD)"}
    return words[found[0]] if found else "both mixed"

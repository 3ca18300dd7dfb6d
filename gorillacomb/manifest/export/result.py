"""What an export gives: the data, and by name all that its format cannot carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gorillacomb.manifest.model import ManifestEntry

PATH_MAX = 4096
"""Bytes of a path that a program can name to the system, with the NUL at the end (limits.h)."""


@dataclass(frozen=True, slots=True)
class OmittedEntry:
    """An entry that a format cannot carry, and why."""

    path: bytes
    cause: str


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A manifest in another format."""

    data: bytes
    entries: int
    """How many were carried."""
    left_out: tuple[OmittedEntry, ...] = ()


OmissionRule = Callable[[ManifestEntry], str | None]
"""Why a format cannot carry an entry; None when it can."""


def split_by_rule(
    entries: Sequence[ManifestEntry], rule: OmissionRule
) -> tuple[list[ManifestEntry], tuple[OmittedEntry, ...]]:
    """Part entries into those that a format carries and those that it leaves out."""
    kept, left = [], []
    for entry in entries:
        cause = rule(entry)
        if cause is None:
            kept.append(entry)
        else:
            left.append(OmittedEntry(entry.path, cause))
    return kept, tuple(left)


def no_readable_file(entry: ManifestEntry) -> str | None:
    """Why formats that list the content of files, each by its path, leave an entry out."""
    if entry.type == "link":
        return "a link, and the format lists files only"
    if entry.type == "dir":
        return "an empty folder, and the format lists files only"
    if len(entry.path) >= PATH_MAX:
        return f"a path of {len(entry.path):,} bytes, more than a program can open"
    return None


def utf8_or_none(path: bytes) -> str | None:
    """A path as text; None when it is not UTF-8."""
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return None

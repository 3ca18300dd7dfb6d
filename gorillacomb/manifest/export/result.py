"""The result of an export: the data, and everything that its format cannot represent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gorillacomb.manifest.model import ManifestEntry

PATH_MAX = 4096
"""Maximum length of a path passed to the system, in bytes with the terminating NUL (limits.h)."""


@dataclass(frozen=True, slots=True)
class OmittedEntry:
    """An entry that a format cannot represent, and why."""

    path: bytes
    cause: str


@dataclass(frozen=True, slots=True)
class ExportResult:
    """A manifest in another format."""

    data: bytes
    entries: int
    """The number of entries represented."""
    left_out: tuple[OmittedEntry, ...] = ()


OmissionRule = Callable[[ManifestEntry], str | None]
"""Returns why a format cannot represent an entry; None if it can."""


def split_by_rule(
    entries: Sequence[ManifestEntry], rule: OmissionRule
) -> tuple[list[ManifestEntry], tuple[OmittedEntry, ...]]:
    """Split entries into those that a format can represent and those that it omits."""
    kept, left = [], []
    for entry in entries:
        cause = rule(entry)
        if cause is None:
            kept.append(entry)
        else:
            left.append(OmittedEntry(entry.path, cause))
    return kept, tuple(left)


def no_readable_file(entry: ManifestEntry) -> str | None:
    """Return why formats that list file contents by path omit an entry."""
    if entry.type == "link":
        return "a link, and the format lists files only"
    if entry.type == "dir":
        return "an empty folder, and the format lists files only"
    if len(entry.path) >= PATH_MAX:
        return f"a path of {len(entry.path):,} bytes, more than a program can open"
    return None


def utf8_or_none(path: bytes) -> str | None:
    """Return a path as text; None if it is not UTF-8."""
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return None

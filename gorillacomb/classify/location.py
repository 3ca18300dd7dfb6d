"""Classify the location of a path: ordinary, a trash or cache, or kept by a program."""

from __future__ import annotations

from enum import StrEnum

from gorillacomb.classify.names import is_machine_made
from gorillacomb.classify.stores import is_opaque, is_ours

_TRASH = frozenset(
    b"trash .trash .trashes $recycle.bin .recycle.bin .recycle #recycle @recycle recycler recycled"
    b" lost+found .snapshot .snapshots @snapshots #snapshot ~snapshot .zfs timeshift .timeshift"
    b" .mobilebackups .stversions .dropbox.cache .cache .caches .tmp .temp temporaryitems"
    b" .temporaryitems .thumbnails".split()
) | {b"recently deleted"}


_TRASH_BEFORE = (b".trash-", b"@gmt-")
_THROWN_AWAY = (b".trashed-", b".pending-")
"""Prefixes that Android gives to files that it will delete later."""


class LocationKind(StrEnum):
    """What kind of location a file has, judged by its path."""

    PLAIN = "plain"
    PASSING = "in a trash, cache, temporary folder or snapshot"
    """Nothing is meant to stay there."""
    MADE = "in a folder that programs make"
    """A program can recreate it, and may do so at any time."""
    KEPT = "in a library or repository that a program keeps"


def location_kind(
    root: bytes,
    inner: bytes,
    project: int | None,
    more: frozenset[bytes],
    store: int | None = None,
) -> LocationKind:
    """Return what kind of location a folder is.

    ``root`` is the path that the user named, which may be called ``tmp``, but in a trash it is in a
    trash; ``inner`` is the folder's path below that. From part number ``project`` of ``inner`` on,
    it is inside a project; part number ``store`` is the outermost store recognized by its contents,
    -1 for the root itself. ``more`` are further names of machine-made folders. The outermost name
    decides: inside a machine-made folder, names mean nothing.
    """
    for part in root.split(b"/"):
        if is_transient(part):
            return LocationKind.PASSING
        if is_opaque(part):
            return LocationKind.KEPT
        if is_machine_made(part, False):
            return LocationKind.MADE
    if store is not None and store < 0:
        return LocationKind.KEPT
    for at, part in enumerate(inner.split(b"/") if inner else ()):
        in_project = project is not None and at >= project
        if is_transient(part) or _is_temporary(part, in_project):
            return LocationKind.PASSING
        if at == store or is_opaque(part):
            return LocationKind.KEPT
        if is_machine_made(part, in_project, more):
            return LocationKind.MADE
    return LocationKind.PLAIN


def is_transient(part: bytes) -> bool:
    """Return whether a folder of this name is a trash, a cache, a snapshot or a quarantine."""
    name = part.lower()
    return is_ours(part) or name in _TRASH or name.startswith(_TRASH_BEFORE)


def _is_temporary(part: bytes, in_project: bool) -> bool:
    """Return whether a folder is temporary.

    In a project, ``cache`` is a machine-made folder instead.
    """
    name = part.lower()
    return name in (b"tmp", b"temp") or (name in (b"cache", b"caches") and not in_project)

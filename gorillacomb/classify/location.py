"""Classify the location of a path: ordinary, a trash or cache, or kept by a program.

`copy_refusal` is the one rule about which copies count.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from functools import lru_cache

from gorillacomb.classify.names import is_machine_made
from gorillacomb.classify.snapshots import SnapshotFinder
from gorillacomb.classify.stores import is_opaque, is_ours

_TRASH = frozenset(
    b"trash .trash .trashes $recycle.bin .recycle.bin .recycle #recycle @recycle recycler recycled"
    b" lost+found .snapshot .snapshots @snapshots #snapshot ~snapshot .zfs timeshift .timeshift"
    b" .mobilebackups .stversions .dropbox.cache .cache .caches .tmp .temp temporaryitems"
    b" .temporaryitems .thumbnails".split()
) | {b"recently deleted"}


_THROWN_AWAY = (b".trashed-", b".pending-")
"""Prefixes that Android gives to what it will delete later, mostly single files."""
_TRASH_BEFORE = (b".trash-", b"@gmt-", *_THROWN_AWAY)


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


def copy_refusal(
    folder: bytes,
    name: bytes,
    kind: LocationKind,
    removed: LocationKind | None,
    noise: Collection[bytes],
    snapshots: SnapshotFinder,
) -> str | None:
    """Return why a copy does not count for one that is removed or reported; None if it does.

    ``folder`` is the absolute path of the folder that contains it, and ``kind`` what kind of
    location that is; ``name`` is the copy's name, empty if the copy is the folder itself. A copy in
    a place that a program manages counts only for one in a place of the same kind, ``removed``;
    that is None if it was checked before the other one was moved. ``noise`` are names of files that
    are removed with their folders whatever they contain.
    """
    if name in noise:
        return "as a file that systems leave behind"
    if kind is LocationKind.PASSING or is_thrown_away(name):
        return LocationKind.PASSING
    if removed is not None and kind not in (LocationKind.PLAIN, removed):
        return kind
    if snapshots.around(folder) is not None:
        return LocationKind.PASSING
    return None


@lru_cache(maxsize=65536)
def is_transient(part: bytes) -> bool:
    """Return whether a folder of this name is a trash, a cache, a snapshot or a quarantine."""
    name = part.lower()
    return is_ours(part) or name in _TRASH or name.startswith(_TRASH_BEFORE)


def is_thrown_away(name: bytes) -> bool:
    """Return whether a file of this name waits for being deleted."""
    return name.lower().startswith(_THROWN_AWAY)


def _is_temporary(part: bytes, in_project: bool) -> bool:
    """Return whether a folder is temporary.

    In a project, ``cache`` is a machine-made folder instead.
    """
    name = part.lower()
    return name in (b"tmp", b"temp") or (name in (b"cache", b"caches") and not in_project)

"""Protect albums: folders of pictures, or of music, in which removals must not leave holes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gorillacomb.classify.copy_names import looks_like_copy
from gorillacomb.classify.media import album_members
from gorillacomb.dedupe.model import PlanOptions, Refusal, RemovalPair, SafetyRule
from gorillacomb.fs.paths import base_name, parent_path

HOLES = Refusal(SafetyRule.ALBUM, "is part of an album, of which others would stay")
SCATTERED = Refusal(SafetyRule.ALBUM, "is part of an album whose other copies are scattered")


def members_taken(
    folder: bytes, names: Collection[bytes], pairs: Iterable[RemovalPair]
) -> tuple[list[bytes], list[bytes]]:
    """Return the pictures of the album that a folder is, and those removed from it.

    A picture that is removed for another one in the same folder does not count. ``names`` are those
    of all files in the folder.
    """
    members = album_members(base_name(folder), names)
    return members, taken_of(folder, members, pairs) if members else []


def taken_of(folder: bytes, members: Iterable[bytes], pairs: Iterable[RemovalPair]) -> list[bytes]:
    """Return which of the pictures of the album that a folder is are removed from it."""
    gone = {
        base_name(pair.path)
        for pair in pairs
        if parent_path(pair.path) == folder != parent_path(pair.keep)
    }
    return [name for name in members if name in gone]


def fewest_to_leave(folder: bytes, members: int) -> int:
    """Return how many pictures must be removed together: all, or half if the album is a copy.

    What such a copy has of its own may stay in it.
    """
    return (members + 1) // 2 if looks_like_copy(base_name(folder)) else members


def album_refusal(
    folder: bytes,
    names: Collection[bytes],
    pairs: Collection[RemovalPair],
    options: PlanOptions,
) -> Refusal | None:
    """Return why a step may not remove files from a folder; None if it may.

    What is removed from an album must be kept together in one other folder. ``names`` are those of
    all files in the folder, ``pairs`` what is removed in this one step.
    """
    if not options.action.empties_path or options.retires(folder):
        return None
    members, taken = members_taken(folder, names, pairs)
    if not taken:
        return None
    if len(taken) < fewest_to_leave(folder, len(members)):
        return HOLES
    gone = set(taken)
    kept_in = {parent_path(each.keep) for each in pairs if base_name(each.path) in gone}
    return SCATTERED if len(kept_in) > 1 else None

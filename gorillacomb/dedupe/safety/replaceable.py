"""Decide whether a link, or shared blocks, may replace a file."""

from __future__ import annotations

import os
from collections.abc import Mapping

from gorillacomb.dedupe.model import DedupeAction
from gorillacomb.fs.reflink import CANNOT_SHARE, NO_SHARING, refuse_to_share
from gorillacomb.fs.volumes import has_links

REPLACING = (DedupeAction.REFLINK, DedupeAction.HARDLINK, DedupeAction.SYMLINK)
"""Actions after which a file still is where it was, by other means."""


def unsupported_cause(action: DedupeAction, kind: str, victim: int, keep: int) -> str | None:
    """Return why the file system of two open files cannot do an action at all; None if it can.

    ``kind`` is its type. Raises OSError if it cannot be done with these two.
    """
    if action in (DedupeAction.HARDLINK, DedupeAction.SYMLINK) and not has_links(kind):
        return f"is on a file system without links ({kind})"
    if action is DedupeAction.REFLINK:
        try:
            refuse_to_share(victim, keep)
        except OSError as error:
            if error.errno not in CANNOT_SHARE:
                raise
            return f"{NO_SHARING} ({kind})" if kind else NO_SHARING
    return None


def hard_link_refusal(
    facts: os.stat_result,
    other: os.stat_result,
    attributes: Mapping[str, bytes],
    other_attributes: Mapping[str, bytes],
) -> str | None:
    """Return why no hard link to another file can replace a file; None if one can.

    The two then become one file, so owner, mode and all attributes must be equal.
    """
    if facts.st_dev != other.st_dev:
        return "has its other copy on another file system"
    if (facts.st_uid, facts.st_gid) != (other.st_uid, other.st_gid):
        return "has another owner than its other copy"
    if facts.st_mode != other.st_mode:
        return "has another mode than its other copy"
    if attributes != other_attributes:
        return "has other attributes than its other copy"
    return None

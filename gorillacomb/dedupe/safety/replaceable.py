"""Whether a link may stand in the place of a file, by owner, mode and attributes of both."""

from __future__ import annotations

import os
from collections.abc import Mapping


def hard_link_refusal(
    facts: os.stat_result,
    other: os.stat_result,
    attributes: Mapping[str, bytes],
    other_attributes: Mapping[str, bytes],
) -> str | None:
    """Return why no hard link to another file can stand for a file; None when one can.

    The two are one file then, so that owner, mode and all attributes must be equal.
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

"""Find what is to be recorded in the trace after a scan; mostly nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gorillacomb.canonical.rules_version import RULES_VERSION
from gorillacomb.index import stamps
from gorillacomb.index.stamps import StampRoot
from gorillacomb.model import Root
from gorillacomb.sqlite import Connection
from gorillacomb.stamping.deferral import StampDeferral


class UnstampedChanges(NamedTuple):
    """What the trace does not reflect yet."""

    is_first: bool
    """Whether no stamp was ever made."""
    contents: list[bytes]
    """Contents whose stamps must be checked again, and perhaps `FOLDERS_CHANGED`."""
    roots: list[Root]
    """Roots that the trace does not know, or not as they are now."""
    outdated: set[bytes]
    """Contents whose canonical files were chosen by older rules or other settings, and are to be
    chosen again."""


def find_unstamped(
    connection: Connection, roots: Sequence[Root], deferral: StampDeferral, choice: str
) -> UnstampedChanges | None:
    """Return what is to be recorded; None if that is nothing, as after most scans.

    ``choice`` is what the settings say about which copy to keep.
    """
    found = UnstampedChanges(
        stamps.synced_log_size(connection) is None,
        stamps.unstamped(connection),
        _changed_roots(connection, roots),
        set(stamps.chosen_by_other_rules(connection, RULES_VERSION, choice)),
    )
    is_new_choice = stamps.user_choice(connection) != choice
    return found if any(found) or deferral.is_due or is_new_choice else None


def stamp_root(root: Root) -> StampRoot:
    """Return a root as the trace is to know it."""
    return StampRoot(root.id, root.uid, root.path, root.volume)


def _changed_roots(connection: Connection, roots: Iterable[Root]) -> list[Root]:
    known = stamps.stamp_roots(connection)
    return [root for root in roots if known.get(root.id) != stamp_root(root)]

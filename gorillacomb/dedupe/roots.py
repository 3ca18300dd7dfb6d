"""The roots that are there now, as a run sees them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gorillacomb.fs.openat import FileIdentity, identity_of
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import shows_others
from gorillacomb.model import Root


@dataclass(frozen=True, slots=True)
class LiveRoot:
    """A root whose drive is there."""

    path: bytes
    uid: str
    identity: FileIdentity
    grain_ns: int
    shows_others: bool = False
    """Whether it may show files that lie in another file system."""
    kind: str = ""
    """The type of its file system."""


def live_roots(
    roots: Sequence[Root], online: Callable[[Root], bool], grain_ns: Callable[[str], int]
) -> list[LiveRoot]:
    """Those of some roots that are there now.

    ``grain_ns`` says for a type of file system how far apart its times are at the least.
    """
    found = []
    for root in roots:
        if online(root) and real_path(root.path) == root.path:
            facts = os.stat(root.path)
            grain = grain_ns(root.volume_type)
            others = shows_others(root.volume_type)
            found.append(
                LiveRoot(root.path, root.uid, identity_of(facts), grain, others, root.volume_type)
            )
    return found

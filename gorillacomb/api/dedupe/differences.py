"""Say how two copies differ: what is lost although the content is kept, and folders on disk."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

from gorillacomb.api.dedupe.pairs import FolderPair
from gorillacomb.dedupe.model import PlanStep

__all__ = ["FolderDifferences", "Losses", "folder_differences", "losses"]


@dataclass(frozen=True, slots=True)
class Losses:
    """What is lost with copies whose content is kept: their names, and their dates."""

    names: tuple[tuple[bytes, bytes], ...]
    """Names of single files that are kept under another one, with that."""
    earlier: int
    """Files whose date is earlier than that of the copy that is kept."""


def losses(unit: FolderPair) -> Losses:
    """Return what is lost with the single files of a unit although their contents are kept."""
    names, earlier = [], 0
    for step in unit.steps:
        for pair in step.pairs if step.kind == "file" else ():
            name, kept = map(os.path.basename, (pair.path, pair.keep))
            if name != kept:
                names.append((name, kept))
            with suppress(OSError):  # one of them disappeared since
                earlier += os.lstat(pair.path).st_mtime_ns < os.lstat(pair.keep).st_mtime_ns
    return Losses(tuple(names), earlier)


@dataclass(frozen=True, slots=True)
class FolderDifferences:
    """How the files of two folders differ on disk: names relative to each, sorted."""

    only_removed: tuple[bytes, ...]
    """Only in the folder that is removed."""
    only_kept: tuple[bytes, ...]
    resized: tuple[bytes, ...]
    """In both, with different sizes."""


def folder_differences(step: PlanStep) -> FolderDifferences:
    """List the files of both folders of a step and compare names and sizes."""
    removed, kept = _listing(step.path), _listing(step.keep)
    both = removed.keys() & kept.keys()
    return FolderDifferences(
        tuple(sorted(removed.keys() - both)),
        tuple(sorted(kept.keys() - both)),
        tuple(sorted(name for name in both if removed[name] != kept[name])),
    )


def _listing(top: bytes) -> dict[bytes, int]:
    """Return every file below a folder by its relative path, with its size."""
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            try:
                found[os.path.relpath(path, top)] = os.lstat(path).st_size
            except OSError:
                continue  # it disappeared since
    return found

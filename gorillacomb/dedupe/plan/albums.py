"""Albums: folders of pictures, or of music, out of which nothing is taken that leaves a hole."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable

from gorillacomb.classify.copy_names import looks_like_copy
from gorillacomb.classify.media import album_kind, media_kind
from gorillacomb.dedupe.model import PlanStep, Refusal, SafetyRule

_HOLES = Refusal(SafetyRule.ALBUM, "is part of an album, of which others would stay")
_SCATTERED = Refusal(SafetyRule.ALBUM, "is part of an album whose other copies are scattered")


def without_holes(
    steps: Iterable[PlanStep],
    names_in: Callable[[bytes], list[bytes]],
    leave: Callable[[bytes, Refusal, PlanStep], None],
) -> list[PlanStep]:
    """Return the steps for files but those that would take some pictures out of an album.

    Those of an album go all together, for the pictures of one other folder, or not at all. A folder
    that has a copy's name itself, such as ``Downloads`` or ``Iceland (1)``, is no album.
    ``names_in`` gives the names of the files in a folder; ``leave`` is told of steps left out.
    """
    steps = list(steps)
    keeps: defaultdict[bytes, dict[bytes, bytes]] = defaultdict(dict)
    """By folder: for each file in it that goes the folder of the one that stays for it."""
    for step in steps:
        for pair in step.pairs:
            folder, name = os.path.split(pair.path)
            keeps[folder][name] = os.path.dirname(pair.keep)
    refusals = {folder: _refusal(folder, names_in(folder), gone) for folder, gone in keeps.items()}
    left = []
    for step in steps:
        folder = os.path.dirname(step.path)
        refusal = refusals[folder]
        if refusal is None or media_kind(os.path.basename(step.path)) != album_kind(
            names_in(folder)
        ):
            left.append(step)
        else:
            leave(folder, refusal, step)
    return left


def _refusal(folder: bytes, names: list[bytes], gone: dict[bytes, bytes]) -> Refusal | None:
    """Why no picture of a folder may go, if some would."""
    kind = album_kind(names)
    if kind is None or looks_like_copy(os.path.basename(folder)):
        return None
    members = [name for name in names if media_kind(name) is kind]
    if not any(name in gone for name in members):
        return None
    if not all(name in gone for name in members):
        return _HOLES
    return _SCATTERED if len({gone[name] for name in members}) > 1 else None

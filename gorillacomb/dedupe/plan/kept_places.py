"""Say where the files of a folder's step are kept, if not all of them are in its kept copy."""

from __future__ import annotations

import os
from collections import Counter

from gorillacomb.dedupe.model import KeptPlace, PlanStep
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.fs.paths import path_and_parents, relative_path


def kept_places(step: PlanStep, sites: IndexLocations) -> tuple[KeptPlace, ...]:
    """Return the folders that keep the files of a step, those with the most files first.

    Each takes the place of the whole: a file that is kept at ``K/sub/f`` for ``step.path/sub/f`` is
    kept in ``K``. Empty if the kept copy keeps them all.
    """
    if not step.nested:
        return ()
    keeps = {step.path: step.keep, **{pair.path: pair.keep for pair in step.nested}}
    files = {path: _files_at(path, sites) for path in keeps}
    own = Counter(files)
    for path in keeps:
        if path != step.path:
            _, *above = path_and_parents(path)
            own[next(each for each in above if each in keeps)] -= files[path]
    found: Counter[bytes] = Counter()
    for path, keep in keeps.items():
        found[_whole(relative_path(path, step.path), keep, path, sites)] += own[path]
    places = [KeptPlace(path, count) for path, count in found.most_common() if count > 0]
    return () if [each.path for each in places] == [step.keep] else tuple(places)


def _files_at(path: bytes, sites: IndexLocations) -> int:
    folder = sites.folder_at(path)
    return 1 if folder is None else folder.files


def _whole(relative: bytes, keep: bytes, path: bytes, sites: IndexLocations) -> bytes:
    """Return the folder that has ``keep`` at a relative path; else the folder that has it."""
    if not relative:
        return keep
    if keep.endswith(b"/" + relative):
        return keep[: -len(relative) - 1] or b"/"
    return os.path.dirname(keep) if sites.folder_at(path) is None else keep

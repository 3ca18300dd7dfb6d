"""Look up what the index knows about a path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gorillacomb.api.paths import PathInput, absolute_path
from gorillacomb.classify.names import NOISE
from gorillacomb.errors import UsageError
from gorillacomb.fs.paths import path_text, relative_path
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import content_queries
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths, find_folder
from gorillacomb.index.roots import all_roots, roots_of_path
from gorillacomb.model import IndexedFile, Root
from gorillacomb.stamping.mark_index import marks_in
from gorillacomb.vault.settings import Settings, load_settings

if TYPE_CHECKING:
    from gorillacomb.canonical.groups import GroupReader
    from gorillacomb.canonical.keep_criteria import KeepCriteria
    from gorillacomb.folders.analysis import FolderAnalysis
    from gorillacomb.marks.rules import MarkRules


@dataclass(frozen=True, slots=True)
class PathLookup:
    """What a path is in the index; all None if it is in no root or was never scanned."""

    path: bytes
    """Absolute."""
    root: Root | None
    folder: int | None
    """The id of the folder, if the path is one."""
    file: IndexedFile | None
    away: tuple[Root, ...] = ()
    """Roots that were scanned there and are not connected now: one of several; or all, if what is
    there now was never scanned.
    """


def open_groups(index: Index) -> GroupReader:
    """Return the groups of an open index, with the user's preferences."""
    from gorillacomb.canonical.groups import GroupReader  # imports the rules about what is kept

    settings = load_settings()
    return GroupReader(
        *(index, is_online, settings.preferred, settings.machine_names, marks_in(index)),
        criteria_of(settings),
    )


def criteria_of(settings: Settings) -> KeepCriteria:
    """Return the criteria for what is kept, with the user's rules among them."""
    from gorillacomb.canonical.user_rules import keep_criteria

    return keep_criteria(settings.rules)


def noise_names(settings: Settings) -> frozenset[bytes]:
    """Return the names of files that do not count: the user's, or the usual ones."""
    return NOISE if settings.noise is None else frozenset(map(os.fsencode, settings.noise))


def folders_of(
    index: Index,
    similar: float | None = None,
    settings: Settings | None = None,
    marks: MarkRules | None = None,
) -> FolderAnalysis:
    """Return the folders of an open index and how they relate, with the user's settings.

    ``marks`` are read from the index unless given.
    """
    # A scan that finds nothing new needs none of it.
    from gorillacomb.folders.analysis import load_analysis
    from gorillacomb.folders.families import SIMILAR

    settings = settings or load_settings()
    similar = SIMILAR if similar is None else similar
    names = noise_names(settings), settings.machine_names
    marks = marks_in(index) if marks is None else marks
    return load_analysis(index, settings.preferred, similar, *names, marks, criteria_of(settings))


def look_up_path(index: Index, path: PathInput) -> PathLookup:
    """Look a path up as a folder or an entry of one; a link outside all roots by its target."""
    found = _find(index, absolute_path(path))
    real = real_path(os.fsencode(path))
    if found.folder is None and found.file is None and real != found.path:
        return _find(index, real)
    return found


def look_up_folder_or_root(index: Index, named: PathInput) -> PathLookup:
    """Look a folder up by its path, or a whole root by its id or the name that the user gave it.

    A path comes first, except before an id. Roots of drives that were scanned at one mount point
    share their path, so only an id or a name says which one is meant.
    """
    name = os.fsencode(named)
    roots = all_roots(index.connection)
    meant = [root for root in roots if root.uid.encode() == name]
    if not meant:
        found = look_up_path(index, real_path(name))
        if found.folder is not None:
            return found
        meant = [root for root in roots if root.name is not None and os.fsencode(root.name) == name]
        if not meant:
            return found
    return PathLookup(meant[0].path, meant[0], meant[0].folder, None)


def away_notes(found: PathLookup) -> Iterator[str]:
    """Return notes on other drives that were scanned at a path and are not connected now."""
    for root in found.away if found.root is not None else ():
        where, is_meant = path_text(root.path), root == found.root
        yield (
            f"{where} is where several drives or folders were scanned. Root {root.uid} is not there"
            f" now, and the answer is {'' if is_meant else 'not '}about that one."
        )


def _find(index: Index, place: bytes) -> PathLookup:
    roots = all_roots(index.connection)
    around = roots_of_path(roots, place)
    asked = around.answering()
    if not asked:
        return PathLookup(place, None, None, None, around.away)
    found = [_find_in(index, place, root, roots) for root in asked]
    best = next((each for each in found if each.folder or each.file), found[0])
    depth = 0 if best.root is None else len(best.root.path)
    depth = max([depth, *(len(root.path) for root in around.here)])
    away = tuple(root for root in around.away if len(root.path) >= depth)
    return best if away == (best.root,) and not around.here else replace(best, away=away)


def _find_in(index: Index, place: bytes, root: Root, roots: list[Root]) -> PathLookup:
    relative = relative_path(place, root.path)
    folder = find_folder(index.connection, root, relative)
    if folder is not None:
        return PathLookup(place, root, folder, None)
    parent, _, name = relative.rpartition(b"/")
    above = find_folder(index.connection, root, parent)
    if above is None:
        return PathLookup(place, root, None, None)
    paths = FolderPaths(index.connection, {each.id: each for each in roots})
    return PathLookup(
        place, root, None, content_queries.file_at(index.connection, paths, above, name)
    )


def not_a_folder_error(found: PathLookup) -> UsageError:
    """Return the error for a path that is not a folder of the index."""
    if found.file is not None:
        return UsageError(
            f"{path_text(found.path)} is a file.",
            "Name a folder; `gorillacomb explain` describes files.",
        )
    return unknown_path_error(found)


def unknown_path_error(found: PathLookup) -> UsageError:
    """Return the error for a path that the index does not know."""
    shown = path_text(found.path)
    if not os.path.lexists(found.path):
        return UsageError(
            f"{shown} does not exist, nor is it in the index.",
            "Check the spelling. If it was removed: gorillacomb explain PATH",
        )
    if found.root is None and found.away:
        return UsageError(
            f"What is at {shown} now was never scanned: the drive that was there is not connected.",
            "Scan what is there now: gorillacomb scan PATH. Or connect that drive again.",
        )
    if found.root is None:
        return UsageError(
            f"{shown} is in no folder that was scanned.",
            "Scan it first: gorillacomb scan PATH. See `gorillacomb roots list`.",
        )
    return UsageError(
        f"{shown} is not in the index.",
        "It is newer than the last scan, or Gorilla Comb's own: gorillacomb scan PATH",
    )

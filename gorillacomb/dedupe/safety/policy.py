"""Where no step may act, even if copies exist: projects, repositories, libraries, our own folders.

The rules depend only on names and on what makes a folder a project; so they give the same answer
for the index, when a plan is made, and for the disk, when it is applied.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from gorillacomb.classify.companions import CompanionTable, companion_table
from gorillacomb.classify.location import (
    LocationKind,
    copy_refusal,
    is_thrown_away,
    is_transient,
    location_kind,
)
from gorillacomb.classify.names import NOISE, is_machine_made, is_version_control
from gorillacomb.classify.projects import (
    ProjectRules,
    is_repository_marker,
    outermost_project,
)
from gorillacomb.classify.snapshots import SnapshotFinder
from gorillacomb.classify.stores import is_ours
from gorillacomb.dedupe.model import DedupeAction, PlanOptions, Reference, Refusal, SafetyRule
from gorillacomb.dedupe.safety.context import FolderContext, PathContext
from gorillacomb.dedupe.safety.file_names import special_file_refusal
from gorillacomb.dedupe.safety.folder_answers import FolderAnswers
from gorillacomb.dedupe.safety.sorted_references import references_right_to, references_to
from gorillacomb.fs.paths import base_name, is_below, path_and_parents, path_text, relative_path
from gorillacomb.marks.rules import NO_MARKS, MarkRules

_OURS = Refusal(SafetyRule.OWN, "is Gorilla Comb's own")


@dataclass(slots=True)
class SafetyPolicy:
    """The rules for one plan."""

    options: PlanOptions
    fixed: Collection[bytes]
    """Paths that are kept, as is what is around them: roots, homes, mount points, the vault."""
    own: Collection[bytes]
    """Our own folders, from which nothing is removed."""
    tracks: Callable[[bytes, bytes], bool]
    """Returns whether the repository in a folder tracks a path relative to it."""
    machine_made: frozenset[bytes] = frozenset()
    homes: frozenset[bytes] = frozenset()
    """Folders that a weak marker does not make projects."""
    links: Sequence[Reference] = ()
    """The targets of symbolic links, and of paths in files; sorted."""
    snapshots: SnapshotFinder = field(default_factory=SnapshotFinder)
    companions: CompanionTable = field(default_factory=companion_table)
    """Which files belong together."""
    marks: MarkRules = NO_MARKS
    """What the user marked."""
    noise: frozenset[bytes] = NOISE
    """Names of files that are removed with their folders whatever they contain."""
    gone: set[bytes] = field(default_factory=set)
    """What other steps removed: a link in it no longer leads anywhere."""
    _tracked: dict[tuple[bytes, bytes], bool] = field(default_factory=dict)
    _fixed: frozenset[bytes] = field(init=False)
    _around_fixed: frozenset[bytes] = field(init=False)
    """The folders around them, and they themselves."""
    _inside_own: tuple[bytes, ...] = field(init=False)
    """What the paths of our folders, and of all in them, begin with: ending in slashes."""
    _projects: ProjectRules = field(init=False)
    _targets: frozenset[bytes] = field(init=False)
    """What `links` lead to."""
    _answers: FolderAnswers = field(init=False, default_factory=FolderAnswers)

    def __post_init__(self) -> None:
        self._fixed = frozenset(self.fixed)
        self._around_fixed = frozenset(each for at in self._fixed for each in path_and_parents(at))
        self._inside_own = tuple(each.rstrip(b"/") + b"/" for each in self.own)
        self._projects = ProjectRules(self.options.not_a_project, self.homes, self._fixed)
        self._targets = frozenset(link.target for link in self.links)

    def refusal_for(
        self, site: PathContext, keep: PathContext | None, around: bytes | None = None
    ) -> Refusal | None:
        """Return why a path may not be removed while ``keep`` is kept for it; None if it may.

        ``around`` is the folder that is removed as a whole, with the path in it.
        """
        return (
            self._ours(site)
            or self._closed(site)
            or self._marked(site, keep)
            or self._answers.about(self._owned, site)
            or self._in_project(site, keep, around)
            or (None if keep is None else self.kept_copy_refusal(site, keep))
            or self._linked(site)
        )

    def refusal_for_part(self, site: PathContext, keep: PathContext) -> Refusal | None:
        """Return the same for a part of a copy of a tree that leaves whole, kept elsewhere."""
        return self._ours(site) or self._marked(site, keep) or self.kept_copy_refusal(site, keep)

    def closed_to_copies(self, site: PathContext) -> Refusal | None:
        """Return why nothing may be created at a path; None if something may."""
        if self._is_in_ours(site):
            return _OURS
        return _closed_level(site) or self._in_snapshot(site)

    def closed_to_repair(self, site: PathContext) -> Refusal | None:
        """Return why a file may not be given its good content back; None if it may."""
        return self._ours(site) or self._closed(site)

    def closed_to_files(self, folder: PathContext) -> Refusal | None:
        """Return why no file directly in a folder may be removed; None if one may."""
        inside = folder.inside(b"*")
        return (
            self._ours(inside)
            or _closed_level(inside)
            or self._owned(inside)
            or self._in_snapshot(inside)
            or self._in_project(inside, None)
        )

    def may_close_anew(
        self, path: bytes, marker: str | None, is_unit: bool, above: Refusal
    ) -> bool:
        """Return whether a folder may be closed to files by something else than its parent is.

        For most it is the same: rules are asked again only where the folder itself may make a
        difference. ``marker`` makes it a project; ``is_unit`` says whether a program manages it as
        a unit, or it belongs to a file beside it.
        """
        name = base_name(path)
        return (
            (marker is not None and above.rule is not SafetyRule.PROJECT)
            or is_unit
            or is_version_control(name)
            or is_transient(name)
            or bool(self.options.retire)
            or self._is_in_own(path)
            or self.snapshots.around(path) is not None
        )

    def _ours(self, site: PathContext) -> Refusal | None:
        if site.path in self._around_fixed:
            what = "is" if site.path in self._fixed else "holds"
            return Refusal(SafetyRule.OWN, f"{what} a scanned folder, a home, a mount or the vault")
        if self._answers.about(self._is_in_ours, site) or site.path in self.own:
            return _OURS
        return None

    def _is_in_ours(self, site: PathContext) -> bool:
        return self._is_in_own(site.folder) or _has_our_level(site)

    def _is_in_own(self, path: bytes) -> bool:
        return (path + b"/").startswith(self._inside_own)

    def _closed(self, site: PathContext) -> Refusal | None:
        refusal = (
            self.protected(site.path)
            or self._answers.about(_closed_level, site)
            or self._answers.about(self._in_snapshot, site)
        )
        if refusal is None and not site.is_folder:
            return special_file_refusal(base_name(site.path))
        return refusal

    def _marked(self, site: PathContext, keep: PathContext | None) -> Refusal | None:
        """Return whether the user's marks are against removing it for the sake of another one."""
        found = self.marks.refusal(site.path, None if keep is None else keep.path)
        return None if found is None else Refusal(SafetyRule.MARKED, found.cause, found.path)

    def _owned(self, site: PathContext) -> Refusal | None:
        """Return whether it is, or is in, a folder that belongs to a file beside it.

        Such a folder is removed with everything around it, or not at all. A project that someone
        put into it does not belong to the file: it is a unit by itself.
        """
        owned: FolderContext | None = None
        for level in site.levels if self.options.action.empties_path else ():
            if level.owner is not None:
                owned = owned or level
            elif level.marker is not None:
                owned = None
        if owned is None or owned.owner is None:
            return None
        owner, name = path_text(owned.owner), path_text(owned.name)
        what = "is" if owned.path == site.path else "is part of"
        cause = f"{what} {name}, which belongs to {owner}"
        return Refusal(SafetyRule.SIDECAR, cause, owned.path)

    def _in_snapshot(self, site: PathContext) -> Refusal | None:
        """Return whether a path is, or is in, one of several snapshots of a tree."""
        found = self.snapshots.around(site.folder)
        if found is None:
            return None
        name = path_text(os.path.basename(found))
        return Refusal(SafetyRule.TRASH, f"belongs to the snapshot {name}", found)

    def protected(self, path: bytes) -> Refusal | None:
        """Return whether the user protects a path, or names something in it without a pattern."""
        text = os.fsdecode(path) if self.options.protect else ""
        for each in self.options.protect:
            place = os.fsencode(each.rstrip("/") or "/")
            if is_below(path, place) or fnmatch.fnmatchcase(text, each):
                return Refusal(SafetyRule.PROTECTED, f"is protected by {path_text(place)}")
            if is_below(place, path):
                return Refusal(
                    SafetyRule.PROTECTED, f"holds {path_text(place)}, which is protected"
                )
        return None

    def project(self, site: PathContext) -> int | None:
        """Return the level of the outermost project around a path; None outside of any."""
        return outermost_project(site.levels, self._counts)

    def is_project(self, site: PathContext) -> bool:
        """Return whether a folder is the top of a project."""
        return bool(site.levels) and self._counts(site.levels[-1])

    def _counts(self, level: FolderContext) -> bool:
        return self._projects.counts(level.path, level.marker)

    def _in_project(
        self, site: PathContext, keep: PathContext | None, around: bytes | None = None
    ) -> Refusal | None:
        if self.options.retires(site.path):
            return None
        at = self._answers.about(self.project, site)
        if at is None:
            if around is None:
                return self._answers.about(_made_level, site)
            return _made_level(site, around)
        outermost = site.levels[at]
        if site.is_folder and outermost.path == site.path:
            if keep is not None and self.project(keep) is not None and not self._is_project(keep):
                return Refusal(SafetyRule.PROJECT, "has its other copy inside of another project")
            return None
        if self.options.action is DedupeAction.REFLINK and not site.is_folder:
            return None
        cause = f"project ({outermost.marker}): nothing is taken out of it"
        if keep is not None and self._is_nested_root(site, at) and self._is_project(keep):
            tracked = self._tracked_by(site)
            return None if tracked is None else Refusal(SafetyRule.PROJECT, tracked)
        if keep is not None and is_below(keep.path, outermost.path):
            return Refusal(SafetyRule.STRUCTURAL, cause)
        return Refusal(SafetyRule.PROJECT, cause)

    def _is_nested_root(self, site: PathContext, at: int) -> bool:
        """Return whether it is a project in a project: a copy that was dropped there."""
        return (
            site.is_folder
            and self.is_project(site)
            and not any(
                is_machine_made(level.name, True, self.machine_made)
                for level in site.levels[at + 1 : -1]
            )
        )

    def _is_project(self, keep: PathContext) -> bool:
        """Return whether it is an outermost project, not part of one."""
        at = self.project(keep)
        return at is not None and keep.levels[at].path == keep.path

    def _tracked_by(self, site: PathContext) -> str | None:
        """Name the repository around it that tracks it."""
        for level in reversed(site.above):
            if is_repository_marker(level.marker):
                key = (level.path, relative_path(site.path, level.path))
                if key not in self._tracked:
                    self._tracked[key] = level.marker != ".git" or self.tracks(*key)
                if self._tracked[key]:
                    return f"is tracked by the repository around it ({level.marker})"
        return None

    def location_kind(self, site: PathContext) -> LocationKind:
        """Return what kind of place it is, or is in."""
        return self._answers.about(self._location_kind, site)

    def _location_kind(self, site: PathContext) -> LocationKind:
        if self.snapshots.around(site.folder) is not None:
            return LocationKind.PASSING
        at = self.project(site)
        inside = None if at is None else at + 1
        stores = (at for at, level in enumerate(site.levels) if level.store)
        store = -1 if site.root_is_store else next(stores, None)
        inner = relative_path(site.folder, site.root)
        return location_kind(site.root, inner, inside, self.machine_made, store)

    def kept_copy_refusal(self, site: PathContext, keep: PathContext) -> Refusal | None:
        """Return why another copy does not count; None if it does."""
        if self.counts_for_any(keep):  # so it is in no quarantine either
            return None
        if self._answers.about(_has_our_level, keep):
            return Refusal(SafetyRule.OWN, "has its other copy in a quarantine")
        refusal = self._copy_refusal(keep, self.location_kind(site))
        if refusal is not None:
            return Refusal(SafetyRule.TRASH, f"has its other copy {refusal}")
        return None

    def counts_for_any(self, keep: PathContext) -> bool:
        """Return whether a copy counts wherever the one that is removed is."""
        name = b"" if keep.is_folder else base_name(keep.path)
        is_left_behind = name in self.noise or is_thrown_away(name)
        return not is_left_behind and self._answers.about(self._is_plain, keep)

    def _is_plain(self, keep: PathContext) -> bool:
        folder = keep._replace(path=keep.folder, is_folder=True)
        return self._copy_refusal(folder, LocationKind.PLAIN) is None

    def _copy_refusal(self, keep: PathContext, removed: LocationKind) -> str | None:
        name = b"" if keep.is_folder else base_name(keep.path)
        kind = self.location_kind(keep)
        return copy_refusal(keep.folder, name, kind, removed, self.noise, self.snapshots)

    def is_gone(self, path: bytes) -> bool:
        """Return whether another step removed a path."""
        return bool(self.gone) and not self.gone.isdisjoint(path_and_parents(path))

    def _linked(self, site: PathContext) -> Refusal | None:
        """Return a refusal if a link or a text from outside leads here, or to a folder around it.

        A link to a whole drive or home is not a reason to leave all of it alone, and for a retired
        folder only a link into it counts.
        """
        for level in site.above if self.links else ():
            if level.path not in self._targets:
                continue
            if level.path in self._fixed or any(
                is_below(each, level.path) for each in self.options.retire
            ):
                continue
            for link in references_right_to(self.links, level.path):
                if link.is_place or is_below(link.source, level.path):
                    continue
                if not self.is_gone(link.source):
                    cause = f"is where {link.shown} leads to"
                    return Refusal(SafetyRule.LINKED, cause, level.path)
        for link in references_to(self.links, site.path):
            if not is_below(link.source, site.path) and not self.is_gone(link.source):
                verb = "is where" if link.target == site.path else "holds what"
                return Refusal(SafetyRule.LINKED, f"{verb} {link.shown} leads to", site.path)
        return None


def _has_our_level(site: PathContext) -> bool:
    return any(is_ours(level.name) for level in site.levels)


def _made_level(site: PathContext, around: bytes | None = None) -> Refusal | None:
    """Return a refusal if it is in a machine-made folder, other than the one ``around``."""
    for level in site.above:
        if level.path != around and is_machine_made(level.name, False):
            return Refusal(SafetyRule.STRUCTURAL, f"is part of {path_text(level.name)}")
    return None


def _closed_level(site: PathContext) -> Refusal | None:
    """Return a refusal if it is in version control, in a library or in a trash."""
    if site.root_is_store:
        name = os.path.basename(site.root)
        return Refusal(SafetyRule.BUNDLE, f"is part of {path_text(name)}", site.root)
    for level in site.levels:
        name = level.name
        if is_version_control(name):
            return Refusal(SafetyRule.REPOSITORY, f"belongs to {path_text(name)}")
        if level.store and not (site.is_folder and level.path == site.path):
            return Refusal(SafetyRule.BUNDLE, f"is part of {path_text(name)}")
        if is_transient(name):
            return Refusal(SafetyRule.TRASH, f"stands in {path_text(name)}")
    return None

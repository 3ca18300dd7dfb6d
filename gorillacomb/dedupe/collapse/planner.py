"""Plan how several drifted copies of a tree become one, so that each leaves whole or stays.

What the kept tree lacks is first copied to a shelf beside it; then the copy leaves by one rename.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from gorillacomb.classify.companions import Companions
from gorillacomb.dedupe.collapse.bring import BringRules
from gorillacomb.dedupe.collapse.cloud_shares import cloud_refusal, share_notes
from gorillacomb.dedupe.collapse.difference import TreeDifference
from gorillacomb.dedupe.collapse.kept_contents import KeptContents
from gorillacomb.dedupe.collapse.kept_history import GIT, KeptHistory
from gorillacomb.dedupe.collapse.own_items import CannotLeave, OwnItem
from gorillacomb.dedupe.collapse.own_references import own_link_notes, refuse_own_references
from gorillacomb.dedupe.collapse.shelf import NameRules, ShelfFolder, ShelfLabels, copy_steps
from gorillacomb.dedupe.model import (
    CopyStep,
    KeptPlace,
    Plan,
    PlanStep,
    Refusal,
    RemovalPair,
    SafetyRule,
    SkippedCopy,
)
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.plan.planner import plan_notes
from gorillacomb.dedupe.safety.git import index_entries_equal, is_tracked
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.errors import UsageError
from gorillacomb.folders.analysis import FolderFamily
from gorillacomb.folders.entries import FolderEntries
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import is_below, join, path_text, relative_path
from gorillacomb.index.content_queries import disk_bytes_below

_Held = dict[tuple[bytes, tuple[bytes, bool], bool], bytes]
"""Where an item is on the shelf already: by relative path, content, and whether it is a folder."""


@dataclass(slots=True)
class CollapsePlanner:
    """Makes one plan from the index and the folders on disk; changes nothing."""

    sites: IndexLocations
    policy: SafetyPolicy
    apart: Callable[[int, int], Refusal | None]
    """Returns why nothing in one root may rely on a copy in another, given by their ids."""
    traced: Callable[[bytes], Set[bytes]]
    """Returns what was ever in a tree, as far as the trace knows: paths relative to it."""
    bring: tuple[bytes, ...] | None = None
    """Paths in copies that are to be put into the kept tree; empty for all that may be, None for
    nothing."""
    _steps: list[PlanStep] = field(default_factory=list)
    _copies: list[CopyStep] = field(default_factory=list)
    _left: list[SkippedCopy] = field(default_factory=list)
    _leaving: set[bytes] = field(default_factory=set)
    _notes: list[str] = field(default_factory=list)
    _named: dict[bytes, str] = field(default_factory=dict)
    """By paths in ``bring``: why what is there is not brought; empty text if it is."""

    def plan(self, folders: Sequence[bytes], into: bytes | None, now_ns: int) -> Plan:
        """Return the plan for the families of some folders, or for all if none is given.

        ``into`` is the copy to keep, if not the one that is kept anyway. Raises UsageError.
        """
        families = list(self._families(folders, into))
        for family, keep in families:
            self._collapse(family, keep)
        for path in self.bring or ():
            cause = self._named.get(path, "is not something that only a copy that leaves contains")
            if cause:
                self._notes.append(f"{path_text(path)} is not brought: it {cause}.")
        return Plan(
            secrets.token_hex(16),
            now_ns,
            self.policy.options,
            tuple(self._steps),
            tuple(self._left),
            (*self._notes, *plan_notes(self._steps, self.sites)),
            copies=tuple(self._copies),
        )

    def _families(
        self, folders: Sequence[bytes], into: bytes | None
    ) -> Iterator[tuple[FolderFamily, TreeFolder]]:
        analysis = self.sites.folders
        every = analysis.families()
        chosen = None if into is None else self.sites.folder_at(into)
        if not folders:
            named = next((each for each in every if chosen in each.members), None)
            if into is not None and named is None:
                raise _no_copy(into)
            for each in every:
                if not each.structural or each is named:
                    yield each, chosen if chosen is not None and each is named else each.keep
            return
        for path in folders:
            folder = self.sites.folder_at(path)
            family = next((each for each in every if folder in each.members), None)
            if folder is None or family is None:
                raise _no_copy(path)
            keep = family.keep
            if into is not None:
                if chosen is None or chosen not in family.members:
                    raise UsageError(
                        f"{path_text(into)} is not a copy of {path_text(path)}.",
                        f"`gorillacomb folders {path_text(path)}` lists its copies.",
                    )
                keep = chosen
            yield family, keep

    def _collapse(self, family: FolderFamily, keep: TreeFolder) -> None:
        analysis = self.sites.folders
        path = analysis.path(keep)
        if keep.parent is None:
            cause = "is a scanned folder, so that there is no place for a shelf beside it: scan the"
            self._leave(keep, Refusal(SafetyRule.OWN, f"{cause} folder around it"))
            return
        # The deepest first: one may be in another.
        members = sorted(
            (each for each in family.members if each is not keep),
            key=lambda each: (-analysis.path(each).count(b"/"), analysis.path(each)),
        )
        others = {analysis.path(each) for each in members}
        labels = ShelfLabels.of([analysis.path(each) for each in members], path)
        past = KeptHistory(path, self.traced, self._notes)
        found: dict[bytes, tuple[TreeFolder, TreeDifference, list[OwnItem]]] = {}
        for member in members:
            with self._left_if_it_cannot_leave(member):
                difference = self._difference(member, keep, others)
                past.take(difference)
                own = self._with_companions(difference.top, difference)
                refuse_own_references(difference.top, own, self.policy.links)
                found[difference.top] = member, difference, own
                self._leaving.add(difference.top)
        contents = {top: KeptContents(difference) for top, (_, difference, _) in found.items()}
        rules = BringRules(
            path,
            self.bring,
            self.policy.companions,
            cache(past.paths),
            NameRules.of(path),
            lambda top, item: contents[top].place_of(item),
        )
        rules.count({top: own for top, (_, _, own) in found.items()})
        held: _Held = {}
        for top, (member, difference, own) in found.items():
            self._leaving.remove(top)
            with self._left_if_it_cannot_leave(member):
                self._step(member, keep, difference, own, labels, rules, held)
                self._leaving.add(top)
        self._named |= rules.named

    @contextmanager
    def _left_if_it_cannot_leave(self, member: TreeFolder) -> Iterator[None]:
        try:
            yield
        except CannotLeave as no:
            self._leave(member, no.refusal)
        except OSError as error:
            self._leave(member, Refusal(SafetyRule.INCOMPLETE, os_error_text(error)))

    def _leave(self, member: TreeFolder, refusal: Refusal) -> None:
        size = disk_bytes_below(self.sites.folders.index.connection, member.id)
        path = self.sites.folders.path(member)
        self._left.append(SkippedCopy(path, refusal.rule, refusal.cause, member.files, size))

    def _difference(
        self, member: TreeFolder, keep: TreeFolder, others: Set[bytes]
    ) -> TreeDifference:
        """Compare a copy with the one to keep; ``others`` are the paths of all but that one.

        Raises CannotLeave, OSError.
        """
        analysis = self.sites.folders
        top, kept = analysis.path(member), analysis.path(keep)
        refusal = self._refusal(member, keep)
        if refusal is not None:
            raise CannotLeave(refusal.rule, b"", refusal.cause)
        entries = FolderEntries(analysis.index.connection)
        order = analysis.forest.order
        entries.load([*order[member.first : member.last + 1], *order[keep.first : keep.last + 1]])
        difference = TreeDifference(
            entries,
            member,
            keep,
            top,
            kept,
            self.policy.noise,
            set(self._leaving),
            others,
            index_entries_equal,
            lambda path, place: self._may_be_renamed(path, place, kept),
            lambda path: os.path.lexists(join(top, b".git")) and is_tracked(top, path),
        )
        difference.find()
        return difference

    def _step(
        self,
        member: TreeFolder,
        keep: TreeFolder,
        difference: TreeDifference,
        own: Sequence[OwnItem],
        labels: ShelfLabels,
        rules: BringRules,
        held: _Held,
    ) -> None:
        """Plan how one copy leaves. Raises CannotLeave."""
        analysis = self.sites.folders
        top, kept = difference.top, difference.kept_top
        if any(is_below(each, top) and each not in self._leaving for each in difference.apart):
            raise CannotLeave(SafetyRule.STRUCTURAL, b"", "contains another copy, which stays")
        nested = [RemovalPair(join(top, a), join(kept, b)) for a, b in difference.renamed]
        copies, pairs = self._shelve(top, kept, labels, own, rules, held)
        self._notes += own_link_notes(top, own, self.policy.links)
        self._notes += share_notes(top)
        nested += pairs
        on_shelf = sum(each.files for each in own) - sum(
            each.files for each in copies if each.is_brought
        )
        known = len(difference.in_history)
        elsewhere = on_shelf + known + difference.made_again
        places = [KeptPlace(kept, difference.files - elsewhere), *_on_shelf(copies)]
        if known:
            places.append(KeptPlace(join(kept, GIT), known))
        self._copies += copies
        within = sum(each.size for each in self._steps if is_below(each.path, top))
        self._steps.append(
            PlanStep(
                f"leave-{len(self._steps) + 1}",
                "folder",
                top,
                kept,
                difference.files,
                disk_bytes_below(analysis.index.connection, member.id) - within,
                analysis.reasons(keep, member),
                nested=tuple(nested),
                kept_in=tuple(places) if len(places) > 1 else (),
                is_member=True,
                regenerable=tuple(difference.regenerable),
                repositories=tuple(difference.repositories),
                in_history=tuple(sorted(difference.in_history)),
            )
        )

    def _may_be_renamed(self, path: bytes, place: bytes, kept: bytes) -> bool:
        """Return whether a file may be kept under another name.

        That counts, and in a repository git tracks it: what it ignores may be overwritten.
        """
        folders = [self.sites.folder_at(os.path.dirname(each)) for each in (path, place)]
        if None in folders:
            return False
        ours, theirs = (
            self.sites.of_name(folder, os.path.basename(each))
            for folder, each in zip(folders, (path, place), strict=True)
            if folder is not None
        )
        if self.policy.refusal_for_part(ours, theirs) is not None:
            return False
        repository = os.path.lexists(join(kept, b".git"))
        return not repository or is_tracked(kept, relative_path(place, kept))

    def _refusal(self, member: TreeFolder, keep: TreeFolder) -> Refusal | None:
        """Return why a copy may not leave, whatever it contains."""
        analysis = self.sites.folders
        top, kept = analysis.path(member), analysis.path(keep)
        if member.holds(keep):
            return Refusal(SafetyRule.STRUCTURAL, "contains the copy that is kept")
        if any(is_below(top, each) or is_below(kept, each) for each in self._leaving):
            return Refusal(SafetyRule.STRUCTURAL, "is in a copy that leaves: plan again afterwards")
        if member.gap is not None:
            return Refusal(SafetyRule.INCOMPLETE, member.gap)
        contexts = self.sites.of_folder(member), self.sites.of_folder(keep)
        refusal = self.policy.refusal_for(*contexts) or self.apart(member.root, keep.root)
        if refusal is not None:
            return refusal
        cause = cloud_refusal(top, kept)
        return None if cause is None else Refusal(SafetyRule.OTHER_VOLUME, cause)

    def _with_companions(self, top: bytes, difference: TreeDifference) -> list[OwnItem]:
        """Return what only a copy contains, with the files that belong to it."""
        known = {each.path for each in difference.own}
        found = list(difference.own)
        beside: dict[bytes, Mapping[bytes, os.stat_result]] = {}
        sets: dict[bytes, Companions] = {}
        for each in difference.own:
            folder, name = os.path.split(each.path)
            if each.is_folder:
                continue
            if folder not in beside:
                beside[folder] = _files_in(join(top, folder) if folder else top)
                sets[folder] = Companions(beside[folder], self.policy.companions)
            for other in sets[folder].of(name):
                if other not in beside[folder]:
                    continue  # a folder
                path = join(folder, other) if folder else other
                if path not in known:
                    known.add(path)
                    size = beside[folder][other].st_size
                    found.append(OwnItem(path, None, 1, size, False))
        return found

    def _shelve(
        self,
        top: bytes,
        kept: bytes,
        labels: ShelfLabels,
        own: Sequence[OwnItem],
        rules: BringRules,
        held: _Held,
    ) -> tuple[list[CopyStep], list[RemovalPair]]:
        """Give each item a place in the kept tree or on the shelf, once for equal ones.

        Raises CannotLeave.
        """
        folders: list[ShelfFolder] = []
        pairs: list[RemovalPair] = []
        brought: list[tuple[bytes, bytes, int, int]] = []
        for item in own:
            key = None if item.key is None else (item.path, item.key, item.is_folder)
            if key is not None and key in held:
                pairs.append(RemovalPair(join(top, item.path), held[key]))
                continue
            why = rules.why_not(top, item)
            if why is None:
                place = join(kept, item.path)
                pairs.append(RemovalPair(join(top, item.path), place))
                brought.append((join(top, item.path), place, item.files, item.size))
                if key is not None:
                    held[key] = place
                continue
            folder = next((each for each in folders if each.takes(item.path)), None)
            if folder is None:
                folder = ShelfFolder(labels.new(top))
                folder.takes(item.path)
                folders.append(folder)
            if rules.is_asked:
                folder.not_brought.append(why)
            cause = rules.names.refusal(folder.path, item)
            if cause is not None:
                raise CannotLeave(SafetyRule.NAME, item.path, cause)
            place = join(folder.path, item.path)
            pairs.append(RemovalPair(join(top, item.path), place))
            if key is not None:
                held[key] = place
            folder.files += item.files
            folder.size += item.size
        copies = list(copy_steps(top, folders, brought, len(self._copies) + 1))
        return copies, pairs


def _no_copy(path: bytes) -> UsageError:
    message = f"{path_text(path)} is not one of several copies of a tree."
    return UsageError(message, "`gorillacomb folders` lists them.")


def _files_in(folder: bytes) -> dict[bytes, os.stat_result]:
    """Return the regular files directly in a folder, by name. Raises OSError."""
    with os.scandir(folder) as listing:
        return {
            entry.name: entry.stat(follow_symlinks=False)
            for entry in listing
            if entry.is_file(follow_symlinks=False)
        }


def _on_shelf(copies: Sequence[CopyStep]) -> Iterator[KeptPlace]:
    for copy in copies:
        if not copy.is_brought:
            yield KeptPlace(copy.target, copy.files)

"""Decide what becomes of every surplus copy: it is removed, or it is left alone for one reason.

Of each content, all copies but those to keep are surplus. What a plan reports as left alone, and
what the overview says of all that is there twice, are sums of these.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gorillacomb.canonical.groups import GroupReader
from gorillacomb.classify.copy_names import meaning_of_name
from gorillacomb.dedupe.model import PlanStep, SafetyRule, SkippedCopy
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.plan.skipped import KeptReason, SkippedItems
from gorillacomb.dedupe.safety.file_names import NAME_REFUSAL
from gorillacomb.folders.analysis import GIVEN_UP, FolderAnalysis
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.fs.paths import join, parent_path, path_and_parents
from gorillacomb.index.content_queries import ContentCopies, CopyRow

OTHER_DRIVE = "has its other copy on another volume: a backup"
_OWN_FILES = "is in a copy of a folder that has files or links of its own"
_UNCOUNTED = {
    SafetyRule.PLACEHOLDER,
    SafetyRule.UNSTABLE,
    SafetyRule.INCOMPLETE,
    SafetyRule.ONE_COPY,
}
"""Rules that keep folders because of files that count as copies of nothing."""
_Key = tuple[bool, SafetyRule | None]
"""Whether a copy is removed; if not, the rule that keeps it."""


class SurplusTotals(NamedTuple):
    """All surplus copies that are removed, or that are left alone because of one rule."""

    is_removed: bool
    rule: SafetyRule | None
    """None if no rule forbids it: the copy is kept for others that are removed."""
    files: int
    bytes: int
    """On disk."""


@dataclass(slots=True)
class _Copy:
    """One file of a content, with all its names."""

    names: list[tuple[_FolderFate, CopyRow]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return max(row[2] for _, row in self.names) * 512


class _Staying(NamedTuple):
    """A copy that is not removed."""

    copy: _Copy
    path: bytes
    """The name that the reason is about."""
    reason: KeptReason | None


class _FolderFate(NamedTuple):
    """What is true for all files directly in a folder."""

    id: int
    volume: str
    """The identity of its volume."""
    online: bool
    """Whether its drive is mounted."""
    path: bytes
    is_removed: bool
    """Whether it is removed as a whole."""
    is_mixed: bool
    """Whether a file in it is removed, or has a reason of its own."""
    reason: KeptReason | None
    """Why all of them are kept."""
    given_up: bytes | None
    """The path of the copy of a tree that it is in, if the other copy of that is to be kept."""

    @property
    def project(self) -> bytes | None:
        """The path of the project that it is part of, if that is why they are kept."""
        is_inside = self.reason is not None and self.reason.rule is SafetyRule.PROJECT
        return self.reason.place if self.reason and is_inside else None


class _Fate(NamedTuple):
    """What becomes of a content with a copy in each of some folders."""

    removed: int
    """How many of them are removed."""
    left: Sequence[tuple[_FolderFate, KeptReason]]
    """The folders of those that are left alone, except for the one to keep, and why."""


class SurplusCopies:
    """Adds up the surplus copies of all contents, given the steps of a plan."""

    def __init__(
        self,
        folders: FolderAnalysis,
        groups: GroupReader,
        steps: Iterable[PlanStep],
        left: SkippedItems,
        scope: PlanScope,
    ) -> None:
        self._folders = folders
        self._groups = groups
        self._left = left
        self._scope = scope
        self._across_volumes = left.guard.options.across_volumes
        self._files = {pair.path for step in steps for pair in step.pairs if step.kind == "file"}
        self._trees = {step.path for step in steps if step.kind == "folder"}
        self._mixed = {*map(parent_path, self._files), *left.folders_of_files()}
        self._places = self._read_places()
        """By folder id; without folders that have no path."""
        self._counts: Counter[_Key] = Counter()
        self._bytes: Counter[_Key] = Counter()
        self._left_files: Counter[KeptReason] = Counter()
        self._left_bytes: Counter[KeptReason] = Counter()

    def add_up(self) -> None:
        """Add up all contents: those in the same folders at once, unless single files matter."""
        fates: dict[tuple[str, int | None], _Fate | None] = {}
        sums: defaultdict[tuple[str, int | None], list[int]] = defaultdict(lambda: [0, 0])
        others: list[bytes] = []
        for digest, folders, size, stamped in self._groups.places():
            key = folders, stamped
            if key not in fates:
                fates[key] = self._fate(list(map(int, folders.split(","))), stamped)
            if size is None or fates[key] is None:
                others.append(digest)
            else:
                found = sums[key]
                found[0] += 1
                found[1] += size
        for key, (contents, size) in sums.items():
            fate = fates[key]
            assert fate is not None, "the others are not summed up"
            self._add_all(fate, contents, size)
        for content in self._groups.contents_of(others):
            self._add(content)

    def _fate(self, folders: Sequence[int], stamped: int | None) -> _Fate | None:
        """Return what becomes of contents with a copy in each of some folders, given by their ids.

        ``stamped`` is the one with the canonical copy. None if that depends on the single files.
        """
        places = [place for each in folders if (place := self._places.get(each)) is not None]
        if (
            self._scope.keep != 1
            or len(places) < len(folders)
            or any(place.is_mixed for place in places)
        ):
            return None
        staying = [place for place in places if not place.is_removed]
        if len(staying) < 2:
            return _Fate(len(places) - 1, ()) if staying else None
        ranks = [_rank(place) for place in staying]
        first = min(ranks)
        equal = [place for place, rank in zip(staying, ranks, strict=True) if rank == first]
        if len({(place.reason, self._scope.holds(place.path)) for place in equal}) == 1:
            kept = equal[0]  # whichever it is, the others are reported alike
        elif self._groups.prefers_some:
            return None
        else:
            in_stamped = (place for place in equal if place.id == stamped)
            if (found := next(in_stamped, None)) is None:
                return None
            kept = found
        rest = list(staying)
        rest.remove(kept)
        reasons = [place.reason for place in rest if place.reason is not None]
        if len(reasons) < len(rest):
            return None
        is_structure = len({place.project for place in staying}) == 1
        whys = [_inside(each, is_structure) for each in reasons]
        return _Fate(len(places) - len(staying), tuple(zip(rest, whys, strict=True)))

    def _add_all(self, fate: _Fate, contents: int, size: int) -> None:
        """Add contents with copies in the same folders; ``size`` is that of one copy of each."""
        if fate.removed:
            self._counts[True, None] += fate.removed * contents
            self._bytes[True, None] += fate.removed * size
        for place, reason in fate.left:
            self._counts[False, reason.rule] += contents
            self._bytes[False, reason.rule] += size
            if self._scope.holds(place.path):
                self._left_files[reason] += contents
                self._left_bytes[reason] += size

    def totals(self) -> tuple[SurplusTotals, ...]:
        """Return the sums over all contents; they do not depend on the scope of the plan."""
        return tuple(
            SurplusTotals(*key, number, self._bytes[key]) for key, number in self._counts.items()
        )

    def left_alone(self) -> tuple[SkippedCopy, ...]:
        """Return what is left alone in the scope of the plan, most bytes first.

        That includes folders with no surplus copy that can be counted.
        """
        gone = self._trees
        found = [
            SkippedCopy(*reason, number, self._left_bytes[reason])
            for reason, number in self._left_files.items()
        ] + [
            SkippedCopy(*reason, 0, 0)
            for reason in self._left.whole()
            if reason.rule in _UNCOUNTED
            and reason not in self._left_files
            and gone.isdisjoint(path_and_parents(reason.place))
        ]
        return tuple(sorted(found, key=lambda each: (-each.size, each.path, each.rule)))

    def _add(self, content: ContentCopies) -> None:
        if self._scope.keep == 1 and self._one_stays(content.files):
            if len(content.files) > 1:
                self._counts[True, None] += len(content.files) - 1
                self._bytes[True, None] += content.summary.reclaimable
            return
        copies = self._copies(content)
        going = [copy for copy in copies if all(map(self._is_removed, copy.names))]
        gone = set(map(id, going))
        staying = [self._staying(copy) for copy in copies if id(copy) not in gone]
        staying.sort(key=lambda each: self._keep_order(each, content))
        if not staying:  # no plan does that
            del going[:1]
        kept, rest = staying[: self._scope.keep], staying[self._scope.keep :]
        if not going and not rest:
            return  # an interrupted scan has not updated the group yet
        reasons = [self._reason(each, kept[0], staying, content) for each in rest]
        sizes = [*(copy.size for copy in going), *(each.copy.size for each in rest)]
        if self._scope.keep == 1:
            # Of copies with holes, the largest counts as the one that is not surplus.
            at = max(range(len(sizes)), key=sizes.__getitem__)
            sizes[at] -= sum(sizes) - content.summary.reclaimable
        for size in sizes[: len(going)]:
            self._counts[True, None] += 1
            self._bytes[True, None] += size
        for each, reason, size in zip(rest, reasons, sizes[len(going) :], strict=True):
            key = False, None if reason is None else reason.rule
            self._counts[key] += 1
            self._bytes[key] += size
            if reason is not None and self._scope.holds(each.path):
                self._left_files[reason] += 1
                self._left_bytes[reason] += size

    def _one_stays(self, files: Iterable[CopyRow]) -> bool:
        """Return whether all but one of some files without other names are removed."""
        staying = 0
        for row in files:
            place = self._places.get(row[0])
            if place is None or row[4]:
                return False
            staying += not self._is_removed((place, row))
            if staying > 1:
                return False
        return staying == 1

    def _copies(self, content: ContentCopies) -> list[_Copy]:
        copies: dict[object, _Copy] = {}
        for row in content.files:
            place = self._places.get(row[0])
            if place is not None:
                key = (place.volume, row[4]) if row[4] else row[:2]
                copies.setdefault(key, _Copy()).names.append((place, row))
        return list(copies.values())

    def _is_removed(self, name: tuple[_FolderFate, CopyRow]) -> bool:
        place, row = name
        return place.is_removed or join(place.path, row[1]) in self._files

    def _staying(self, copy: _Copy) -> _Staying:
        """Return a copy with the reason that keeps it: the one about a name of it that stays."""
        first: bytes | None = None
        for name in copy.names:
            if self._is_removed(name):
                continue
            place, row = name
            path = join(place.path, row[1])
            first = first or path
            reason = self._left.of_file(path) or place.reason
            if reason is not None:
                return _Staying(copy, path, reason)
        assert first is not None, "a name of it stays"
        return _Staying(copy, first, None)

    def _keep_order(
        self, each: _Staying, content: ContentCopies
    ) -> tuple[bool, bool, bool, int, bool, bytes]:
        """Return a key by which the copies that count as those to keep come first."""
        names = each.copy.names
        preference = self._groups.preference
        return (
            each.reason is not None,
            not any(place.online for place, _ in names),
            _is_given_up(each.copy),
            -max(preference(join(place.path, row[1])) for place, row in names),
            content.stamped not in [row[:2] for _, row in names],
            each.path,
        )

    def _reason(
        self, each: _Staying, kept: _Staying, staying: Sequence[_Staying], content: ContentCopies
    ) -> KeptReason | None:
        """Return why a copy stays beside the one that is kept."""
        if each.reason is not None:
            return _inside(each.reason, _are_inside_one_project(staying))
        (here, row), (there, other) = each.copy.names[0], kept.copy.names[0]
        if here.volume != there.volume and not self._across_volumes:
            return KeptReason(here.path, SafetyRule.OTHER_VOLUME, OTHER_DRIVE)
        if {meaning_of_name(name, content.summary.size) for name in (row[1], other[1])} != {None}:
            return KeptReason(here.path, SafetyRule.NAME, NAME_REFUSAL.cause)
        if _is_given_up(each.copy):
            return KeptReason(here.given_up or here.path, SafetyRule.UNIQUE, _OWN_FILES)
        return None

    def _read_places(self) -> dict[int, _FolderFate]:
        found: dict[int, _FolderFate] = {}
        roots, online = self._folders.roots, self._groups.online
        for folder in self._folders.forest.order:
            above = None if folder.parent is None else found.get(folder.parent.id)
            root = roots[folder.root]
            if above is None and folder.id != root.folder:
                continue  # it is below a folder that a scan has not found the place of yet
            path = self._folders.path(folder)
            given_up = None
            if self._folders.rank_in(folder) == GIVEN_UP:
                given_up = path if above is None or above.given_up is None else above.given_up
            found[folder.id] = _FolderFate(
                folder.id,
                root.volume,
                online[root.id],
                path,
                (above is not None and above.is_removed) or self._is_step(folder, path),
                path in self._mixed,
                self._left.of_files_in(path),
                given_up,
            )
        return found

    def _is_step(self, folder: TreeFolder, path: bytes) -> bool:
        """Return whether a folder is removed as a whole; a root also if it is in such a folder."""
        if folder.parent is None and self._trees:
            return not self._trees.isdisjoint(path_and_parents(path))
        return path in self._trees


def _rank(place: _FolderFate) -> tuple[bool, bool, bool]:
    """Return what comes first in `_keep_order`, for a file with one name in a folder."""
    return place.reason is not None, not place.online, place.given_up is not None


def _inside(reason: KeptReason, is_structure: bool) -> KeptReason:
    """Return why a copy stays, given whether all that stay are inside one project."""
    if is_structure and reason.rule is SafetyRule.PROJECT:
        return reason._replace(rule=SafetyRule.STRUCTURAL)
    return reason


def _is_given_up(copy: _Copy) -> bool:
    return all(place.given_up for place, _ in copy.names)


def _are_inside_one_project(staying: Iterable[_Staying]) -> bool:
    """Return whether all are part of one project, which repeats them."""
    projects = {place.project for each in staying for place, _ in each.copy.names}
    return len(projects) == 1 and projects != {None}

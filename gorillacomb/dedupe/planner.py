"""Making a plan: whole folders first, then loose files; nothing on disk is touched.

Everything is decided by the index; whoever carries the plan out looks at the disk.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gorillacomb.bytepaths import below, is_below, join
from gorillacomb.dedupe import sidecars
from gorillacomb.dedupe.canonical import choose
from gorillacomb.dedupe.clutter import is_kept
from gorillacomb.dedupe.contained import is_contained
from gorillacomb.dedupe.folders import Folders, nested
from gorillacomb.dedupe.forest import Folder
from gorillacomb.dedupe.git import same_entries
from gorillacomb.dedupe.groups import Groups
from gorillacomb.dedupe.guards import Guard, Level, Site, is_store
from gorillacomb.dedupe.identical import identical
from gorillacomb.dedupe.quarantine import synced_folder
from gorillacomb.dedupe.steps import LeftAlone, Pair, Plan, Refusal, Rule, Step
from gorillacomb.dedupe.vouch import Place, is_trash
from gorillacomb.index.contents import disk_bytes_below
from gorillacomb.index.forest import entries_in
from gorillacomb.model import VERSION_CONTROL, Copy, Group, Progress, Root

_BY_PLACE = (Rule.PROJECT, Rule.STRUCTURAL, Rule.REPOSITORY, Rule.BUNDLE, Rule.TRASH)
"""Rules that a folder obeys for what it stands in."""
_GAPS = {
    "only in the cloud": Rule.PLACEHOLDER,
    "changing while read": Rule.UNSTABLE,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Of what may be a step, which part is wanted."""

    within: tuple[bytes, ...] = ()
    """Folders; empty for everywhere."""
    keep: int = 1
    """How many copies stay."""
    min_size: int = 0
    """Bytes on disk that a step has to bring."""
    files: bool = True
    folders: bool = True

    def holds(self, path: bytes) -> bool:
        """Whether a step may be about this path."""
        return not self.within or any(is_below(path, each) for each in self.within)


@dataclass(frozen=True, slots=True)
class _Going:
    """A folder that goes."""

    folder: Folder
    keep: Folder
    reasons: tuple[str, ...]
    nested: Mapping[Folder, Folder]


@dataclass(slots=True)
class Planner:
    """Makes one plan."""

    folders: Folders
    groups: Groups
    guard: Guard
    scope: Scope
    online: Mapping[int, bool]
    """By the root's id."""
    progress: Progress
    _going: dict[Folder, _Going] = field(default_factory=dict)
    _left: dict[tuple[bytes, Rule, str], list[int]] = field(default_factory=dict)
    _levels: dict[int, Level] = field(default_factory=dict)
    _gone: set[bytes] = field(default_factory=set)
    """Loose files that go, by path."""
    _counted: set[bytes] = field(default_factory=set)
    """Files that stay for those."""
    _steps: list[Step] = field(default_factory=list)

    def plan(self, now_ns: int) -> Plan:
        """The plan; its steps with the largest first."""
        self.progress.stage("Planning", None, None)
        for path in self.guard.options.retire:
            self._retire(path)
        if self.scope.folders:
            for victim, others, reasons in self._candidates():
                self._consider(victim, others, reasons)
        if self.scope.files:
            self._loose()
        for going in self._going.values():
            self._add_folder(going)
        steps = sorted(self._steps, key=lambda step: (-step.size, step.path))
        return Plan(
            secrets.token_hex(16),
            now_ns,
            self.guard.options,
            tuple(_numbered(steps)),
            tuple(self._left_alone()),
            tuple(self._notes(steps)),
        )

    # Whole folders

    def _candidates(self) -> list[tuple[Folder, list[Folder], tuple[str, ...]]]:
        """Folders that may go, each with those that may stay for it, best first; largest first."""
        found: list[tuple[Folder, list[Folder], tuple[str, ...]]] = []
        for members in self.folders.kin.families:
            found += self._of_family(members)
        for members in identical(self.folders.forest):
            if not all(each.machine and each.parent and each.parent.machine for each in members):
                found += self._of_family(members)
        for a, b in self.folders.kin.pairs:
            small, large = (a, b) if a.files <= b.files else (b, a)
            found.append((small, [large], ("holds more",)))
        return sorted(found, key=lambda each: (-each[0].size, -each[0].files, each[0].first))

    def _of_family(
        self, members: Sequence[Folder]
    ) -> Iterator[tuple[Folder, list[Folder], tuple[str, ...]]]:
        family = self.folders.family(members)
        others = sorted(members, key=lambda each: (each is not family.keep, -each.files))
        stay = set(others[: self.scope.keep])
        for each in members:
            if each not in stay:
                yield each, [other for other in others if other is not each], family.reasons

    def _consider(self, victim: Folder, others: Sequence[Folder], reasons: tuple[str, ...]) -> None:
        """Have a folder go if some other one stays for it and no rule is against it."""
        path = self.folders.path(victim)
        if self._is_going(victim) or not victim.entries or not self.scope.holds(path):
            return
        refusals: list[Refusal] = []
        holders: list[tuple[Folder, dict[Folder, Folder]]] = []
        for other in others:
            keep = self._standing(other)
            if keep is None or victim.holds(keep) or self._loses(keep, victim):
                continue
            refusal = self._folder_refusal(victim, keep)
            if refusal is not None:
                refusals.append(refusal)
                continue
            inner = self._held(victim, keep)
            if inner is None:
                refusals.append(Refusal(Rule.UNIQUE, "holds what stands nowhere else besides"))
                continue
            if all(not keep.holds(each) and not each.holds(keep) for each, _ in holders):
                holders.append((keep, inner))
            if len(holders) >= self.scope.keep:
                break
        if len(holders) >= self.scope.keep:
            keep, inner = holders[0]
            size = disk_bytes_below(self.folders.index.connection, victim.id)
            if size >= self.scope.min_size:
                self._going[victim] = _Going(victim, keep, reasons, inner)
        elif refusals and not holders:
            self._leave_folder(victim, path, refusals[0])

    def _leave_folder(self, victim: Folder, path: bytes, refusal: Refusal) -> None:
        """Tell of a folder that is left alone, unless its files are told of one by one."""
        if refusal.rule in _BY_PLACE:
            if not self.scope.files:
                site = self._site(victim)
                self._leave(self._protector(site, refusal), refusal, victim.files, victim.size)
        elif refusal.rule is not Rule.UNIQUE or victim.marker is not None:
            self._leave(path, refusal, victim.files, victim.size)

    def _loses(self, keep: Folder, victim: Folder) -> bool:
        """Whether something goes out of a folder that stands in the other one too."""
        return any(
            keep.holds(gone) and self._below(victim, self._inner(gone, keep)) is not None
            for gone in self._going
        )

    def _folder_refusal(self, victim: Folder, keep: Folder) -> Refusal | None:
        refusal = self.guard.refusal(self._site(victim), self._site(keep))
        if refusal is not None:
            return refusal
        if victim.gap is not None:
            text = victim.gap.rpartition(": ")[2]
            return Refusal(_GAPS.get(text, Rule.INCOMPLETE), victim.gap)
        return self._apart(victim.root, keep.root) or self._protected_inside(victim)

    def _protected_inside(self, victim: Folder) -> Refusal | None:
        """Whether a pattern protects something in a folder."""
        if not any(set(each) & set("*?[") for each in self.guard.options.protect):
            return None
        connection = self.folders.index.connection
        for folder in self.folders.forest.order[victim.first : victim.last + 1]:
            path = self.folders.path(folder)
            names = [row[1] for row in entries_in(connection, folder.id)]
            for each in (path, *(join(path, name) for name in names)):
                refusal = self.guard.protected(each)
                if refusal is not None:
                    return refusal
        return None

    def _apart(self, victim: int, keep: int) -> Refusal | None:
        """Whether two roots are too far from each other for one to count on the other."""
        roots = self.groups.roots
        if not self.online[victim]:
            return Refusal(Rule.OFFLINE, "is on a drive that is not there")
        if not self.online[keep]:
            return Refusal(Rule.OFFLINE, "has its other copy on a drive that is not there")
        if roots[victim].volume != roots[keep].volume and not self.guard.options.across_volumes:
            return Refusal(Rule.OTHER_VOLUME, "has its other copy on another volume: a backup")
        return None

    def _held(self, victim: Folder, keep: Folder) -> dict[Folder, Folder] | None:
        """Whether a folder is contained in another; what is nested in it, in its own place.

        Returns the nested folders with what stays for them; None for one that is not contained.
        """
        if self._contained(victim, keep, {}):
            return {}
        inner: dict[Folder, Folder] = {}
        for members in self.folders.kin.families:
            for each in members:
                if (
                    each is not victim
                    and victim.holds(each)
                    and not any(known.holds(each) for known in inner)
                    and self._contained(each, keep, {})
                ):
                    inner[each] = keep
        return inner if inner and self._contained(victim, keep, inner) else None

    def _contained(self, victim: Folder, keep: Folder, inner: Mapping[Folder, Folder]) -> bool:
        forest = self.folders.forest
        if victim.files > keep.files + sum(each.files for each in inner):
            return False
        return is_contained(self.folders.index, forest, victim, keep, inner, self._same_caches)

    def _same_caches(self, a: Folder, b: Folder) -> bool:
        paths = (join(self.folders.path(each), b"index") for each in (a, b))
        return same_entries(*paths)

    def _is_going(self, folder: Folder) -> bool:
        return self._around(folder) is not None

    def _around(self, folder: Folder) -> _Going | None:
        at: Folder | None = folder
        while at is not None:
            if at in self._going:
                return self._going[at]
            at = at.parent
        return None

    def _standing(self, folder: Folder) -> Folder | None:
        """The folder that stays for one that may be going; itself if it stays."""
        at: Folder | None = folder
        for _ in range(len(self._going) + 1):
            if at is None:
                return None
            going = self._around(at)
            if going is None:
                return at
            at = _counterpart(going, at)
        return None

    def _add_folder(self, going: _Going) -> None:
        keep = self._standing(going.keep)
        assert keep is not None, "what stays for a folder never goes without another that stays"
        inner = tuple(
            Pair(self.folders.path(each), self.folders.path(standing))
            for each, other in going.nested.items()
            if (standing := self._standing(other)) is not None
        )
        self._steps.append(
            Step(
                "",
                "folder",
                self.folders.path(going.folder),
                self.folders.path(keep),
                going.folder.files,
                disk_bytes_below(self.folders.index.connection, going.folder.id),
                going.reasons,
                nested=inner,
            )
        )

    # Loose files

    def _loose(self) -> None:
        """Files with a copy that stays, outside of the folders that go."""
        found: dict[bytes, Step] = {}
        for group in self.groups.all():
            for step in self._of_group(group):
                found[step.path] = step
        self._add_files(found)

    def _add_files(self, found: Mapping[bytes, Step]) -> None:
        for step in self._with_sidecars(found):
            self._steps.append(step)
            for pair in step.pairs:
                self._gone.add(pair.path)
                self._counted.add(pair.keep)

    def _of_group(self, group: Group) -> Iterator[Step]:
        """Steps for what is redundant of a content, on each volume for itself unless told so."""
        forest = self.folders.forest.folders
        copies = [
            copy
            for copy in group.copies
            if copy.folder in forest
            and copy.path not in self._gone
            and not self._is_going(forest[copy.folder])
        ]
        for here in self._by_volume(copies):
            winner, reasons = self._winner(here, group)
            if winner is None:
                continue
            files = _by_inode(here)
            order = sorted(range(len(files)), key=lambda at: (winner not in files[at], at))
            for at in order[self.scope.keep :]:
                yield from self._of_file(files[at], winner, reasons)

    def _by_volume(self, copies: Sequence[Copy]) -> Iterator[list[Copy]]:
        if self.guard.options.across_volumes:
            yield list(copies)
            return
        volumes: dict[str, list[Copy]] = {}
        for copy in copies:
            volumes.setdefault(copy.volume, []).append(copy)
        yield from volumes.values()
        for here in volumes.values():
            if len(volumes) > 1 and len(_by_inode(here)) == 1:
                other = Refusal(Rule.OTHER_VOLUME, "has its other copy on another volume: a backup")
                self._leave(os.path.dirname(here[0].path), other, 1, here[0].blocks * 512)

    def _winner(self, copies: Sequence[Copy], group: Group) -> tuple[Copy | None, tuple[str, ...]]:
        """The copy that stays: the canonical one, or the best of those that count."""
        counting = [
            copy
            for copy in copies
            if copy.online and self.guard.place(self._file_site(copy)) is Place.PLAIN
        ] or [copy for copy in copies if copy.online]
        canonical = group.copies[group.choice.winner]
        if canonical in counting:
            return canonical, group.choice.reasons
        if not counting:
            return None, ()
        choice = choose(counting)
        return counting[choice.winner], choice.reasons

    def _of_file(
        self, names: Sequence[Copy], winner: Copy, reasons: tuple[str, ...]
    ) -> Iterator[Step]:
        """Steps for all names of one file, or for none: with one left its bytes stay."""
        size = max(copy.blocks for copy in names) * 512
        forest = self.folders.forest
        other = self._file_site(winner)
        for copy in names:
            if (
                os.path.basename(copy.path) in forest.noise
                or copy.path in self._counted
                or not self.scope.holds(copy.path)
                or self._is_counted_on(forest.folders[copy.folder])
            ):
                return
            roots = forest.folders[copy.folder].root, forest.folders[winner.folder].root
            refusal = self.guard.refusal(self._file_site(copy), other) or self._apart(*roots)
            if refusal is not None:
                self._leave(self._protector(self._file_site(copy), refusal), refusal, 1, size)
                return
        if size >= self.scope.min_size:
            for copy in names:
                yield Step("", "file", copy.path, winner.path, 1, size // len(names), reasons)

    def _is_counted_on(self, folder: Folder) -> bool:
        """Whether a folder goes because what it holds stands in this one, or around it."""
        for going in self._going.values():
            for gone, keep in ((going.folder, going.keep), *going.nested.items()):
                standing = self._standing(keep)
                if (
                    standing is not None
                    and standing.holds(folder)
                    and self._below(gone, self._inner(folder, standing)) is not None
                ):
                    return True
        return False

    def _protector(self, site: Site, refusal: Refusal) -> bytes:
        """What to name for something that is left alone: the project, the library around it."""
        at = self.guard.project(site)
        if refusal.rule in (Rule.PROJECT, Rule.STRUCTURAL, Rule.REPOSITORY) and at is not None:
            return site.levels[at].path
        if refusal.rule in (Rule.BUNDLE, Rule.TRASH):
            for level in site.levels:
                if level.store or is_kept(level.name) or is_trash(level.name):
                    return level.path
        return os.path.dirname(site.path)

    def _with_sidecars(self, found: Mapping[bytes, Step]) -> Iterator[Step]:
        """Have pictures and what belongs to them go together, or not at all."""
        together: set[bytes] = set()
        for path, step in found.items():
            if path in together:
                continue
            folder, name = os.path.split(path)
            others = sidecars.companions(name, self._names_beside(path))
            if not others:
                yield step
                continue
            pairs = self._pairs_of(step, [join(folder, each) for each in others], found)
            if pairs is None:
                refusal = Refusal(Rule.SIDECAR, "has files that belong to it and would stay")
                self._leave(folder, refusal, 1, step.size)
                continue
            together |= {pair.path for pair in pairs}
            size = step.size + sum(found[pair.path].size for pair in pairs)
            yield Step(
                "",
                "file",
                path,
                step.keep,
                1 + len(pairs),
                size,
                step.reasons,
                sidecars=tuple(pairs),
            )

    def _pairs_of(
        self, step: Step, others: Iterable[bytes], found: Mapping[bytes, Step]
    ) -> list[Pair] | None:
        """What belongs to a file, with what stays for it beside what stays for the file."""
        pairs = []
        for other in others:
            known = found.get(other)
            if known is None or os.path.dirname(known.keep) != os.path.dirname(step.keep):
                return None
            pairs.append(Pair(other, known.keep))
        return pairs

    def _names_beside(self, path: bytes) -> list[bytes]:
        folder = self._folder_at(os.path.dirname(path))
        if folder is None:
            return []
        return [row[1] for row in entries_in(self.folders.index.connection, folder.id)]

    # Retiring a folder

    def _retire(self, path: bytes) -> None:
        """Have everything go out of a folder that stands elsewhere: subfolders, then files."""
        top = self._folder_at(path)
        if top is None:
            return
        twins = self._twins_outside(top)
        found: dict[bytes, Step] = {}
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            if folder.name in VERSION_CONTROL and folder is not top:
                continue
            if self._retire_folder(folder, top, twins):
                continue
            waiting += folder.children
            for step in self._retire_files(folder, top):
                found[step.path] = step
        self._add_files(found)

    def _twins_outside(self, top: Folder) -> list[Folder]:
        """The copies of a folder outside of it, the one to keep first."""
        around = [members for members in self.folders.kin.families if top in members]
        found: list[Folder] = []
        for members in around:
            family = self.folders.family(members)
            inner = dict(zip(members, nested(members), strict=True))
            found += [
                each
                for each in sorted(members, key=lambda each: each is not family.keep)
                if each is not top and not top.holds(each) and each not in inner.get(top, ())
            ]
        return found

    def _retire_folder(self, folder: Folder, top: Folder, twins: Sequence[Folder]) -> bool:
        """Have one folder below a retired one go as a whole, if another holds all of it."""
        if not folder.entries:
            return False
        for twin in twins:
            keep = self._below(twin, self._inner(folder, top))
            if keep is None or top.holds(keep):
                continue
            if self._folder_refusal(folder, keep) is None:
                inner = self._held(folder, keep)
                if inner is not None:
                    self._going[folder] = _Going(folder, keep, ("you retire this folder",), inner)
                    return True
        return False

    def _retire_files(self, folder: Folder, top: Folder) -> Iterator[Step]:
        path = self.folders.path(folder)
        for _, name, state, _, size, _, digest, _ in entries_in(
            self.folders.index.connection, folder.id
        ):
            if state > 1 or digest is None or not size or name in self.folders.forest.noise:
                continue
            copies = self.groups.copies_of(digest)
            forest = self.folders.forest.folders
            here = next(copy for copy in copies if copy.path == join(path, name))
            outside = [
                copy
                for copy in copies
                if copy.folder in forest
                and not top.holds(forest[copy.folder])
                and not self._is_going(forest[copy.folder])
                and not (copy.inode and (copy.volume, copy.inode) == (here.volume, here.inode))
            ]
            if outside:
                keep = outside[choose(outside).winner]
                site, other = self._file_site(here), self._file_site(keep)
                refusal = self.guard.refusal(site, other) or self._apart(
                    folder.root, forest[keep.folder].root
                )
                if refusal is None:
                    because = ("you retire the folder that it is in",)
                    yield Step("", "file", here.path, keep.path, 1, here.blocks * 512, because)
                else:
                    self._leave(path, refusal, 1, here.blocks * 512)

    def _inner(self, folder: Folder, top: Folder) -> list[bytes]:
        names: list[bytes] = []
        at = folder
        while at is not top and at.parent is not None:
            names.append(at.name)
            at = at.parent
        return names[::-1]

    def _below(self, folder: Folder, names: Iterable[bytes]) -> Folder | None:
        at: Folder | None = folder
        for name in names:
            at = None if at is None else _child(at, name)
        return at

    # What the rules see, and what is told

    def _site(self, folder: Folder) -> Site:
        root = self.groups.roots[folder.root].path
        return Site(root, self.folders.path(folder), True, self._levels_of(folder))

    def _file_site(self, copy: Copy) -> Site:
        folder = self.folders.forest.folders[copy.folder]
        return Site(copy.root_path, copy.path, False, self._levels_of(folder))

    def _levels_of(self, folder: Folder) -> tuple[Level, ...]:
        found: list[Level] = []
        at: Folder | None = folder
        while at is not None and at.parent is not None:
            if at.id not in self._levels:
                self._levels[at.id] = Level(self.folders.path(at), at.marker, self._is_store(at))
            found.append(self._levels[at.id])
            at = at.parent
        return tuple(reversed(found))

    def _is_store(self, folder: Folder) -> bool:
        names = {each.name for each in folder.children}
        if b"data" not in names:
            return False
        names |= {row[1] for row in entries_in(self.folders.index.connection, folder.id)}
        return is_store(names)

    def _folder_at(self, path: bytes) -> Folder | None:
        around = [root for root in self.groups.roots.values() if is_below(path, root.path)]
        if not around:
            return None
        root = max(around, key=lambda root: len(root.path))
        inner = below(path, root.path)
        top = self.folders.forest.folders.get(root.folder)
        return None if top is None else self._below(top, inner.split(b"/") if inner else ())

    def _leave(self, path: bytes, refusal: Refusal, files: int, size: int) -> None:
        numbers = self._left.setdefault((path, refusal.rule, refusal.cause), [0, 0])
        numbers[0] += files
        numbers[1] += size

    def _left_alone(self) -> Iterator[LeftAlone]:
        going = [self.folders.path(folder) for folder in self._going]
        whole = {path for path, rule, _ in self._left if rule not in _BY_PLACE}
        redundant = {
            path: count for (path, rule, _), count in self._left.items() if rule in _BY_PLACE
        }
        for (path, rule, cause), count in sorted(
            self._left.items(), key=lambda each: (-each[1][1], each[0])
        ):
            if any(is_below(path, each) for each in going):
                continue
            if rule in _BY_PLACE and path in whole:
                continue  # why the folder stays as a whole says more
            files, size = redundant.get(path, count)
            yield LeftAlone(path, rule, cause, files, size)

    def _notes(self, steps: Sequence[Step]) -> Iterator[str]:
        synced: set[bytes] = set()
        drives: set[bytes] = set()
        for step in steps:
            root = self._root_of(step.path)
            other = self._root_of(step.keep)
            folder = synced_folder(root.path, step.path)
            if folder is not None:
                synced.add(folder)
            if root.volume != other.volume:
                drives.add(other.path)
        for folder in sorted(synced):
            yield (
                f"{os.fsdecode(folder)} is kept in step with the cloud: what goes there goes for"
                " everyone it is shared with."
            )
        for drive in sorted(drives):
            yield f"Of some steps the only copy will be on the drive of {os.fsdecode(drive)}."

    def _root_of(self, path: bytes) -> Root:
        around = [root for root in self.groups.roots.values() if is_below(path, root.path)]
        return max(around, key=lambda root: len(root.path))


def _counterpart(going: _Going, folder: Folder) -> Folder | None:
    """Where in the folder that stays stands what a folder in the one that goes is a copy of."""
    names: list[bytes] = []
    at = folder
    while at is not going.folder:
        if at in going.nested:
            return _descend(going.nested[at], names[::-1])
        names.append(at.name)
        assert at.parent is not None, "it is below the one that goes"
        at = at.parent
    return _descend(going.keep, names[::-1])


def _descend(folder: Folder, names: Iterable[bytes]) -> Folder | None:
    at: Folder | None = folder
    for name in names:
        at = None if at is None else _child(at, name)
    return at


def _child(folder: Folder, name: bytes) -> Folder | None:
    return next((each for each in folder.children if each.name == name), None)


def _by_inode(copies: Sequence[Copy]) -> list[list[Copy]]:
    """Copies as separate files, each with all its names."""
    found: dict[object, list[Copy]] = {}
    for copy in copies:
        key = (copy.volume, copy.inode) if copy.inode else copy.path
        found.setdefault(key, []).append(copy)
    return list(found.values())


def _numbered(steps: Collection[Step]) -> Iterator[Step]:
    digits = len(str(len(steps)))
    for number, step in enumerate(steps, 1):
        yield Step(
            f"s{number:0{digits}}",
            step.kind,
            step.path,
            step.keep,
            step.files,
            step.size,
            step.reasons,
            step.nested,
            step.sidecars,
        )

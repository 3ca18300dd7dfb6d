"""Steps for single files: those with a kept copy outside of the folders to be removed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from gorillacomb.canonical.file_copy import FileCopy
from gorillacomb.canonical.groups import GroupReader, group_by_inode
from gorillacomb.classify.companions import Companions, counterpart
from gorillacomb.classify.copy_names import is_dotfile, meaning_of_name
from gorillacomb.dedupe.model import PlanStep, Refusal, RemovalPair, SafetyRule
from gorillacomb.dedupe.plan.albums import AlbumPlanner
from gorillacomb.dedupe.plan.candidate_folders import CandidateFile, CandidateFolders, path_of
from gorillacomb.dedupe.plan.disk_check import DiskCheck
from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.dedupe.plan.removal_set import RemovalSet
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.plan.skipped import SkippedItems
from gorillacomb.dedupe.safety.context import PathContext
from gorillacomb.dedupe.safety.file_names import in_use_cause, meaning, name_refusal
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.fs.paths import base_name, join, parent_path, split_path
from gorillacomb.index.content_queries import ContentCopies, by_waste
from gorillacomb.model import GroupSummary

VolumeCheck = Callable[[int, int], Refusal | None]
"""Returns why two roots, given by their ids, may not rely on each other."""


@dataclass(slots=True)
class FileStepPlanner:
    """Finds such files, content by content."""

    groups: GroupReader
    sites: IndexLocations
    disk: DiskCheck
    guard: SafetyPolicy
    scope: PlanScope
    going: RemovalSet
    left: SkippedItems
    apart: VolumeCheck
    gone: set[bytes] = field(default_factory=set)
    """Paths of files to be removed."""
    counted: set[bytes] = field(default_factory=set)
    """Paths of files that are kept for those."""
    chosen: dict[bytes, FileChoice] = field(default_factory=dict)
    """By path, for each file with a step."""
    _companions: dict[bytes, _FolderFiles] = field(default_factory=dict)
    _folders: CandidateFolders = field(init=False)

    def __post_init__(self) -> None:
        self._folders = CandidateFolders(self.groups, self.sites, self.guard, self.going, self.left)

    def steps(self) -> list[PlanStep]:
        """Return a step for each file to be removed; files that belong together share one."""
        found: list[tuple[GroupSummary, PlanStep]] = []
        for content, files in self._contents():
            for names in self._replaceable(content.summary.size, files):
                rows = [row for _, row in names]
                copies = self.groups.copies(content._replace(files=rows))
                for here in self._by_volume(copies):
                    found += ((content.summary, step) for step in self._redundant(here))
        found.sort(key=lambda each: by_waste(each[0]))
        return self.together({step.path: step for _, step in found})

    def together(self, found: Mapping[bytes, PlanStep]) -> list[PlanStep]:
        """Return the steps with each file's companions added; drop those that may not be."""
        copies = (copy for it in self.chosen.values() for copy in (it.copy, *it.copies))
        self._load(copy.folder for copy in copies)
        albums = AlbumPlanner(
            self.guard.options, self._names_at, self._keeping, self._leave_in_folder
        )
        steps = albums.as_units(self._with_sidecars(albums.for_one_folder(found, self._before)))
        for step in steps:
            for pair in step.pairs:
                self.gone.add(pair.path)
                self.counted.add(pair.keep)
        return steps

    def _names_at(self, path: bytes) -> list[bytes]:
        """Return the names of the files in the folder at a path."""
        return list(self._beside(path).sizes)

    def _companions_of(self, path: bytes) -> list[bytes]:
        """Return the names of the files that belong to the one at a path."""
        folder, name = split_path(path)
        return self._beside(folder).companions.of(name)

    def _size_of(self, path: bytes) -> int:
        folder, name = split_path(path)
        return self._beside(folder).sizes[name]

    def _leave_in_folder(self, folder: bytes, refusal: Refusal, step: PlanStep) -> None:
        self.left.add(folder, refusal, [pair.path for pair in step.pairs])

    def _keeping(self, step: PlanStep, keep: FileCopy) -> PlanStep | None:
        """Return a step for the same file with another copy to keep; None if not allowed."""
        copy = self.chosen[step.path].copy
        if self.refusal(copy, keep) is not None:
            return None
        retired = self.guard.options.retires(copy.path)
        reasons = step.reasons if retired else self._reasons(keep, copy)
        return replace(step, keep=keep.path, reasons=reasons)

    def _before(self, path: bytes) -> Sequence[FileCopy]:
        _, copies, number = self.chosen[path]
        return copies[:number]

    def _contents(self) -> Iterator[tuple[ContentCopies, list[CandidateFile]]]:
        """Yield contents with a copy that may be removed, and the files outside removed folders.

        Those are last that depend on what else is in a folder.
        """
        folder_of = self._folders.of
        waiting: list[tuple[ContentCopies, list[CandidateFile]]] = []
        for content in self.groups.contents_in(self._folders.open()):
            here = [(folder_of(row[0]), row) for row in content.files]
            here = [each for each in here if each[0].within is not None]
            if len(here) < 2:
                continue
            if any(map(is_dotfile, {row[1] for row in content.files})):
                waiting.append((content, here))
            else:
                yield content, here
        self._load(row[0] for content, _ in waiting for row in content.files)
        yield from waiting

    def _load(self, folders: Iterable[int]) -> None:
        """Read what is in some folders, given by their ids, at once."""
        known = self.sites.folders.forest.folders
        self.sites.load(known[each] for each in set(folders) if each in known)

    def _replaceable(self, size: int, here: list[CandidateFile]) -> Iterator[list[CandidateFile]]:
        """Yield the files with a content that are not removed yet, if several can replace each
        other.
        """
        if self.gone:
            here = [each for each in here if path_of(each) not in self.gone]
        if len(here) < 2:
            return
        if all(meaning_of_name(name, size) is None for name in {row[1] for _, row in here}):
            yield here
            return
        classes: dict[bytes | None, list[CandidateFile]] = {}
        for each in here:
            what = meaning(path_of(each), size, self._companions_of)
            classes.setdefault(what, []).append(each)
        yield from (files for files in classes.values() if len(files) > 1)

    def _redundant(self, copies: Sequence[FileCopy]) -> list[PlanStep]:
        """Make steps for the files that have enough others before them in the order of places.

        Nothing is removed from other places for the sake of a copy of a tree that is given up. If
        that keeps a file, what comes before it is kept too: otherwise a third copy would reverse
        their order.
        """
        counting = self._counting(copies)
        ids = set(map(id, counting))
        ranked = [counting[at] for at in self.groups.criteria.order(counting)]
        if len(counting) < len(copies):
            ranked += [copy for copy in copies if id(copy) not in ids]
        files = group_by_inode(ranked)
        given_up = {
            id(copy)
            for copy in ranked
            if self._folders.of(copy.folder).is_given_up and not self.groups.criteria.wants(copy)
        }
        for fallible in (given_up, set[int]()):
            stay: list[FileCopy] = []
            before: list[FileCopy] = []
            sound: list[FileCopy] = []
            steps: list[PlanStep] = []
            held_back = False
            for file in files:
                inside = all(id(copy) in fallible for copy in file)
                keeps = [keep for keep in stay if inside or id(keep) not in given_up]
                going = []
                if len(stay) >= self.scope.keep:
                    going = list(self._of_file(file, (keeps or stay)[0]))
                if going and len(keeps) < self.scope.keep:
                    going, held_back = [], True
                steps += going
                if going:
                    self._remember(file, before if inside or not sound else sound)
                if id(file[0]) in ids:
                    stay += [] if going else [file[0]]
                    before.append(file[0])
                    sound += [] if id(file[0]) in given_up else [file[0]]
            if not held_back:
                break
        return steps

    def _by_volume(self, copies: Sequence[FileCopy]) -> Iterator[list[FileCopy]]:
        volumes: dict[str, list[FileCopy]] = {}
        for copy in copies:
            at = "" if self.guard.options.across_volumes else copy.volume
            volumes.setdefault(at, []).append(copy)
        yield from volumes.values()

    def _counting(self, copies: Sequence[FileCopy]) -> list[FileCopy]:
        """Return those copies that may be kept for others.

        Files that a system leaves behind may not: they are removed with their folder, whatever it
        contains.
        """
        noise = self.sites.folders.forest.noise
        online = [copy for copy in copies if copy.online and copy.name not in noise]
        return [
            copy for copy in online if self.guard.counts_for_any(self.sites.of_file(copy))
        ] or online

    def _remember(self, names: Sequence[FileCopy], before: Sequence[FileCopy]) -> None:
        for copy in names:
            self.chosen[copy.path] = FileChoice(copy, before, len(before))

    def _of_file(self, names: Sequence[FileCopy], winner: FileCopy) -> Iterator[PlanStep]:
        """Make steps for all names of one file, or none: one name left keeps its bytes."""
        size = max(copy.blocks for copy in names) * 512
        noise = self.sites.folders.forest.noise
        for copy in names:
            if copy.name in noise or copy.path in self.counted or not self.scope.holds(copy.path):
                return
            if self._folders.of(copy.folder).is_closed:
                return
            refusal = self.refusal(copy, winner)
            if refusal is not None:
                self.left.add_inside(self.sites.of_file(copy), refusal)
                return
        if size >= self.scope.min_size:
            for copy in names:
                yield PlanStep(
                    *("", "file", copy.path, winner.path, 1, size // len(names)),
                    self._reasons(winner, copy),
                )

    def _reasons(self, keep: FileCopy, other: FileCopy) -> tuple[str, ...]:
        """Return why one file is kept rather than another."""
        at, reasons = self.groups.criteria.choose([keep, other])
        return reasons if at == 0 else ("the other one is in no place to stay",)

    def refusal(self, copy: FileCopy, keep: FileCopy) -> Refusal | None:
        """Return why one file may not be removed while another copy is kept."""
        return (
            self.guard.refusal_for(self.sites.of_file(copy), self.sites.of_file(keep))
            or self.apart(self.sites.folder_of(copy).root, self.sites.folder_of(keep).root)
            or self.disk.refusal_for_file(copy.path, keep.path)
        )

    def _with_sidecars(self, found: Mapping[bytes, PlanStep]) -> Iterator[PlanStep]:
        together: set[bytes] = set()
        for path, step in found.items():
            if path in together:
                continue
            if not self.guard.options.action.takes_file_away:
                yield step
                continue
            pairs = self._set_of(step, found)
            if isinstance(pairs, Refusal):
                self.left.add(parent_path(path), pairs, [path])
                continue
            together |= {pair.path for pair in pairs}
            whole, size = step, step.size
            if pairs:
                size += sum(found[pair.path].size for pair in pairs if pair.path in found)
                whole = replace(step, files=1 + len(pairs), size=size, sidecars=tuple(pairs))
            wrong = name_refusal(
                list(whole.pairs), self._size_of, self._companions_of, self.guard.options
            )
            if wrong is None:
                yield whole
            else:
                paths = [pair.path for pair in whole.pairs]
                self.left.add(parent_path(path), wrong[1], paths)

    def _set_of(
        self, step: PlanStep, found: Mapping[bytes, PlanStep]
    ) -> list[RemovalPair] | Refusal:
        """Return a file's companions, each with its counterpart beside the file's kept copy."""
        (folder, name), (kept_folder, kept) = map(split_path, (step.path, step.keep))
        here, there = self._beside(folder), self._beside(kept_folder)
        pairs = []
        for each in here.companions.of(name):
            known = found.get(join(folder, each))
            if known is not None and parent_path(known.keep) == kept_folder:
                pairs.append(RemovalPair(known.path, known.keep))
                continue
            twin = counterpart(each, name, kept)
            # The size of a folder, whose name ends in a slash, is unknown.
            if here.sizes.get(each) != 0 or there.sizes.get(twin) != 0:
                return Refusal(SafetyRule.SIDECAR, "has files that belong to it and would stay")
            pairs.append(RemovalPair(join(folder, each), join(kept_folder, twin)))
            refusal = self._refusal_for_empty(pairs[-1])
            if refusal is not None:
                return refusal
        for pair in (RemovalPair(step.path, step.keep), *pairs):
            for files, path in ((here, pair.path), (there, pair.keep)):
                sign = files.companions.sign_of_use(base_name(path), files.sizes.__getitem__)
                if sign is not None:
                    return Refusal(SafetyRule.SIDECAR, in_use_cause(sign))
        return pairs

    def _refusal_for_empty(self, pair: RemovalPair) -> Refusal | None:
        """Like `refusal`, for an empty file: the index has no copies of those."""
        return self.guard.refusal_for(
            self._site(pair.path), self._site(pair.keep)
        ) or self.disk.refusal_for_file(pair.path, pair.keep)

    def _site(self, path: bytes) -> PathContext:
        folder = self.sites.folder_at(parent_path(path))
        assert folder is not None, "its files are known"
        return self.sites.of_name(folder, base_name(path))

    def _beside(self, path: bytes) -> _FolderFiles:
        """Return the files of the folder at a path."""
        if path not in self._companions:
            folder = self.sites.folder_at(path)
            sizes = {} if folder is None else self.sites.sizes_in(folder)
            inner = [] if folder is None else [child.name for child in folder.children]
            made = _FolderFiles(sizes, Companions(sizes, self.guard.companions, inner))
            self._companions[path] = made
        return self._companions[path]


class FileChoice(NamedTuple):
    """A file that may be removed, and those it may rely on, best first; so may they."""

    copy: FileCopy
    copies: Sequence[FileCopy]
    """How many of ``copies`` count: all copies of a content share one list, which grows."""
    number: int


@dataclass(frozen=True, slots=True)
class _FolderFiles:
    """The files directly in a folder."""

    sizes: Mapping[bytes, int]
    companions: Companions

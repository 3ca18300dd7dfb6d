"""Compare what is to be removed with what is kept, byte by byte.

Both sides are walked again from the descriptors of their roots: stored digests do not count,
nothing is excluded, no link is followed. The result of the comparison is a `TreeSnapshot`, and
`verify_unchanged` checks it again before anything acts on it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from gorillacomb.classify.regenerable import lock_files_for
from gorillacomb.classify.stores import store_kind
from gorillacomb.dedupe.compare.entry_compare import CompareSettings, EntryComparer, MemberParts
from gorillacomb.dedupe.compare.kept_repositories import KeptRepositories
from gorillacomb.dedupe.compare.snapshot import TreeSnapshot
from gorillacomb.dedupe.proof import Holder
from gorillacomb.fs.comparison import (
    extended_attributes_equal,
)
from gorillacomb.fs.location import (
    ContentDiffers,
    ContentMissing,
    FileLocation,
    is_folder,
    list_names,
    stat_or_differs,
)
from gorillacomb.fs.openat import (
    OUR_FOLDER,
    DiskFolder,
    FileIdentity,
    OpenFolders,
    identity_of,
    is_unchanged,
    opened_file,
    os_error_text,
)
from gorillacomb.fs.paths import is_below, join, join_relative, path_prefixes

_NO_PARTS = MemberParts()
_NOISE_LIMIT = 1 << 20
"""Bytes: a larger system file is treated as the user's."""


@dataclass(slots=True)
class TreeComparer(CompareSettings):
    """Compares; remembers nothing from one comparison to the next."""

    def compare(
        self,
        victim: FileLocation,
        keep: FileLocation,
        nested: Mapping[bytes, FileLocation],
        stood: bytes | None = None,
        parts: MemberParts = _NO_PARTS,
    ) -> TreeSnapshot:
        """Make sure that everything at ``victim`` also exists at ``keep`` under the same name.

        ``nested`` gives other paths to compare with, by relative paths; ``stood`` is the path from
        which links in it must resolve, if it has been moved.
        Raises ContentDiffers with the first difference, OSError if a folder above cannot be opened.
        """
        work = _TreeComparison(self, victim, keep, dict(nested), stood or victim.path, parts)
        try:
            work.run()
        finally:
            work.close()
        return work.sighting


@dataclass(slots=True)
class _TreeComparison:
    witness: TreeComparer
    top: FileLocation
    keep: FileLocation
    nested: dict[bytes, FileLocation]
    stood: bytes
    parts: MemberParts
    sighting: TreeSnapshot = field(default_factory=TreeSnapshot)
    ours: OpenFolders = field(init=False)
    theirs: dict[bytes, OpenFolders] = field(default_factory=dict)
    entries: EntryComparer = field(init=False)
    repositories: KeptRepositories = field(init=False)
    folders: set[FileIdentity] = field(default_factory=set)
    """Folders to be removed."""
    leading: set[bytes] = field(init=False)
    """The folders that lead to what is kept elsewhere, or to what left, by relative paths."""
    emptied: set[bytes] = field(init=False)
    """Those that lead to what left."""
    brought: set[bytes] = field(init=False)
    """What the kept tree has at its path because it was put there for this."""

    def __post_init__(self) -> None:
        self.ours = OpenFolders(self.top.root, self.top.identity)
        place = self.top, self.stood, self.sighting, self._opened
        self.entries = EntryComparer(self.witness, *place)
        oids = self.parts.in_history.values()
        self.repositories = KeptRepositories(self.keep, self.sighting, self._opened, oids)
        self.emptied = {each for path in self.parts.left for each in path_prefixes(path)[:-1]}
        elsewhere = (*self.nested, *self.parts.in_history)
        self.leading = {each for path in elsewhere for each in path_prefixes(path)[:-1]}
        self.leading |= self.emptied
        kept_at = ((inner, self.keep.at(inner).path) for inner in self.nested)
        self.brought = {inner for inner, path in kept_at if self.nested[inner].path == path}

    def close(self) -> None:
        self.repositories.close()
        self.ours.close()
        for each in self.theirs.values():
            each.close()
        # They refer to this object: what was seen would stay in memory until cycles are collected.
        del self.entries, self.repositories

    def run(self) -> None:
        folder = self.ours.open(self.top.parent)
        facts = stat_or_differs(folder, self.top.name, self.top.path)
        self.entries.device = facts.st_dev
        if not stat.S_ISDIR(facts.st_mode):
            if self.keep.name in self.witness.noise:
                raise ContentDiffers(
                    self.keep.path, "goes with its folder, as systems leave it behind"
                )
            self.entries.compare_file(folder, self.top.name, b"", self.keep, facts)
            return
        self.sighting.victim[b""] = facts
        self.folders.add(identity_of(facts))
        # Everything in it may have been moved by now, and what was kept for it may be missing too.
        bare = self.nested and not is_folder(self._opened(self.keep), self.keep)
        top = None if bare else self.keep
        waiting: list[tuple[bytes, FileLocation | None, bool]] = [(b"", top, False)]
        while waiting:
            waiting += self._folder(*waiting.pop())
        last = self.sighting.without_other_name(self.entries.linked)
        if last is not None:
            raise ContentDiffers(self.top.at(last).path, "would go with all its names")

    def _folder(
        self, relative: bytes, there: FileLocation | None, exact: bool
    ) -> list[tuple[bytes, FileLocation | None, bool]]:
        """Compare a folder entry by entry; return its subfolders."""
        here = self.top.at(relative)
        names = list_names(self.ours, here)
        if there is not None:
            there = self._seen_folder(here, there)
        if there is not None:
            is_whole = self.witness.whole_bundles and not self.witness.may_be_unique
            exact = exact or (is_whole and self._is_store(here))
            others = list_names(self._opened(there), there) if exact else names
            if {*names}.symmetric_difference(others) - self.witness.noise:
                cause = "differs in what it holds, and is one thing as a whole"
                raise ContentDiffers(here.path, cause)
        elif not (names or relative in self.emptied or self.witness.may_be_unique):
            raise ContentMissing(here.path, "is an empty folder that stands only here")
        found: list[tuple[bytes, FileLocation | None, bool]] = []
        for name in sorted(names):
            inner = join(relative, name) if relative else name
            facts = stat_or_differs(self.ours.open(here.inner), name, here.at(name).path)
            if inner in self.parts.later:
                self.sighting.victim[inner] = facts
            elif inner in self.parts.regenerable and stat.S_ISDIR(facts.st_mode):
                self._enter(inner, name, facts)
                locks = set(lock_files_for(name)).intersection(names)
                known = [lock for lock in locks if join_relative(relative, lock) not in self.nested]
                if there is None or not known:  # each of those is compared itself
                    cause = "has no lock file beside it that is the same in the copy to keep"
                    raise ContentMissing(here.at(name).path, cause)
                self._take_all(inner, Holder.REGENERABLE)
            elif inner in self.parts.repositories and self._is_kept_repository(inner, facts, there):
                pass
            elif stat.S_ISDIR(facts.st_mode):
                self._enter(inner, name, facts)
                found.append((inner, self._counterpart(inner, name, there), exact))
            else:
                self._entry(inner, name, facts, there)
        return found

    def _is_kept_repository(
        self, top: bytes, facts: os.stat_result, there: FileLocation | None
    ) -> bool:
        """Record everything in a repository that the kept one has, too, or that was copied.

        Return False if it has not, and that need not be: then it is compared like other folders.
        """
        here = self.top.at(top)
        try:
            if there is None or not stat.S_ISDIR(facts.st_mode):
                raise ContentMissing(here.path, "is not in the copy to keep")
            content = self.repositories.content(here.path, there.at(here.name))
        except (ContentDiffers, OSError):
            if not self.witness.may_be_unique:
                raise
            return False
        self._enter(top, here.name, facts)
        beside = {join(top, each) for each in content.beside}
        self._take_all(top, Holder.REPOSITORY, content.seen, beside)
        return True

    def _take_all(
        self,
        top: bytes,
        holder: Holder,
        seen: Mapping[bytes, os.stat_result] | None = None,
        beside: Collection[bytes] = (),
    ) -> None:
        """Record everything in a folder without comparing it: ``holder`` keeps it.

        If there is something that was ``seen``, by paths in the folder, it must be that; and what
        is ``beside``, by paths relative to the top, is compared.
        """
        waiting = [top]
        while waiting:
            relative = waiting.pop()
            here = self.top.at(relative)
            for name in list_names(self.ours, here):
                inner = join(relative, name)
                facts = stat_or_differs(self.ours.open(here.inner), name, here.at(name).path)
                if stat.S_ISDIR(facts.st_mode):
                    self._enter(inner, name, facts)
                    waiting.append(inner)
                elif inner in beside and inner not in self.parts.later:
                    self._entry(inner, name, facts, None)
                else:
                    was = facts if seen is None else seen.get(inner[len(top) + 1 :])
                    if was is None or not is_unchanged(was, facts):
                        raise ContentDiffers(here.at(name).path, "changed meanwhile")
                    self.sighting.victim[inner] = facts
                    self.sighting.held[holder] += 1

    def _is_store(self, here: FileLocation) -> bool:
        """Return whether a folder is a unit to its program: no part is compared alone."""
        return store_kind(here.name, DiskFolder(self.ours, here.inner)) is not None

    def _enter(self, inner: bytes, name: bytes, facts: os.stat_result) -> None:
        path = self.top.at(inner).path
        if facts.st_dev != self.entries.device:
            raise ContentDiffers(path, "is on another file system")
        if name == OUR_FOLDER:
            raise ContentDiffers(path, "is Gorilla Comb's own")
        self.sighting.victim[inner] = facts
        self.folders.add(identity_of(facts))

    def _counterpart(
        self, inner: bytes, name: bytes, there: FileLocation | None
    ) -> FileLocation | None:
        """Return where a subfolder's content is kept; None if it merely leads to a nested copy."""
        beside = self.nested.get(inner) or (there and there.at(name))
        leads = inner in self.leading
        if beside is None:
            if not (leads or self.witness.may_be_unique):
                raise ContentMissing(self.top.at(inner).path, "stands only here")
            return None
        # One that has lost all that was in it may have left after that.
        if leads and not is_folder(self._opened(beside), beside):
            return None
        return beside

    def _entry(
        self, inner: bytes, name: bytes, facts: os.stat_result, there: FileLocation | None
    ) -> None:
        """Compare an entry that is not a folder."""
        here = self.top.at(inner)
        folder = self.ours.open(here.parent)
        beside = self.nested.get(inner) or (there and there.at(name))
        is_carried = self._is_carried(inner) and not stat.S_ISREG(facts.st_mode)
        is_file = stat.S_ISREG(facts.st_mode)
        is_noise = is_file and name in self.witness.noise and facts.st_size <= _NOISE_LIMIT
        try:
            if not is_file and (there is not None or is_carried):
                place = beside if is_carried and beside else there and there.at(name)
                assert place is not None, "one of the two is known"
                self.entries.compare_link(folder, name, inner, place, facts, is_carried)
                holder = self._holder(inner, place)
            elif inner in self.parts.in_history and is_file:
                equals = self.repositories.equals(inner, self.parts.in_history[inner])
                self.entries.compare_with_history(folder, name, inner, facts, equals)
                holder = Holder.HISTORY
            elif beside is None:
                raise ContentMissing(here.path, "stands only here")
            else:
                self.entries.compare_file(folder, name, inner, beside, facts)
                holder = self._holder(inner, beside)
        except ContentDiffers as error:
            is_unique = self.witness.may_be_unique and isinstance(error, ContentMissing)
            if not (is_noise or is_unique):
                raise
            self.sighting.victim[inner] = facts
            (self.sighting.noise if is_noise else self.sighting.unique).add(inner)
            holder = Holder.SYSTEM if is_noise else Holder.UNIQUE
            with suppress(OSError), opened_file(name, folder) as file:
                self.sighting.note_blocks(inner, file, self.top.kind)
        self.sighting.held[holder] += 1

    def _holder(self, inner: bytes, there: FileLocation) -> Holder:
        """Return what keeps something that was found to be equal to what is there."""
        if not is_below(there.path, self.keep.path):
            return Holder.SHELF
        if self.brought and not self.brought.isdisjoint(path_prefixes(inner)):
            return Holder.BROUGHT
        return Holder.KEPT_TREE

    def _is_carried(self, inner: bytes) -> bool:
        """Return whether a link was copied as it is, alone or with a folder around it."""
        around = path_prefixes(inner)
        return self.witness.carries_links and any(map(self.nested.__contains__, around))

    def _seen_folder(self, here: FileLocation, there: FileLocation) -> FileLocation | None:
        """Stat the kept folder, which must be a folder, and not part of what is removed.

        Return None if there is none, and there need not be one.
        """
        try:
            other = self._opened(there).open(there.inner)
            facts = os.fstat(other)
            extended_attributes_equal(self.ours.open(here.inner), other, here.path)
        except (FileNotFoundError, NotADirectoryError):
            if self.witness.may_be_unique:
                return None
            raise ContentDiffers(there.path, "is not there") from None
        except ContentMissing:
            if not self.witness.may_be_unique:
                raise
        except OSError as error:
            raise ContentDiffers(there.path, os_error_text(error)) from error
        if identity_of(facts) in self.folders:
            raise ContentDiffers(there.path, "is the same folder seen through another path")
        return there

    def _opened(self, there: FileLocation) -> OpenFolders:
        if there.root not in self.theirs:
            self.theirs[there.root] = OpenFolders(there.root, there.identity)
        return self.theirs[there.root]

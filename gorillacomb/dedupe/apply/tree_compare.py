"""Compare what is to be removed with what is kept, byte by byte.

Both sides are walked again from the descriptors of their roots: stored digests do not count,
nothing is excluded, no link is followed. The result of the comparison is a `TreeSnapshot`, and
`verify_unchanged` checks it again before anything acts on it.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from gorillacomb.classify.companions import DATABASE_HEADER, is_database
from gorillacomb.classify.names import NOISE
from gorillacomb.classify.stores import store_kind
from gorillacomb.dedupe.apply.database_logs import refuse_open_log
from gorillacomb.dedupe.apply.snapshot import TreeSnapshot
from gorillacomb.dedupe.model import KEPT_IS_MISSING
from gorillacomb.dedupe.safety.symlinks import links_equivalent
from gorillacomb.fs.bounded_read import UNTOLD, tells_size
from gorillacomb.fs.comparison import (
    ONE_VIEW,
    contents_equal,
    extended_attributes_equal,
    may_be_one_file,
    refuse_unlike_modes,
    wait_until_settled,
)
from gorillacomb.fs.lease import IN_USE, is_open_for_writing
from gorillacomb.fs.location import (
    ContentDiffers,
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
    is_placeholder,
    is_unchanged,
    opened_file,
    os_error_text,
    special_kind,
)
from gorillacomb.fs.paths import is_below, join, path_prefixes

_NOISE_LIMIT = 1 << 20
"""Bytes: a larger system file is treated as the user's."""


@dataclass(slots=True)
class TreeComparer:
    """Compares; remembers nothing from one comparison to the next."""

    noise: frozenset[bytes] = NOISE
    advance: Callable[[int], None] = lambda size: None
    """Called with the number of bytes compared."""
    same_entries: Callable[[bytes, bytes], bool] | None = None
    """Returns whether two version control caches, by their paths, have the same entries."""
    carries_links: bool = False
    """Whether a link for which ``nested`` names a copy only needs the same text there, wherever
    that leads."""
    whole_bundles: bool = True
    """Whether photo libraries and the like must have the same content on both sides."""
    now: Callable[[], int] = time.time_ns
    wait: Callable[[float], None] = time.sleep

    def compare(
        self,
        victim: FileLocation,
        keep: FileLocation,
        nested: Mapping[bytes, FileLocation],
        stood: bytes | None = None,
        later: Collection[bytes] = (),
        left: Collection[bytes] = (),
    ) -> TreeSnapshot:
        """Make sure that everything at ``victim`` also exists at ``keep`` under the same name.

        ``nested`` gives other paths to compare with, by relative paths; ``stood`` is the path from
        which links in it must resolve, if it has been moved. What will be copied ``later`` is not
        compared; a folder that only led to what ``left`` may be empty: both are relative paths.
        Raises ContentDiffers with the first difference, OSError if a folder above cannot be opened.
        """
        work = _TreeComparison(self, victim, keep, dict(nested), stood or victim.path, later, left)
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
    later: Collection[bytes]
    left: Collection[bytes]
    sighting: TreeSnapshot = field(default_factory=TreeSnapshot)
    ours: OpenFolders = field(init=False)
    theirs: dict[bytes, OpenFolders] = field(default_factory=dict)
    device: int = 0
    folders: set[FileIdentity] = field(default_factory=set)
    """Folders to be removed."""
    linked: set[FileIdentity] = field(default_factory=set)
    """Files that are kept under another name."""
    leading: set[bytes] = field(init=False)
    """The folders that lead to nested ones, or to what left, by relative paths."""
    emptied: set[bytes] = field(init=False)
    """Those that lead to what left."""

    def __post_init__(self) -> None:
        self.ours = OpenFolders(self.top.root, self.top.identity)
        self.emptied = {each for path in self.left for each in path_prefixes(path)[:-1]}
        self.leading = {each for path in self.nested for each in path_prefixes(path)[:-1]}
        self.leading |= self.emptied

    def close(self) -> None:
        self.ours.close()
        for each in self.theirs.values():
            each.close()

    def run(self) -> None:
        folder = self.ours.open(self.top.parent)
        facts = stat_or_differs(folder, self.top.name, self.top.path)
        self.device = facts.st_dev
        if not stat.S_ISDIR(facts.st_mode):
            if self.keep.name in self.witness.noise:
                raise ContentDiffers(
                    self.keep.path, "goes with its folder, as systems leave it behind"
                )
            self._file(folder, self.top.name, b"", self.keep, facts)
            return
        self.sighting.victim[b""] = facts
        self.folders.add(identity_of(facts))
        # Everything in it may have been moved by now, and what was kept for it may be missing too.
        bare = self.nested and not is_folder(self._opened(self.keep), self.keep)
        top = None if bare else self.keep
        waiting: list[tuple[bytes, FileLocation | None, bool]] = [(b"", top, False)]
        while waiting:
            waiting += self._folder(*waiting.pop())
        last = self.sighting.without_other_name(self.linked)
        if last is not None:
            raise ContentDiffers(self.top.at(last).path, "would go with all its names")

    def _folder(
        self, relative: bytes, there: FileLocation | None, exact: bool
    ) -> list[tuple[bytes, FileLocation | None, bool]]:
        """Compare a folder entry by entry; return its subfolders."""
        here = self.top.at(relative)
        names = list_names(self.ours, here)
        if there is not None:
            self._see_folder(here, there)
            exact = exact or (self.witness.whole_bundles and self._is_store(here))
            others = list_names(self._opened(there), there) if exact else names
            if {*names}.symmetric_difference(others) - self.witness.noise:
                cause = "differs in what it holds, and is one thing as a whole"
                raise ContentDiffers(here.path, cause)
        elif not names and relative not in self.emptied:
            raise ContentDiffers(here.path, "is an empty folder that stands only here")
        found: list[tuple[bytes, FileLocation | None, bool]] = []
        for name in sorted(names):
            inner = join(relative, name) if relative else name
            facts = stat_or_differs(self.ours.open(here.inner), name, here.at(name).path)
            if inner in self.later:
                self.sighting.victim[inner] = facts
            elif stat.S_ISDIR(facts.st_mode):
                self._enter(inner, name, facts)
                found.append((inner, self._counterpart(inner, name, there), exact))
            else:
                self._entry(inner, name, facts, there)
        return found

    def _is_store(self, here: FileLocation) -> bool:
        """Return whether a folder is a unit to its program: no part is compared alone."""
        return store_kind(here.name, DiskFolder(self.ours, here.inner)) is not None

    def _enter(self, inner: bytes, name: bytes, facts: os.stat_result) -> None:
        path = self.top.at(inner).path
        if facts.st_dev != self.device:
            raise ContentDiffers(path, "is on another file system")
        if name == OUR_FOLDER:
            raise ContentDiffers(path, "is Gorilla Comb's own")
        self.sighting.victim[inner] = facts
        self.folders.add(identity_of(facts))

    def _counterpart(
        self, inner: bytes, name: bytes, there: FileLocation | None
    ) -> FileLocation | None:
        """Return where a subfolder's content is kept; None if it merely leads to a nested copy."""
        if inner in self.nested:
            return self.nested[inner]
        leads = inner in self.leading
        if there is None:
            if not leads:
                raise ContentDiffers(self.top.at(inner).path, "stands only here")
            return None
        if leads and not is_folder(self._opened(there), there.at(name)):
            return None
        return there.at(name)

    def _entry(
        self, inner: bytes, name: bytes, facts: os.stat_result, there: FileLocation | None
    ) -> None:
        """Compare an entry that is not a folder."""
        here = self.top.at(inner)
        folder = self.ours.open(here.parent)
        beside = self.nested.get(inner) or (there and there.at(name))
        is_carried = self._is_carried(inner) and not stat.S_ISREG(facts.st_mode)
        if not stat.S_ISREG(facts.st_mode) and (there is not None or is_carried):
            place = beside if is_carried and beside else there and there.at(name)
            assert place is not None, "one of the two is known"
            self._link(folder, name, inner, place, facts, is_carried)
            return
        is_noise = name in self.witness.noise and facts.st_size <= _NOISE_LIMIT
        try:
            if beside is None:
                raise ContentDiffers(here.path, "stands only here")
            self._file(folder, name, inner, beside, facts)
        except ContentDiffers:
            if not is_noise or not stat.S_ISREG(facts.st_mode):
                raise
            self.sighting.victim[inner] = facts
            self.sighting.noise.add(inner)
            with suppress(OSError), opened_file(name, folder) as file:
                self.sighting.note_blocks(inner, file, self.top.kind)

    def _is_carried(self, inner: bytes) -> bool:
        """Return whether a link was copied as it is, alone or with a folder around it."""
        around = path_prefixes(inner)
        return self.witness.carries_links and any(map(self.nested.__contains__, around))

    def _link(
        self,
        folder: int,
        name: bytes,
        inner: bytes,
        there: FileLocation,
        facts: os.stat_result,
        is_carried: bool,
    ) -> None:
        path = self.top.at(inner).path
        kind = special_kind(facts.st_mode)
        if kind is not None:
            raise ContentDiffers(path, f"is a {kind}")
        others = self._opened(there)
        try:
            other = others.open(there.parent)
            target = os.stat(there.name, dir_fd=other, follow_symlinks=False)
            text = os.readlink(name, dir_fd=folder)
            here, beside = os.path.dirname(join(self.stood, inner)), os.path.dirname(there.path)
            same = (
                stat.S_ISLNK(target.st_mode)
                and os.readlink(there.name, dir_fd=other) == text
                and (is_carried or links_equivalent(text, here, beside, inner.count(b"/")))
            )
        except FileNotFoundError:
            raise ContentDiffers(path, "stands only here") from None
        except OSError as error:
            raise ContentDiffers(there.path, os_error_text(error)) from error
        if not same:
            raise ContentDiffers(path, "is a link that leads elsewhere there")
        self.sighting.victim[inner] = facts
        self.sighting.survivors.append((there, target))

    def _file(
        self, folder: int, name: bytes, inner: bytes, there: FileLocation, facts: os.stat_result
    ) -> None:
        path = self.top.at(inner).path
        kind = special_kind(facts.st_mode)
        if kind is not None or stat.S_ISLNK(facts.st_mode):
            raise ContentDiffers(path, f"is a {kind or 'symbolic link'}")
        if is_below(there.path, self.top.path):
            raise ContentDiffers(path, "has its only other copy in what would go too")
        if facts.st_dev != self.device:
            raise ContentDiffers(path, "is on another file system")
        if is_placeholder(facts):
            raise ContentDiffers(path, "is only in the cloud")
        others = self._opened(there)
        try:
            other = others.open(there.parent)
            target = os.stat(there.name, dir_fd=other, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            if not inner:
                raise ContentDiffers(there.path, KEPT_IS_MISSING) from None
            raise ContentDiffers(path, "stands only here") from None
        except OSError as error:
            raise ContentDiffers(there.path, os_error_text(error)) from error
        self._check_kinds(path, inner, facts, there, target)
        if (self.top.shows_others or there.shows_others) and may_be_one_file(facts, target):
            raise ContentDiffers(path, ONE_VIEW)
        if identity_of(facts) != identity_of(target):
            self._contents(folder, name, inner, facts, other, there, target)
        self.sighting.victim[inner] = facts
        self.sighting.survivors.append((there, target))

    def _check_kinds(
        self,
        path: bytes,
        inner: bytes,
        facts: os.stat_result,
        there: FileLocation,
        target: os.stat_result,
    ) -> None:
        if not stat.S_ISREG(target.st_mode):
            raise ContentDiffers(path, "is no file there")
        if is_placeholder(target):
            raise ContentDiffers(there.path, "is only in the cloud")
        refuse_unlike_modes(facts, target, path)
        if identity_of(facts) == identity_of(target):
            if not inner:
                raise ContentDiffers(path, "is the same file under another name, no second copy")
            self.linked.add(identity_of(facts))
            self.sighting.one_copy.add(inner)

    def _contents(
        self,
        folder: int,
        name: bytes,
        inner: bytes,
        facts: os.stat_result,
        other: int,
        there: FileLocation,
        target: os.stat_result,
    ) -> None:
        """Compare two files, flushed to disk, by their bytes and attributes."""
        path = self.top.at(inner).path
        if facts.st_size != target.st_size and not self._are_caches(path, there):
            raise ContentDiffers(path, "differs")
        try:
            with opened_file(name, folder) as a, opened_file(there.name, other) as b:
                clock = self.witness.now, self.witness.wait
                before = (
                    wait_until_settled(a, self.top.grain_ns, *clock),
                    wait_until_settled(b, there.grain_ns, *clock),
                )
                for was, now, where in zip(
                    (facts, target), before, (path, there.path), strict=True
                ):
                    if not is_unchanged(was, now):
                        raise ContentDiffers(where, "changed meanwhile")
                if is_database(os.pread(a, DATABASE_HEADER, 0)):
                    refuse_open_log(folder, name, path)
                    refuse_open_log(other, there.name, there.path)
                same = contents_equal(a, b, facts.st_size, self.witness.advance)
                if not same and not (self._are_caches(path, there)):
                    raise ContentDiffers(path, "differs")
                if not tells_size(a, facts.st_size):
                    raise ContentDiffers(path, UNTOLD)
                extended_attributes_equal(a, b, path)
                for file, where in ((a, path), (b, there.path)):
                    if is_open_for_writing(file):
                        raise ContentDiffers(where, IN_USE)
                self.sighting.note_blocks(inner, a, self.top.kind, b, there.kind)
                after = os.fstat(a), os.fstat(b)
        except OSError as error:
            raise ContentDiffers(path, os_error_text(error)) from error
        for was, now, where in zip(before, after, (path, there.path), strict=True):
            if not is_unchanged(was, now):
                raise ContentDiffers(where, "changed while it was compared")

    def _are_caches(self, path: bytes, there: FileLocation) -> bool:
        """Return whether both are git caches with the same entries: times differ in any copy."""
        return (
            self.witness.same_entries is not None
            and path.endswith(b"/.git/index")
            and there.inner.endswith(b".git/index")
            and self.witness.same_entries(path, there.path)
        )

    def _see_folder(self, here: FileLocation, there: FileLocation) -> None:
        """Stat the kept folder, which must be a folder, and not part of what is removed."""
        try:
            other = self._opened(there).open(there.inner)
            facts = os.fstat(other)
            extended_attributes_equal(self.ours.open(here.inner), other, here.path)
        except (FileNotFoundError, NotADirectoryError):
            raise ContentDiffers(there.path, "is not there") from None
        except OSError as error:
            raise ContentDiffers(there.path, os_error_text(error)) from error
        if identity_of(facts) in self.folders:
            raise ContentDiffers(there.path, "is the same folder seen through another path")

    def _opened(self, there: FileLocation) -> OpenFolders:
        if there.root not in self.theirs:
            self.theirs[there.root] = OpenFolders(there.root, there.identity)
        return self.theirs[there.root]

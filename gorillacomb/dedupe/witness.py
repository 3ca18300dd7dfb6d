"""Comparing what is to go with what stays, byte by byte, and looking again afterwards.

Both sides are walked afresh from the descriptors of their roots: no stored digest counts, nothing
is excluded, no link is followed. What the comparison saw comes back as a `Sighting`; whoever acts
on it asks with `look_again` whether all of that is still so.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from gorillacomb.bytepaths import is_below, join
from gorillacomb.dedupe import disk
from gorillacomb.dedupe.clutter import NOISE, VERSION_CONTROL, is_kept
from gorillacomb.openat import (
    OUR_FOLDER,
    Identity,
    OpenFolders,
    cause_of,
    identity_of,
    is_placeholder,
    is_same,
    odd_kind,
    open_file,
)

_CHUNK = 1 << 20
_EXECUTABLE = 0o111
_NOISE_LIMIT = 1 << 20
"""Bytes: a file of the system's own that is larger is somebody's."""
_CONTENT_ATTRIBUTES = ("user.", "com.apple.ResourceFork", "com.apple.metadata:_kMDItemUserTags")
"""Extended attributes that people or their programs put there; the rest is the system's."""


class Different(Exception):
    """What is to go is not, or no longer, what stays; or it cannot be told."""

    def __init__(self, path: bytes, cause: str) -> None:
        super().__init__(path, cause)
        self.path = path
        """Of what, absolute."""
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Spot:
    """A path in a root: reached from the root, whose identity is known."""

    root: bytes
    identity: Identity
    inner: bytes
    """Relative to the root; never empty for what is to go."""
    grain_ns: int = 0
    """How far apart two times can be at the least on its file system, ns."""
    shows_others: bool = False
    """Whether its file system may show the files of another one, under a device of its own."""

    @property
    def path(self) -> bytes:
        return join(self.root, self.inner)

    @property
    def parent(self) -> bytes:
        """Its folder's path, relative to the root."""
        return self.inner.rpartition(b"/")[0]

    @property
    def name(self) -> bytes:
        return self.inner.rpartition(b"/")[2]

    def at(self, relative: bytes) -> Spot:
        """A path below this one."""
        inner = b"/".join(part for part in (self.inner, relative) if part)
        return replace(self, inner=inner)

    @contextmanager
    def opened(self) -> Iterator[tuple[int, bytes]]:
        """A descriptor of its folder, opened step by step, and its name. Raises OSError."""
        folders = OpenFolders(self.root, self.identity)
        try:
            yield folders.open(self.parent), self.name
        finally:
            folders.close()


@dataclass(slots=True)
class Sighting:
    """What a comparison saw."""

    victim: dict[bytes, os.stat_result] = field(default_factory=dict)
    """Everything that is to go by its path relative to what goes; the thing itself is empty."""
    survivors: list[tuple[Spot, os.stat_result]] = field(default_factory=list)
    """What stays for it."""
    noise: set[bytes] = field(default_factory=set)
    """Paths in ``victim`` of files of the system's own, for which nothing stays."""

    @property
    def files(self) -> int:
        """Regular files that go."""
        return sum(stat.S_ISREG(facts.st_mode) for facts in self.victim.values())


@dataclass(slots=True)
class Witness:
    """Compares; remembers nothing from one comparison to the next."""

    noise: frozenset[bytes] = NOISE
    advance: Callable[[int], None] = lambda size: None
    """Told of bytes that were compared."""
    same_entries: Callable[[bytes, bytes], bool] | None = None
    """Whether two caches of version control, by their paths, have the same entries."""
    now: Callable[[], int] = time.time_ns
    wait: Callable[[float], None] = time.sleep

    def compare(self, victim: Spot, keep: Spot, nested: Mapping[bytes, Spot]) -> Sighting:
        """Make sure that everything at ``victim`` also stands at ``keep`` under the same name.

        ``nested`` are other places to look at, by paths relative to the victim. Raises Different,
        with the first thing that is not so; OSError when a folder above them cannot be opened.
        """
        work = _Comparison(self, victim, keep, dict(nested))
        try:
            work.run()
        finally:
            work.close()
        return work.sighting


@dataclass(slots=True)
class _Comparison:
    witness: Witness
    top: Spot
    keep: Spot
    nested: dict[bytes, Spot]
    sighting: Sighting = field(default_factory=Sighting)
    ours: OpenFolders = field(init=False)
    theirs: dict[bytes, OpenFolders] = field(default_factory=dict)
    device: int = 0

    def __post_init__(self) -> None:
        self.ours = OpenFolders(self.top.root, self.top.identity)

    def close(self) -> None:
        self.ours.close()
        for each in self.theirs.values():
            each.close()

    def run(self) -> None:
        folder = self.ours.open(self.top.parent)
        facts = _look(folder, self.top.name, self.top.path)
        self.device = facts.st_dev
        if not stat.S_ISDIR(facts.st_mode):
            self._file(folder, self.top.name, b"", self.keep, facts)
            return
        self.sighting.victim[b""] = facts
        waiting: list[tuple[bytes, Spot | None, bool]] = [(b"", self.keep, False)]
        while waiting:
            waiting += self._folder(*waiting.pop())

    def _folder(
        self, relative: bytes, there: Spot | None, exact: bool
    ) -> list[tuple[bytes, Spot | None, bool]]:
        """Compare a folder entry by entry; returns those below it."""
        here = self.top.at(relative)
        names = _names(self.ours, here)
        if there is not None:
            self._see_folder(there)
            exact = exact or _is_bundle(here.name)
            if exact and set(names) != set(_names(self._opened(there), there)):
                raise Different(here.path, "differs in what it holds, and is one thing as a whole")
        elif not names:
            raise Different(here.path, "is an empty folder that stands only here")
        found: list[tuple[bytes, Spot | None, bool]] = []
        for name in sorted(names):
            inner = join(relative, name) if relative else name
            facts = _look(self.ours.open(here.inner), name, here.at(name).path)
            if stat.S_ISDIR(facts.st_mode):
                self._enter(inner, name, facts)
                found.append((inner, self._counterpart(inner, name, there), exact))
            else:
                self._entry(inner, name, facts, there)
        return found

    def _enter(self, inner: bytes, name: bytes, facts: os.stat_result) -> None:
        path = self.top.at(inner).path
        if facts.st_dev != self.device:
            raise Different(path, "is on another file system")
        if name == OUR_FOLDER:
            raise Different(path, "is Gorilla Comb's own")
        self.sighting.victim[inner] = facts

    def _counterpart(self, inner: bytes, name: bytes, there: Spot | None) -> Spot | None:
        """Where a subfolder's content stands; None for one that merely leads to a nested copy."""
        if inner in self.nested:
            return self.nested[inner]
        leads = any(each.startswith(inner + b"/") for each in self.nested)
        if there is None:
            if not leads:
                raise Different(self.top.at(inner).path, "stands only here")
            return None
        if leads and not _is_folder(self._opened(there), there.at(name)):
            return None
        return there.at(name)

    def _entry(self, inner: bytes, name: bytes, facts: os.stat_result, there: Spot | None) -> None:
        """Compare what is no folder."""
        here = self.top.at(inner)
        folder = self.ours.open(here.parent)
        if there is not None and not stat.S_ISREG(facts.st_mode):
            self._link(folder, name, inner, there.at(name), facts)
            return
        is_noise = name in self.witness.noise and facts.st_size <= _NOISE_LIMIT
        try:
            if there is None:
                raise Different(here.path, "stands only here")
            self._file(folder, name, inner, there.at(name), facts)
        except Different:
            if not is_noise or not stat.S_ISREG(facts.st_mode):
                raise
            self.sighting.victim[inner] = facts
            self.sighting.noise.add(inner)

    def _link(
        self, folder: int, name: bytes, inner: bytes, there: Spot, facts: os.stat_result
    ) -> None:
        path = self.top.at(inner).path
        kind = odd_kind(facts.st_mode)
        if kind is not None:
            raise Different(path, f"is a {kind}")
        others = self._opened(there)
        try:
            other = others.open(there.parent)
            target = os.stat(there.name, dir_fd=other, follow_symlinks=False)
            same = stat.S_ISLNK(target.st_mode) and (
                os.readlink(there.name, dir_fd=other) == os.readlink(name, dir_fd=folder)
            )
        except FileNotFoundError:
            raise Different(path, "stands only here") from None
        except OSError as error:
            raise Different(there.path, cause_of(error)) from error
        if not same:
            raise Different(path, "is a link that leads elsewhere there")
        self.sighting.victim[inner] = facts
        self.sighting.survivors.append((there, target))

    def _file(
        self, folder: int, name: bytes, inner: bytes, there: Spot, facts: os.stat_result
    ) -> None:
        path = self.top.at(inner).path
        kind = odd_kind(facts.st_mode)
        if kind is not None or stat.S_ISLNK(facts.st_mode):
            raise Different(path, f"is a {kind or 'symbolic link'}")
        if is_below(there.path, self.top.path):
            raise Different(path, "has its only other copy in what would go too")
        if facts.st_dev != self.device:
            raise Different(path, "is on another file system")
        if is_placeholder(facts):
            raise Different(path, "is only in the cloud")
        others = self._opened(there)
        try:
            other = others.open(there.parent)
            target = os.stat(there.name, dir_fd=other, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            raise Different(path, "stands only here") from None
        except OSError as error:
            raise Different(there.path, cause_of(error)) from error
        self._check_kinds(path, inner, facts, there, target)
        if (self.top.shows_others or there.shows_others) and _may_be_one(facts, target):
            raise Different(path, "may be the same file, seen through another mount")
        if identity_of(facts) != identity_of(target):
            self._contents(folder, name, path, facts, other, there, target)
        self.sighting.victim[inner] = facts
        self.sighting.survivors.append((there, target))

    def _check_kinds(
        self,
        path: bytes,
        inner: bytes,
        facts: os.stat_result,
        there: Spot,
        target: os.stat_result,
    ) -> None:
        if not stat.S_ISREG(target.st_mode):
            raise Different(path, "is no file there")
        if is_placeholder(target):
            raise Different(there.path, "is only in the cloud")
        if (facts.st_mode ^ target.st_mode) & _EXECUTABLE:
            raise Different(path, "can be executed in one place and not in the other")
        if identity_of(facts) == identity_of(target) and (not inner or facts.st_nlink < 2):
            raise Different(path, "is the same file under another name, no second copy")

    def _contents(
        self,
        folder: int,
        name: bytes,
        path: bytes,
        facts: os.stat_result,
        other: int,
        there: Spot,
        target: os.stat_result,
    ) -> None:
        """Compare two files, settled on the disk, by their bytes and attributes."""
        if facts.st_size != target.st_size and not self._are_caches(path, there):
            raise Different(path, "differs")
        try:
            with _opened(folder, name) as a, _opened(other, there.name) as b:
                before = self._settled(a, self.top.grain_ns), self._settled(b, there.grain_ns)
                for was, now, where in zip(
                    (facts, target), before, (path, there.path), strict=True
                ):
                    if not is_same(was, now):
                        raise Different(where, "changed meanwhile")
                same = self._same_bytes(a, b, facts.st_size)
                if not same and not (self._are_caches(path, there)):
                    raise Different(path, "differs")
                _compare_attributes(a, b, path)
                after = os.fstat(a), os.fstat(b)
        except OSError as error:
            raise Different(path, cause_of(error)) from error
        for was, now, where in zip(before, after, (path, there.path), strict=True):
            if not is_same(was, now):
                raise Different(where, "changed while it was compared")

    def _settled(self, descriptor: int, grain_ns: int) -> os.stat_result:
        """What an open file is, in such a state that a later write must show in its times.

        The sync makes the kernel note the next write through a memory map; and a time within the
        clock's grain of now would not change by another write.
        """
        disk.sync(descriptor)
        facts = os.fstat(descriptor)
        newest = max(facts.st_mtime_ns, facts.st_ctime_ns)
        left = newest + grain_ns - self.witness.now()
        if 0 < left <= 2 * grain_ns:
            self.witness.wait(left / 1e9)
        return facts

    def _same_bytes(self, a: int, b: int, size: int) -> bool:
        at = 0
        while True:
            ours, theirs = os.pread(a, _CHUNK, at), os.pread(b, _CHUNK, at)
            if len(ours) != len(theirs):  # a file system that reads by the piece
                shorter = min(len(ours), len(theirs))
                if not shorter:
                    return False
                ours, theirs = ours[:shorter], theirs[:shorter]
            if ours != theirs:
                return False
            if not ours:
                return at >= size
            at += len(ours)
            self.witness.advance(len(ours))

    def _are_caches(self, path: bytes, there: Spot) -> bool:
        """Whether the two are caches of git with the same entries: times differ in any copy."""
        return (
            self.witness.same_entries is not None
            and path.endswith(b"/.git/index")
            and there.inner.endswith(b".git/index")
            and self.witness.same_entries(path, there.path)
        )

    def _see_folder(self, there: Spot) -> None:
        """Note the folder that stays, which must be one, and no part of what goes."""
        try:
            facts = os.fstat(self._opened(there).open(there.inner))
        except (FileNotFoundError, NotADirectoryError):
            raise Different(there.path, "is not there") from None
        except OSError as error:
            raise Different(there.path, cause_of(error)) from error
        if any(
            identity_of(facts) == identity_of(each)
            for each in self.sighting.victim.values()
            if stat.S_ISDIR(each.st_mode)
        ):
            raise Different(there.path, "is the same folder seen through another path")

    def _opened(self, there: Spot) -> OpenFolders:
        if there.root not in self.theirs:
            self.theirs[there.root] = OpenFolders(there.root, there.identity)
        return self.theirs[there.root]


def look_again(sighting: Sighting, moved: Spot) -> None:
    """Make sure that nothing changed since a comparison, but for the place of what goes.

    ``moved`` is where that stands now; what stays is reached anew by its path. Raises Different.
    """
    top = sighting.victim[b""]
    found = set()
    for inner, facts in _everything(moved):
        was = sighting.victim.get(inner)
        path = moved.at(inner).path
        if was is None:
            raise Different(path, "came meanwhile")
        # A rename changes the ctime of what is renamed, and of a folder perhaps the mtime.
        if inner:
            same = is_same(was, facts) if not stat.S_ISDIR(was.st_mode) else _is_place(was, facts)
        elif stat.S_ISDIR(top.st_mode):
            same = identity_of(was) == identity_of(facts)
        else:
            same = (
                identity_of(was) == identity_of(facts)
                and was.st_mtime_ns == facts.st_mtime_ns
                and was.st_size == facts.st_size
            )
        if not same:
            raise Different(path, "changed meanwhile")
        found.add(inner)
    gone = sighting.victim.keys() - found
    if gone:
        raise Different(moved.at(min(gone)).path, "went meanwhile")
    survivors_stand(sighting)


def survivors_stand(sighting: Sighting) -> None:
    """Make sure that what stays is as it was, reached by its path. Raises Different."""
    folders: dict[bytes, OpenFolders] = {}
    try:
        for spot, was in sighting.survivors:
            opened = folders.setdefault(spot.root, OpenFolders(spot.root, spot.identity))
            try:
                facts = os.stat(spot.name, dir_fd=opened.open(spot.parent), follow_symlinks=False)
            except OSError as error:
                raise Different(spot.path, f"was to stay: {cause_of(error)}") from error
            if not is_same(was, facts):
                raise Different(spot.path, "was to stay, and changed meanwhile")
    finally:
        for each in folders.values():
            each.close()


def _everything(top: Spot) -> Iterator[tuple[bytes, os.stat_result]]:
    """It and all that stands below, by relative path. Raises Different."""
    folders = OpenFolders(top.root, top.identity)
    try:
        facts = _look(folders.open(top.parent), top.name, top.path)
        yield b"", facts
        waiting = [b""] if stat.S_ISDIR(facts.st_mode) else []
        while waiting:
            relative = waiting.pop()
            here = top.at(relative)
            for name in _names(folders, here):
                inner = join(relative, name) if relative else name
                facts = _look(folders.open(here.inner), name, here.at(name).path)
                yield inner, facts
                if stat.S_ISDIR(facts.st_mode):
                    waiting.append(inner)
    finally:
        folders.close()


def _is_place(was: os.stat_result, now: os.stat_result) -> bool:
    """Whether two looks met one folder to which nothing came and from which nothing went."""
    return identity_of(was) == identity_of(now) and was.st_mtime_ns == now.st_mtime_ns


def _may_be_one(a: os.stat_result, b: os.stat_result) -> bool:
    """Whether two looks through different devices may have met one file.

    An overlay shows a file's own times: nobody can set the time of the last change of an inode.
    """
    return (
        a.st_dev != b.st_dev
        and a.st_size == b.st_size
        and a.st_ctime_ns == b.st_ctime_ns
        and a.st_mtime_ns == b.st_mtime_ns
    )


def _look(folder: int, name: bytes, path: bytes) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        raise Different(path, "is not there any more") from None
    except OSError as error:
        raise Different(path, cause_of(error)) from error


def _names(folders: OpenFolders, spot: Spot) -> list[bytes]:
    try:
        return [os.fsencode(name) for name in os.listdir(folders.open(spot.inner))]
    except OSError as error:
        raise Different(spot.path, cause_of(error)) from error


def _is_folder(folders: OpenFolders, spot: Spot) -> bool:
    try:
        facts = os.stat(spot.name, dir_fd=folders.open(spot.parent), follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode)


def _is_bundle(name: bytes) -> bool:
    """Whether a folder is one thing to its program, of which no part may be compared alone."""
    return is_kept(name) and name not in VERSION_CONTROL


@contextmanager
def _opened(folder: int, name: bytes) -> Iterator[int]:
    descriptor = open_file(name, folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _compare_attributes(a: int, b: int, path: bytes) -> None:
    """Refuse what bears attributes that somebody gave it and that the other one lacks."""
    ours, theirs = attributes(a), attributes(b)
    for name, value in ours.items():
        if name.startswith(_CONTENT_ATTRIBUTES) and theirs.get(name) != value:
            raise Different(path, f"has an attribute of its own: {name}")


def attributes(descriptor: int) -> dict[str, bytes]:
    """The extended attributes of an open file; none where there are no such things."""
    if not hasattr(os, "listxattr"):
        return {}
    try:
        return {name: os.getxattr(descriptor, name) for name in os.listxattr(descriptor)}
    except OSError:
        return {}  # the file system has none

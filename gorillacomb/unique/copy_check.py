"""Whether a copy vouches: whether a content may be called safe because this copy of it stands.

A copy vouches only if it stands now exactly as it was read, on a drive that is there, and in no
place that empties itself: a trash, a cache, a folder for passing things, a snapshot, a quarantine.
A copy on the same blocks of the disk is no second one: a hard link, a reflink, or the same file
seen through an overlay. What programs make again at will, such as ``node_modules``, vouches for
more of the same only, and so does what they keep for themselves: ``.git``, a photo library.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from gorillacomb.classify.location import (
    _THROWN_AWAY,
    LocationKind,
    location_kind,
)
from gorillacomb.classify.snapshots import SnapshotFinder
from gorillacomb.fs.extents import NEVER_SHARED, StorageKey, storage_key
from gorillacomb.fs.openat import (
    FileIdentity,
    OpenFolders,
    clamp_int64,
    identity_of,
    is_placeholder,
    open_file,
    to_signed64,
)
from gorillacomb.fs.paths import is_below, join_relative, path_and_parents, relative_path
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import disk_of, shows_others
from gorillacomb.index.file_records import FileRecord
from gorillacomb.model import EntryState, Root

TREATED_AS_GONE = "treated as gone"
PLANNED_TO_GO = "planned to go"
LINKED = "now reached through a link"
_SAME = "the same file seen through another path"


@dataclass(frozen=True, slots=True)
class CopyRejected:
    """A copy does not vouch."""

    cause: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Which file something is, and where it lies."""

    identity: FileIdentity
    key: StorageKey
    """Equal for two files that are one copy on the disk."""
    unknown: str | None = None
    """Why that cannot be told, of other files than hard links."""


@dataclass(slots=True)
class CopyVerifier:
    """Looks at copies on disk, by the roots that are there."""

    roots: dict[int, Root]
    away: dict[int, str | None]
    """Roots that are not there: why their copies do not count; None for those that do, unseen."""
    gone: Collection[bytes]
    """Absolute paths that are to be treated as gone."""
    gone_folders: set[FileIdentity]
    """The folders in those, by device and inode: nor does what is seen there through a mount."""
    project: Callable[[int], bytes | None]
    """The path of the outermost project around a folder, by the folder's id."""
    store: Callable[[int], bytes | None]
    """The path of the outermost store around a folder, by the folder's id."""
    machine_made: frozenset[bytes]
    """Names of folders that programs make, beside those that are known for it."""
    noise: frozenset[bytes]
    """Names of files that go with their folders, whatever they hold: they do not count."""
    apart: Collection[int] = ()
    """Roots of other drives that were scanned where those paths are: of them nothing is gone."""
    planned: Collection[bytes] = ()
    """Absolute paths of files and folders that a plan has go."""
    snapshots: SnapshotFinder = field(default_factory=SnapshotFinder)
    _direct: dict[int, bool] = field(default_factory=dict)
    """By root, whether no link leads to it."""
    _opened: tuple[int, OpenFolders] | None = None
    """The root that was entered last."""
    _folders: dict[bytes, FileIdentity | CopyRejected] = field(default_factory=dict)
    _deep: dict[bytes, dict[bytes, os.stat_result | OSError]] = field(default_factory=dict)
    """What stands in folders whose path is about too long for the system."""
    _gone: dict[int, bool] = field(default_factory=dict)
    _places: dict[int, LocationKind] = field(default_factory=dict)

    def verify_copies(
        self, copy: FileRecord, place: LocationKind
    ) -> CopyRejected | StoredFile | None:
        """Why a copy does not vouch, or else what file it is; None for one that counts unseen.

        ``place`` is the kind of place in which stands what it is to vouch for.
        """
        if self._is_gone(copy):
            return CopyRejected(TREATED_AS_GONE)
        if self.is_planned(copy.path):
            return CopyRejected(PLANNED_TO_GO)
        where = self.place(copy)
        name = os.path.basename(copy.path)
        if name in self.noise:
            return CopyRejected("as a file that systems leave behind")
        if name.startswith(_THROWN_AWAY):
            return CopyRejected(LocationKind.PASSING)
        if where is LocationKind.PASSING or where not in (LocationKind.PLAIN, place):
            return CopyRejected(where)
        if self.snapshots.around(os.path.dirname(copy.path)) is not None:
            return CopyRejected(LocationKind.PASSING)
        if copy.state != EntryState.HASHED:
            return CopyRejected("written while it was read")
        if copy.root in self.away:
            cause = self.away[copy.root]
            return None if cause is None else CopyRejected(cause)
        return self._standing(copy)

    def is_planned(self, path: bytes) -> bool:
        """Whether a plan has a file go, or a folder around it."""
        return bool(self.planned) and any(each in self.planned for each in path_and_parents(path))

    def _is_gone(self, copy: FileRecord) -> bool:
        if copy.root in self.apart:
            return False
        found = self._gone.get(copy.folder)
        if found is None:
            found = any(is_below(os.path.dirname(copy.path), each) for each in self.gone)
            self._gone[copy.folder] = found
        return found

    def place(self, file: FileRecord) -> LocationKind:
        """What kind of place a file stands in."""
        if file.folder not in self._places:
            top = self.roots[file.root].path
            project = _depth(self.project(file.folder), top)
            store = _depth(self.store(file.folder), top)
            self._places[file.folder] = location_kind(
                top,
                relative_path(os.path.dirname(file.path), top),
                project,
                self.machine_made,
                None if store is None else store - 1,
            )
        return self._places[file.folder]

    def storage_of(self, file: FileRecord, identity: FileIdentity) -> StoredFile:
        """Find out where a file lies that is there. Raises OSError."""
        if self.roots[file.root].volume_type in NEVER_SHARED:
            return StoredFile(identity, identity)
        folder, name = os.path.split(file.path)
        descriptor = open_file(name, self._open(file.root, folder))
        try:
            return StoredFile(identity, *storage_key(descriptor))
        finally:
            os.close(descriptor)

    def may_be_one(self, a: FileRecord, b: FileRecord) -> bool:
        """Whether two files of equal content may be one, seen through an overlay or a server.

        Such a view shows a file's own times, and nobody can set that of the last change.
        """
        views = [shows_others(self.roots[each.root].volume_type) for each in (a, b)]
        apart = self.roots[a.root].volume != self.roots[b.root].volume
        times = (a.mtime_ns, a.ctime_ns) == (b.mtime_ns, b.ctime_ns)
        return any(views) and apart and times

    def may_share(self, a: FileRecord, b: FileRecord) -> bool:
        """Whether two files lie on one file system, where they may share blocks."""
        return disk_of(self.roots[a.root].volume) == disk_of(self.roots[b.root].volume)

    def _standing(self, copy: FileRecord) -> CopyRejected | StoredFile:
        """What file a copy is on a drive that is there, if it is still what was read."""
        path = os.path.dirname(copy.path)
        folder = self._folders.get(path)
        if folder is None:
            folder = self._folders[path] = self._folder(copy.root, path)
        if isinstance(folder, CopyRejected):
            return folder
        if folder in self.gone_folders:
            return CopyRejected(_SAME)
        try:
            facts = self._facts(copy, path)
        except OSError as error:
            return _refusal(error)
        if is_placeholder(facts):
            return CopyRejected("only in the cloud")
        if not matches_record(copy, facts):
            return CopyRejected("changed since the scan")
        try:
            return self.storage_of(copy, identity_of(facts))
        except OSError as error:
            return _refusal(error)

    def _folder(self, root: int, path: bytes) -> CopyRejected | FileIdentity:
        """Which folder stands at a path below a root, if it is reached without a link."""
        top = self.roots[root].path
        if root not in self._direct:
            self._direct[root] = real_path(top) == top
        if not self._direct[root]:
            return CopyRejected(LINKED)
        # Where inodes tell nothing, the folder may be another one that is spelled otherwise.
        if self.roots[root].weak and real_path(path) != path:
            return CopyRejected(_SAME)
        try:
            return identity_of(os.fstat(self._open(root, path)))
        except OSError as error:
            linked = error.errno in (errno.ENOTDIR, errno.ELOOP) and os.path.isdir(path)
            return CopyRejected(LINKED) if linked else _refusal(error)

    def _open(self, root: int, path: bytes) -> int:
        """A descriptor of the folder at a path below a root, good until the next call."""
        top = self.roots[root].path
        if self._opened is None or self._opened[0] != root:
            self.close()
            self._opened = root, OpenFolders(top)
        return self._opened[1].open(relative_path(path, top))

    def _facts(self, copy: FileRecord, folder: bytes) -> os.stat_result:
        """Look at a copy in a folder that is reached without a link.

        By its path, which costs least; where that is longer than the system takes, the folder is
        opened step by step, and all that stands in it is looked at in one go.
        """
        try:
            return os.lstat(copy.path)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
        if folder not in self._deep:
            self._deep[folder] = dict(list_with_stat(self._open(copy.root, folder)))
        gone = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        facts = self._deep[folder].get(os.path.basename(copy.path), gone)
        if isinstance(facts, OSError):
            raise facts
        return facts

    def close(self) -> None:
        """Close the folders that it had to open."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None


def _depth(path: bytes | None, top: bytes) -> int | None:
    """How many folders below a root's top a path is; None for no path."""
    if path is None:
        return None
    inner = relative_path(path, top)
    return inner.count(b"/") + 1 if inner else 0


def _refusal(error: OSError) -> CopyRejected:
    gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
    return CopyRejected("gone since the scan" if gone else error.strerror or str(error))


def matches_record(copy: FileRecord, facts: os.stat_result) -> bool:
    """Whether a file is as it was when it was read, by all that its file system can tell."""
    return (
        stat.S_ISREG(facts.st_mode)
        and copy.size == facts.st_size
        and copy.mtime_ns == clamp_int64(facts.st_mtime_ns)
        and copy.ctime_ns in (0, clamp_int64(facts.st_ctime_ns))
        and copy.inode in (0, to_signed64(facts.st_ino))
    )


def list_with_stat(descriptor: int) -> Iterator[tuple[bytes, os.stat_result | OSError]]:
    """What stands in an open folder, links not followed, or why it cannot be looked at."""
    with os.scandir(descriptor) as entries:
        names = [os.fsencode(entry.name) for entry in entries]
    for name in names:
        try:
            yield name, os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except OSError as error:
            yield name, error


def folder_identities_below(paths: Collection[bytes]) -> set[FileIdentity]:
    """Every folder in and below some paths, links not followed, by device and inode.

    Other file systems are not entered, nor what cannot be opened.
    """
    found: set[FileIdentity] = set()
    for path in paths:
        folders = OpenFolders(path)
        try:
            device = os.stat(path).st_dev
            waiting = [b""]
            while waiting:
                relative = waiting.pop()
                with suppress(OSError):
                    descriptor = folders.open(relative)
                    identity = identity_of(os.fstat(descriptor))
                    if identity[0] != device:
                        continue
                    found.add(identity)
                    with os.scandir(descriptor) as entries:
                        waiting += [
                            join_relative(relative, name)
                            for entry in entries
                            if entry.is_dir(follow_symlinks=False)
                            for name in (os.fsencode(entry.name),)
                        ]
        finally:
            folders.close()
    return found

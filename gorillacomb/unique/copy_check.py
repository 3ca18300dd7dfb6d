"""Decide whether a copy vouches: whether it makes its content safe elsewhere.

A copy vouches only if it exists now exactly as it was read, on a mounted drive, and not in a place
that empties itself: a trash, a cache, a temporary folder, a snapshot, a quarantine. A copy on the
same disk blocks is not a second one: a hard link, a reflink, or the same file seen through an
overlay. Machine-made content that can be recreated, such as ``node_modules``, vouches only for more
of the same, and so does what programs keep for themselves: ``.git``, a photo library.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from gorillacomb.classify.location import LocationKind, copy_refusal, location_kind
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
from gorillacomb.fs.paths import (
    base_name,
    is_below,
    join_relative,
    parent_path,
    path_and_parents,
    relative_path,
    split_path,
)
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import disk_of, shows_others
from gorillacomb.index.file_records import FileFacts, FileRecord
from gorillacomb.index.paths import FolderPaths
from gorillacomb.model import EntryState, Root

TREATED_AS_GONE = "treated as gone"
PLANNED_TO_GO = "planned to go"
LINKED = "now reached through a link"
_SAME = "the same file seen through another path"


@dataclass(frozen=True, slots=True)
class CopyRejected:
    """The reason why a copy does not vouch."""

    cause: str


class StoredFile(NamedTuple):
    """The identity of a file, and its location on disk."""

    identity: FileIdentity
    key: StorageKey
    """Equal for two files that are one copy on the disk."""
    unknown: str | None = None
    """Why that is unknown, except for hard links."""


@dataclass(slots=True)
class CopyVerifier:
    """Checks copies on disk, in the roots that are mounted."""

    roots: dict[int, Root]
    away: dict[int, str | None]
    """Missing roots: why their copies do not count; None if they count without a check."""
    gone: Collection[bytes]
    """Absolute paths to be treated as gone."""
    gone_folders: set[FileIdentity]
    """The folders in those, by device and inode: a view of them through a mount is excluded too."""
    project: Callable[[int], bytes | None]
    """Returns the path of the outermost project around a folder, given its id."""
    store: Callable[[int], bytes | None]
    """Returns the path of the outermost store around a folder, given its id."""
    paths: FolderPaths
    """Those of the folders of the index, all of them read."""
    machine_made: frozenset[bytes]
    """Names of machine-made folders, in addition to the well-known ones."""
    noise: frozenset[bytes]
    """Names of files that are removed with their folders whatever they contain: they do not count.
    """
    apart: Collection[int] = ()
    """Roots of other drives scanned at those paths: nothing in them is treated as gone."""
    planned: Collection[bytes] = ()
    """Absolute paths of files and folders that a plan removes."""
    snapshots: SnapshotFinder = field(default_factory=SnapshotFinder)
    _direct: dict[int, bool] = field(default_factory=dict)
    """By root: whether its path contains no link."""
    _opened: tuple[int, OpenFolders] | None = None
    """The most recently opened root."""
    _folders: dict[bytes, FileIdentity | CopyRejected] = field(default_factory=dict)
    _deep: dict[bytes, dict[bytes, os.stat_result | OSError]] = field(default_factory=dict)
    """The entries of folders whose paths are about too long for the system."""
    _gone: dict[int, bool] = field(default_factory=dict)
    _places: dict[int, LocationKind] = field(default_factory=dict)
    _settled: dict[int | None, LocationKind] = field(default_factory=dict)
    """By folder in a project: the kind of location that it gives all below it."""
    _separate: dict[int, bool] = field(default_factory=dict)
    """By root: whether no two of its files share blocks."""
    _views: dict[tuple[int, int], bool] = field(default_factory=dict)
    """By two roots: whether one may show the files of the other."""

    def verify_copies(
        self, copy: FileRecord, place: LocationKind
    ) -> CopyRejected | StoredFile | None:
        """Return why a copy does not vouch, or its file; None if it counts without a check.

        ``place`` is the kind of location of the file to vouch for.
        """
        if self._is_gone(copy):
            return CopyRejected(TREATED_AS_GONE)
        if self.is_planned(copy.path):
            return CopyRejected(PLANNED_TO_GO)
        path, name = split_path(copy.path)
        kind = self.place(copy.folder, copy.root, path)
        refusal = copy_refusal(path, name, kind, place, self.noise, self.snapshots)
        if refusal is not None:
            return CopyRejected(refusal)
        if copy.state != EntryState.HASHED:
            return CopyRejected("written while it was read")
        if copy.root in self.away:
            cause = self.away[copy.root]
            return None if cause is None else CopyRejected(cause)
        return self._standing(copy, path)

    def is_planned(self, path: bytes) -> bool:
        """Return whether a plan removes a file, or a folder around it."""
        return bool(self.planned) and any(each in self.planned for each in path_and_parents(path))

    def _is_gone(self, copy: FileRecord) -> bool:
        if copy.root in self.apart:
            return False
        found = self._gone.get(copy.folder)
        if found is None:
            found = any(is_below(parent_path(copy.path), each) for each in self.gone)
            self._gone[copy.folder] = found
        return found

    def place(self, folder: int, root: int, path: bytes) -> LocationKind:
        """Return what kind of location the files in a folder have, given its id and its path."""
        found = self._places.get(folder)
        if found is None:
            way = [(folder, path)]
            while (above := self._above(way[-1][0])) is not None and above not in self._places:
                way.append((above, parent_path(way[-1][1])))
            for number, inner in reversed(way):
                found = self._places[number] = self._find_place(number, root, inner)
            assert found is not None, "its own is the last that is found"
        return found

    def _above(self, folder: int) -> int | None:
        row = self.paths.row(folder)
        return None if row is None else row[1]

    def _find_place(self, folder: int, root: int, path: bytes) -> LocationKind:
        """Find out what kind of location a folder is, after that of the one around it."""
        settled = self._settled.get(self._above(folder))
        if settled is not None:
            self._settled[folder] = settled
            return settled
        top = self.roots[root].path
        project = self.project(folder)
        store = _depth(self.store(folder), top)
        kind = location_kind(
            top,
            relative_path(path, top),
            _depth(project, top),
            self.machine_made,
            None if store is None else store - 1,
        )
        # Below a project, no other is the outermost one; then the outermost name decides.
        if kind is not LocationKind.PLAIN and project not in (None, top):
            self._settled[folder] = kind
        return kind

    def storage_of(self, root: int, path: bytes, identity: FileIdentity) -> StoredFile:
        """Find out where the blocks of an existing file in a root are. Raises OSError."""
        separate = self._separate.get(root)
        if separate is None:
            separate = self._separate[root] = self.roots[root].volume_type in NEVER_SHARED
        if separate:
            return StoredFile(identity, identity)
        folder, name = split_path(path)
        descriptor = open_file(name, self._open(root, folder))
        try:
            return StoredFile(identity, *storage_key(descriptor))
        finally:
            os.close(descriptor)

    def may_be_one(self, a: FileRecord, b: FileRecord) -> bool:
        """Return whether two equal files may be the same one, seen through an overlay or a server.

        Such a view shows a file's own timestamps, and nobody can set its ctime.
        """
        return self.may_be_views(a.root, b.root) and a.facts[1:3] == b.facts[1:3]

    def may_be_views(self, root: int, other: int) -> bool:
        """Return whether a root may show the files of another one."""
        found = self._views.get((root, other))
        if found is None:
            a, b = self.roots[root], self.roots[other]
            found = a.volume != b.volume and any(map(shows_others, (a.volume_type, b.volume_type)))
            self._views[root, other] = found
        return found

    def may_share(self, root: int, other: int) -> bool:
        """Return whether two roots are on one file system, where files may share blocks."""
        return disk_of(self.roots[root].volume) == disk_of(self.roots[other].volume)

    def _standing(self, copy: FileRecord, path: bytes) -> CopyRejected | StoredFile:
        """Return the file of a copy on a mounted drive, if it is unchanged since it was read.

        ``path`` is that of its folder.
        """
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
        if not is_as_read(copy.facts, facts):
            return CopyRejected("changed since the scan")
        try:
            return self.storage_of(copy.root, copy.path, identity_of(facts))
        except OSError as error:
            return _refusal(error)

    def _folder(self, root: int, path: bytes) -> CopyRejected | FileIdentity:
        """Return the identity of the folder at a path below a root, if no link leads to it."""
        top = self.roots[root].path
        if root not in self._direct:
            self._direct[root] = real_path(top) == top
        if not self._direct[root]:
            return CopyRejected(LINKED)
        # Without reliable inodes, the path may be a different spelling of another folder.
        if self.roots[root].weak and real_path(path) != path:
            return CopyRejected(_SAME)
        try:
            return identity_of(os.fstat(self._open(root, path)))
        except OSError as error:
            linked = error.errno in (errno.ENOTDIR, errno.ELOOP) and os.path.isdir(path)
            return CopyRejected(LINKED) if linked else _refusal(error)

    def _open(self, root: int, path: bytes) -> int:
        """Return a descriptor of the folder at a path below a root, valid until the next call."""
        top = self.roots[root].path
        if self._opened is None or self._opened[0] != root:
            self.close()
            self._opened = root, OpenFolders(top)
        return self._opened[1].open(relative_path(path, top))

    def _facts(self, copy: FileRecord, folder: bytes) -> os.stat_result:
        """Return the stat of a copy in a folder that is reached without a link.

        By its path, which is cheapest; if that is too long for the system, the folder is opened
        component by component, and all its entries are read at once.
        """
        try:
            return os.lstat(copy.path)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
        if folder not in self._deep:
            self._deep[folder] = dict(list_with_stat(self._open(copy.root, folder)))
        gone = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        facts = self._deep[folder].get(base_name(copy.path), gone)
        if isinstance(facts, OSError):
            raise facts
        return facts

    def close(self) -> None:
        """Close the folders that it opened."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None


def _depth(path: bytes | None, top: bytes) -> int | None:
    """Return how many levels below a root's top a path is; None for no path."""
    if path is None:
        return None
    inner = relative_path(path, top)
    return inner.count(b"/") + 1 if inner else 0


def _refusal(error: OSError) -> CopyRejected:
    gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
    return CopyRejected("gone since the scan" if gone else error.strerror or str(error))


def is_as_read(read: FileFacts, facts: os.stat_result) -> bool:
    """Return whether a file is as it was when read, as far as its file system can tell."""
    if not stat.S_ISREG(facts.st_mode):
        return False
    if read == (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino):
        return True  # as nearly all are, with no need to fit them into what SQLite stores
    size, mtime_ns, ctime_ns, inode = read
    return (
        size == facts.st_size
        and mtime_ns == clamp_int64(facts.st_mtime_ns)
        and ctime_ns in (0, clamp_int64(facts.st_ctime_ns))
        and inode in (0, to_signed64(facts.st_ino))
    )


def list_with_stat(descriptor: int) -> list[tuple[bytes, os.stat_result | OSError]]:
    """Return the entries of an open folder, without following links, or why one has no stat.

    Raises OSError.
    """
    found: list[tuple[bytes, os.stat_result | OSError]] = []
    for text in os.listdir(descriptor):
        name = os.fsencode(text)
        try:
            found.append((name, os.stat(name, dir_fd=descriptor, follow_symlinks=False)))
        except OSError as error:
            found.append((name, error))
    return found


def folder_identities_below(paths: Collection[bytes]) -> set[FileIdentity]:
    """Return every folder in and below some paths, by device and inode, without following links.

    Other file systems are not entered, nor folders that cannot be opened.
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

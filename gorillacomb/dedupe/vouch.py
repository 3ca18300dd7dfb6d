"""Whether a copy vouches: whether a content may be called safe because this copy of it stands.

A copy vouches only if it stands now exactly as it was read, on a drive that is there, and in no
place that empties itself: a trash, a cache, a folder for passing things, a snapshot, a quarantine.
What programs make again at will, such as ``node_modules``, vouches only for more of the same.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from gorillacomb.bytepaths import below, is_below
from gorillacomb.dedupe.clutter import is_machine_made
from gorillacomb.index.vouchers import Voucher
from gorillacomb.model import Root, State
from gorillacomb.openat import OUR_FOLDER, Identity, fold, identity_of, int64

TREATED_AS_GONE = "treated as gone"
_TRASH = frozenset(
    b"trash .trash .trashes $recycle.bin recycler recycled .snapshot .snapshots #snapshot .zfs"
    b" .timeshift .mobilebackups .cache .caches .tmp .temp temporaryitems .temporaryitems".split()
)
_TRASH_BEFORE = (b".trash-", b"@gmt-")
_TEMPORARY = frozenset({b"cache", b"caches", b"tmp", b"temp"})
"""So called, a folder inside a project is part of the project."""


def is_passing(part: bytes, in_project: bool) -> bool:
    """Whether nothing is meant to stay in a folder of this name.

    Trash, caches, temporary folders, snapshots, and our own quarantine.
    """
    name = part.lower()
    return (
        part == OUR_FOLDER
        or name in _TRASH
        or name.startswith(_TRASH_BEFORE)
        or (name in _TEMPORARY and not in_project)
    )


@dataclass(slots=True)
class Vouching:
    """Looks at copies on disk, by the roots that are there."""

    roots: dict[int, Root]
    online: dict[int, bool]
    gone: Collection[bytes]
    """Absolute paths that are to be treated as gone."""
    gone_folders: set[Identity]
    """The folders in those, by device and inode: nor does what is seen there through a mount."""
    project: Callable[[int], bytes | None]
    """The path of the outermost project around a folder, by the folder's id."""
    machine_made: frozenset[bytes] = frozenset()
    """Names of folders that programs make, beside those that are known for it."""
    count_offline: bool = False
    _folders: dict[bytes, Identity | None] = field(default_factory=dict)
    _gone: dict[int, bool] = field(default_factory=dict)
    _places: dict[int, tuple[bool, bool]] = field(default_factory=dict)

    def refusal(self, copy: Voucher, made: bool) -> str | None:
        """Why a copy does not vouch; None when it does.

        ``made`` says whether what it is to vouch for is machine-made itself.
        """
        if self._is_gone(copy):
            return TREATED_AS_GONE
        passing, copy_made = self._kind_of_place(copy)
        if passing:
            return "in a trash, cache, temporary folder or snapshot"
        if copy_made and not made:
            return "in a folder that programs make"
        if copy.state != State.HASHED:
            return "written while it was read"
        if not self.online[copy.root]:
            return None if self.count_offline else "on a drive that is not there"
        return self._standing(copy)

    def _is_gone(self, copy: Voucher) -> bool:
        found = self._gone.get(copy.folder)
        if found is None:
            found = any(is_below(os.path.dirname(copy.path), each) for each in self.gone)
            self._gone[copy.folder] = found
        return found

    def is_made(self, file: Voucher) -> bool:
        """Whether a file stands in a folder that a program makes or keeps."""
        return self._kind_of_place(file)[1]

    def _kind_of_place(self, file: Voucher) -> tuple[bool, bool]:
        """Whether a file's place is one to pass through, and whether a program made it.

        Judged from the root down; inside of what a program made, names mean nothing any more.
        """
        if file.folder not in self._places:
            top = self.roots[file.root].path
            project = self.project(file.folder)
            depth = -1 if project is None else below(project, top).count(b"/") + 1
            found = (False, False)
            for at, part in enumerate(below(file.path, top).split(b"/")[:-1]):
                in_project = 0 <= depth <= at
                if is_passing(part, in_project):
                    found = (True, False)
                    break
                if is_machine_made(part, in_project, self.machine_made):
                    found = (False, True)
                    break
            self._places[file.folder] = found
        return self._places[file.folder]

    def _standing(self, copy: Voucher) -> str | None:
        """Why a copy on a drive that is there is not what was read."""
        folder = os.path.dirname(copy.path)
        try:
            facts = os.lstat(copy.path)
        except FileNotFoundError:
            return "gone since the scan"
        except OSError as error:
            return error.strerror or str(error)
        if not stands(copy, facts):
            return "changed since the scan"
        if folder not in self._folders:
            try:
                self._folders[folder] = identity_of(os.stat(folder))
            except OSError:
                self._folders[folder] = None
        if self._folders[folder] in self.gone_folders:
            return "the same file seen through another path"
        return None


def stands(copy: Voucher, facts: os.stat_result) -> bool:
    """Whether a file is as it was when it was read, by all that its file system can tell."""
    return (
        stat.S_ISREG(facts.st_mode)
        and copy.size == facts.st_size
        and copy.mtime_ns == int64(facts.st_mtime_ns)
        and copy.ctime_ns in (0, int64(facts.st_ctime_ns))
        and copy.inode in (0, fold(facts.st_ino))
    )


def folders_below(paths: Collection[bytes]) -> set[Identity]:
    """Every folder in and below some paths, links not followed, by device and inode."""
    found: set[Identity] = set()
    for path in paths:
        for *_, descriptor in os.fwalk(path, follow_symlinks=False):
            found.add(identity_of(os.fstat(descriptor)))
    return found

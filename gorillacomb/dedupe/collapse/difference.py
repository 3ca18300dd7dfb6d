"""What one copy of a tree contains that the copy to keep does not, by disk and index.

A file is *covered* if the kept tree has the same content at the same relative path, with the same
executable bit, and if the file has no attributes of its own; or, for a file of some size, if it is
kept under another name and is the only one with its content in both trees. Nothing is read but the
folders: contents are known from the index, and are compared before anything leaves.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from gorillacomb.classify.companions import DATABASE_LOGS, is_database_size
from gorillacomb.classify.names import CLOUD_POINTERS, is_version_control
from gorillacomb.classify.regenerable import lock_files_for
from gorillacomb.dedupe.collapse.cloud_shares import DROPBOX_MARK
from gorillacomb.dedupe.collapse.own_items import (
    CannotLeave,
    OwnItem,
    everything_below,
    is_reserved,
)
from gorillacomb.dedupe.collapse.renamed_files import may_be_renamed, renamed_files
from gorillacomb.dedupe.model import SafetyRule
from gorillacomb.dedupe.repositories.contained import repository_content
from gorillacomb.dedupe.safety.file_names import in_use_cause
from gorillacomb.dedupe.safety.symlinks import links_equivalent
from gorillacomb.folders.entries import FolderEntries
from gorillacomb.folders.tree import EXECUTABLE, TreeFolder
from gorillacomb.fs.comparison import has_attributes_of_its_own
from gorillacomb.fs.openat import OUR_FOLDER, special_kind
from gorillacomb.fs.paths import join, join_relative
from gorillacomb.index.tree_queries import FolderFileRow
from gorillacomb.model import READ

_Rows = Mapping[bytes, FolderFileRow]


@dataclass(slots=True)
class TreeDifference:
    """Finds the difference of one copy from the copy to keep."""

    entries: FolderEntries
    """With the entries of both folders and all in them, so that nothing is read one by one."""
    member: TreeFolder
    keep: TreeFolder
    top: bytes
    """The path of the member; likewise of the other."""
    kept_top: bytes
    noise: frozenset[bytes]
    apart: Collection[bytes]
    """Paths inside the member that leave before it."""
    others: Collection[bytes]
    """Paths of all copies of the tree but the one to keep: what is in that one there covers
    nothing."""
    same_caches: Callable[[bytes, bytes], bool]
    """Returns whether two version control caches, by path, have the same entries."""
    may_be_renamed: Callable[[bytes, bytes], bool]
    """Returns whether a file may be kept under another name, given both paths."""
    tracks: Callable[[bytes], bool]
    """Returns whether a repository tracks something at or below a relative path of the member."""
    own: list[OwnItem] = field(default_factory=list)
    """What is only here."""
    renamed: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Relative paths here, and where the content is kept."""
    in_history: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Relative paths of files that the history of the kept copy contains, and ids of git objects.
    Not found by `find`."""
    repositories: list[bytes] = field(default_factory=list)
    """Relative paths of `.git` folders that differ from the kept ones, which have all of them."""
    regenerable: list[bytes] = field(default_factory=list)
    """Relative paths of folders that a program makes again from a lock file, which is covered."""
    made_again: int = 0
    """Files in those."""
    files: int = 0
    """Files on disk, in all."""

    def find(self) -> None:
        """Look at everything. Raises CannotLeave, OSError."""
        waiting: list[tuple[bytes, TreeFolder | None, TreeFolder | None]] = [
            (b"", self.member, self.keep)
        ]
        device = os.lstat(self.top).st_dev
        while waiting:
            inner, ours, theirs = waiting.pop()
            mine, its = self._rows(ours), self._rows(theirs)
            folders, its_folders = _children(ours), _children(theirs)
            with os.scandir(join(self.top, inner) if inner else self.top) as listing:
                found = sorted(listing, key=lambda entry: entry.name)
            self._refuse_open_log(inner, [entry.name for entry in found])
            for entry in found:
                path = join_relative(inner, entry.name)
                facts = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(facts.st_mode):
                    self.files += stat.S_ISREG(facts.st_mode)
                    self._entry(path, facts, mine.get(entry.name), its.get(entry.name))
                elif join(self.top, path) not in self.apart:
                    if facts.st_dev != device:
                        self._refuse(SafetyRule.OTHER_VOLUME, path, "is another file system")
                    down = folders.get(entry.name), its_folders.get(entry.name)
                    if join(self.kept_top, path) in self.others:
                        down = down[0], None
                    if self._is_regenerable(path, mine, its):
                        self._add_regenerable(path)
                    elif entry.name == _GIT and not self._is_equal(path, *down):
                        self._add_repository(path, *down)
                    elif self._is_entered(path, *down):
                        waiting.append((path, *down))
        self._match_renamed()

    def files_of(self, item: OwnItem) -> list[bytes]:
        """Return the relative paths of an item's files; none if it contains anything else.

        A file counts only if it is as the index has it, and has no attributes of its own. Raises
        CannotLeave.
        """
        if not item.is_folder:
            is_plain = item.key is not None and not os.path.islink(join(self.top, item.path))
            return [item.path] if is_plain else []
        found = []
        for inner, facts in everything_below(join(self.top, item.path)):
            path = join(item.path, inner)
            here = join(self.top, path)
            if stat.S_ISDIR(facts.st_mode) and os.listdir(here):
                continue
            if not stat.S_ISREG(facts.st_mode) or has_attributes_of_its_own(here, None):
                return []
            found.append(path)
        return found

    def _refuse(self, rule: SafetyRule, path: bytes, cause: str) -> None:
        raise CannotLeave(rule, path, cause)

    def _refuse_open_log(self, inner: bytes, names: Collection[bytes]) -> None:
        """Refuse a database whose log is not merged yet: copied alone, it would be an older one."""
        for log in names:
            ending = next((each for each in DATABASE_LOGS if log.endswith(each)), b"")
            name = log.removesuffix(ending)
            if name != log and name in names:
                folder = join(self.top, inner) if inner else self.top
                sizes = [os.lstat(join(folder, each)).st_size for each in (name, log)]
                if sizes[1] and is_database_size(sizes[0]):
                    self._refuse(SafetyRule.SIDECAR, join_relative(inner, name), in_use_cause(log))

    def _rows(self, folder: TreeFolder | None) -> _Rows:
        return {} if folder is None else {row[1]: row for row in self.entries.of(folder)}

    def _is_entered(self, path: bytes, ours: TreeFolder | None, theirs: TreeFolder | None) -> bool:
        """Return whether a folder is compared entry by entry, or is only here as a whole."""
        name = os.path.basename(path)
        if name == OUR_FOLDER:
            self._refuse(SafetyRule.OWN, path, "is Gorilla Comb's own")
        here = join(self.top, path) + b"/"
        if theirs is not None or any(each.startswith(here) for each in self.apart):
            return True
        if is_version_control(name):
            self._refuse(SafetyRule.REPOSITORY, path, "is not in the copy to keep")
        files, size, longest, reserved = 0, 0, 0, b""
        names: dict[bytes, list[bytes]] = {}
        for inner, facts in self._plain_below(path):
            last = os.path.basename(inner)
            names.setdefault(os.path.dirname(inner), []).append(last)
            reserved = reserved or (last if is_reserved(last) else b"")
            if last == DROPBOX_MARK:
                self._refuse(SafetyRule.OTHER_VOLUME, join(path, inner), _SHARED)
            if last.lower().endswith(CLOUD_POINTERS):
                self._refuse(SafetyRule.POINTER, join(path, inner), _POINTS)
            longest = max(longest, len(inner))
            files += stat.S_ISREG(facts.st_mode)
            size += facts.st_size if stat.S_ISREG(facts.st_mode) else 0
        for folder, inside in names.items():
            self._refuse_open_log(join(path, folder) if folder else path, inside)
        self.files += files
        whole = ours is not None and ours.gap is None and ours.files == files
        key = (ours.digest, False) if whole and ours is not None else None
        self.own.append(OwnItem(path, key, files, size, True, longest, reserved))
        return False

    def _plain_below(self, path: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
        """Yield what is in a folder, relative to it, and its stat. Raises CannotLeave."""
        for inner, facts in everything_below(join(self.top, path)):
            kind = special_kind(facts.st_mode)
            if kind is not None:
                self._refuse(SafetyRule.INCOMPLETE, join(path, inner), f"is a {kind}")
            yield inner, facts

    def _is_regenerable(self, path: bytes, mine: _Rows, its: _Rows) -> bool:
        inner, _, name = path.rpartition(b"/")
        here = join(self.top, path) + b"/"
        return (
            any(
                self._is_covered_lock(join_relative(inner, lock), mine.get(lock), its.get(lock))
                for lock in lock_files_for(name)
            )
            and not any(each.startswith(here) for each in self.apart)
            and not self.tracks(path)
        )

    def _is_covered_lock(
        self, path: bytes, ours: FolderFileRow | None, theirs: FolderFileRow | None
    ) -> bool:
        if ours is None or theirs is None:
            return False
        facts = os.lstat(join(self.top, path))
        return stat.S_ISREG(facts.st_mode) and self._is_covered_file(path, facts, ours, theirs)

    def _add_regenerable(self, path: bytes) -> None:
        self.regenerable.append(path)
        files = sum(stat.S_ISREG(facts.st_mode) for _, facts in self._plain_below(path))
        self.made_again += files
        self.files += files

    def _is_equal(self, path: bytes, ours: TreeFolder | None, theirs: TreeFolder | None) -> bool:
        """Return whether two folders are equal, by the index.

        Not even the kept one may have more: a graft, or a newer value of a packed ref, can make git
        there forget what it has.
        """
        if ours is None or theirs is None or ours.gap is not None:
            return False
        its, folders = self._rows(theirs), _children(theirs)
        more = {*its, *folders} - self._rows(ours).keys() - _children(ours).keys()
        if more - self.noise:
            return False
        for name, row in self._rows(ours).items():
            other, inner = its.get(name), join(path, name)
            is_equal = (
                other is not None
                and (row[6] or row[7])
                and (row[6], row[7]) == (other[6], other[7])
                and not (row[3] ^ other[3]) & (EXECUTABLE | stat.S_IFMT(row[3]))
            )
            paths = join(self.top, inner), join(self.kept_top, inner)
            if not is_equal and not (self._is_cache(inner) and self.same_caches(*paths)):
                return False
        return all(
            self._is_equal(join(path, each.name), each, folders.get(each.name))
            for each in ours.children
        )

    def _add_repository(
        self, path: bytes, ours: TreeFolder | None, theirs: TreeFolder | None
    ) -> None:
        """Find what has to be kept of a `.git` that differs from the kept one.

        Raises CannotLeave.
        """
        if ours is None or theirs is None:
            self._refuse(SafetyRule.REPOSITORY, path, "is not in the copy to keep")
        paths = join(self.top, path), join(self.kept_top, path)
        content = repository_content(*paths, reads_objects=False)  # they are when it leaves
        if content.refusal is not None:
            self._refuse(content.refusal.rule, path, content.cause)
        self.repositories.append(path)
        self.files += sum(stat.S_ISREG(facts.st_mode) for facts in content.seen.values())
        for inner in content.beside:
            facts = content.seen[inner]
            is_file = stat.S_ISREG(facts.st_mode)
            size = facts.st_size if is_file else 0
            self.own.append(OwnItem(join(path, inner), None, int(is_file), size, False))

    def _is_covered_file(
        self,
        path: bytes,
        facts: os.stat_result,
        ours: FolderFileRow | None,
        theirs: FolderFileRow | None,
    ) -> bool:
        """Return whether the kept tree has a regular file at the same path, equal in all."""
        digest = _digest(ours, facts)
        return (
            digest is not None
            and theirs is not None
            and stat.S_ISREG(theirs[3])
            and theirs[2] in READ
            and theirs[6] == digest
            and not (facts.st_mode ^ theirs[3]) & EXECUTABLE
            and not has_attributes_of_its_own(join(self.top, path), join(self.kept_top, path))
        )

    def _entry(
        self,
        path: bytes,
        facts: os.stat_result,
        ours: FolderFileRow | None,
        theirs: FolderFileRow | None,
    ) -> None:
        name = os.path.basename(path)
        kind = special_kind(facts.st_mode)
        if kind is not None:
            self._refuse(SafetyRule.INCOMPLETE, path, f"is a {kind}")
        if name in self.noise and stat.S_ISREG(facts.st_mode):
            return
        if name.lower().endswith(CLOUD_POINTERS):
            self._refuse(SafetyRule.POINTER, path, _POINTS)
        if name == DROPBOX_MARK and stat.S_ISREG(facts.st_mode):
            self._refuse(SafetyRule.OTHER_VOLUME, path, _SHARED)
        here, there = join(self.top, path), join(self.kept_top, path)
        if stat.S_ISLNK(facts.st_mode):
            text = os.readlink(here)
            depth = path.count(b"/")
            folders = os.path.dirname(here), os.path.dirname(there)
            is_covered = (
                theirs is not None
                and stat.S_ISLNK(theirs[3])
                and theirs[7] == text
                and links_equivalent(text, *folders, depth)
            )
            key = None
        else:
            digest = _digest(ours, facts)
            is_covered = self._is_covered_file(path, facts, ours, theirs) or (
                theirs is not None and self._is_cache(path) and self.same_caches(here, there)
            )
            plain = digest is not None and not has_attributes_of_its_own(here, None)
            key = (digest, bool(facts.st_mode & EXECUTABLE)) if plain and digest else None
        if is_covered:
            return
        if any(map(is_version_control, path.split(b"/"))):
            self._refuse(SafetyRule.REPOSITORY, path, "differs from the one in the copy to keep")
        is_file = stat.S_ISREG(facts.st_mode)
        size = facts.st_size if is_file else 0
        self.own.append(OwnItem(path, key, int(is_file), size, False))

    def _is_cache(self, path: bytes) -> bool:
        return path == b".git/index" or path.endswith(b"/.git/index")

    def _match_renamed(self) -> None:
        """Find files that the kept tree has under another name, and that are unmistakable."""
        if not any(map(may_be_renamed, self.own)):
            return
        ours = self.read_files(self.member, self.top, self.apart)
        theirs = self.read_files(self.keep, self.kept_top, self.others)
        for path, place in renamed_files(self.own, ours, theirs):
            here, there = join(self.top, path), join(self.kept_top, place)
            is_free = not os.path.lexists(join(self.kept_top, path))
            if is_free and self.may_be_renamed(here, there):
                self.renamed.append((path, place))
        gone = {path for path, _ in self.renamed}
        self.own = [each for each in self.own if each.path not in gone]

    def read_files(
        self, top: TreeFolder, path: bytes, but: Collection[bytes]
    ) -> Iterator[tuple[bytes, int, int, bytes]]:
        """Yield the relative path, mode, size and digest of each file in a folder that was read.

        ``path`` is the folder's; what is at or in the paths ``but`` is skipped.
        """
        waiting = [(top, b"")]
        while waiting:
            folder, inner = waiting.pop()
            for _, name, state, mode, size, _, digest, _ in self.entries.of(folder):
                if digest is not None and state in READ and stat.S_ISREG(mode):
                    yield join_relative(inner, name), mode, size, digest
            below = ((each, join_relative(inner, each.name)) for each in folder.children)
            waiting += [each for each in below if join(path, each[1]) not in but]


_GIT = b".git"
_POINTS = "only points to a document in the cloud"
_SHARED = "says that Dropbox shares the folder around it: delete it if that is not so any more"


def _children(folder: TreeFolder | None) -> dict[bytes, TreeFolder]:
    return {} if folder is None else {each.name: each for each in folder.children}


def _digest(row: FolderFileRow | None, facts: os.stat_result) -> bytes | None:
    """Return the digest of a file, if the index has it and the file is unchanged since."""
    if row is None or row[2] not in READ or not stat.S_ISREG(row[3]):
        return None
    return row[6] if (row[4], row[5]) == (facts.st_size, facts.st_mtime_ns) else None

"""Compare one file or link to be removed with the one that is kept, and record what was seen."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from gorillacomb.classify.companions import DATABASE_HEADER, is_database
from gorillacomb.classify.names import NOISE
from gorillacomb.dedupe.compare.database_logs import refuse_open_log
from gorillacomb.dedupe.compare.snapshot import TreeSnapshot
from gorillacomb.dedupe.model import KEPT_IS_MISSING
from gorillacomb.dedupe.safety.symlinks import links_equivalent
from gorillacomb.fs.bounded_read import UNTOLD, tells_size
from gorillacomb.fs.comparison import (
    ONE_VIEW,
    content_attributes,
    contents_equal,
    extended_attributes_equal,
    may_be_one_file,
    refuse_unlike_modes,
    wait_until_settled,
)
from gorillacomb.fs.lease import IN_USE, is_open_for_writing
from gorillacomb.fs.location import ContentDiffers, ContentMissing, FileLocation
from gorillacomb.fs.openat import (
    FileIdentity,
    OpenFolders,
    are_one_file,
    identity_of,
    is_placeholder,
    is_unchanged,
    opened_file,
    os_error_text,
    special_kind,
)
from gorillacomb.fs.paths import is_below, join


@dataclass(slots=True)
class CompareSettings:
    """How things are compared."""

    noise: frozenset[bytes] = NOISE
    advance: Callable[[int], None] = lambda size: None
    """Called with the number of bytes compared."""
    same_entries: Callable[[bytes, bytes], bool] | None = None
    """Returns whether two version control caches, by their paths, have the same entries."""
    carries_links: bool = False
    """Whether a link for which ``nested`` names a copy only needs the same text there, wherever
    that leads."""
    may_be_unique: bool = False
    """Whether it is only recorded that something is kept nowhere else, instead of refused."""
    whole_bundles: bool = True
    """Whether photo libraries and the like must have the same content on both sides."""
    now: Callable[[], int] = time.time_ns
    wait: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class MemberParts:
    """What is special in a copy of a tree that leaves whole; all are paths relative to it."""

    left: Collection[bytes] = ()
    """What left before: a folder that only led to it may be empty."""
    regenerable: Collection[bytes] = ()
    """Folders that a program makes again from a lock file beside them: only that is compared."""
    repositories: Collection[bytes] = ()
    """Its `.git`, if the kept one has all of its objects and refs."""
    in_history: Mapping[bytes, bytes] = field(default_factory=dict)
    """Files that the history of the kept copy contains, with the ids of git objects."""
    later: Collection[bytes] = ()
    """What will be copied before this is done in earnest, and is not compared yet."""


@dataclass(slots=True)
class EntryComparer:
    """Compares the entries of one folder that is to be removed, or a single file."""

    settings: CompareSettings
    top: FileLocation
    """What is to be removed."""
    stood: bytes
    """The path from which links in it must resolve."""
    sighting: TreeSnapshot
    opened: Callable[[FileLocation], OpenFolders]
    """Returns the folders around a kept entry."""
    device: int = 0
    linked: set[FileIdentity] = field(default_factory=set)
    """Files that are kept under another name."""

    def compare_link(
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
        others = self.opened(there)
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
            raise ContentMissing(path, "stands only here") from None
        except OSError as error:
            raise ContentDiffers(there.path, os_error_text(error)) from error
        if not same:
            raise ContentMissing(path, "is a link that leads elsewhere there")
        self.sighting.victim[inner] = facts
        self.sighting.survivors.append((there, target))

    def compare_with_history(
        self,
        folder: int,
        name: bytes,
        inner: bytes,
        facts: os.stat_result,
        is_equal: Callable[[int], bool],
    ) -> None:
        """Compare a file with a version in the git history, which has no attributes."""
        path = self.top.at(inner).path
        if facts.st_dev != self.device:
            raise ContentDiffers(path, "is on another file system")
        if is_placeholder(facts):
            raise ContentDiffers(path, "is only in the cloud")
        try:
            with opened_file(name, folder) as file:
                clock = self.settings.now, self.settings.wait
                before = wait_until_settled(file, self.top.grain_ns, *clock)
                if not is_unchanged(facts, before):
                    raise ContentDiffers(path, "changed meanwhile")
                if content_attributes(file):
                    raise ContentMissing(path, "has attributes of its own")
                if not is_equal(file):
                    cause = "is not in the history of the copy to keep as it is here"
                    raise ContentMissing(path, cause)
                if is_open_for_writing(file):
                    raise ContentDiffers(path, IN_USE)
                self.sighting.note_blocks(inner, file, self.top.kind)
                after = os.fstat(file)
        except OSError as error:
            raise ContentDiffers(path, os_error_text(error)) from error
        if not is_unchanged(before, after):
            raise ContentDiffers(path, "changed while it was compared")
        self.sighting.victim[inner] = facts

    def compare_file(
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
        others = self.opened(there)
        try:
            other = others.open(there.parent)
            target = os.stat(there.name, dir_fd=other, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            if not inner:
                raise ContentDiffers(there.path, KEPT_IS_MISSING) from None
            raise ContentMissing(path, "stands only here") from None
        except OSError as error:
            raise ContentDiffers(there.path, os_error_text(error)) from error
        self._check_kinds(path, inner, facts, there, target)
        if (self.top.shows_others or there.shows_others) and may_be_one_file(facts, target):
            raise ContentDiffers(path, ONE_VIEW)
        if not are_one_file(facts, target):
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
            raise ContentMissing(path, "is no file there")
        if is_placeholder(target):
            raise ContentDiffers(there.path, "is only in the cloud")
        refuse_unlike_modes(facts, target, path)
        if are_one_file(facts, target):
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
            raise ContentMissing(path, "differs")
        try:
            with opened_file(name, folder) as a, opened_file(there.name, other) as b:
                clock = self.settings.now, self.settings.wait
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
                same = contents_equal(a, b, facts.st_size, self.settings.advance)
                if not same and not (self._are_caches(path, there)):
                    raise ContentMissing(path, "differs")
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
            self.settings.same_entries is not None
            and path.endswith(b"/.git/index")
            and there.inner.endswith(b".git/index")
            and self.settings.same_entries(path, there.path)
        )

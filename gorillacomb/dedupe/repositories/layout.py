"""List what is in the `.git` of a repository, and refuse the kinds that are not understood.

The layout is that of gitrepository-layout(5). What is not known to be kept in another way is
compared file by file, and what makes a repository depend on another place is refused.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

from gorillacomb.classify.names import NOISE
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.openat import is_placeholder, is_unchanged, os_error_text, special_kind
from gorillacomb.fs.paths import join, join_relative, path_text

MOST_TEXT = 256 << 20
"""Bytes: a larger file of refs is not read."""
FINISH = "finish or abort it there"
_IN_PROGRESS = {
    b"MERGE_HEAD": "merge",
    b"CHERRY_PICK_HEAD": "cherry-pick",
    b"REVERT_HEAD": "revert",
    b"BISECT_LOG": "bisect",
    b"BISECT_START": "bisect",
    b"rebase-merge": "rebase",
    b"rebase-apply": "rebase",
    b"sequencer": "cherry-pick or revert",
    b"NOTES_MERGE_WORKTREE": "merge of notes",
    b"NOTES_MERGE_PARTIAL": "merge of notes",
    b"NOTES_MERGE_REF": "merge of notes",
}
_DEPENDENT = {
    b"worktrees": ("has linked worktrees", "remove them with `git worktree remove`"),
    b"modules": ("has submodules", "push what is only in them, then run `git submodule deinit`"),
    b"commondir": ("is a linked worktree", "remove it with `git worktree remove`"),
    b"gitdir": ("is a linked worktree", "remove it with `git worktree remove`"),
}
_SHALLOW = ("lacks older history (shallow)", "run `git fetch --unshallow` there")
_UNUSUAL = {
    b"shallow": _SHALLOW,
    b"info/grafts": ("has grafts", "`git replace --convert-graft-file` makes commits of them"),
    b"objects/info/alternates": ("borrows objects from another repository", "run `git repack -a`"),
    b"objects/info/http-alternates": ("borrows objects from another repository", ""),
    b"reftable": ("keeps its refs in a reftable, which is not supported", ""),
}
_GITS_OWN = {b"HEAD", b"index", b"packed-refs", b"config", b"config.worktree", b"refs", b"logs"}
_GITS_OWN |= {b"objects", b"info", b"shallow", b"ORIG_HEAD", b"FETCH_HEAD"}
"""Names that must not be links."""
_PROGRAMS_OWN = {b"lfs", b"annex", b"hooks", b"modules"}
"""Folders in which a lock is not git's."""
_OBJECT = re.compile(rb"objects/([0-9a-f]{2})/([0-9a-f]{38})")
_PACK = re.compile(rb"objects/pack/(pack-[0-9a-f]{40})\.(pack|idx|rev|bitmap|mtimes)")
_MADE = re.compile(
    rb"index|sharedindex\.[0-9a-f]{40}|packed-refs|HEAD|ORIG_HEAD|FETCH_HEAD|AUTO_MERGE|REBASE_HEAD|gc\.log|info/refs"
    rb"|fsmonitor--daemon/.*|objects/info/(packs|alternates|http-alternates|commit-graph)"
    rb"|objects/info/commit-graphs/.*|objects/pack/multi-pack-index.*|shallow|info/grafts",
    re.DOTALL,
)
"""Files that git makes from the objects, or that contain nothing but ids of objects."""


class RepositoryStays(Exception):
    """Why a repository may not leave, and what to try."""

    def __init__(self, cause: str, advice: str = "") -> None:
        super().__init__(cause, advice)
        self.cause = cause
        self.advice = advice


@dataclass(slots=True)
class GitFolder:
    """The `.git` of a repository: everything in it, by relative path."""

    path: bytes
    whose: str
    """How a message calls it."""
    entries: dict[bytes, os.stat_result] = field(default_factory=dict)

    @classmethod
    def read(cls, path: bytes, whose: str) -> Self:
        """List everything. Raises RepositoryStays for what cannot be listed or is not a folder."""
        found = cls(path, whose)
        try:
            top = os.lstat(path)
            if not stat.S_ISDIR(top.st_mode):
                advice = "its repository is elsewhere" if stat.S_ISREG(top.st_mode) else ""
                raise found.stays("is not a folder", advice)
            found.entries[b""] = top
            waiting = [b""]
            while waiting:
                inner = waiting.pop()
                with os.scandir(join(path, inner)) as listing:
                    for entry in listing:
                        below = join_relative(inner, entry.name)
                        facts = entry.stat(follow_symlinks=False)
                        found.entries[below] = facts
                        if stat.S_ISDIR(facts.st_mode):
                            waiting.append(below)
                            if facts.st_dev != top.st_dev:
                                raise found.stays(f"has another file system at {path_text(below)}")
        except OSError as error:
            raise found.stays(f"cannot be read: {os_error_text(error)}") from error
        return found

    def stays(self, cause: str, advice: str = "") -> RepositoryStays:
        """Return the exception for something about this repository."""
        return RepositoryStays(f"{self.whose} {cause}", advice)

    def files(self) -> Iterator[tuple[bytes, os.stat_result]]:
        """Yield everything that is not a folder."""
        for inner, facts in self.entries.items():
            if not stat.S_ISDIR(facts.st_mode):
                yield inner, facts

    def text(self, inner: bytes) -> bytes:
        """Return the content of a file. Raises RepositoryStays."""
        try:
            return read_bounded(join(self.path, inner), MOST_TEXT)
        except OSError as error:
            cause = f"has a file that cannot be read: {path_text(inner)}: {os_error_text(error)}"
            raise self.stays(cause) from error

    def refuse_unusual(self) -> None:
        """Refuse a repository whose objects or refs are not all plainly in it, or are at work.

        Raises RepositoryStays.
        """
        if b"objects" not in self.entries or b"HEAD" not in self.entries:
            raise self.stays("is not a repository")
        packs: dict[bytes, set[bytes]] = {}
        for inner, facts in self.files():
            self._refuse_kind(inner, facts)
            self._refuse_lock(inner)
            for name, (cause, advice) in _UNUSUAL.items():
                is_here = inner == name or inner.startswith(name + b"/")
                if is_here and (facts.st_size or name == b"reftable"):
                    raise self.stays(cause, advice)
            if inner.startswith(b"objects/pack/") and inner.endswith(b".promisor"):
                raise self.stays(*PARTIAL)
            if (pack := _PACK.fullmatch(inner)) is not None:
                packs.setdefault(pack[1], set()).add(pack[2])
        for name, kinds in packs.items():
            if not kinds >= {b"pack", b"idx"}:
                raise self.stays(f"is damaged: {name.decode()} has no pack or no index")
        if b"reftable" in self.entries:
            raise self.stays(*_UNUSUAL[b"reftable"])

    def refuse_unfinished(self) -> None:
        """Refuse a repository that others depend on, or in which something is not finished.

        Raises RepositoryStays.
        """
        for inner, _ in self.files():
            top = inner.partition(b"/")[0]
            if top in _DEPENDENT:
                raise self.stays(*_DEPENDENT[top])
            if top in _IN_PROGRESS:
                raise self.stays(f"is in the middle of a {_IN_PROGRESS[top]}", FINISH)
            if inner.startswith(b"refs/bisect/"):
                raise self.stays("is in the middle of a bisect", FINISH)
        if self.entries.keys() & {b"rebase-merge", b"rebase-apply", b"sequencer"}:
            raise self.stays("is in the middle of a rebase, cherry-pick or revert", FINISH)

    def _refuse_kind(self, inner: bytes, facts: os.stat_result) -> None:
        kind = special_kind(facts.st_mode)
        if kind is not None:
            advice = "run `git fsmonitor--daemon stop` there" if kind == "socket" else ""
            raise self.stays(f"has a {kind}: {path_text(inner)}", advice)
        if is_placeholder(facts):
            raise self.stays(f"is only in the cloud: {path_text(inner)}")
        if stat.S_ISLNK(facts.st_mode) and inner.partition(b"/")[0] in _GITS_OWN:
            raise self.stays(f"is partly elsewhere: {path_text(inner)} is a link")

    def _refuse_lock(self, inner: bytes) -> None:
        is_lock = inner.endswith(b".lock") and inner.partition(b"/")[0] not in _PROGRAMS_OWN
        if is_lock or inner == b"gc.pid":
            advice = "wait for it; if none is running, remove that file"
            raise self.stays(f"is in use by a git command ({path_text(inner)})", advice)

    def is_gits(self, inner: bytes) -> bool:
        """Return whether a file contains nothing but objects and what is made of them.

        Refs and their logs are not among them.
        """
        if os.path.basename(inner) in NOISE:
            return True
        made = _MADE.fullmatch(inner) or _OBJECT.fullmatch(inner) or _PACK.fullmatch(inner)
        is_empty = self.entries[inner].st_size == 0
        return bool(made) or (is_empty and inner.startswith(b"objects/pack/"))

    def loose_objects(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the path and id of each object in a file of its own."""
        for inner in self.entries:
            if (found := _OBJECT.fullmatch(inner)) is not None:
                yield join(self.path, inner), found[1] + found[2]

    def packs(self) -> Iterator[bytes]:
        """Yield the path of each pack, without its ending."""
        for inner in self.entries:
            if (found := _PACK.fullmatch(inner)) is not None and found[2] == b"pack":
                yield join(self.path, inner.removesuffix(b".pack"))

    def refuse_change(self) -> None:
        """Refuse a repository that is not as it was listed. Raises RepositoryStays."""
        now = GitFolder.read(self.path, self.whose).entries
        if now.keys() != self.entries.keys() or not all(
            is_unchanged(facts, now[inner]) for inner, facts in self.entries.items()
        ):
            raise self.stays("changed while it was read", "try again once nothing uses it")


PARTIAL = ("is a partial clone: it lacks objects", "run `git fetch --refetch` without a filter")

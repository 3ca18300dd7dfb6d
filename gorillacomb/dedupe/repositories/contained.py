"""Decide whether a repository may leave because another one has everything in it."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from gorillacomb.dedupe.model import Refusal, SafetyRule
from gorillacomb.dedupe.repositories.fetch_advice import LackingParts
from gorillacomb.dedupe.repositories.git_program import SECONDS, GitFailed, GitProgram
from gorillacomb.dedupe.repositories.git_refs import GitReflogs, GitRefs
from gorillacomb.dedupe.repositories.layout import FINISH, GitFolder, RepositoryStays
from gorillacomb.dedupe.repositories.object_store import (
    EMPTY_BLOB,
    EMPTY_TREE,
    GIT_LINK,
    ObjectStore,
    index_entries,
)
from gorillacomb.dedupe.repositories.soundness import (
    reading,
    refuse_configured,
    refuse_damaged,
    refuse_false_objects,
    refuse_unusual_index,
)
from gorillacomb.fs.bounded_read import open_regular
from gorillacomb.fs.comparison import contents_equal, has_attributes_of_its_own, may_be_one_file
from gorillacomb.fs.openat import identity_of, os_error_text
from gorillacomb.fs.paths import join

_EXECUTABLE = 0o111
_MOST_MESSAGES = 1000
"""Commits of the reflog whose messages are looked at."""
_MESSAGE = b"COMMIT_EDITMSG"
_SCISSORS = re.compile(rb"^# -+ >8 -+$.*", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(rb"^#.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RepositoryContent:
    """Whether a repository may leave, and what of it has to be kept elsewhere."""

    refusal: Refusal | None = None
    """Why it may not leave, with what to try."""
    beside: tuple[bytes, ...] = ()
    """Paths inside its `.git`, of files and links that the kept one has not, or not the same."""
    seen: dict[bytes, os.stat_result] = field(default_factory=dict)
    """All that is in its `.git`, by relative path: what is not ``beside`` is kept, in the objects
    and refs of the other one or as an equal file, as long as it is as it was seen."""

    @property
    def cause(self) -> str:
        """Why it may not leave, to be read after its path."""
        return "" if self.refusal is None else self.refusal.cause.removeprefix(".git ")


def files_equal(path: bytes, other: bytes) -> bool:
    """Return whether two files have the same bytes. Raises OSError."""
    a, b = open_regular(path), -1
    try:
        b = open_regular(other)
        return contents_equal(a, b, os.fstat(a).st_size, lambda size: None)
    finally:
        for each in (a, b):
            if each >= 0:
                os.close(each)


def repository_content(
    member: bytes,
    keep: bytes,
    *,
    reads_objects: bool = True,
    same: Callable[[bytes, bytes], bool] = files_equal,
    seconds: float = SECONDS,
) -> RepositoryContent:
    """Compare the `.git` of a copy with that of the copy to keep, both by path; writes nothing.

    With ``reads_objects`` each object is read in both repositories and compared; otherwise it
    suffices that the kept one has it. ``same`` compares other files by their paths.
    """
    try:
        with GitProgram.started(seconds) as program:
            work = _RepositoryComparison(program, member, keep, reads_objects, same)
            return work.result()
    except RepositoryStays as stays:
        cause = stays.cause + (f"; {stays.advice}" if stays.advice else "")
    except GitFailed as failed:
        cause = failed.cause
    except OSError as error:
        cause = f".git cannot be read: {os_error_text(error)}"
    return RepositoryContent(Refusal(SafetyRule.REPOSITORY, cause, member))


class _RepositoryComparison:
    """Compares two repositories, once."""

    def __init__(
        self,
        program: GitProgram,
        member: bytes,
        keep: bytes,
        reads_objects: bool,
        same: Callable[[bytes, bytes], bool],
    ) -> None:
        self._program, self._reads_objects, self._same = program, reads_objects, same
        self._ours = GitFolder.read(member, ".git")
        self._theirs = GitFolder.read(keep, "the .git of the copy to keep")
        self._store = ObjectStore(program, join(member, b"objects"))
        self._kept_store = ObjectStore(program, join(keep, b"objects"))

    def result(self) -> RepositoryContent:
        """Return what is not kept. Raises RepositoryStays, GitFailed, OSError."""
        ours, theirs = self._ours, self._theirs
        for each in (ours, theirs):
            each.refuse_unusual()
            refuse_configured(self._program, each)
        ours.refuse_unfinished()
        pairs = [(ours.entries[name], theirs.entries[name]) for name in (b"", b"objects", b"HEAD")]
        if any(identity_of(a) == identity_of(b) or may_be_one_file(a, b) for a, b in pairs):
            raise ours.stays("is the one of the copy to keep, seen through another path")
        refuse_damaged(ours)
        refs, kept_refs = GitRefs.read(ours), GitRefs.read(theirs)
        logs = GitReflogs.read(ours)
        self._compare_objects(refs, kept_refs, logs)
        beside = sorted(self._not_kept(refs.files | logs.files, logs))
        ours.refuse_change()
        if GitRefs.read(GitFolder.read(theirs.path, theirs.whose)).values != kept_refs.values:
            raise theirs.stays("changed while it was read", "try again once nothing uses it")
        return RepositoryContent(None, tuple(beside), ours.entries)

    def _compare_objects(self, refs: GitRefs, kept_refs: GitRefs, logs: GitReflogs) -> None:
        """Refuse a repository with an object or ref that the kept one lacks."""
        staged = set(self._staged())
        with reading(self._ours):
            every = self._store.all_objects()
        self._refuse_broken(every.keys(), refs, logs, staged)
        lacking = {**every}
        for oid in (EMPTY_BLOB, EMPTY_TREE):
            lacking.pop(oid, None)  # git has these without storing them
        with reading(self._theirs):
            for oid in self._kept_store.reachable(kept_refs.lasting):
                lacking.pop(oid, None)
        names = sorted(self._lacking_refs(refs, kept_refs))
        parts = LackingParts(names, lacking, staged, refs, logs)
        if parts:
            parts.find_tips(self._store)
            around = (os.path.dirname(each.path) for each in (self._ours, self._theirs))
            raise self._ours.stays(
                f"has what the kept one lacks ({parts.in_words()})", parts.advice(*around)
            )
        if self._reads_objects:
            refuse_false_objects(self._ours, self._program.deadline)
            compared = every.keys() - {EMPTY_BLOB, EMPTY_TREE}
            try:
                differing = next(self._kept_store.different(self._store, compared), None)
                cause = differing and f"object {differing.decode()} differs"
            except GitFailed as failed:
                cause = failed.cause
            if cause is not None:
                cause = f"or the one of the copy to keep is damaged: {cause}"
                raise self._ours.stays(cause, "`git fsck` says more")

    def _staged(self) -> Iterator[bytes]:
        """Yield the ids of what is in the index."""
        if b"index" not in self._ours.entries:
            return
        path = join(self._ours.path, b"index")
        refuse_unusual_index(self._ours)
        with reading(self._ours):
            entries = list(index_entries(self._program, path))
        for entry in entries:
            if entry.mode == GIT_LINK:
                raise self._ours.stays("has submodules, or other repositories in its index")
            if entry.stage != b"0":
                raise self._ours.stays("has conflicts that are not resolved", FINISH)
            yield entry.oid

    def _refuse_broken(
        self, every: Collection[bytes], refs: GitRefs, logs: GitReflogs, staged: set[bytes]
    ) -> None:
        """Refuse a repository that refers to objects which it has not."""
        wanted = {*refs.values.values(), *logs.now, *staged} - {EMPTY_BLOB, EMPTY_TREE}
        if refs.head is not None:
            wanted.add(refs.head)
        lost = wanted.difference(every)
        if lost:
            cause = f"is damaged: it refers to {min(lost).decode()}, and has no such object"
            raise self._ours.stays(cause, "`git fsck` there says more")

    def _lacking_refs(self, refs: GitRefs, kept: GitRefs) -> Iterator[bytes]:
        """Yield the refs that the kept repository has neither with the value nor a later one."""
        unlike = {}
        for name, value in refs.values.items():
            there = set(kept.named(name))
            if value not in there:
                unlike[name] = there
        moving = {name: each for name, each in unlike.items() if not name.startswith(b"refs/tags/")}
        graph = self._kept_store.graph(set().union(*moving.values()))
        for name in unlike:
            descends = (graph.is_ancestor(refs.values[name], each) for each in moving.get(name, ()))
            if not any(descends):
                yield name

    def _not_kept(self, known: set[bytes], logs: GitReflogs) -> Iterator[bytes]:
        """Yield the files and links that are neither git's own nor the same in the kept one."""
        for inner, facts in self._ours.files():
            if time.monotonic() > self._program.deadline:
                raise self._ours.stays("took too long to compare")
            if inner in known or self._ours.is_gits(inner) or self._is_same(inner, facts):
                continue
            if inner != _MESSAGE or not self._is_committed(logs):
                yield inner

    def _is_same(self, inner: bytes, facts: os.stat_result) -> bool:
        """Return whether the kept repository has an equal file."""
        other = self._theirs.entries.get(inner)
        if other is None or stat.S_IFMT(other.st_mode) != stat.S_IFMT(facts.st_mode):
            return False
        here, there = join(self._ours.path, inner), join(self._theirs.path, inner)
        if stat.S_ISLNK(facts.st_mode):
            text = os.readlink(here)
            return not text.startswith(b"/") and text == os.readlink(there)
        return (
            facts.st_size == other.st_size
            and not (facts.st_mode ^ other.st_mode) & _EXECUTABLE
            and not has_attributes_of_its_own(here, there)
            and self._same(here, there)
        )

    def _is_committed(self, logs: GitReflogs) -> bool:
        """Return whether the last message that someone edited is the one of a commit."""
        edited = _plain(_COMMENT.sub(b"", _SCISSORS.sub(b"", self._ours.text(_MESSAGE))))
        if not edited:
            return True
        commits = list(dict.fromkeys(logs.of_head))[:_MOST_MESSAGES]
        commits = [each for each in commits if each.strip(b"0")]
        return any(
            kind == b"commit" and _plain(content.partition(b"\n\n")[2]) == edited
            for _, kind, content in self._store.contents(commits)
        )


def _plain(message: bytes) -> list[bytes]:
    return message.split()

"""Find files of a copy in the history of the kept repository, and compare them with it.

A file counts as kept there if a commit that a ref leads to has its very bytes at its path, equally
executable: no line ends are converted and no filters run.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from gorillacomb.dedupe.model import Refusal, SafetyRule
from gorillacomb.dedupe.repositories.git_program import SECONDS, GitFailed, GitProgram
from gorillacomb.dedupe.repositories.git_refs import GitRefs
from gorillacomb.dedupe.repositories.layout import GitFolder, RepositoryStays
from gorillacomb.dedupe.repositories.object_store import ObjectReader, ObjectStore, object_digest
from gorillacomb.dedupe.repositories.soundness import refuse_configured
from gorillacomb.fs.bounded_read import open_regular
from gorillacomb.fs.openat import is_placeholder, is_unchanged
from gorillacomb.fs.paths import join

_PIECE = 1 << 20
_WHOSE = "the .git of the copy to keep"
_MODES = {False: b"100644", True: b"100755"}


@dataclass(frozen=True, slots=True)
class PastVersion:
    """A file that the history of a repository contains, at the same path."""

    oid: bytes
    """The id of the git object with its content, in hex digits."""
    is_deleted: bool
    """Whether the commit that is checked out has no file there; else it has another version, or
    this one."""


class HistoryUnreadable(Exception):
    """Why the history of a repository cannot be relied on."""

    def __init__(self, keep: bytes, cause: str) -> None:
        super().__init__(keep, cause)
        self.refusal = Refusal(SafetyRule.REPOSITORY, cause, keep)


def find_past_versions(
    keep: bytes, files: Iterable[tuple[bytes, bytes]], seconds: float = SECONDS
) -> dict[bytes, PastVersion]:
    """Return which files are in the history of what a repository has checked out, by their paths.

    What only another branch has may be newer, and does not count.

    ``keep`` is the path of its `.git`; each file is given by the path that it has relative to the
    repository, and by the one on disk. The history is read once. Raises HistoryUnreadable.
    """
    with _opened(keep, seconds) as (program, folder, store):
        refs = GitRefs.read(folder)
        wanted: dict[tuple[bytes, bytes, bytes], list[bytes]] = {}
        for inner, path in files:
            if time.monotonic() > program.deadline:
                raise folder.stays("took too long to compare")
            key = _key(inner, path)
            if key is not None:
                wanted.setdefault(key, []).append(path)
        missing = store.missing(oid for _, _, oid in wanted)
        left = {key for key in wanted if key[2] not in missing}
        found: dict[tuple[bytes, bytes, bytes], bytes] = {}
        if left and refs.head is not None:
            lasting = set(refs.lasting)
            if refs.head not in lasting:  # nothing but HEAD leads to the last commits
                left.intersection_update(list(store.versions(lasting)))
            for version in store.versions([refs.head]):
                if version in left:
                    found[version] = version[2]
        there = store.paths_in(refs.head) if found and refs.head else set()
        return {
            path: PastVersion(oid, key[0] not in there)
            for key, oid in found.items()
            for path in wanted[key]
        }


def paths_ever(keep: bytes, seconds: float = SECONDS) -> set[bytes]:
    """Return all paths that the history of a repository ever had files at, relative to it.

    ``keep`` is the path of its `.git`. Raises HistoryUnreadable.
    """
    with _opened(keep, seconds) as (_, folder, store):
        refs = GitRefs.read(folder)
        return {path for path, _, _ in store.versions(refs.lasting)}


@contextmanager
def history_reader(
    keep: bytes, oids: Collection[bytes], seconds: float = SECONDS
) -> Iterator[PastVersionReader]:
    """Prepare to read some objects of a repository, given by the path of its `.git`.

    ``seconds`` is how long it may take to find them, and then each of them. Raises
    HistoryUnreadable, also while it is used.
    """
    with _opened(keep, seconds) as (_, folder, store):
        wanted = set(oids)
        versions = store.versions(GitRefs.read(folder).lasting) if wanted else ()
        lasting = frozenset(version for version in versions if version[2] in wanted)
        with store.reader() as reader:
            yield PastVersionReader(reader, lasting)


@dataclass(slots=True)
class PastVersionReader:
    """Reads objects out of a repository; one process serves for all."""

    _objects: ObjectReader
    _lasting: frozenset[tuple[bytes, bytes, bytes]]
    """Path, mode and id of those that some ref leads to: others are lost with the next garbage
    collection."""

    def equals(
        self,
        inner: bytes,
        oid: bytes,
        file: int,
        advance: Callable[[int], None] = lambda size: None,
    ) -> bool:
        """Return whether the refs still lead to an object that is like an open file.

        ``inner`` is the path that it has to have there; the file must have its bytes, and be
        equally executable. Raises HistoryUnreadable, OSError of the file.
        """
        version = inner, _mode(os.fstat(file)), oid
        return version in self._lasting and self._objects.equals(oid, file, advance)


@contextmanager
def _opened(keep: bytes, seconds: float) -> Iterator[tuple[GitProgram, GitFolder, ObjectStore]]:
    try:
        with GitProgram.started(seconds) as program:
            folder = GitFolder.read(keep, _WHOSE)
            folder.refuse_unusual()
            refuse_configured(program, folder)
            yield program, folder, ObjectStore(program, join(keep, b"objects"))
    except RepositoryStays as stays:
        cause = stays.cause + (f"; {stays.advice}" if stays.advice else "")
        raise HistoryUnreadable(keep, cause) from stays
    except GitFailed as failed:
        raise HistoryUnreadable(keep, f"{_WHOSE} cannot be read: {failed.cause}") from failed


def _key(inner: bytes, path: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return path, mode and object id of a file as git would store it; None if it has none."""
    try:
        file = open_regular(path)
    except OSError:
        return None
    try:
        facts = os.fstat(file)
        if is_placeholder(facts):
            return None
        digest, at = object_digest(b"blob", facts.st_size), 0
        while piece := os.pread(file, _PIECE, at):
            digest.update(piece)
            at += len(piece)
        if at != facts.st_size or not is_unchanged(facts, os.fstat(file)):
            return None
    except OSError:
        return None
    finally:
        os.close(file)
    return inner, _mode(facts), digest.hexdigest().encode()


def _mode(facts: os.stat_result) -> bytes:
    """Return the mode with which git would store a file."""
    return _MODES[bool(facts.st_mode & stat.S_IXUSR)]

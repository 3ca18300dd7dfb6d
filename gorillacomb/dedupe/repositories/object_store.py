"""Read the objects of a repository: which there are, which its refs lead to, and their content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from gorillacomb.dedupe.repositories.git_program import GitFailed, GitProgram, GitStream

EMPTY_BLOB = b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
EMPTY_TREE = b"4b825dc642cb6eb9a060e54bf8d69288fbee4904"
GIT_LINK = b"160000"
"""The mode of an index entry that is another repository."""
_PIECE = 1 << 20


class IndexEntry(NamedTuple):
    """A file in the index of a repository."""

    mode: bytes
    oid: bytes
    stage: bytes
    """``0``, unless it is in conflict."""


@dataclass(slots=True)
class CommitGraph:
    """Commits and their parents, for questions about descent."""

    order: dict[bytes, int] = field(default_factory=dict)
    """Each commit comes before its parents."""
    parents: list[list[bytes]] = field(default_factory=list)

    def is_ancestor(self, commit: bytes, of: bytes) -> bool:
        """Return whether a commit is another one, or one from which that descends."""
        last = self.order.get(commit)
        if last is None or of not in self.order:
            return False
        waiting, seen = [of], {of}
        while waiting:
            each = waiting.pop()
            if each == commit:
                return True
            for parent in self.parents[self.order[each]]:
                if parent not in seen and self.order[parent] <= last:
                    seen.add(parent)
                    waiting.append(parent)
        return False


@dataclass(slots=True)
class ObjectStore:
    """The objects of one repository. Every method raises GitFailed."""

    program: GitProgram
    path: bytes
    """Of the folder with the objects."""

    def all_objects(self) -> dict[bytes, bytes]:
        """Return the kind of each object, by its id, whether or not anything refers to it."""
        words = ["cat-file", "--batch-all-objects", "--unordered", "--buffer"]
        words.append("--batch-check=%(objectname) %(objecttype)")
        with self.program.run(words, self.path) as stream:
            return dict(_two_words(line) for line in stream.records())

    def reachable(self, roots: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the ids of all objects that some objects lead to, with these.

        Fails if any of them is missing.
        """
        words = ["rev-list", "--objects", "--no-object-names", "--missing=error", "--stdin"]
        if wanted := sorted(set(roots)):
            with self.program.run(words, self.path, wanted) as stream:
                yield from stream.records()

    def graph(self, roots: Iterable[bytes]) -> CommitGraph:
        """Return all commits that some objects lead to."""
        words = ["rev-list", "--topo-order", "--parents", "--stdin"]
        found = CommitGraph()
        if wanted := sorted(set(roots)):
            with self.program.run(words, self.path, wanted) as stream:
                for line in stream.records():
                    commit, *parents = line.split(b" ")
                    found.order[commit] = len(found.parents)
                    found.parents.append(parents)
        return found

    def missing(self, oids: Iterable[bytes]) -> set[bytes]:
        """Return which of some objects are not in the store."""
        wanted = sorted(set(oids))
        if not wanted:
            return set()
        words = ["cat-file", "--buffer", "--batch-check=%(objectname)"]
        with self.program.run(words, self.path, wanted) as stream:
            answers = list(stream.records())
        if len(answers) != len(wanted):
            raise GitFailed("git gave too few answers")
        return {oid for oid, answer in zip(wanted, answers, strict=True) if answer != oid}

    def versions(self, roots: Iterable[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield path, mode and id of each version of each file in the history of some objects.

        Each is in the change that introduced it: with ``-c`` a merge shows what differs from all
        its parents, and nothing is simplified, since no path is given.
        """
        words = ["log", "--stdin", "--format=", "--raw", "-z", "-r", "-c", "--root", "--no-abbrev"]
        words += ["--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--no-notes"]
        words += ["--no-mailmap", "--no-show-signature", "--submodule=short", "--full-index"]
        if not (wanted := sorted(set(roots))):
            return
        with self.program.run(words, self.path, wanted) as stream:
            facts: list[bytes] | None = None
            for record in stream.records(b"\0"):
                if facts is None:
                    facts = record.lstrip(b"\n").split(b" ")
                    if not facts[0].startswith(b":"):
                        raise GitFailed("git said something that is not understood")
                else:
                    # For a merge of n parents: n modes and the new one, n ids and the new one.
                    parents = facts[0].count(b":")
                    yield record, facts[parents], facts[2 * parents + 1]
                    facts = None

    def paths_in(self, commit: bytes) -> set[bytes]:
        """Return the paths of all files in a commit."""
        words: list[str | bytes] = ["ls-tree", "-r", "-z", "--name-only", "--full-tree", commit]
        with self.program.run(words, self.path) as stream:
            return set(stream.records(b"\0"))

    def contents(self, oids: Collection[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield id, kind and content of some objects, which should be small."""
        if oids:
            with self._batch(oids) as stream:
                for oid in oids:
                    kind, size = _header(stream, oid)
                    yield oid, kind, stream.read(size)
                    stream.read(1)

    @contextmanager
    def _batch(self, oids: Iterable[bytes]) -> Iterator[GitStream]:
        with self.program.run(["cat-file", "--batch", "--buffer"], self.path, oids) as stream:
            yield stream

    def different(self, other: ObjectStore, oids: Iterable[bytes]) -> Iterator[bytes]:
        """Yield which of some objects are not byte for byte the same in another store.

        Those that are, also have the content that their id says.
        """
        wanted = sorted(oids)
        if not wanted:
            return
        with self._batch(wanted) as ours, other._batch(wanted) as theirs:
            for oid in wanted:
                kind, size = _header(ours, oid)
                is_same = (kind, size) == _header(theirs, oid)
                if not is_same:
                    raise GitFailed(f"object {oid.decode()} has two contents")
                digest = object_digest(kind, size)
                for length in _pieces(size):
                    piece = ours.read(length)
                    is_same = is_same and piece == theirs.read(length)
                    digest.update(piece)
                ours.read(1), theirs.read(1)
                if not is_same or digest.hexdigest().encode() != oid:
                    yield oid

    @contextmanager
    def reader(self) -> Iterator[ObjectReader]:
        """Return what reads objects one by one."""
        with self.program.asked(["cat-file", "--batch"], self.path) as stream:
            yield ObjectReader(stream)


def index_entries(program: GitProgram, index: bytes) -> Iterator[IndexEntry]:
    """Yield the entries of an index, by its path. Raises GitFailed.

    Git gets no objects for that: if it thought that it had to write one, it would touch the one
    that is there.
    """
    with program.run(["ls-files", "--stage", "-z", "--full-name"], index=index) as stream:
        for record in stream.records(b"\0"):
            yield IndexEntry(*record.partition(b"\t")[0].split(b" "))


@dataclass(slots=True)
class ObjectReader:
    """Reads objects one by one, from one process."""

    _stream: GitStream

    def equals(self, oid: bytes, file: int, advance: Callable[[int], None]) -> bool:
        """Return whether a blob has the same bytes as an open file. Raises GitFailed, OSError.

        False if there is no such blob, or if it has not the content that its id says.
        """
        self._stream.ask(oid)
        answer = self._stream.line().split(b" ")
        if answer[-1] == b"missing":
            return False
        _, kind, size = answer
        digest = object_digest(kind, int(size))
        is_same, at = kind == b"blob", 0
        for length in _pieces(int(size)):
            piece = self._stream.read(length)
            digest.update(piece)
            is_same = is_same and _read(file, length, at) == piece
            at += length
            advance(length)
        self._stream.read(1)
        is_same = is_same and not os.pread(file, 1, at)
        return is_same and digest.hexdigest().encode() == oid


def object_digest(kind: bytes, size: int) -> hashlib._Hash:
    """Return a digest that becomes the id of an object once its content is added."""
    return hashlib.sha1(b"%b %d\0" % (kind, size), usedforsecurity=False)


def _read(file: int, size: int, at: int) -> bytes:
    """Return bytes of a file, fewer only at its end."""
    found = b""
    while len(found) < size and (piece := os.pread(file, size - len(found), at + len(found))):
        found += piece
    return found


def _pieces(size: int) -> Iterator[int]:
    yield from (min(_PIECE, size - at) for at in range(0, size, _PIECE))


def _two_words(line: bytes) -> tuple[bytes, bytes]:
    first, _, second = line.partition(b" ")
    return first, second


def _header(stream: GitStream, oid: bytes) -> tuple[bytes, int]:
    found, kind, *size = stream.line().split(b" ")
    if found != oid or not size:
        raise GitFailed(f"object {oid.decode()} cannot be read")
    return kind, int(size[0])

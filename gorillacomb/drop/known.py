"""Say which of the dropped files are known already, and where."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gorillacomb.classify.copy_names import looks_like_copy, meaning_of_name
from gorillacomb.classify.location import LocationKind, location_kind
from gorillacomb.drop.model import Advance, ContentChanged, DroppedFile, FoundFile, LeftOut
from gorillacomb.fs.bounded_read import open_regular
from gorillacomb.fs.openat import is_unchanged
from gorillacomb.fs.paths import base_name, is_below
from gorillacomb.hashing import CHUNK, blake3_of_parts, pieces
from gorillacomb.index.database import Index
from gorillacomb.index.file_records import FileRecord, copies_outside
from gorillacomb.model import EntryState
from gorillacomb.unique.copy_check import (
    TREATED_AS_GONE,
    CopyRejected,
    CopyVerifier,
    is_as_read,
)

_AT_ONCE = 10_000
"""Contents that are asked for in one statement."""
_NO_FOLDER = -2
"""The id of no folder, and of no folder's parent."""
_OTHER_NAME = "under another name, which says what a small file is"


class DropState(StrEnum):
    """What is known of a dropped file."""

    HAVE = "have"
    """A copy of it is in a scanned folder."""
    NEW = "new"
    REPEATED = "repeated"
    """It is new, and so is another dropped file with the same content."""
    EMPTY = "empty"
    """It has no content that could be compared."""


@dataclass(frozen=True, slots=True)
class DropEntry:
    """A dropped file, and what is known of it."""

    file: DroppedFile
    state: DropState
    copy: bytes | None = None
    """The absolute path of a copy: the one that counts, or one that does not."""
    cause: str | None = None
    """Why that copy does not count; None if it does, or there is none."""
    same_as: bytes | None = None
    """The name of the dropped file of which it is a repetition."""


def read_files(
    files: Iterable[FoundFile], left_out: list[LeftOut], advance: Advance
) -> Iterator[DroppedFile]:
    """Read and hash files; those that change meanwhile, or cannot be read, are left out."""
    for each in files:

        def counted(pieces: Iterator[memoryview]) -> Iterator[memoryview]:
            for piece in pieces:
                advance(0, len(piece))
                yield piece

        try:
            with each.content.opened() as pieces:
                digest = blake3_of_parts(counted(pieces))
        except ContentChanged as changed:
            left_out.append(LeftOut(each.name, str(changed)))
        else:
            yield DroppedFile(each, digest)
        advance(1, 0)


def look_up(
    index: Index,
    verifier: CopyVerifier,
    files: Sequence[DroppedFile],
    dropped: Sequence[bytes] = (),
    machine_made: frozenset[bytes] = frozenset(),
) -> Iterator[DropEntry]:
    """Yield what is known of each file, in the same order.

    Each copy is checked on the disk. What is at the absolute paths that were ``dropped``, or in
    them, does not count: it is what is asked about.
    """
    first: dict[tuple[bytes, bytes | None], bytes] = {}
    for at in range(0, len(files), _AT_ONCE):
        some = files[at : at + _AT_ONCE]
        digests = sorted({each.digest for each in some if each.size})
        known: dict[bytes, list[FileRecord]] = {}
        for digest, copies in copies_outside(index.connection, verifier.paths, digests, _NO_FOLDER):
            others = (each for each in copies if not _is_dropped(each.path, dropped))
            known[digest] = list(others)
        for each in some:
            yield _entry(each, known.get(each.digest, []), verifier, machine_made, first)


def _is_dropped(path: bytes, dropped: Iterable[bytes]) -> bool:
    return any(is_below(path, each) for each in dropped)


def _entry(
    file: DroppedFile,
    copies: Sequence[FileRecord],
    verifier: CopyVerifier,
    machine_made: frozenset[bytes],
    first: dict[tuple[bytes, bytes | None], bytes],
) -> DropEntry:
    if not file.size:
        return DropEntry(file, DropState.EMPTY)
    place = _place(file.name, machine_made)
    meaning = meaning_of_name(base_name(file.name), file.size)
    copy = cause = None
    for each in sorted(copies, key=lambda each: _distance(each.path, file.name)):
        answer = verifier.verify_copies(_as_it_is(each), place)
        if not isinstance(answer, CopyRejected):
            if meaning_of_name(base_name(each.path), each.size) == meaning:
                return DropEntry(file, DropState.HAVE, each.path)
            answer = CopyRejected(_OTHER_NAME)
        if cause is None and answer.cause != TREATED_AS_GONE:
            copy, cause = each.path, answer.cause
    same = first.setdefault((file.digest, meaning), file.name)
    if same != file.name:
        return DropEntry(file, DropState.REPEATED, copy, cause, same)
    return DropEntry(file, DropState.NEW, copy, cause)


def _distance(path: bytes, name: bytes) -> tuple[bool, bool, bytes]:
    """Return a sort key for copies of a file, by which the one that people expect comes first.

    That is one with the same name, or else one whose name is not that of a copy.
    """
    own = base_name(path)
    return own != base_name(name), looks_like_copy(own), path


def _as_it_is(copy: FileRecord) -> FileRecord:
    """Return what is known of a copy; of one that was written while it was scanned, after reading.

    So is what was kept a moment ago.
    """
    if copy.state != EntryState.FRESH:
        return copy
    try:
        file = open_regular(copy.path)
        try:
            facts = os.fstat(file)
            if not is_as_read(copy.facts, facts):
                return copy
            buffer = memoryview(bytearray(min(facts.st_size + 1, CHUNK)))
            digest = blake3_of_parts(pieces(file, facts.st_size, lambda: buffer))
            if not is_unchanged(facts, os.fstat(file)):
                return copy
        finally:
            os.close(file)
    except OSError:
        return copy
    return copy._replace(state=EntryState.HASHED) if digest == copy.digest else copy


def _place(name: bytes, machine_made: frozenset[bytes]) -> LocationKind:
    """Return the kind of location that a dropped file would have, by its own path alone."""
    return location_kind(b"", os.path.dirname(name), None, machine_made)

"""The documents of `gorillacomb scrub --json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypedDict, cast

from gorillacomb.api.documents.dedupe import RunDocument, run_document
from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.json_paths import path_to_json

if TYPE_CHECKING:
    from gorillacomb.api.dedupe.runs import RunResult
    from gorillacomb.api.watch.scrub import FoundDamage, ScrubResult


class ScrubDamageDocument(PathDocument):
    """A file whose content changed while its size and mtime did not."""

    state: Literal["damaged", "suspect"]
    """``suspect`` if its ctime or inode changed: a program that sets times back does that too."""
    blake3: str | None
    """The BLAKE3 digest of its good content, 64 hex digits."""
    good: list[PathDocument]
    """Files that have the good content."""


class UnreadFileDocument(PathDocument):
    """A file that could not be read."""

    cause: str


class ScrubDocument(TypedDict):
    """What was read again, and what is wrong in the folders that were checked."""

    files: int
    """Files that were read."""
    bytes: int
    """Bytes of those."""
    due: int
    """Files that were due to be read."""
    changed: int
    """Files that were edited since the last scan."""
    interrupted: bool
    seconds: float
    away: list[PathDocument]
    """Roots that are not connected."""
    damaged: list[ScrubDamageDocument]
    suspect: list[ScrubDamageDocument]
    in_use: list[PathDocument]
    """Files that differ while a program has them open for writing."""
    unreadable: list[UnreadFileDocument]


class AcceptDocument(TypedDict):
    """Which damaged files were accepted as they are now."""

    accepted: list[PathDocument]


class RepairDocument(RunDocument):
    """Which damaged files have their good content again."""

    suspects: list[PathDocument]
    """Suspects that were left as they are, because they were not named."""


def scrub_document(result: ScrubResult) -> ScrubDocument:
    """Return what was read again as a document."""
    document = {
        "files": result.files,
        "bytes": result.size,
        "due": result.due,
        "changed": result.changed,
        "interrupted": result.is_interrupted,
        "seconds": round(result.seconds, 3),
        "away": list(map(path_to_json, result.away)),
        "damaged": [_damage(each, "damaged") for each in result.damaged if not each.is_suspect],
        "suspect": [_damage(each, "suspect") for each in result.damaged if each.is_suspect],
        "in_use": list(map(path_to_json, result.in_use)),
        "unreadable": [
            {**path_to_json(each.path), "cause": each.cause} for each in result.unreadable
        ],
    }
    return cast(ScrubDocument, document)


def _damage(file: FoundDamage, state: str) -> dict[str, object]:
    return {
        **path_to_json(file.path),
        "state": state,
        "blake3": file.digest.hex() if file.digest else None,
        "good": list(map(path_to_json, file.good)),
    }


def accept_document(accepted: Iterable[bytes]) -> AcceptDocument:
    """Return which files were accepted as a document."""
    return cast(AcceptDocument, {"accepted": list(map(path_to_json, accepted))})


def repair_document(run: RunResult, suspects: Iterable[bytes]) -> RepairDocument:
    """Return what was repaired as a document."""
    document = {**run_document(run), "suspects": list(map(path_to_json, suspects))}
    return cast(RepairDocument, document)

"""Mark files and folders: to keep, intended as copies, or different although they look alike."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gorillacomb.api.lookup import PathLookup, folders_of, look_up_path, unknown_path_error
from gorillacomb.api.paths import PathsInput, absolute_path, encoded_paths
from gorillacomb.errors import UsageError
from gorillacomb.fs.paths import path_and_parents, path_text, relative_path
from gorillacomb.fs.real_path import real_path
from gorillacomb.index.content_queries import files_with
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.marks.rules import MarkKind, MarkState, PlacedMark
from gorillacomb.model import READ, IndexedFile
from gorillacomb.stamping.mark_index import digest_of_folder, marks_in
from gorillacomb.stamping.mark_log import as_entry, sync_marks
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.entries import MarkEntry, mark_entry, unmark_entry

if TYPE_CHECKING:
    from gorillacomb.api.documents.marks import MarkChangeDocument, MarkedPathDocument
    from gorillacomb.folders.tree import TreeFolder

__all__ = [
    "MarkChange",
    "MarkKind",
    "MarkState",
    "MarkedPath",
    "clear_marks",
    "list_marks",
    "mark_paths",
    "marks_about",
]

WAIT = 10.0
"""Seconds that marking waits for another run to end."""
MOST_AT_ONCE = 2_000
"""So many entries are one transaction of the trace, so all of them are written or none."""
_LONGEST_NOTE = 1_000


@dataclass(frozen=True, slots=True)
class MarkedPath:
    """A mark, and the file or folder that it is about."""

    path: bytes
    """Absolute, where it is now; the last known place of what is missing."""
    kind: MarkKind
    """``keep``, ``intended`` or ``not-duplicates``."""
    is_folder: bool
    state: MarkState
    """``current``, ``changed`` since it was marked, or ``missing`` from the index."""
    note: str | None
    marked_ns: int
    """When it was marked, ns since the epoch."""
    seq: int
    """Its last entry in the trace."""
    set: str
    """The same for all that was marked together."""

    @classmethod
    def of(cls, placed: PlacedMark) -> MarkedPath:
        """Return a mark of the index as the API has it."""
        mark = placed.mark
        about = placed.path, mark.kind, mark.is_folder, placed.state
        return cls(*about, mark.note, mark.marked_ns, mark.seq, mark.set)

    def to_dict(self) -> MarkedPathDocument:
        """Return it as a member of the document of ``mark list --json``."""
        from gorillacomb.api.documents.marks import marked_path_document

        return marked_path_document(self)


@dataclass(frozen=True, slots=True)
class MarkChange:
    """What marking, or clearing marks, changed."""

    marked: tuple[MarkedPath, ...]
    cleared: tuple[MarkedPath, ...]
    """Marks that no longer hold: cleared, or replaced by those."""

    def to_dict(self) -> MarkChangeDocument:
        """Return the document of ``mark keep --json`` and the like."""
        from gorillacomb.api.documents.marks import mark_change_document

        return mark_change_document(self)


def list_marks(vault: Vault) -> tuple[MarkedPath, ...]:
    """List the marks, as `OpenVault.marks` says."""
    with Index.read(vault) as index, translate_errors(vault):
        marks = _listed(marks_in(index).marks)
    return tuple(sorted(marks, key=lambda mark: (mark.marked_ns, mark.path, mark.seq)))


def marks_about(index: Index, path: bytes) -> tuple[MarkedPath, ...]:
    """Return the marks of a path, and those of the folders around it that it is subject to."""
    around = set(path_and_parents(path))
    return _listed(each for each in marks_in(index).marks if each.path in around)


def mark_paths(
    vault: Vault, kind: str, paths: PathsInput, *, note: str | None = None, wait: float = WAIT
) -> MarkChange:
    """Mark files and folders, as `OpenVault.mark` says."""
    if kind not in set(MarkKind):
        raise UsageError(f"There is no mark {kind!r}.", f"Choose one of {', '.join(MarkKind)}.")
    kind, named = MarkKind(kind), _named(paths)
    if kind is MarkKind.NOT_DUPLICATES and len(set(named)) < 2:
        raise UsageError(
            "One path alone cannot be marked as not duplicates.", "Name those that look alike."
        )
    if note is not None and not 0 < len(note) <= _LONGEST_NOTE:
        raise UsageError(
            f"A note cannot have {len(note):,} characters.", f"Give it 1 to {_LONGEST_NOTE:,}."
        )
    with _marking(vault, wait) as marking:
        found = _found(marking.index, named, kind)
        new = list(_entries(marking.index, kind, found, note))
        return marking.change(new, _replaced(new, marking.marks))


def clear_marks(vault: Vault, paths: PathsInput, *, wait: float = WAIT) -> MarkChange:
    """Clear marks, as `OpenVault.unmark` says."""
    named = _named(paths)
    with _marking(vault, wait) as marking:
        sets: set[str] = set()
        for path in named:
            here = {path, real_path(path)}
            mine = {each.mark.set for each in marking.marks if each.path in here}
            if not mine:
                raise UsageError(
                    f"{path_text(path)} has no mark.", "gorillacomb mark list shows what has one."
                )
            sets |= mine
        return marking.change([], [each for each in marking.marks if each.mark.set in sets])


def _named(paths: PathsInput) -> list[bytes]:
    named = list(map(absolute_path, encoded_paths(paths)))
    if not named:
        raise UsageError("No path was named.", "Name at least one file or folder.")
    return named


def _listed(marks: Iterable[PlacedMark]) -> tuple[MarkedPath, ...]:
    return tuple(map(MarkedPath.of, marks))


@dataclass(frozen=True, slots=True)
class _Marking:
    """The open vault while marks are changed."""

    index: Index
    log: RunLog
    marks: Sequence[PlacedMark]

    def change(self, new: Sequence[MarkEntry], old: Sequence[PlacedMark]) -> MarkChange:
        """Append entries for new marks and against old ones, all or none of them."""
        bodies = [unmark_entry(as_entry(each.mark), each.mark.seq) for each in old]
        bodies += map(mark_entry, new)
        if len(bodies) > MOST_AT_ONCE:
            raise UsageError(
                f"{len(bodies):,} marks cannot be changed at once.",
                f"Mark the folders around them, or fewer than {MOST_AT_ONCE:,} paths at a time.",
            )
        first = self.log.ledger.size + len(old)
        self.log.append(bodies)
        sync_marks(self.index, self.log.ledger)
        marks = marks_in(self.index).marks
        return MarkChange(_listed(each for each in marks if each.mark.seq >= first), _listed(old))


@contextmanager
def _marking(vault: Vault, wait: float) -> Iterator[_Marking]:
    """Open a vault to change its marks, waiting for another run to end. Raises VaultError."""
    vault.check()
    with ExitStack() as opened:
        opened.enter_context(translate_errors(vault))
        with vault.waiting(wait):
            index = opened.enter_context(Index.write(vault))
        log = opened.enter_context(RunLog(index))
        sync_marks(index, log.ledger)
        yield _Marking(index, log, marks_in(index).marks)


def _found(index: Index, paths: Iterable[bytes], kind: MarkKind) -> list[PathLookup]:
    """Return what is at some paths; for a single one that is intended, all its copies."""
    found: dict[bytes, PathLookup] = {}
    for path in paths:
        each = look_up_path(index, path)
        if each.folder is None and each.file is None:
            raise unknown_path_error(each)
        found.setdefault(each.path, each)
    if kind is MarkKind.INTENDED and len(found) == 1:
        [only] = found.values()
        copies = _copies(index, only)
        if len(copies) < 2:
            raise UsageError(
                f"{path_text(only.path)} has no copy.",
                "Name the paths that are meant to be there, or mark it to be kept:"
                " gorillacomb mark keep PATH",
            )
        return copies
    if len({each.folder is None for each in found.values()}) > 1 and kind is not MarkKind.KEEP:
        raise UsageError(
            f"Files and folders cannot be marked together as {kind}.",
            "Name either files or folders.",
        )
    return list(found.values())


def _copies(index: Index, found: PathLookup) -> list[PathLookup]:
    """Return all copies of a file or folder, and itself.

    Not looked up by their paths: of drives that were scanned at one mount point, a path names the
    one that is there.
    """
    roots = {root.id: root for root in all_roots(index.connection)}
    if found.file is not None:
        paths, digest = FolderPaths(index.connection, roots), found.file.digest
        if digest is None or found.file.state not in READ:
            return []
        files = files_with(index.connection, paths, digest)
        return [PathLookup(file.path, roots[file.root], None, file) for file in files]
    folders = folders_of(index)
    place = folders.forest.folders.get(found.folder or 0)
    if place is None:
        return []
    family = folders.around(place)
    same: Iterable[TreeFolder]
    if family is not None and place in family.members:
        same = family.members
    else:
        same = next((each for each in folders.identical(True) if place in each), ())
    return [
        PathLookup(folders.path(each), roots[each.root], each.id, None)
        for each in sorted(same, key=folders.path)
    ]


def _entries(
    index: Index, kind: MarkKind, found: Sequence[PathLookup], note: str | None
) -> Iterator[MarkEntry]:
    """Yield the entries for new marks. Raises UsageError for what was not read."""
    now, one = time.time_ns(), secrets.token_hex(8)
    for each in found:
        assert each.root is not None, "it was found"
        digest = ""
        if each.file is not None:
            digest = _digest_of(each.file, kind)
        elif kind is not MarkKind.KEEP and each.folder is not None:
            digest = digest_of_folder(index, each.folder)
        path = each.path if each.file is None else each.file.path
        yield MarkEntry(
            kind,
            secrets.token_hex(8) if kind is MarkKind.KEEP else one,
            each.root.uid,
            relative_path(path, each.root.path),
            each.folder is not None,
            digest,
            note,
            now,
        )


def _digest_of(file: IndexedFile, kind: MarkKind) -> str:
    if file.digest is not None and file.state in READ:
        return file.digest.hex()
    if kind is MarkKind.KEEP:
        return ""
    raise UsageError(
        f"{path_text(file.path)} cannot be marked {kind}: its content is empty, or was not read.",
        "Scan it first, without --quick: gorillacomb scan PATH",
    )


def _replaced(new: Sequence[MarkEntry], marks: Sequence[PlacedMark]) -> list[PlacedMark]:
    """Return the marks of sets whose every member gets another mark of the same kind."""
    places = {(each.kind, each.root, each.path) for each in new}
    stay = {
        each.mark.set
        for each in marks
        if (each.mark.kind, each.mark.root, each.mark.path) not in places
    }
    return [each for each in marks if each.mark.set not in stay]

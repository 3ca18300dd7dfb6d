"""Empty a quarantine: the only way in which anything is deleted from the disk.

Quarantined items are compared once more with the copy that is kept, which must be where it was and
is synced first. An item without such a copy stays; a damaged file is deleted while its good content
exists. Links are never followed, and folders are removed only if they are empty.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gorillacomb.classify.location import copy_refusal, location_kind
from gorillacomb.dedupe.apply.path_resolver import PathResolver
from gorillacomb.dedupe.apply.repair_recovery import verify_before_purge
from gorillacomb.dedupe.compare.entry_compare import MemberParts
from gorillacomb.dedupe.compare.snapshot import (
    TreeSnapshot,
    disk_space,
    refuse_in_use,
    verify_kept_copies,
)
from gorillacomb.dedupe.compare.tree_compare import TreeComparer
from gorillacomb.dedupe.model import KEPT_IS_MISSING, StepProblem
from gorillacomb.dedupe.proof import MemberProof
from gorillacomb.dedupe.quarantine.inventory import run_age_ns
from gorillacomb.dedupe.quarantine.journal_entries import (
    PURGED,
    PURGING,
    KeptCopy,
    MovedItem,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.removal import (
    remove_one,
    remove_seen,
    remove_taken_out,
    take_out,
)
from gorillacomb.dedupe.quarantine.run import Quarantine
from gorillacomb.fs import lease, mutations
from gorillacomb.fs.extents import DiskSpace, RemovedFiles
from gorillacomb.fs.location import ContentDiffers, ContentMissing, FileLocation
from gorillacomb.fs.openat import OpenFolders, identity_of, open_file, os_error_text
from gorillacomb.fs.paths import is_below, join, relative_path
from gorillacomb.fs.volumes import COARSEST_GRAIN_NS

_FULL = (errno.ENOSPC, errno.EDQUOT)
_IF_RENAMED = (
    "If it was renamed or moved, rename it back and empty the quarantine again; or put the run back"
    " (--undo), scan, and make another plan"
)
_MAY_BE_IN_USE = (
    "may be in use: nobody can tell here whether a program has it open for writing. It can be"
    " deleted 24 h after it was set aside"
)


@dataclass(frozen=True, slots=True)
class PurgedStep:
    """What became of a step that was to be deleted."""

    freed: DiskSpace
    problem: StepProblem | None = None
    """Why it, or some of it, was not deleted."""
    unique: int = 0
    """How many of the deleted files and links were kept nowhere else."""
    proof: MemberProof | None = None
    """Where the files of a deleted copy of a tree are kept."""


def purge_step(
    run: Quarantine,
    record: StepRecord,
    places: PathResolver,
    witness: TreeComparer,
    now: Callable[[], int],
    gone: RemovedFiles,
    unique: int = 0,
) -> PurgedStep:
    """Delete what a step quarantined; return the space freed, and why something was not deleted.

    ``gone`` is what the same run deleted before; so many files and links of a copy of a tree may be
    ``unique``, kept nowhere else. The caller holds the locks of all roots. Raises
    OSError if the journal cannot be written.
    """
    found: list[tuple[MovedItem, TreeSnapshot]] = []
    removed: list[tuple[TreeSnapshot, bytes]] = []
    gone.forget_names()
    try:
        if record.state == PURGING:
            for move in record.moves:
                remove_taken_out(run, move.slot)
        found += _compared(run, record, places, replace(witness, may_be_unique=unique > 0))
        only = [move.path for move, seen in found for _ in seen.unique]
        if len(only) > unique:
            raise ContentMissing(join(run.base, only[0]), "has more that is kept nowhere else")
        for _, sighting in found:
            _sync_survivors(sighting)
            verify_kept_copies(sighting)
        age = run_age_ns(run.journal.recorded, now())
        # Its age is unknown: the machine was restarted since.
        is_young = age is not None and age < lease.SURELY_CLOSED_NS
        for move, sighting in found:
            _refuse_in_use(run, move.slot, sighting, is_young)
        _note_purging(run, replace(record, state=PURGING, when_ns=now()), found, removed)
        for move, sighting in found:
            is_first = move is record.moves[0]
            _remove(run, move.slot, sighting, removed, record.repositories if is_first else ())
        mutations.fsync(run.folder)
    except (ContentDiffers, OSError) as error:
        begun = run.journal.recorded.steps[record.step].state == PURGING
        if begun and record.state != PURGING and not removed:
            run.journal.note([record])  # it is complete, and can still be put back
        missing = _missing_kept_copy(run, record, places, error)
        if missing is not None:
            problem = StepProblem(missing, f"{KEPT_IS_MISSING}. {_IF_RENAMED}")
        elif isinstance(error, ContentDiffers):
            problem = StepProblem(_as_it_was(run, record, error.path), error.cause)
        else:
            problem = StepProblem(join(run.base, record.moves[0].path), os_error_text(error))
        return PurgedStep(_freed(found, removed, gone), problem)
    run.journal.note([replace(record, state=PURGED, cause=None, when_ns=now())])
    if record.state == PURGING:
        run.unmark_purging(record)
    proof = _proof_of(run, record, found)
    return PurgedStep(_freed(found, removed, gone), unique=len(only), proof=proof)


def _proof_of(
    run: Quarantine, record: StepRecord, found: Iterable[tuple[MovedItem, TreeSnapshot]]
) -> MemberProof | None:
    """Return where the files of a copy of a tree are kept, as was compared right now."""
    for move, seen in found if record.is_member else ():
        path, keep = join(run.base, move.path), move.keep.at(run.base)
        return MemberProof(path, keep, dict(sorted(seen.held.items())))
    return None


def unique_files(
    run: Quarantine, record: StepRecord, places: PathResolver, witness: TreeComparer
) -> int:
    """Return how many files and links of a quarantined copy of a tree are kept nowhere else.

    Raises ContentDiffers, OSError if that cannot be determined.
    """
    witness = replace(witness, may_be_unique=True)
    return sum(len(seen.unique) for _, seen in _compared(run, record, places, witness))


def _compared(
    run: Quarantine, record: StepRecord, places: PathResolver, witness: TreeComparer
) -> Iterator[tuple[MovedItem, TreeSnapshot]]:
    """Compare each item of a step that is still there. Raises ContentDiffers, OSError."""
    # The rest of a bundle that is already half deleted, or half put back, need not be complete.
    is_whole = record.state != PURGING and not record.back
    is_member = record.is_member
    witness = replace(
        witness,
        whole_bundles=is_whole,
        carries_links=is_member,
        may_be_unique=is_member and witness.may_be_unique,
    )
    for at, move in enumerate(record.moves):
        nested = record.nested if not at else ()
        history = dict(record.in_history)
        parts = MemberParts(record.left, record.regenerable, record.repositories, history)
        sighting = _compare(run, move, nested, parts, places, witness)
        if sighting is not None:
            yield move, sighting


def _missing_kept_copy(
    run: Quarantine, record: StepRecord, places: PathResolver, error: Exception
) -> bytes | None:
    """Return the kept copy whose absence made a comparison fail; None if that was not the cause."""
    if run.repairs or not isinstance(error, (ContentDiffers, FileNotFoundError)):
        return None
    about = error.path if isinstance(error, ContentDiffers) else None
    for move in record.moves:
        keep = move.keep.at(run.base)
        # A folder whose files are kept elsewhere may have lost the one that it was compared with.
        is_it = about == keep or not record.nested
        if is_it and places.root_of(keep) is not None and not os.path.lexists(keep):
            return keep
    return None


def _note_purging(
    run: Quarantine,
    record: StepRecord,
    found: Iterable[tuple[MovedItem, TreeSnapshot]],
    removed: list[tuple[TreeSnapshot, bytes]],
) -> None:
    """Write that a step is about to be deleted; if the disk is full, delete one file of it first.

    That makes room for the line. Until it is written a mark says the same: an empty file, which
    needs no room. Raises OSError.
    """
    try:
        run.journal.note([record])
    except OSError as error:
        if error.errno not in _FULL:
            raise
        for move, sighting in found:
            inner = _file_to_make_room(sighting, record.repositories)
            if inner is not None:
                run.mark_purging(move)
                folders = OpenFolders(run.path, identity_of(os.fstat(run.folder)))
                try:
                    remove_one(run, folders, join(move.slot, inner), sighting.victim[inner])
                finally:
                    folders.close()
                removed.append((sighting, inner))
                mutations.fsync(run.folder)
                run.journal.note([record])
                run.unmark_purging(record)
                return
        raise


def _file_to_make_room(sighting: TreeSnapshot, repositories: Sequence[bytes]) -> bytes | None:
    """Return the largest file of an item that has no other name; None if none takes space.

    None in a repository, which is deleted as a whole.
    """
    sizes = {
        inner: facts.st_blocks
        for inner, facts in sighting.victim.items()
        if stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1 and facts.st_blocks
        if not any(is_below(inner, top) for top in repositories)
    }
    return max(sizes, key=sizes.__getitem__, default=None)


def _freed(
    found: Iterable[tuple[MovedItem, TreeSnapshot]],
    removed: Iterable[tuple[TreeSnapshot, bytes]],
    gone: RemovedFiles,
) -> DiskSpace:
    """Return the space freed by all that was deleted, even if not everything was."""
    space = DiskSpace()
    removed = list(removed)
    for _, sighting in found:
        paths = {inner for of, inner in removed if of is sighting}
        space += disk_space(sighting, gone, paths)
    return space


def _refuse_in_use(run: Quarantine, slot: bytes, sighting: TreeSnapshot, is_young: bool) -> None:
    """Refuse what a program may still write to through a descriptor opened before the quarantining.

    If that cannot be determined, age has to suffice. Raises ContentDiffers, OSError.
    """
    folders = OpenFolders(run.path, identity_of(os.fstat(run.folder)))
    try:
        for inner, facts in sighting.victim.items():
            if stat.S_ISREG(facts.st_mode):
                above, _, name = join(slot, inner).rpartition(b"/")
                path = join(run.path, join(slot, inner))
                if not refuse_in_use(folders.open(above), name, path) and is_young:
                    raise ContentDiffers(path, _MAY_BE_IN_USE)
    finally:
        folders.close()


def _compare(
    run: Quarantine,
    move: MovedItem,
    nested: tuple[tuple[bytes, KeptCopy], ...],
    parts: MemberParts,
    places: PathResolver,
    witness: TreeComparer,
) -> TreeSnapshot | None:
    """Compare one item with the copy that is kept; None for an item that is already deleted."""
    if not run.has_slot(move):
        run.sync_put_back([move])  # an undo that was killed may have left its link here
        return None
    spot = places.with_file_system(run.slot_location(move.slot))

    def survivor(keep: KeptCopy) -> FileLocation:
        return _survivor(run, keep, places, witness.noise)

    if run.repairs:
        return verify_before_purge(run, move, spot, lambda: survivor(move.keep))
    return witness.compare(
        spot,
        survivor(move.keep),
        {path: survivor(keep) for path, keep in nested},
        join(run.base, move.path),
        parts=parts,
    )


def _survivor(
    run: Quarantine, keep: KeptCopy, places: PathResolver, noise: frozenset[bytes]
) -> FileLocation:
    """Return where a copy is kept: in a connected root, and not in a place that empties itself.

    Whether both copies were in places of the same kind was checked while both were in place.
    """
    path = keep.at(run.base)
    spot = places.location(path)
    if spot is None and is_below(path, run.base):
        identity = identity_of(os.stat(run.base))
        spot = FileLocation(run.base, identity, relative_path(path, run.base), COARSEST_GRAIN_NS)
    if spot is None:
        raise ContentDiffers(path, "was to stay, and is in no scanned folder that is there now")
    folder, name = (path, b"") if os.path.isdir(path) else os.path.split(path)
    kind = location_kind(spot.root, relative_path(folder, spot.root), None, frozenset())
    refusal = copy_refusal(folder, name, kind, None, noise, places.snapshots)
    if refusal is not None:
        raise ContentDiffers(path, f"was to stay, and stands {refusal}")
    return spot


def _sync_survivors(sighting: TreeSnapshot) -> None:
    """Sync the kept copies to disk before the other copies are deleted."""
    folders: dict[bytes, OpenFolders] = {}
    try:
        for spot, facts in sighting.survivors:
            if stat.S_ISREG(facts.st_mode):
                opened = folders.setdefault(spot.root, OpenFolders(spot.root, spot.identity))
                file = open_file(spot.name, opened.open(spot.parent))
                try:
                    mutations.fsync(file)
                finally:
                    os.close(file)
    finally:
        for each in folders.values():
            each.close()


def _remove(
    run: Quarantine,
    slot: bytes,
    sighting: TreeSnapshot,
    removed: list[tuple[TreeSnapshot, bytes]],
    repositories: Sequence[bytes],
) -> None:
    """Delete what was compared and nothing else, deepest first; ``removed`` collects it.

    Of repositories, given by path in the item, all or nothing is left. Raises OSError: a folder in
    which something was created is not empty and stays.
    """
    before = {inner for of, inner in removed if of is sighting}
    left = {inner: facts for inner, facts in sighting.victim.items() if inner not in before}
    for number, top in enumerate(repositories):
        ours = [inner for inner in left if is_below(inner, top)]
        if ours:
            name = take_out(run, slot, top, number)
            removed.append((sighting, top))
            seen = {relative_path(inner, top): left.pop(inner) for inner in ours}
            for inner in remove_seen(run, name, seen):
                removed.append((sighting, join(top, inner)))
    for inner in remove_seen(run, slot, left):
        removed.append((sighting, inner))


def _as_it_was(run: Quarantine, record: StepRecord, path: bytes) -> bytes:
    for move in record.moves:
        here = run.slot_location(move.slot).path
        if is_below(path, here):
            return join(join(run.base, move.path), relative_path(path, here))
    return path

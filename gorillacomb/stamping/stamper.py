"""Stamping: record in the trace where the canonical file of each content is.

The index remembers what the trace has (`index.stamps`). After a scan, changed contents and folders
that were moved or removed are compared with that; differences are appended to the trace first, then
written to the index. The index is marked as in sync only at the very end: after a crash in between,
it is rebuilt from the trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from gorillacomb.canonical.groups import GroupReader
from gorillacomb.canonical.rules_version import RULES_VERSION
from gorillacomb.canonical.selector import (
    CanonicalFile,
    CanonicalSelector,
    RankedCopies,
    only_copy,
    standing_first,
)
from gorillacomb.index import duplicate_groups, stamps
from gorillacomb.index.database import Index
from gorillacomb.index.duplicate_groups import pack_copy_order
from gorillacomb.index.file_records import arrivals_of_scan, move_key
from gorillacomb.index.paths import FileKey, FolderPaths
from gorillacomb.index.rows import MoveKey
from gorillacomb.index.stamps import FOLDERS_CHANGED, ContentHolders, Stamp
from gorillacomb.model import Root, StampReport
from gorillacomb.sqlite import SMALL_CACHE, cache_of
from gorillacomb.stamping.deferral import StampDeferral
from gorillacomb.stamping.move_entries import FolderMoveRecorder, folders_that_wait
from gorillacomb.stamping.recorded_paths import RecordedPaths
from gorillacomb.stamping.unstamped import UnstampedChanges, stamp_root
from gorillacomb.stamping.writer import StampStep, StampWriter
from gorillacomb.vaultmesh import entries
from gorillacomb.vaultmesh.entries import EntryBody
from gorillacomb.vaultmesh.ledger import Ledger

_ORDERS_AT_ONCE = 1_000


def stamp_scan(
    index: Index,
    ledger: Ledger,
    groups: GroupReader,
    prefers: bool,
    choice: str,
    scan: int,
    unquiet: StampDeferral,
    unstamped: UnstampedChanges,
    advance: Callable[[int], None] | None = None,
) -> StampReport:
    """Append to the trace what a scan changed, and bring the index's stamps up to date.

    ``prefers`` says whether the user prefers some paths, ``choice`` all that the settings say about
    the choice, to notice when that changes; ``scan`` is the scan's number; ``unquiet``
    decides what is deferred. Raises VaultError.
    """
    roots = list(groups.roots.values())
    scribe = StampWriter(index, ledger, scan, RecordedPaths(index, roots), advance)
    chooser = CanonicalSelector(index, groups, prefers)
    return _Stamper(scribe, chooser, groups.paths, unquiet, unstamped, choice).run(roots)


class _Stamper:
    """The stamps of one scan."""

    def __init__(
        self,
        scribe: StampWriter,
        chooser: CanonicalSelector,
        paths: FolderPaths,
        unquiet: StampDeferral,
        unstamped: UnstampedChanges,
        choice: str,
    ) -> None:
        self._scribe = scribe
        self._chooser = chooser
        self._paths = paths
        self._unquiet = unquiet
        self._unstamped = unstamped
        self._choice = choice
        self._index = scribe.index
        self._connection = scribe.index.connection
        self._former: dict[bytes, tuple[str, bytes]] = {}
        """Root and path of files removed with their folders, by content."""
        self._hidden: set[bytes] | None = None
        self._arrivals: set[MoveKey] | None = None
        self._undecided: list[bytes] = []
        self._waiting: set[int] = set()
        """Folders about which nothing can be recorded now."""
        self._orders: list[bytes] = []
        """Contents and the orders of their copies, in turn, that are not stored yet."""
        self._without_order: list[bytes] = []
        """Contents without several copies, whose orders are to be dropped."""

    def run(self, roots: Sequence[Root]) -> StampReport:
        connection, scribe = self._connection, self._scribe
        first, changed, new_roots, outdated = self._unstamped
        with self._index.atomic():
            stamps.clear_synced_log_size(connection)
        for root in new_roots:
            scribe.append([StampStep(self._root_entry(root))])
            with self._index.atomic():
                stamps.put_root(connection, stamp_root(root))
        candidates = (set(changed) - {FOLDERS_CHANGED}) | outdated
        if first:
            with self._index.atomic():
                stamps.add_all_folders(connection)
        if FOLDERS_CHANGED in changed:
            moves = FolderMoveRecorder(scribe, {root.uid for root in roots})
            candidates |= moves.record_moves()
            self._former = moves.former
            if moves.has_waiting:
                self._undecided.append(FOLDERS_CHANGED)
        if first:
            # All contents are read in their order, and everything about them is appended.
            with cache_of(connection, SMALL_CACHE):
                scribe.append(self._all_contents())
        else:
            scribe.append(self._contents(candidates))
        self._finish(roots)
        counts = scribe.counts
        return StampReport(
            counts.stamped, counts.restamped, counts.moved, counts.retired, self._unquiet.due_ns()
        )

    def _root_entry(self, root: Root) -> EntryBody:
        return entries.root_entry(
            self._scribe.scan,
            root.uid,
            root.path,
            root.volume,
            root.volume_type,
            root.weak,
            root.inner_path,
        )

    def _finish(self, roots: Iterable[Root]) -> None:
        connection = self._connection
        with self._index.atomic():
            known = {root.id for root in roots}
            for gone in set(stamps.stamp_roots(connection)) - known:
                stamps.drop_root(connection, gone)
            stamps.mark_stamped(connection, self._undecided)
            self._unquiet.save()
            stamps.set_user_choice(connection, self._choice)
            stamps.set_synced_log_size(
                connection, self._scribe.ledger.log, self._scribe.ledger.size, RULES_VERSION
            )
        self._index.commit()

    def _all_contents(self) -> Iterator[StampStep]:
        """Yield steps for every indexed content, and for stamps whose content is missing."""
        connection = self._connection
        self._paths.load()
        with self._index.atomic():
            duplicate_groups.drop_former_copy_orders(connection)
        standing = dict(stamps.all_stamps(connection))
        fallen = {
            digest: stamp
            for digest, stamp in standing.items()
            if not self._still_stands(digest, stamp)
        }
        for digest in fallen:
            del standing[digest]
        wanted = (
            held
            for held in stamps.contents_to_stamp(connection)
            if held.files > 1 or held.digest not in standing
        )
        yield from self._steps(wanted, fallen, standing)

    def _contents(self, changed: set[bytes]) -> Iterator[StampStep]:
        """Yield steps for changed contents, and for those whose deferral ended."""
        connection = self._connection
        fallen: dict[bytes, Stamp] = {}
        standing: dict[bytes, Stamp] = {}
        due = set(stamps.never_stamped(connection)) if self._unquiet.is_due else set()
        work = sorted(changed | due)
        for digest in work:
            old = stamps.stamp_of(connection, digest)
            if old is not None:
                (standing if self._still_stands(digest, old) else fallen)[digest] = old
        never = {
            digest
            for digest in work
            if digest not in fallen and digest not in standing and digest not in self._former
        }
        waiting = self._unquiet.waiting(never, changed)
        yield from self._steps(self._held(set(work) - waiting), fallen, standing)

    def _held(self, digests: Iterable[bytes]) -> Iterator[ContentHolders]:
        """Yield those of some contents that exist."""
        for digest in sorted(digests):
            held = stamps.content(self._connection, digest)
            if held is None:
                self._note_order(digest, None)
            else:
                yield held

    def _steps(
        self,
        contents: Iterable[ContentHolders],
        fallen: dict[bytes, Stamp],
        standing: dict[bytes, Stamp],
    ) -> Iterator[StampStep]:
        """Yield steps for contents without a canonical file, and for fallen ones without any copy.

        ``fallen`` are the stamps whose files no longer exist, ``standing`` the others, which stay
        canonical unless the rules say otherwise. Contents in a suspect root, or in a folder without
        a place, wait until it is found again or dropped; so do those in a folder that took such a
        place.
        """
        self._waiting = folders_that_wait(self._connection)
        lost = set(fallen)
        places = {(stamp.folder, stamp.name): digest for digest, stamp in fallen.items()}
        for held in contents:
            lost.discard(held.digest)
            if self._waits(held):
                self._undecided.append(held.digest)
                continue
            old = standing.get(held.digest)
            if held.files == 1 and old is None and not self._chooser.knows_orders:
                chosen = only_copy(held)
            else:
                copies = self._rank(held, old)
                if old is not None and (old.folder, old.name) == copies.order[0]:
                    continue
                chosen = copies.choose()
            step = self._told(held, chosen, old or fallen.get(held.digest), places)
            lost.difference_update(step.drop)
            yield step
        self._store_orders()
        for digest in sorted(lost):
            yield from self._gone(digest, fallen[digest])

    def _rank(self, held: ContentHolders, standing: Stamp | None) -> RankedCopies:
        """Return a content's copies in their order as it is now, and store that.

        A content whose canonical file was chosen by older rules is ordered again.
        """
        stored = self._chooser.known_order(held.digest)
        known = [] if held.digest in self._unstamped.outdated else standing_first(stored, standing)
        copies = self._chooser.rank(held, known)
        if len(copies.order) < 2:
            if stored:
                self._note_order(held.digest, None)
        elif copies.order != stored:
            self._note_order(held.digest, copies.packed or pack_copy_order(copies.order))
        return copies

    def _note_order(self, digest: bytes, packed: bytes | None) -> None:
        """Have the order of a content's copies stored; None to drop it."""
        if packed is None:
            self._without_order.append(digest)
        else:
            self._orders += digest, packed
        if len(self._orders) + len(self._without_order) >= 2 * _ORDERS_AT_ONCE:
            self._store_orders()

    def _store_orders(self) -> None:
        if self._orders or self._without_order:
            with self._index.atomic():
                duplicate_groups.put_copy_orders(
                    self._connection, self._orders, self._without_order
                )
            self._orders.clear()
            self._without_order.clear()

    def _still_stands(self, digest: bytes, old: Stamp) -> bool:
        found = stamps.content_at(self._connection, old.folder, old.name)
        return found is not None and found[0] == digest

    def _told(
        self,
        held: ContentHolders,
        chosen: CanonicalFile,
        old: Stamp | None,
        fallen: dict[FileKey, bytes],
    ) -> StampStep:
        """Return the step for a content whose canonical file is new or another one than before."""
        file = self._scribe.file(held, chosen)
        digest, folder, name = held.digest, chosen.folder, chosen.name
        put = (digest, folder, name, file.rules)
        if old is None and not fallen and not self._former:  # as for all of a first scan
            self._scribe.counts.stamped += 1
            return StampStep(entries.stamp_entry(self._scribe.scan, file), put)
        was = fallen.get((folder, name))
        if was == digest:
            was = None
        origin = self._former.get(digest) if old is None else self._scribe.places.of_file(old)
        counts = self._scribe.counts
        counts.retired -= digest in self._former
        if origin is None and was is None:
            counts.stamped += 1
            return StampStep(entries.stamp_entry(self._scribe.scan, file), put)
        left = origin is not None and (old is None or self._has_left(old))
        if was is None and origin is not None and left and self._has_come(folder, name):
            counts.moved += 1
            return StampStep(entries.move_entry(self._scribe.scan, file, origin), put)
        counts.restamped += 1
        gone = [] if was is None or self._is_told_later(was) else [was]
        return StampStep(entries.restamp_entry(self._scribe.scan, file, was, origin), put, gone)

    def _gone(self, digest: bytes, old: Stamp) -> Iterator[StampStep]:
        """Yield the step for a content without copies, if a listing proves it missing."""
        connection = self._connection
        if self._hidden is None:
            self._hidden = stamps.contents_of_unreadable_files(connection)
        unknown = stamps.is_unread(connection, old.folder, old.name)
        if digest in self._hidden or unknown or not stamps.is_listed(connection, old.folder):
            self._undecided.append(digest)
            return
        root, path = self._scribe.places.of_file(old)
        self._scribe.counts.retired += 1
        yield StampStep(entries.retire_entry(self._scribe.scan, root, path, digest), drop=[digest])

    def _waits(self, held: ContentHolders) -> bool:
        if not self._waiting:
            return False
        return not self._waiting.isdisjoint(map(int, str(held.folders).split(",")))

    def _is_told_later(self, digest: bytes) -> bool:
        """Return whether a content whose path now has another content is recorded in this scan."""
        held = stamps.content(self._connection, digest)
        return held is not None and not self._waits(held)

    def _has_come(self, folder: int, name: bytes) -> bool:
        """Return whether a file arrived at its path with this scan; others were not moved."""
        if self._arrivals is None:
            self._arrivals = arrivals_of_scan(self._connection)
        return move_key(self._connection, folder, name) in self._arrivals

    def _has_left(self, old: Stamp) -> bool:
        """Return whether a canonical file's former path is empty."""
        return stamps.content_at(self._connection, old.folder, old.name) is None

"""Stamping: the trace is told where the canonical file of each content stands.

The index remembers what the trace knows (`index.stamps`). After a scan the contents that changed,
and the folders that moved or went, are compared with that, and what differs is appended to the
trace first, then written to the index. The index is marked as true only at the very end: after a
crash in between, it takes everything from the trace again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter

from gorillacomb.bytepaths import join
from gorillacomb.dedupe.canonical import RULES_OF_PLACE, choose, narrow, smells
from gorillacomb.dedupe.groups import Groups
from gorillacomb.errors import VaultRolledBack
from gorillacomb.index import roots as root_table
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.paths import child_folder, path_below_root
from gorillacomb.index.stamps import Holder, Stamp, StampRoot
from gorillacomb.index.store import FOLDERS_CHANGED
from gorillacomb.model import Root, Stamps
from gorillacomb.vaultmesh import entries
from gorillacomb.vaultmesh.entries import Body, Stamped
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.replay import Standing

Place = tuple[int, bytes]
"""Folder id and name."""
_ONLY = ("the only copy",)


def prepare(index: Index, ledger: Ledger) -> None:
    """Before a scan: bring the index's stamps in line with the trace, if they are not.

    Also after the index was lost: roots and the folders of canonical files come back from the
    trace, as ones that no scan has listed yet. Raises VaultRolledBack when the index reflects
    entries that the trace lacks, or another trace.
    """
    state = stamps.reflected(index.connection)
    if state == (ledger.log, ledger.size):
        return
    if state is not None and (state[0] != ledger.log or state[1] > ledger.size):
        raise VaultRolledBack(
            f"The trace {ledger.path} is not the one that the index goes with: it was put back,"
            " or another one stands in its place.",
            "Put the right one back; to go on with this one: gorillacomb trace adopt",
        )
    with index.atomic():
        stamps.clear(index.connection)
        if ledger.size > 1:
            _restore(index, ledger)
    index.commit()


def _restore(index: Index, ledger: Ledger) -> None:
    """Take roots and stamps from the trace."""
    connection = index.connection
    standing = Standing()
    standing.play(ledger.entries())
    roots = {root.uid: root for root in root_table.all_roots(connection)}
    for uid, fields in standing.roots.items():
        if uid not in roots:
            roots[uid] = root_table.add_root(connection, _root_in(fields), 0)
        known = roots[uid]
        stamps.put_root(connection, StampRoot(known.id, uid, known.path, known.volume))
    folders: dict[tuple[str, bytes], int] = {(uid, b""): root.folder for uid, root in roots.items()}

    def folder_at(uid: str, path: bytes) -> int:
        if (uid, path) not in folders:
            above, _, name = path.rpartition(b"/")
            parent = folder_at(uid, above)
            found = child_folder(connection, parent, name)
            if found is None:
                found = root_table.add_folder(connection, roots[uid].id, parent, name)
            folders[uid, path] = found
        return folders[uid, path]

    def rows() -> Iterator[tuple[bytes, int, int, bytes]]:
        for digest in standing:
            place = standing.place(digest)
            if place is not None and place.root in roots:
                above, _, name = place.path.rpartition(b"/")
                yield digest, place.seq, folder_at(place.root, above), name

    stamps.put_stamps(connection, list(rows()))
    stamps.put_all_folders(connection)


def _root_in(fields: dict[str, object]) -> Root:
    return Root(
        id=0,
        uid=str(fields["root"]),
        folder=0,
        path=entries.path_of(fields),
        volume=str(fields["volume"]),
        volume_type=str(fields["volume_type"]),
        weak=bool(fields["weak"]),
        inner_path=entries.path_of(fields, "inner_path"),
    )


def stamp(
    index: Index,
    ledger: Ledger,
    groups: Groups,
    prefers: bool,
    scan: int,
    advance: Callable[[int], None] | None = None,
) -> Stamps:
    """After a scan: append to the trace what changed, and bring the index's stamps up to date.

    ``prefers`` says whether the user prefers some paths; ``scan`` is the scan's number. A scan that
    found nothing new appends nothing. Raises VaultError.
    """
    return _Stamping(index, ledger, groups, prefers, scan, advance).run()


@dataclass(slots=True)
class _Step:
    """An entry to append, and what the index notes when it is on the disk."""

    body: Body
    put: tuple[bytes, int, bytes] | None = None
    """digest, folder, name of a stamp."""
    drop: Sequence[bytes] = ()


@dataclass(slots=True)
class _Stamping:
    index: Index
    ledger: Ledger
    groups: Groups
    prefers: bool
    scan: int
    advance: Callable[[int], None] | None
    stamped: int = 0
    restamped: int = 0
    moved: int = 0
    retired: int = 0
    uids: dict[int, str] = field(default_factory=dict)
    """The roots' ids in the trace."""
    chosen: dict[tuple[int, ...], tuple[int, tuple[str, ...]] | None] = field(default_factory=dict)
    """For copies in these folders: which one, and why; None where their names decide."""
    paths: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    """Folders' roots and paths below them."""
    hidden: set[bytes] | None = None
    undecided: list[bytes] = field(default_factory=list)

    def run(self) -> Stamps:
        connection = self.index.connection
        first = stamps.reflected(connection) is None
        roots = root_table.all_roots(connection)
        changed = stamps.unstamped(connection)
        new_roots = self._changed_roots(roots)
        self.uids = {each.id: each.uid for each in stamps.stamp_roots(connection).values()}
        self.uids |= {root.id: root.uid for root in roots}
        if not first and not changed and not new_roots:
            return Stamps()
        with self.index.atomic():
            connection.execute("DELETE FROM reflected")
        for root in new_roots:
            self._append([_Step(self._root_entry(root))])
            with self.index.atomic():
                stamps.put_root(connection, StampRoot(root.id, root.uid, root.path, root.volume))
        # Folders first, that files are told of by the places where they stand then.
        candidates = set(changed) - {FOLDERS_CHANGED}
        if FOLDERS_CHANGED in changed and not first:
            candidates |= self._move_folders()
            gone = stamps.gone_folders(connection)
            left = {top: dict(stamps.stamps_below(connection, top)) for top in gone}
            candidates.update(*left.values())
        else:
            left = {}
        # Closed before the index is: what they read from must not outlive it.
        with closing(
            self._all_contents() if first else self._contents(sorted(candidates), left)
        ) as steps:
            self._append(steps)
        for top in left:
            self._retire_folder(top)
        self._finish(first, roots)
        return Stamps(self.stamped, self.restamped, self.moved, self.retired)

    def _changed_roots(self, roots: Iterable[Root]) -> list[Root]:
        known = stamps.stamp_roots(self.index.connection)
        return [
            root
            for root in roots
            if known.get(root.id) != StampRoot(root.id, root.uid, root.path, root.volume)
        ]

    def _root_entry(self, root: Root) -> Body:
        return entries.root(
            self.scan,
            root.uid,
            root.path,
            root.volume,
            root.volume_type,
            root.weak,
            root.inner_path,
        )

    def _finish(self, first: bool, roots: Iterable[Root]) -> None:
        connection = self.index.connection
        with self.index.atomic():
            if first:
                stamps.put_all_folders(connection)
            known = {root.id for root in roots}
            for gone in set(stamps.stamp_roots(connection)) - known:
                stamps.drop_root(connection, gone)
            stamps.settle(connection, self.undecided)
            stamps.set_reflected(connection, self.ledger.log, self.ledger.size)
        self.index.commit()

    # Writing.

    def _append(self, steps: Iterable[_Step]) -> None:
        """Append entries to the trace; as they are on the disk there, the index notes them."""
        waiting: list[tuple[int, _Step]] = []

        def bodies() -> Generator[Body, None, None]:
            for seq, step in enumerate(steps, self.ledger.size):
                waiting.append((seq, step))
                yield step.body

        def note(size: int) -> None:
            connection = self.index.connection
            with self.index.atomic():
                stamps.drop_stamps(connection, [each for _, step in waiting for each in step.drop])
                stamps.put_stamps(
                    connection,
                    [(step.put[0], seq, *step.put[1:]) for seq, step in waiting if step.put],
                )
            self.index.commit_if_due()
            if self.advance is not None:
                self.advance(len(waiting))
            waiting.clear()

        with closing(bodies()) as new:
            self.ledger.append(new, note)

    # Folders.

    def _move_folders(self) -> set[bytes]:
        """Tell of folders that moved as a whole; returns contents to be told of one by one."""
        connection = self.index.connection
        single: set[bytes] = set()
        moved = [
            (self._new_path(folder.id).count(b"/"), folder)
            for folder in stamps.moved_folders(connection)
        ]
        for _, folder in sorted(moved, key=lambda each: (each[0], each[1].id)):
            known = stamps.stamp_folder(connection, folder.id)
            if known is None:
                continue
            below = stamps.stamps_below(connection, folder.id)
            origin = self._known_place(folder.id)
            with self.index.atomic():
                if folder.parent is not None:
                    stamps.put_folder(connection, folder.parent)
            others = [
                each
                for each in stamps.folder_at(connection, folder.parent, folder.name)
                if each != folder.id and stamps.stamps_below(connection, each)
            ]
            if below and not others and not (known.parent is None and folder.parent is None):
                self._tell_of_move(folder.id, folder.root, origin, below)
            elif others:
                single.update(digest for digest, _ in below)
            with self.index.atomic():
                stamps.put_folder(connection, folder.id)
                if known.root != folder.root:
                    stamps.set_root_below(connection, folder.id, folder.root)
            self.paths.clear()
        return single

    def _tell_of_move(
        self,
        folder: int,
        root: int,
        origin: tuple[str, bytes],
        below: list[tuple[bytes, Stamp]],
    ) -> None:
        tree = self._tree(origin[1], below)
        self._append(
            [
                _Step(
                    entries.moved_folder(
                        self.scan, self.uids[root], self._new_path(folder), origin, tree, len(below)
                    )
                )
            ]
        )
        self.moved += len(below)

    def _retire_folder(self, top: int) -> None:
        """Tell that a folder is gone with the contents that stood nowhere else, and forget it."""
        connection = self.index.connection
        below = stamps.stamps_below(connection, top)
        if below:
            root, path = self._known_place(top)
            tree = self._tree(path, below)
            body = entries.retire_folder(self.scan, root, path, tree, len(below))
            self._append([_Step(body, drop=[digest for digest, _ in below])])
            self.retired += len(below)
        with self.index.atomic():
            stamps.drop_folders_below(connection, top)

    def _tree(self, above: bytes, below: list[tuple[bytes, Stamp]]) -> str:
        start = len(above) + 1 if above else 0
        return entries.tree_digest(
            (join(self._known_place(stamp.folder)[1], stamp.name)[start:], digest)
            for digest, stamp in below
        )

    def _new_path(self, folder: int) -> bytes:
        return path_below_root(self.index.connection, folder)

    def _known_place(self, folder: int) -> tuple[str, bytes]:
        """Root and path of a folder as the trace knows it."""
        found = self.paths.get(folder)
        if found is None:
            known = stamps.stamp_folder(self.index.connection, folder)
            assert known is not None
            if known.parent is None:
                found = (self.uids[known.root], b"")
            else:
                root, above = self._known_place(known.parent)
                found = (root, join(above, known.name) if above else known.name)
            self.paths[folder] = found
        return found

    # Contents.

    def _all_contents(self) -> Generator[_Step, None, None]:
        """Steps for every content that the index holds, and for stamps that hold no more."""
        connection = self.index.connection
        standing = dict(stamps.all_stamps(connection))
        with closing(stamps.holders(connection)) as every:
            for digest, found in groupby(every, key=itemgetter(0)):
                copies = list(found)
                old = standing.pop(digest, None)
                if old is None or not self._still_stands(digest, old):
                    yield self._told(copies, old, None)
        for digest, old in standing.items():
            yield from self._gone(digest, old)

    def _contents(
        self, digests: Sequence[bytes], left: dict[int, dict[bytes, Stamp]]
    ) -> Generator[_Step, None, None]:
        """Steps for some contents; those in ``left`` go with their folders if they are gone."""
        connection = self.index.connection
        with_folder = set().union(*left.values()) if left else set()
        fallen: dict[Place, bytes] = {}
        work: list[tuple[list[Holder], Stamp | None]] = []
        for digest in digests:
            old = stamps.stamp_of(connection, digest)
            if old is not None:
                if self._still_stands(digest, old):
                    continue
                fallen[old.folder, old.name] = digest
            copies = stamps.holders_of(connection, digest)
            if copies:
                work.append((copies, old))
        replaced: set[bytes] = set()
        for copies, old in work:
            step = self._told(copies, old, fallen)
            if step.drop:
                replaced.update(step.drop)
            yield step
        survivors = {copies[0][0] for copies, _ in work}
        for place, digest in fallen.items():
            if digest not in replaced and digest not in survivors and digest not in with_folder:
                old = stamps.stamp_of(connection, digest)
                if old is not None and (old.folder, old.name) == place:
                    yield from self._gone(digest, old)

    def _still_stands(self, digest: bytes, old: Stamp) -> bool:
        found = stamps.content_at(self.index.connection, old.folder, old.name)
        return found is not None and found[0] == digest

    def _told(
        self, copies: list[Holder], old: Stamp | None, fallen: dict[Place, bytes] | None
    ) -> _Step:
        """The step for a content that has copies, and no canonical file, or one that fell."""
        winner, reasons = self._choose(copies)
        digest, size, _, folder, name = copies[winner]
        count = len(copies)
        if count > 1 and any(each[2] > 1 for each in copies):
            count = stamps.copies_of(self.index.connection, digest)
        root, above = self._place(folder)
        mtime = stamps.mtime_of(self.index.connection, folder, name)
        path = join(above, name) if above else name
        file = Stamped(root, path, size, mtime, digest, count, reasons)
        put = (digest, folder, name)
        was = None if fallen is None else fallen.get((folder, name))
        if was == digest:
            was = None
        if old is None and was is None:
            self.stamped += 1
            return _Step(entries.stamp(self.scan, file), put)
        origin = None if old is None else self._file_place(old)
        if was is None and old is not None and self._has_left(old):
            self.moved += 1
            assert origin is not None
            return _Step(entries.moved(self.scan, file, origin), put)
        self.restamped += 1
        gone = [] if was is None or self._has_copies(was) else [was]
        return _Step(entries.restamp(self.scan, file, was, origin), put, gone)

    def _gone(self, digest: bytes, old: Stamp) -> Iterator[_Step]:
        """The step for a content without copies, where a listing shows that it went."""
        connection = self.index.connection
        if self.hidden is None:
            self.hidden = stamps.hidden_contents(connection)
        there = stamps.content_at(connection, old.folder, old.name)
        unknown = there is not None and there[0] is None
        if digest in self.hidden or unknown or not stamps.is_listed(connection, old.folder):
            self.undecided.append(digest)
            return
        root, path = self._file_place(old)
        self.retired += 1
        yield _Step(entries.retire(self.scan, root, path, digest), drop=[digest])

    def _has_copies(self, digest: bytes) -> bool:
        return bool(stamps.holders_of(self.index.connection, digest))

    def _has_left(self, old: Stamp) -> bool:
        """Whether nothing stands any more where a canonical file stood."""
        return stamps.content_at(self.index.connection, old.folder, old.name) is None

    def _file_place(self, old: Stamp) -> tuple[str, bytes]:
        root, above = self._known_place(old.folder)
        return root, join(above, old.name) if above else old.name

    def _place(self, folder: int) -> tuple[str, bytes]:
        """Root and path of a folder, which the trace knows from now on."""
        if folder not in self.paths:
            if stamps.stamp_folder(self.index.connection, folder) is None:
                with self.index.atomic():
                    stamps.put_folder(self.index.connection, folder)
            self._known_place(folder)
        return self.paths[folder]

    def _choose(self, copies: list[Holder]) -> tuple[int, tuple[str, ...]]:
        """Which of the copies is canonical, and why."""
        if len(copies) == 1:
            return 0, _ONLY
        if self.prefers or any(smells(name) for *_, name in copies):
            return self._choose_slowly(copies)
        folders = tuple(each[3] for each in copies)
        if folders not in self.chosen:
            places = [self.groups.copy_in(folder) for folder in folders]
            left, reasons = narrow(places, RULES_OF_PLACE)
            self.chosen[folders] = (left[0], reasons) if len(left) == 1 else None
        return self.chosen[folders] or self._choose_slowly(copies)

    def _choose_slowly(self, copies: list[Holder]) -> tuple[int, tuple[str, ...]]:
        mtimes = stamps.mtimes_of(self.index.connection, copies[0][0])
        choice = choose(
            [
                replace(at, path=at.path + name, mtime_ns=mtimes[folder, name], preferred=preferred)
                for *_, folder, name in copies
                for at in (self.groups.copy_in(folder),)
                for preferred in (self.prefers and self.groups.is_preferred(at.path + name),)
            ]
        )
        return choice.winner, choice.reasons

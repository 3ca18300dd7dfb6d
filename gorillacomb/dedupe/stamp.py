"""Stamping: the trace is told where the canonical file of each content stands.

The index remembers what the trace knows (`index.stamps`). After a scan the contents that changed,
and the folders that moved or went, are compared with that, and what differs is appended to the
trace first, then written to the index. The index is marked as true only at the very end: after a
crash in between, it takes everything from the trace again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gorillacomb.dedupe.chooser import Chooser, Chosen
from gorillacomb.dedupe.groups import Groups
from gorillacomb.dedupe.stamp_places import Places, joined
from gorillacomb.dedupe.unquiet import Unquiet
from gorillacomb.index import roots as root_table
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.paths import path_below_root
from gorillacomb.index.stamps import Held, Stamp, StampFolder, StampRoot
from gorillacomb.index.store import FOLDERS_CHANGED
from gorillacomb.model import Root, Stamps
from gorillacomb.vaultmesh import entries
from gorillacomb.vaultmesh.entries import Body, Stamped
from gorillacomb.vaultmesh.ledger import Ledger

Place = tuple[int, bytes]
"""Folder id and name."""
_STANDING = ("it was canonical before, in the same folder",)


def stamp(
    index: Index,
    ledger: Ledger,
    groups: Groups,
    prefers: bool,
    scan: int,
    unquiet: Unquiet,
    advance: Callable[[int], None] | None = None,
) -> Stamps:
    """After a scan: append to the trace what changed, and bring the index's stamps up to date.

    ``prefers`` says whether the user prefers some paths; ``scan`` is the scan's number; ``unquiet``
    says what is to wait. A scan that found nothing new appends nothing. Raises VaultError.
    """
    chooser = Chooser(index, groups, prefers)
    return _Stamping(index, ledger, groups, chooser, scan, unquiet, advance).run()


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
    chooser: Chooser
    scan: int
    unquiet: Unquiet
    advance: Callable[[int], None] | None
    stamped: int = 0
    restamped: int = 0
    moved: int = 0
    retired: int = 0
    places: Places = field(init=False)
    current: set[str] = field(default_factory=set)
    """Those of them that are roots of the vault now."""
    former: dict[bytes, tuple[str, bytes]] = field(default_factory=dict)
    """Root and path of files that went with their folders, by content."""
    hidden: set[bytes] | None = None
    undecided: list[bytes] = field(default_factory=list)

    def run(self) -> Stamps:
        connection = self.index.connection
        first = stamps.reflected(connection) is None
        roots = root_table.all_roots(connection)
        changed = stamps.unstamped(connection)
        new_roots = self._changed_roots(roots)
        self.places = Places(self.index, roots)
        self.current = {root.uid for root in roots}
        if not first and not changed and not new_roots and not self.unquiet.is_due:
            return Stamps(due_ns=self.unquiet.due_ns())
        with self.index.atomic():
            stamps.set_unreflected(connection)
        for root in new_roots:
            self._append([_Step(self._root_entry(root))])
            with self.index.atomic():
                stamps.put_root(connection, StampRoot(root.id, root.uid, root.path, root.volume))
        # In the order in which it can be played again: what went makes room for what came.
        candidates = set(changed) - {FOLDERS_CHANGED}
        if first:
            with self.index.atomic():
                stamps.add_all_folders(connection)
        if FOLDERS_CHANGED in changed:
            for top in stamps.gone_folders(connection):
                candidates |= self._retire_folder(top)
            candidates |= self._move_folders()
        if first:
            self._append(self._all_contents())
        else:
            self._append(self._contents(candidates))
        self._finish(roots)
        due_ns = self.unquiet.due_ns()
        return Stamps(self.stamped, self.restamped, self.moved, self.retired, due_ns)

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

    def _finish(self, roots: Iterable[Root]) -> None:
        connection = self.index.connection
        with self.index.atomic():
            known = {root.id for root in roots}
            for gone in set(stamps.stamp_roots(connection)) - known:
                stamps.drop_root(connection, gone)
            stamps.settle(connection, self.undecided)
            self.unquiet.note()
            stamps.set_reflected(connection, self.ledger.log, self.ledger.size)
        self.index.commit()

    # Writing.

    def _append(self, steps: Iterable[_Step]) -> None:
        """Append entries to the trace; as they are on the disk there, the index notes them."""
        waiting: list[tuple[int, _Step]] = []

        def bodies() -> Iterator[Body]:
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

        self.ledger.append(bodies(), note)

    # Folders.

    def _retire_folder(self, top: int) -> set[bytes]:
        """Tell that a folder is gone with all canonical files in it; returns their contents.

        Those that have copies elsewhere are stamped there afterwards.
        """
        connection = self.index.connection
        below = stamps.stamps_below(connection, top)
        if below:
            root, path = self.places.known(top)
            tree = self._tree(path, below)
            forgotten = root not in self.current
            body = entries.retire_folder(self.scan, root, path, tree, len(below), forgotten)
            self._append([_Step(body, drop=[digest for digest, _ in below])])
        self.former |= {digest: self.places.of_file(stamp) for digest, stamp in below}
        with self.index.atomic():
            stamps.drop_folders_below(connection, top)
        self.places.forget()  # a folder that was in it may stand elsewhere
        self.retired += len(below)
        return {digest for digest, _ in below}

    def _move_folders(self) -> set[bytes]:
        """Tell of folders that moved, each as a whole where nothing stands in its way any more.

        Returns contents of which it is not known where they stand now.
        """
        waiting = stamps.moved_folders(self.index.connection)
        depths = {each.id: self._new_path(each.id).count(b"/") for each in waiting}
        waiting.sort(key=lambda each: (depths[each.id], each.id))
        while waiting:
            left = [each for each in waiting if not self._moved_as_a_whole(each)]
            if len(left) == len(waiting):  # they changed places with each other
                return self._move_files(left)
            waiting = left
        return set()

    def _moved_as_a_whole(self, folder: StampFolder) -> bool:
        """Tell of a folder that moved, unless the trace has another one in its new place."""
        connection = self.index.connection
        known = stamps.stamp_folder(connection, folder.id)
        if known == folder:
            return True  # it went with the folder that it is in
        if self._is_taken(folder):
            return False
        with self.index.atomic():
            stamps.add_folders_above(connection, folder.parent)
        if stamps.is_inside(connection, folder.parent, folder.id):
            return False  # by what the trace knows until the folder that it is in now is told of
        below = stamps.stamps_below(connection, folder.id)
        step = None
        if below and folder.parent is not None:
            origin = self.places.known(folder.id)
            above = self.places.known(folder.parent)
            step = _Step(
                entries.moved_folder(
                    self.scan,
                    above[0],
                    joined(above[1], folder.name),
                    origin,
                    self._tree(origin[1], below),
                    len(below),
                )
            )
        with self.index.atomic():
            self._put_moved(folder)
        if step is not None:
            self._append([step])
            self.moved += len(below)
        return True

    def _is_taken(self, folder: StampFolder) -> bool:
        """Whether the trace has another folder in a new place, or in that of one around it."""
        connection = self.index.connection
        at: StampFolder | None = folder
        while at is not None:
            for other in stamps.folder_at(connection, at.parent, at.name):
                if other != at.id and stamps.stamps_below(connection, other):
                    return True
            at = None if at.parent is None else stamps.index_folder(connection, at.parent)
        return False

    def _move_files(self, folders: Sequence[StampFolder]) -> set[bytes]:
        """Tell of folders that changed places with each other, file by file.

        Returns the contents that were not found in their folders.
        """
        connection = self.index.connection
        found: list[tuple[Held, Chosen, tuple[str, bytes]]] = []
        left: list[_Step] = []
        below = {
            digest: stamp
            for folder in folders
            for digest, stamp in stamps.stamps_below(connection, folder.id)
        }
        for digest, stamp in below.items():
            origin = self.places.of_file(stamp)
            holders = stamps.holders_of(connection, digest)
            here = next((each for each in holders if each[:2] == (stamp.folder, stamp.name)), None)
            held = stamps.content(connection, digest)
            if here is not None and held is not None:
                found.append((held, Chosen(*here, _STANDING), origin))
            else:
                self.former[digest] = origin
                left.append(_Step(entries.retire(self.scan, *origin, digest), drop=[digest]))
        self._append(left)
        with self.index.atomic():
            for folder in folders:
                stamps.add_folders_above(connection, folder.parent)
                self._put_moved(folder)
        self._append(
            _Step(
                entries.moved(self.scan, self._file(held, chosen), origin),
                (held.digest, chosen.folder, chosen.name),
            )
            for held, chosen, origin in found
        )
        self.moved += len(found)
        self.retired += len(left)
        return {digest for step in left for digest in step.drop}

    def _put_moved(self, folder: StampFolder) -> None:
        stamps.put_folder(self.index.connection, folder)
        stamps.set_root_below(self.index.connection, folder.id, folder.root)
        self.places.forget()

    def _tree(self, above: bytes, below: list[tuple[bytes, Stamp]]) -> str:
        start = len(above) + 1 if above else 0
        return entries.tree_digest(
            (self.places.of_file(stamp)[1][start:], digest) for digest, stamp in below
        )

    def _new_path(self, folder: int) -> bytes:
        return path_below_root(self.index.connection, folder)

    # Contents.

    def _all_contents(self) -> Iterator[_Step]:
        """Steps for every content that the index holds, and for stamps that hold no more."""
        connection = self.index.connection
        self.groups.paths.load()
        standing = dict(stamps.all_stamps(connection))
        fallen = {
            digest: stamp
            for digest, stamp in standing.items()
            if not self._still_stands(digest, stamp)
        }
        wanted = (
            held
            for held in stamps.contents(connection)
            if held.digest not in standing or held.digest in fallen
        )
        yield from self._steps(wanted, fallen)

    def _contents(self, changed: set[bytes]) -> Iterator[_Step]:
        """Steps for contents that changed, and for those that waited for long enough."""
        connection = self.index.connection
        fallen: dict[bytes, Stamp] = {}
        work = []
        due = set(stamps.never_stamped(connection)) if self.unquiet.is_due else set()
        for digest in sorted(changed | due):
            old = stamps.stamp_of(connection, digest)
            if old is not None:
                if self._still_stands(digest, old):
                    continue
                fallen[digest] = old
            work.append(digest)
        never = {digest for digest in work if digest not in fallen and digest not in self.former}
        waiting = self.unquiet.waiting(never, changed)
        found = (stamps.content(connection, each) for each in work if each not in waiting)
        yield from self._steps((held for held in found if held is not None), fallen)

    def _steps(self, contents: Iterable[Held], fallen: dict[bytes, Stamp]) -> Iterator[_Step]:
        """Steps for contents without a canonical file, and for the fallen ones that nothing holds.

        ``fallen`` are the stamps of files that stand no more.
        """
        lost = set(fallen)
        places = {(stamp.folder, stamp.name): digest for digest, stamp in fallen.items()}
        for held in contents:
            lost.discard(held.digest)
            step = self._told(held, fallen.get(held.digest), places)
            lost.difference_update(step.drop)
            yield step
        for digest in sorted(lost):
            yield from self._gone(digest, fallen[digest])

    def _still_stands(self, digest: bytes, old: Stamp) -> bool:
        found = stamps.content_at(self.index.connection, old.folder, old.name)
        return found is not None and found[0] == digest

    def _told(self, held: Held, old: Stamp | None, fallen: dict[Place, bytes]) -> _Step:
        """The step for a content that has copies, and no canonical file, or one that fell."""
        chosen = self.chooser.choose(held)
        file = self._file(held, chosen)
        digest, folder, name = held.digest, chosen.folder, chosen.name
        put = (digest, folder, name)
        was = fallen.get((folder, name))
        if was == digest:
            was = None
        origin = self.former.get(digest) if old is None else self.places.of_file(old)
        self.retired -= digest in self.former
        if origin is None and was is None:
            self.stamped += 1
            return _Step(entries.stamp(self.scan, file), put)
        if was is None and origin is not None and (old is None or self._has_left(old)):
            self.moved += 1
            return _Step(entries.moved(self.scan, file, origin), put)
        self.restamped += 1
        gone = [] if was is None or self._has_copies(was) else [was]
        return _Step(entries.restamp(self.scan, file, was, origin), put, gone)

    def _file(self, held: Held, chosen: Chosen) -> Stamped:
        """The canonical file of a content as the trace is told of it."""
        folder, name, mtime, reasons = chosen
        copies = held.files
        if copies > 1 and held.links > 1:
            copies = stamps.copies_of(self.index.connection, held.digest)
        root, above = self.places.told(folder)
        return Stamped(root, joined(above, name), held.size, mtime, held.digest, copies, reasons)

    def _gone(self, digest: bytes, old: Stamp) -> Iterator[_Step]:
        """The step for a content without copies, where a listing shows that it went."""
        connection = self.index.connection
        if self.hidden is None:
            self.hidden = stamps.hidden_contents(connection)
        unknown = stamps.is_unread(connection, old.folder, old.name)
        if digest in self.hidden or unknown or not stamps.is_listed(connection, old.folder):
            self.undecided.append(digest)
            return
        root, path = self.places.of_file(old)
        self.retired += 1
        yield _Step(entries.retire(self.scan, root, path, digest), drop=[digest])

    def _has_copies(self, digest: bytes) -> bool:
        return bool(stamps.holders_of(self.index.connection, digest))

    def _has_left(self, old: Stamp) -> bool:
        """Whether nothing stands any more where a canonical file stood."""
        return stamps.content_at(self.index.connection, old.folder, old.name) is None

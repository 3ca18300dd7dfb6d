"""Record removed and moved folders in the trace, as a whole unless one is in another's way."""

from __future__ import annotations

from collections.abc import Container, Sequence

from gorillacomb.canonical.selector import CanonicalFile
from gorillacomb.fs.paths import join_relative
from gorillacomb.index import stamps
from gorillacomb.index.paths import BELOW, child_folder, folders_without_place, path_below_root
from gorillacomb.index.stamps import ContentHolders, Stamp, StampFolder
from gorillacomb.sqlite import Connection
from gorillacomb.stamping.writer import StampStep, StampWriter
from gorillacomb.vaultmesh import entries

_STANDING = ("it was canonical before, in the same folder",)


def folders_that_wait(connection: Connection) -> set[int]:
    """Return the ids of the folders about which nothing can be recorded now.

    Folders without a place keep their place in the trace. So whatever took that place waits, with
    its contents, and so does every moved folder whose move is not recorded for that reason.
    """
    found = set(folders_without_place(connection))
    if not found:
        return found
    tops = {each.id for each in stamps.moved_folders(connection)}
    for astray in found | tops:
        known = stamps.stamp_folder(connection, astray)
        if known is None or known.parent is None:
            continue
        there = child_folder(connection, known.parent, known.name)
        if there not in (None, astray) and stamps.stamps_below(connection, astray):
            tops.add(there)
    for top in tops:
        found |= {each for (each,) in connection.execute(f"{BELOW} SELECT id FROM below", (top,))}
    return found


class FolderMoveRecorder:
    """Records folders in an order that can be replayed.

    Removals come first, to make room for arrivals.
    """

    def __init__(self, scribe: StampWriter, roots: Container[str]) -> None:
        """Prepare to record moves; ``roots`` are the uids of the vault's current roots."""
        self._scribe = scribe
        self._index = scribe.index
        self._connection = scribe.index.connection
        self._roots = roots
        self.former: dict[bytes, tuple[str, bytes]] = {}
        """Root and path of files removed with their folders, by content."""
        self.has_waiting = False
        """Whether the moves of some folders are left for a later scan to record."""
        self._astray: frozenset[int] = frozenset()
        """Folders that are not where the trace has them, or have no place."""

    def record_moves(self) -> set[bytes]:
        """Record all folders that were moved or removed since the trace last saw them.

        Returns the contents whose present location is not known.
        """
        lost: set[bytes] = set()
        for top in stamps.gone_folders(self._connection):
            lost |= self._retire_folder(top)
        return lost | self._move_folders()

    def _retire_folder(self, top: int) -> set[bytes]:
        """Record that a folder is missing with all its canonical files; return their contents.

        Those that have copies elsewhere are stamped there afterwards.
        """
        connection = self._connection
        below = stamps.stamps_below(connection, top)
        if below:
            root, path = self._scribe.places.known(top)
            tree = self._tree(path, below)
            forgotten = root not in self._roots
            body = entries.retire_folder_entry(
                self._scribe.scan, root, path, tree, len(below), forgotten
            )
            self._scribe.append([StampStep(body, drop=[digest for digest, _ in below])])
        self.former |= {digest: self._scribe.places.of_file(stamp) for digest, stamp in below}
        with self._index.atomic():
            stamps.drop_folders_below(connection, top)
        self._scribe.places.forget()  # a folder that was in it may be elsewhere now
        self._scribe.counts.retired += len(below)
        return {digest for digest, _ in below}

    def _move_folders(self) -> set[bytes]:
        """Record moved folders, each as a whole once nothing is in its way.

        Returns the contents whose present location is not known.
        """
        placeless = folders_without_place(self._connection)
        moved = stamps.moved_folders(self._connection)
        self._astray = placeless | {each.id for each in moved}
        waiting = [each for each in moved if each.id not in placeless]
        depths = {
            each.id: path_below_root(self._connection, each.id).count(b"/") for each in waiting
        }
        waiting.sort(key=lambda each: (depths[each.id], each.id))
        while waiting:
            left = [each for each in waiting if not self._moved_as_a_whole(each)]
            if len(left) == len(waiting):  # they swapped places
                free = self._free(left)
                self.has_waiting = len(free) < len(left)
                return self._move_files([each for each in left if each.id in free])
            waiting = left
        return set()

    def _free(self, left: Sequence[StampFolder]) -> set[int]:
        """Return the folders that are blocked only by others of them.

        The rest wait for folders without a place, which keep their place in the trace.
        """
        in_the_way = {each.id: self._around(each) & self._astray for each in left}
        free = set(in_the_way)
        while blocked := {each for each in free if not in_the_way[each] <= free}:
            free -= blocked
        return free

    def _around(self, folder: StampFolder) -> set[int]:
        """Return the parents of a new place, and the folders that the trace has in their places."""
        return {
            each
            for at in (*self._chain_in_index(folder), *self._chain_in_trace(folder.parent))
            for each in (at.id, *self._others_at(at))
        }

    def _moved_as_a_whole(self, folder: StampFolder) -> bool:
        """Record a moved folder, unless the trace has another one in its new place."""
        connection = self._connection
        known = stamps.stamp_folder(connection, folder.id)
        if known == folder:
            return True  # moved along with its parent
        if any(map(self._others_at, self._chain_in_index(folder))):
            return False
        with self._index.atomic():
            stamps.add_folders_above(connection, folder.parent)
        above = self._chain_in_trace(folder.parent)
        if any(each.id == folder.id for each in above):
            return False  # inside itself, to the trace, until its parent's move is recorded
        if any(map(self._others_at, above)):
            return False  # the trace would put it into the folder that took its parent's place
        below = stamps.stamps_below(connection, folder.id)
        step = None
        if below and folder.parent is not None:
            origin = self._scribe.places.known(folder.id)
            root, path = self._scribe.places.known(folder.parent)
            step = StampStep(
                entries.move_folder_entry(
                    self._scribe.scan,
                    root,
                    join_relative(path, folder.name),
                    origin,
                    self._tree(origin[1], below),
                    len(below),
                )
            )
        with self._index.atomic():
            self._put_moved(folder)
        self._astray -= {folder.id}
        if step is not None:
            self._scribe.append([step])
            self._scribe.counts.moved += len(below)
        return True

    def _chain_in_index(self, folder: StampFolder) -> list[StampFolder]:
        """Return a folder and its parents, up to the root, as they are now."""
        chain, at = [], stamps.index_folder(self._connection, folder.id)
        while at is not None:
            chain.append(at)
            at = None if at.parent is None else stamps.index_folder(self._connection, at.parent)
        return chain

    def _chain_in_trace(self, folder: int | None) -> list[StampFolder]:
        """Return a folder and its parents as the trace has them."""
        chain = []
        while folder is not None:
            at = stamps.stamp_folder(self._connection, folder)
            if at is None:
                at = stamps.index_folder(self._connection, folder)
            if at is None:
                break
            chain.append(at)
            folder = at.parent
        return chain

    def _others_at(self, folder: StampFolder) -> list[int]:
        """Return other folders with canonical files that the trace has in this folder's place."""
        if folder.parent is None:
            return []  # roots are identified by id, not by path
        others = stamps.folder_at(self._connection, folder.parent, folder.name)
        return [
            each
            for each in others
            if each != folder.id and stamps.stamps_below(self._connection, each)
        ]

    def _move_files(self, folders: Sequence[StampFolder]) -> set[bytes]:
        """Record folders that swapped places, file by file.

        Returns the contents that were not found in their folders.
        """
        connection = self._connection
        found: list[tuple[ContentHolders, CanonicalFile, tuple[str, bytes], int]] = []
        left: list[StampStep] = []
        below = {
            digest: stamp
            for folder in folders
            for digest, stamp in stamps.stamps_below(connection, folder.id)
        }
        for digest, stamp in below.items():
            origin = self._scribe.places.of_file(stamp)
            holders = stamps.holders_of(connection, digest)
            here = next((each for each in holders if each[:2] == (stamp.folder, stamp.name)), None)
            held = stamps.content(connection, digest)
            if here is not None and held is not None:
                rules = stamps.rules_of_stamp(connection, digest)
                found.append((held, CanonicalFile(*here, _STANDING), origin, rules))
            else:
                self.former[digest] = origin
                left.append(
                    StampStep(
                        entries.retire_entry(self._scribe.scan, *origin, digest), drop=[digest]
                    )
                )
        self._scribe.append(left)
        with self._index.atomic():
            for folder in folders:
                stamps.add_folders_above(connection, folder.parent)
                self._put_moved(folder)
        self._scribe.append(
            StampStep(
                entries.move_entry(
                    self._scribe.scan, self._scribe.file(held, chosen, rules), origin
                ),
                (held.digest, chosen.folder, chosen.name, rules),
            )
            for held, chosen, origin, rules in found
        )
        self._scribe.counts.moved += len(found)
        self._scribe.counts.retired += len(left)
        return {digest for step in left for digest in step.drop}

    def _put_moved(self, folder: StampFolder) -> None:
        stamps.put_folder(self._connection, folder)
        stamps.set_root_below(self._connection, folder.id, folder.root)
        self._scribe.places.forget()

    def _tree(self, above: bytes, below: list[tuple[bytes, Stamp]]) -> str:
        start = len(above) + 1 if above else 0
        return entries.tree_digest(
            (self._scribe.places.of_file(stamp)[1][start:], digest) for digest, stamp in below
        )

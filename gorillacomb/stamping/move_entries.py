"""Folders that went or moved: the trace is told of each as a whole, where nothing is in the way."""

from __future__ import annotations

from collections.abc import Container, Sequence

from gorillacomb.canonical.selector import CanonicalFile
from gorillacomb.fs.paths import join_relative
from gorillacomb.index import stamps
from gorillacomb.index.paths import path_below_root
from gorillacomb.index.stamps import ContentHolders, Stamp, StampFolder
from gorillacomb.stamping.writer import StampStep, StampWriter
from gorillacomb.vaultmesh import entries

_STANDING = ("it was canonical before, in the same folder",)


class FolderMoveRecorder:
    """Tells of folders, in the order in which it can be played again.

    What went makes room for what came.
    """

    def __init__(self, scribe: StampWriter, roots: Container[str]) -> None:
        """``roots`` are the uids of those that are roots of the vault now."""
        self._scribe = scribe
        self._index = scribe.index
        self._connection = scribe.index.connection
        self._roots = roots
        self.former: dict[bytes, tuple[str, bytes]] = {}
        """Root and path of files that went with their folders, by content."""

    def record_moves(self) -> set[bytes]:
        """Tell of all folders that are not where the trace knows them, or are no more.

        Returns the contents of which it is not known where they stand now.
        """
        lost: set[bytes] = set()
        for top in stamps.gone_folders(self._connection):
            lost |= self._retire_folder(top)
        return lost | self._move_folders()

    def _retire_folder(self, top: int) -> set[bytes]:
        """Tell that a folder is gone with all canonical files in it; returns their contents.

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
        self._scribe.places.forget()  # a folder that was in it may stand elsewhere
        self._scribe.counts.retired += len(below)
        return {digest for digest, _ in below}

    def _move_folders(self) -> set[bytes]:
        """Tell of folders that moved, each as a whole where nothing stands in its way any more.

        Returns contents of which it is not known where they stand now.
        """
        waiting = stamps.moved_folders(self._connection)
        depths = {
            each.id: path_below_root(self._connection, each.id).count(b"/") for each in waiting
        }
        waiting.sort(key=lambda each: (depths[each.id], each.id))
        while waiting:
            left = [each for each in waiting if not self._moved_as_a_whole(each)]
            if len(left) == len(waiting):  # they changed places with each other
                return self._move_files(left)
            waiting = left
        return set()

    def _moved_as_a_whole(self, folder: StampFolder) -> bool:
        """Tell of a folder that moved, unless the trace has another one in its new place."""
        connection = self._connection
        known = stamps.stamp_folder(connection, folder.id)
        if known == folder:
            return True  # it went with the folder that it is in
        if self._is_taken(folder):
            return False
        with self._index.atomic():
            stamps.add_folders_above(connection, folder.parent)
        if stamps.is_inside(connection, folder.parent, folder.id):
            return False  # by what the trace knows until the folder that it is in now is told of
        below = stamps.stamps_below(connection, folder.id)
        step = None
        if below and folder.parent is not None:
            origin = self._scribe.places.known(folder.id)
            above = self._scribe.places.known(folder.parent)
            step = StampStep(
                entries.move_folder_entry(
                    self._scribe.scan,
                    above[0],
                    join_relative(above[1], folder.name),
                    origin,
                    self._tree(origin[1], below),
                    len(below),
                )
            )
        with self._index.atomic():
            self._put_moved(folder)
        if step is not None:
            self._scribe.append([step])
            self._scribe.counts.moved += len(below)
        return True

    def _is_taken(self, folder: StampFolder) -> bool:
        """Whether the trace has another folder in a new place, or in that of one around it."""
        connection = self._connection
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
                (held.digest, chosen.folder, chosen.name),
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

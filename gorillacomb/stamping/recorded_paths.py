"""Where folders and canonical files stand as the trace knows it, which a move may have changed."""

from __future__ import annotations

from collections.abc import Iterable

from gorillacomb.fs.paths import join_relative
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.stamps import Stamp
from gorillacomb.model import Root


class RecordedPaths:
    """Answers from the folders that the index keeps for the trace, and remembers."""

    def __init__(self, index: Index, roots: Iterable[Root]) -> None:
        self._index = index
        known = stamps.stamp_roots(index.connection).values()
        self._uids = {each.id: each.uid for each in known} | {each.id: each.uid for each in roots}
        self._paths: dict[int, tuple[str, bytes]] = {}

    def forget(self) -> None:
        """Forget where folders are: one of them moved."""
        self._paths.clear()

    def known(self, folder: int) -> tuple[str, bytes]:
        """Root and path of a folder as the trace knows it."""
        chain: list[tuple[int, bytes]] = []
        at = folder
        while at not in self._paths:
            known = stamps.stamp_folder(self._index.connection, at)
            assert known is not None
            if known.parent is None:
                self._paths[at] = (self._uids[known.root], b"")
            else:
                chain.append((at, known.name))
                at = known.parent
        for inner, name in reversed(chain):
            root, above = self._paths[at]
            self._paths[inner] = (root, join_relative(above, name))
            at = inner
        return self._paths[folder]

    def of_file(self, stamp: Stamp) -> tuple[str, bytes]:
        """Root and path of a canonical file as the trace knows it."""
        root, above = self.known(stamp.folder)
        return root, join_relative(above, stamp.name)

    def recorded(self, folder: int) -> tuple[str, bytes]:
        """Root and path of a folder, which the trace knows from now on."""
        if folder not in self._paths:
            if stamps.stamp_folder(self._index.connection, folder) is None:
                with self._index.atomic():
                    stamps.add_folders_above(self._index.connection, folder)
            self.known(folder)
        return self._paths[folder]

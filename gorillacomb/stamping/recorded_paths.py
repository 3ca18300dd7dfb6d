"""Paths of folders and canonical files as the trace has them; moves may since have changed them."""

from __future__ import annotations

from collections.abc import Iterable

from gorillacomb.fs.paths import join_relative
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.stamps import Stamp
from gorillacomb.model import Root


class RecordedPaths:
    """Resolves paths from the folders that the index keeps for the trace, with a cache."""

    def __init__(self, index: Index, roots: Iterable[Root]) -> None:
        self._index = index
        known = stamps.stamp_roots(index.connection).values()
        self._uids = {each.id: each.uid for each in known} | {each.id: each.uid for each in roots}
        self._paths: dict[int, tuple[str, bytes]] = {}

    def forget(self) -> None:
        """Clear the cache after a folder moved."""
        self._paths.clear()

    def known(self, folder: int) -> tuple[str, bytes]:
        """Return root and path of a folder as the trace has them."""
        found = self._known(folder)
        assert found is not None
        return found

    def _known(self, folder: int) -> tuple[str, bytes] | None:
        """Return the same; None for a folder that the trace does not know."""
        chain: list[tuple[int, bytes]] = []
        at = folder
        while at not in self._paths:
            known = stamps.stamp_folder(self._index.connection, at)
            if known is None:
                assert at == folder, "the trace knows the folders above each folder"
                return None
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
        """Return root and path of a canonical file as the trace has them."""
        root, above = self.known(stamp.folder)
        return root, join_relative(above, stamp.name)

    def recorded(self, folder: int) -> tuple[str, bytes]:
        """Return root and path of a folder, adding it to the folders that the trace knows."""
        found = self._paths.get(folder) or self._known(folder)
        if found is None:
            with self._index.atomic():
                stamps.add_folders_above(self._index.connection, folder)
            found = self.known(folder)
        return found

"""Read the entries of folders from the index: many folders by one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gorillacomb.folders.tree import TreeFolder
from gorillacomb.index.tree_queries import FolderFileRow, entries_in, entries_in_folders
from gorillacomb.sqlite import Connection


class FolderEntries:
    """The entries directly in folders."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._held: dict[int, list[FolderFileRow]] = {}

    def load(self, folders: Iterable[TreeFolder]) -> None:
        """Read the entries of these folders, in place of those read before."""
        self._held = {each.id: [] for each in folders}
        for row in entries_in_folders(self._connection, self._held):
            self._held[row[0]].append(row)

    def of(self, folder: TreeFolder) -> Sequence[FolderFileRow]:
        """Return the entries of a folder."""
        held = self._held.get(folder.id)
        return list(entries_in(self._connection, folder.id)) if held is None else held

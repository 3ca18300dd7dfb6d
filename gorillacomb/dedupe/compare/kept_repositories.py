"""Compare with what the git repository of a kept copy contains, in whatever form."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gorillacomb.dedupe.compare.snapshot import TreeSnapshot
from gorillacomb.fs.location import (
    ContentDiffers,
    ContentMissing,
    FileLocation,
    list_names,
    stat_or_differs,
)
from gorillacomb.fs.openat import OpenFolders
from gorillacomb.fs.paths import join_relative

if TYPE_CHECKING:
    from gorillacomb.dedupe.repositories.contained import RepositoryContent
    from gorillacomb.dedupe.repositories.history import PastVersionReader

_GIT = b".git"
_KEEPS = (b"objects", b"refs", b"packed-refs", b"HEAD")
"""Where a repository has its content, and what leads to it (gitrepository-layout(5))."""


@dataclass(slots=True)
class KeptRepositories:
    """The repository of one kept copy, and those in it."""

    keep: FileLocation
    """The kept copy."""
    sighting: TreeSnapshot
    """Records what is relied on."""
    opened: Callable[[FileLocation], OpenFolders]
    in_history: Collection[bytes]
    """The ids of all objects that will be asked for."""
    _noted: set[bytes] = field(default_factory=set)
    _reader: PastVersionReader | ContentMissing | None = None
    """Or why there is none."""
    _stack: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """End the programs that were started."""
        self._stack.close()

    def content(self, here: bytes, there: FileLocation) -> RepositoryContent:
        """Compare a `.git`, by its path, with a kept one. Raises ContentDiffers."""
        # Few plans need it.
        from gorillacomb.dedupe.repositories.contained import repository_content

        noted = self._note(there)
        content = repository_content(here, there.path)
        if content.refusal is not None:
            raise ContentDiffers(here, content.cause)
        self.sighting.survivors += noted
        return content

    def equals(self, inner: bytes, oid: bytes) -> Callable[[int], bool]:
        """Return a function that says whether an open file is in the history at a path.

        ``oid`` is the id of the git object that has to have its bytes.
        It raises ContentDiffers, OSError. Raises ContentMissing if there is no such object, or none
        that lasts.
        """
        from gorillacomb.dedupe.repositories.history import HistoryUnreadable, history_reader

        place = self.keep.at(_GIT)
        path = place.path
        if self._reader is None:
            try:
                noted = self._note(place)
                opened = history_reader(path, self.in_history)
                self._reader = self._stack.enter_context(opened)
                self.sighting.survivors += noted
            except HistoryUnreadable as error:
                self._reader = ContentMissing(path, error.refusal.cause)
            except (ContentDiffers, OSError):
                self._reader = ContentMissing(path, "cannot be read")
        if isinstance(self._reader, ContentMissing):
            raise self._reader
        reader = self._reader

        def is_equal(file: int) -> bool:
            try:
                return reader.equals(inner, oid, file)
            except HistoryUnreadable as error:
                raise ContentDiffers(path, error.refusal.cause) from error

        return is_equal

    def _note(self, there: FileLocation) -> list[tuple[FileLocation, os.stat_result]]:
        """Return the objects and refs of a kept `.git`, once: they must stay as they are now."""
        found: list[tuple[FileLocation, os.stat_result]] = []
        if there.inner in self._noted:
            return found
        self._noted.add(there.inner)
        folders = self.opened(there)
        names = {*list_names(folders, there)}.intersection(_KEEPS)
        waiting = sorted(names)
        while waiting:
            inner = waiting.pop()
            place = there.at(inner)
            facts = stat_or_differs(folders.open(place.parent), place.name, place.path)
            if stat.S_ISDIR(facts.st_mode):
                waiting += [join_relative(inner, name) for name in list_names(folders, place)]
            elif stat.S_ISREG(facts.st_mode):
                found.append((place, facts))
        return found

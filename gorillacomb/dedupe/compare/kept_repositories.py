"""Compare with what the git repository of a kept copy contains, in whatever form."""

from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gorillacomb.dedupe.compare.snapshot import TreeSnapshot
from gorillacomb.fs.location import ContentDiffers, FileLocation, list_names, stat_or_differs
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
    _noted: set[bytes] = field(default_factory=set)
    _reader: PastVersionReader | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        """End the programs that were started."""
        self._stack.close()

    def content(self, here: bytes, there: FileLocation) -> RepositoryContent:
        """Compare a `.git`, by its path, with a kept one. Raises ContentDiffers."""
        # Few plans need it.
        from gorillacomb.dedupe.repositories.contained import repository_content

        content = repository_content(here, there.path)
        if content.refusal is not None:
            raise ContentDiffers(here, content.refusal.cause)
        self._note(there)
        return content

    def equals(self, oid: bytes) -> Callable[[int], bool]:
        """Return a function that says whether an open file has the bytes of a git object.

        It raises ContentDiffers, OSError.
        """
        from gorillacomb.dedupe.repositories.history import HistoryUnreadable, history_reader

        path = self.keep.at(_GIT).path
        try:
            if self._reader is None:
                self._reader = self._stack.enter_context(history_reader(path))
                self._note(self.keep.at(_GIT))
        except HistoryUnreadable as error:
            raise ContentDiffers(path, error.refusal.cause) from error
        reader = self._reader

        def is_equal(file: int) -> bool:
            try:
                return reader.equals(oid, file)
            except HistoryUnreadable as error:
                raise ContentDiffers(path, error.refusal.cause) from error

        return is_equal

    def _note(self, there: FileLocation) -> None:
        """Record that the objects and refs of a kept `.git` must stay as they are."""
        if there.inner in self._noted:
            return
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
                self.sighting.survivors.append((place, facts))

"""The canonical choice for many contents at once: what depends on folders is worked out once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from gorillacomb.canonical.file_rules import RULES_OF_FILES, RULES_OF_PLACE, choose_canonical
from gorillacomb.canonical.groups import GroupReader
from gorillacomb.canonical.ranking import rank
from gorillacomb.classify.copy_names import ends_in_number, looks_like_copy
from gorillacomb.fs.paths import join
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.stamps import ContentFile, ContentHolders

_ONLY = ("the only copy",)


class CanonicalFile(NamedTuple):
    """Which copy of a content is canonical, and why."""

    folder: int
    name: bytes
    mtime_ns: int
    reasons: tuple[str, ...]


class CanonicalSelector:
    """Chooses as `canonical.choose` does, from the little that `stamps.contents` tells.

    ``prefers`` says whether the user prefers some paths.
    """

    def __init__(self, index: Index, groups: GroupReader, prefers: bool) -> None:
        self._index = index
        self._groups = groups
        self._prefers = prefers
        self._chosen: dict[str, tuple[list[tuple[int, int]], tuple[str, ...]]] = {}
        """By the folders that hold a content: those that the rules of place leave, each with its
        place among them, and why."""

    def choose(self, held: ContentHolders) -> CanonicalFile:
        """Which of the files that hold a content is canonical."""
        name = held.name
        if held.files == 1 and name is not None:
            return CanonicalFile(int(held.folders), name, int(held.times), _ONLY)
        if self._prefers or name is None or looks_like_copy(name):
            return self._choose_by_name(held.digest)
        if held.folders not in self._chosen:
            folders = list(map(int, held.folders.split(",")))
            left, reasons = self._choose_by_place(folders)
            self._chosen[held.folders] = [(at, folders[at]) for at in left], reasons
        places, reasons = self._chosen[held.folders]
        times = held.times.split(",")
        return self._choose_by_file(
            [(folder, name, int(times[at])) for at, folder in places], reasons
        )

    def _choose_by_place(self, folders: Sequence[int]) -> tuple[list[int], tuple[str, ...]]:
        """Which of some folders, by their places there, the rules of place leave, and why."""
        ranks = [self._groups.ranks_in(folder) for folder in folders]
        return rank(ranks, RULES_OF_PLACE, lambda at: self._groups.copy_in(folders[at]))

    def _choose_by_file(
        self, files: Sequence[ContentFile], reasons: tuple[str, ...]
    ) -> CanonicalFile:
        """Choose among files whose places the rules find equally good."""
        if len(files) == 1:
            return CanonicalFile(*files[0], reasons)
        ranks = [
            (mtime, ends_in_number(name), join(self._path(folder), name))
            for folder, name, mtime in files
        ]
        left, more = rank(ranks, RULES_OF_FILES, lambda at: None)
        return CanonicalFile(*files[left[0]], (*reasons, *more))

    def _path(self, folder: int) -> bytes:
        place = self._groups.paths.place(folder)
        assert place is not None, "no scan leaves a folder without a place"
        return place[1]

    def _choose_by_name(self, digest: bytes) -> CanonicalFile:
        """Choose among files whose own names may make a difference."""
        files = stamps.holders_of(self._index.connection, digest)
        if self._prefers or any(looks_like_copy(name) for _, name, _ in files):
            return self._choose_by_all_rules(files)
        left, reasons = self._choose_by_place([folder for folder, _, _ in files])
        return self._choose_by_file([files[at] for at in left], reasons)

    def _choose_by_all_rules(self, files: Sequence[ContentFile]) -> CanonicalFile:
        found = []
        for folder, name, mtime in files:
            at = self._groups.copy_in(folder)
            path = at.path + name
            preferred = self._prefers and self._groups.is_preferred(path)
            found.append(replace(at, path=path, mtime_ns=mtime, preferred=preferred))
        choice = choose_canonical(found)
        return CanonicalFile(*files[choice.winner], choice.reasons)

"""Compare the contents of two folders by the index, wherever in them the contents are.

The folders may be whole drives, connected or not. A content is known by its digest: a file that was
not read, or kept changing, has none, and is neither on one side only nor on both.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from gorillacomb.classify.state_text import FILE_CAUSES, FOLDER_CAUSES
from gorillacomb.fs.paths import join_relative
from gorillacomb.index.tree_queries import ContentSides, SideFolder, SideTotals
from gorillacomb.model import EntryState, FolderState
from gorillacomb.unique.report import UniqueFile, UnverifiedPath
from gorillacomb.unique.rollup import (
    FolderAmounts,
    RolledUpEntry,
    add_up,
    covering_entries,
    folder_entries,
    paths_of,
)


class SideAmount(NamedTuple):
    """Files that only one side has."""

    files: int
    """Names: two hard links of one file are two."""
    size: int
    """Bytes of the files; hard links of one file count once."""
    contents: int
    """Different contents."""
    content_size: int
    """Bytes of those: what a copy of each takes."""


@dataclass(slots=True)
class SideContents:
    """What one of two folders contains, and what of that the other one lacks."""

    _sides: ContentSides
    _side: int
    totals: SideTotals
    only: SideAmount
    shared: int
    """Files whose content the other side has."""
    unproven: int
    """Files and folders with unknown content."""
    _rows: list[SideFolder]
    _amounts: list[FolderAmounts]
    _shown: list[int]
    """By position: the folder that is shown for this one; -1 if none is."""
    _paths: list[bytes]
    _positions: dict[int, int] = field(default_factory=dict)
    """By the folder's id."""

    @classmethod
    def read(cls, sides: ContentSides, side: int, top: int) -> SideContents:
        """Read the sums of a side, whose folder has the id ``top``."""
        rows = _ordered(sides.folders(side), top)
        positions = {row.id: at for at, row in enumerate(rows)}
        amounts = [
            FolderAmounts(
                -1 if row.id == top else positions[row.parent or 0],
                row.name,
                unproven=int(row.state != FolderState.LISTED),
            )
            for row in rows
        ]
        for folder, shared, files, size, unread in sides.sums(side):
            at = positions.get(folder)
            if at is not None:
                amounts[at].shared += shared
                amounts[at].files += files
                amounts[at].size += size
                amounts[at].unproven += unread
        add_up(amounts)
        shown = covering_entries(amounts)
        whole = amounts[0]
        size = whole.size
        for _, names in groupby(sides.linked(side), key=lambda row: row[0]):
            found = list(names)
            size += found[0][2]
            for at in {shown[positions[folder]] for _, folder, _ in found if folder in positions}:
                if at > 0:
                    amounts[at].size += found[0][2]
        whole.size = size
        return cls(
            sides,
            side,
            sides.totals(side),
            SideAmount(whole.files, size, *sides.only_contents(side)),
            whole.shared,
            whole.unproven,
            rows,
            amounts,
            shown,
            paths_of(amounts),
            positions,
        )

    def entries(self) -> Iterator[RolledUpEntry]:
        """Read what the other side lacks, rolled up by folder, the largest first."""
        folders = folder_entries(self._amounts, self._shown, self._paths)
        files = (
            RolledUpEntry(join_relative(self._paths[at], name), "file", 1, size)
            for folder, name, size, _ in self._sides.only(self._side)
            if (at := self._positions.get(folder)) is not None and self._shown[at] < 0
        )
        return heapq.merge(folders, files, key=lambda entry: -entry.size)

    def files(self) -> Iterator[UniqueFile]:
        """Read the single files that the other side lacks, the largest first."""
        for folder, name, size, digest in self._sides.only(self._side):
            at = self._positions.get(folder)
            if at is not None:
                yield UniqueFile(join_relative(self._paths[at], name), size, digest)

    def unknown(self) -> Iterator[UnverifiedPath]:
        """Read what has unknown content, folders first, and why."""
        for row, path in zip(self._rows, self._paths, strict=True):
            if row.state != FolderState.LISTED:
                yield UnverifiedPath(path, row.cause or FOLDER_CAUSES[FolderState(row.state)])
        for folder, name, state, cause in self._sides.unread(self._side):
            at = self._positions.get(folder)
            if at is not None:
                path = join_relative(self._paths[at], name)
                yield UnverifiedPath(path, cause or FILE_CAUSES[EntryState(state)])


def _ordered(folders: list[SideFolder], top: int) -> list[SideFolder]:
    """Return the folders of a side, each after the one around it."""
    below: defaultdict[int | None, list[SideFolder]] = defaultdict(list)
    order: list[SideFolder] = []
    for folder in folders:
        (order if folder.id == top else below[folder.parent]).append(folder)
    for folder in order:  # which grows
        order += below.pop(folder.id, ())
    return order

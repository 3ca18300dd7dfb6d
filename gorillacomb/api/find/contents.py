"""Compare the contents of two folders or whole drives, wherever in them the contents are."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple

from gorillacomb.api.closing import Closing
from gorillacomb.api.documents.contents import CompareContentsDocument, compare_contents_document
from gorillacomb.api.lookup import (
    PathLookup,
    away_notes,
    look_up_folder_or_root,
    noise_names,
    not_a_folder_error,
)
from gorillacomb.api.paths import PathInput
from gorillacomb.api.text import nested_text, suspect_texts
from gorillacomb.fs.paths import is_below
from gorillacomb.fs.volumes import is_there
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.paths import path_below_root
from gorillacomb.index.roots import last_scan
from gorillacomb.index.tree_queries import ContentSides
from gorillacomb.model import Root
from gorillacomb.unique.content_diff import SideContents
from gorillacomb.unique.report import UnverifiedPath
from gorillacomb.unique.rollup import RolledUpEntry
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

__all__ = ["ContentComparison", "ContentSide", "RolledUpEntry", "compare_contents"]


@dataclass(frozen=True, slots=True)
class ContentSide:
    """One of two folders: what it contains, and what of that the other one lacks.

    The methods read the index: use them before the comparison is closed.
    """

    path: bytes
    """The absolute path of the folder; of a drive that is not connected, where it was."""
    root: Root
    """The root that it is in."""
    is_online: bool
    """Whether the drive is connected. If not, the answer is as of its last scan."""
    last_scan_ns: int | None
    """When the root was last scanned to the end; None if never."""
    files: int
    """Regular files."""
    size: int
    """Bytes of all files."""
    shared_files: int
    """Files whose content the other folder has."""
    linked_files: int
    """Files of both folders: another hard link of the same file is in the other one."""
    only_files: int
    """Files whose content the other folder lacks."""
    only_size: int
    """Bytes of those; hard links of one file count once."""
    only_contents: int
    """How many different contents those are."""
    only_content_size: int
    """Bytes of those contents: what it takes to copy each of them once."""
    unproven: int
    """Files and folders whose content is unknown."""
    empty_files: int
    links: int
    """Symbolic links."""
    odd: int
    """FIFOs, sockets, devices."""
    _contents: SideContents
    _vault: Vault

    def only(self, *, single_files: bool = False) -> Iterator[RolledUpEntry]:
        """Read what the other folder lacks, the largest first; paths are relative to this one.

        A folder of whose contents the other one has nothing stands for all that is in it, unless
        ``single_files``.
        """
        with translate_errors(self._vault):
            if not single_files:
                yield from self._contents.entries()
                return
            for file in self._contents.files():
                yield RolledUpEntry(file.path, "file", 1, file.size)

    def unknown(self) -> Iterator[UnverifiedPath]:
        """Read what has unknown content, and why; paths are relative to this folder."""
        with translate_errors(self._vault):
            yield from self._contents.unknown()


class ContentComparison(Closing):
    """What each of two folders contains that the other one lacks, by the index alone.

    All of it is as of the moment when this was created. Close it, or use it in a ``with`` block.
    """

    a: ContentSide
    b: ContentSide

    def __init__(self, vault: Vault, a: PathInput, b: PathInput) -> None:
        self.named = os.fsencode(a), os.fsencode(b)
        """The two folders as they were given."""
        self.warnings: tuple[str, ...] = ()
        """About folders that are one, or one inside the other, and drives that are not what they
        were."""
        with ExitStack() as opened, translate_errors(vault):
            index = opened.enter_context(Index.read(vault))
            found = look_up_folder_or_root(index, a), look_up_folder_or_root(index, b)
            folders = _named(found[0]), _named(found[1])
            self.warnings = tuple(_warnings(index, found, *folders))
            self.a, self.b = self._read(index, vault, folders)
            # A comparison that is dropped without closing it leaves no open index behind.
            self._close = weakref.finalize(self, opened.pop_all().close)

    @staticmethod
    def _read(
        index: Index, vault: Vault, folders: tuple[_NamedFolder, _NamedFolder]
    ) -> tuple[ContentSide, ContentSide]:
        ids = folders[0].id, folders[1].id
        sides = ContentSides(index.connection, ids, noise_names(load_settings()))
        may_be_linked = folders[0].root.volume == folders[1].root.volume and ids[0] != ids[1]
        a, b = (
            _side(
                index,
                vault,
                folders[side],
                SideContents.read(sides, side, ids[side]),
                sides.count_linked(side) if may_be_linked else 0,
            )
            for side in (0, 1)
        )
        return a, b

    @property
    def is_same(self) -> bool:
        """Whether neither has a content that the other one lacks, as far as contents are known."""
        return not (self.a.only_files or self.b.only_files)

    @property
    def is_complete(self) -> bool:
        """Whether all contents are known, and both folders are what they were when scanned."""
        sides = (self.a, self.b)
        return not any(each.unproven or each.root.suspect is not None for each in sides)

    def close(self) -> None:
        """Stop reading; nothing can be asked of it then."""
        self._close()

    def to_dict(self, *, single_files: bool = False) -> CompareContentsDocument:
        """Return the document of ``compare --contents --json``, or of that with ``--files``."""
        return compare_contents_document(self, single_files)


class _NamedFolder(NamedTuple):
    path: bytes
    root: Root
    id: int


def _named(found: PathLookup) -> _NamedFolder:
    if found.root is None or found.folder is None:
        raise not_a_folder_error(found)
    return _NamedFolder(found.path, found.root, found.folder)


def _side(
    index: Index, vault: Vault, folder: _NamedFolder, contents: SideContents, linked: int
) -> ContentSide:
    scan = last_scan(index.connection, folder.root.id)
    totals, only = contents.totals, contents.only
    return ContentSide(
        path=folder.path,
        root=folder.root,
        is_online=is_there(folder.root),
        last_scan_ns=None if scan is None else scan[0],
        files=totals.files,
        size=totals.size,
        shared_files=contents.shared,
        linked_files=linked,
        only_files=only.files,
        only_size=only.size,
        only_contents=only.contents,
        only_content_size=only.content_size,
        unproven=contents.unproven,
        empty_files=totals.empty,
        links=totals.links,
        odd=totals.odd,
        _contents=contents,
        _vault=vault,
    )


def _warnings(
    index: Index, found: tuple[PathLookup, PathLookup], a: _NamedFolder, b: _NamedFolder
) -> Iterator[str]:
    for each in found:
        yield from away_notes(each)
    for root in {a.root.id: a.root, b.root.id: b.root}.values():
        if root.suspect is not None:
            yield " ".join(suspect_texts(root))
    if a.id == b.id:
        yield "A and B are one folder: it is compared with itself."
    elif a.root.id == b.root.id:
        tops = [path_below_root(index.connection, each.id) for each in (a, b)]
        for (inner, top), (outer, around) in permutations(zip("AB", tops, strict=True)):
            if not around or is_below(top, around):
                yield nested_text(inner, outer)


def compare_contents(vault: Vault, a: PathInput, b: PathInput) -> ContentComparison:
    """Compare the contents of two folders, as `OpenVault.compare_contents` says."""
    return ContentComparison(vault, a, b)

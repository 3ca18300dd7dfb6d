"""Groups of identical files, the most wasteful first, as the index has them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from gorillacomb.api.closing import Closing
from gorillacomb.api.documents.duplicates import (
    DupesDocument,
    FileGroupDocument,
    dupes_document,
    group_document,
)
from gorillacomb.api.lookup import away_notes, look_up_path, open_groups, unknown_path_error
from gorillacomb.api.paths import PathInput
from gorillacomb.canonical.file_copy import DuplicateGroup
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.duplicate_groups import has_groups
from gorillacomb.vault.vault import Vault

__all__ = ["Duplicates", "FileGroup", "GroupedFile", "find_duplicates"]


@dataclass(frozen=True, slots=True)
class GroupedFile:
    """One name of a content that exists several times."""

    path: bytes
    is_canonical: bool
    """Whether it is the copy to keep."""
    hard_link_of: bytes | None
    """An earlier name in the group of the same file; None for a copy of its own."""
    is_online: bool
    """Whether its drive is connected."""


@dataclass(frozen=True, slots=True)
class FileGroup:
    """Identical files."""

    digest: bytes
    """The BLAKE3 digest of their content."""
    size: int
    """Bytes of each."""
    copies: int
    """Separate copies: hard links of one file count once."""
    reclaimable: int
    """Bytes on disk that all copies but one take."""
    reasons: tuple[str, ...]
    """Why the canonical copy is the one to keep."""
    files: tuple[GroupedFile, ...]

    @classmethod
    def of(cls, group: DuplicateGroup) -> FileGroup:
        """Return a group of the index as the API has it."""
        summary, copies, winner = group.summary, group.copies, group.choice.winner
        files = (
            GroupedFile(
                copy.path, place == winner, None if link is None else copies[link].path, copy.online
            )
            for place, (copy, link) in enumerate(zip(copies, group.hardlink_of, strict=True))
        )
        return cls(
            summary.digest,
            summary.size,
            summary.copies,
            summary.reclaimable,
            group.choice.reasons,
            tuple(files),
        )

    @property
    def canonical(self) -> GroupedFile:
        """The copy to keep."""
        return next(file for file in self.files if file.is_canonical)

    def to_dict(self) -> FileGroupDocument:
        """Return it as a member of the document of ``dupes --json``."""
        return group_document(self)


class Duplicates(Closing, Iterator[FileGroup]):
    """Groups of identical files, read from the index on demand.

    All of them are as of the moment when this was created. That snapshot ends with the last group,
    with `close`, or at the end of a ``with`` block.
    """

    def __init__(self, vault: Vault, path: PathInput | None, min_size: int) -> None:
        self.warnings: tuple[str, ...] = ()
        """About other drives that were scanned at the path and are not connected now."""
        self.are_known = True
        """Whether the first scan has looked for duplicates: until then there are no groups."""
        self._groups = self._read(vault, path, min_size)
        next(self._groups)

    def _read(
        self, vault: Vault, path: PathInput | None, min_size: int
    ) -> Generator[FileGroup | None]:
        with Index.read(vault) as index, translate_errors(vault):
            self.are_known = has_groups(index.connection)
            groups = self._of_path(index, path)
            yield None  # open: errors of the path are raised before the first group is read
            for group in groups:
                if group.summary.size >= min_size:
                    yield FileGroup.of(group)

    def _of_path(self, index: Index, path: PathInput | None) -> Iterator[DuplicateGroup]:
        source = open_groups(index)
        if path is None:
            return source.all()
        found = look_up_path(index, path)
        self.warnings = tuple(away_notes(found))
        if found.folder is not None:
            return source.below(found.folder)
        if found.file is None:
            raise unknown_path_error(found)
        digest = found.file.digest
        group = None if digest is None else source.of_content(digest)
        return iter(() if group is None or not source.is_reported(group) else (group,))

    def __next__(self) -> FileGroup:
        group = next(self._groups)
        assert group is not None
        return group

    def close(self) -> None:
        """Stop reading; no groups follow after that."""
        self._groups.close()

    def to_dict(self) -> DupesDocument:
        """Return the document of ``dupes --json``, with the groups that were not read yet."""
        return dupes_document(self)


def find_duplicates(
    vault: Vault, path: PathInput | None = None, *, min_size: int = 0
) -> Duplicates:
    """Read the groups of identical files, as `OpenVault.duplicates` says."""
    return Duplicates(vault, path, min_size)

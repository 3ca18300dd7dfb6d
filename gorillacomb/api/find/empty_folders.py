"""List the folders that hold no file at any depth."""

from __future__ import annotations

import os
from dataclasses import dataclass

from gorillacomb.api.dedupe.plan import find_empty_folders
from gorillacomb.api.documents.plan import EmptyFoldersDocument, empty_folders_document
from gorillacomb.api.lookup import away_notes, look_up_path, not_a_folder_error
from gorillacomb.api.paths import PathInput
from gorillacomb.dedupe.plan.empty_folders import EmptyFolder
from gorillacomb.fs.paths import is_below
from gorillacomb.fs.real_path import real_path
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.vault.vault import Vault

__all__ = ["EmptyFolder", "EmptyFolders", "list_empty_folders"]


@dataclass(frozen=True, slots=True)
class EmptyFolders:
    """The folders that hold no file at any depth; none is inside another."""

    folders: tuple[EmptyFolder, ...]
    """By path."""
    warnings: tuple[str, ...]

    @property
    def removable(self) -> tuple[EmptyFolder, ...]:
        """Those that a plan removes."""
        return tuple(each for each in self.folders if each.rule is None)

    def to_dict(self) -> EmptyFoldersDocument:
        """Return the document of ``folders --empty --json``."""
        return empty_folders_document(self)


def list_empty_folders(vault: Vault, path: PathInput | None = None) -> EmptyFolders:
    """List empty folders, as `OpenVault.empty_folders` says."""
    with Index.read(vault) as index, translate_errors(vault):
        warnings: tuple[str, ...] = ()
        top: bytes | None = None
        if path is not None:
            found = look_up_path(index, real_path(os.fsencode(path)))
            if found.folder is None:
                raise not_a_folder_error(found)
            warnings, top = tuple(away_notes(found)), found.path
        every = sorted(find_empty_folders(index), key=lambda each: each.path)
        inside = [each for each in every if top is None or is_below(each.path, top)]
        return EmptyFolders(tuple(inside), warnings)

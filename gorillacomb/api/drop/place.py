"""Find the folder in which new files are kept."""

from __future__ import annotations

import os
from dataclasses import dataclass

from gorillacomb.api.lookup import look_up_path, unknown_path_error
from gorillacomb.api.paths import PathInput
from gorillacomb.api.text import suspect_texts
from gorillacomb.classify.location import LocationKind, location_kind
from gorillacomb.dedupe.roots import LiveRoot, live_roots_of
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.fs.paths import path_text, relative_path
from gorillacomb.fs.real_path import real_path
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.file_records import known_folder
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.index.store_queries import StoreLookup
from gorillacomb.model import FolderState
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

_REFUSED = "Nothing was kept. Name a folder with files of yours."


@dataclass(frozen=True, slots=True)
class DropPlace:
    """A folder that new files are kept in."""

    root: LiveRoot
    path: bytes
    """Absolute."""


def find_place(vault: Vault, into: PathInput) -> DropPlace:
    """Return a scanned folder, or one in it, by its path.

    Raises UsageError if it is none or its drive is not connected, RefusedForSafety for one in which
    a copy would not count: a trash, a cache, what a program keeps.
    """
    with Index.read(vault) as index, translate_errors(vault):
        path = real_path(os.fsencode(into))
        found = look_up_path(index, path)
        if found.root is None or found.folder is None:
            if found.file is not None:
                raise UsageError(f"{path_text(path)} is a file.", "Name a folder.")
            raise unknown_path_error(found)
        if found.root.suspect is not None:
            raise UsageError(*suspect_texts(found.root))
        live = [each for each in live_roots_of(index) if each.uid == found.root.uid]
        if not live or not os.path.isdir(path):
            raise UsageError(
                f"{path_text(path)} is not there now.", "Connect its drive, or scan it again."
            )
        state = known_folder(index.connection, found.folder)
        if state.state != FolderState.LISTED:
            raise RefusedForSafety(
                f"{path_text(path)} is excluded from scans, or cannot be listed: a copy in it would"
                " not count.",
                _REFUSED,
            )
        roots = {each.id: each for each in all_roots(index.connection)}
        paths = FolderPaths(index.connection, roots)
        paths.load()
        store = StoreLookup(index.connection, paths).around(found.folder)
        machine_made = load_settings().machine_names
        kind = location_kind(
            found.root.path, relative_path(path, found.root.path), None, machine_made
        )
        if store is not None or kind is not LocationKind.PLAIN:
            why = LocationKind.KEPT if kind is LocationKind.PLAIN else kind
            raise RefusedForSafety(
                f"{path_text(path)} is {why}: a copy in it would not count.", _REFUSED
            )
        return DropPlace(live[0], path)

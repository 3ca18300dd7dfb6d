"""All files of the index in pages, or those about which nothing can be proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict, cast, get_args

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.classify.state_text import FILE_CAUSES
from gorillacomb.fs.paths import join
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.file_records import FilePosition, ListedFile, list_files
from gorillacomb.index.roots import folder_paths
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import EntryState
from gorillacomb.vault.vault import Vault

__all__ = [
    "GAP_TEXTS",
    "FilePosition",
    "FilesPage",
    "FilesPageDocument",
    "GapName",
    "files_page_document",
    "read_files_page",
]

GapName = Literal[
    "fresh",
    "pending",
    "unreadable",
    "unstable",
    "placeholder",
    "excluded",
    "too_small",
    "damaged",
    "suspect",
]
"""States of files that are listed by state."""
_GAPS = {name: EntryState[name.upper()] for name in get_args(GapName)}
GAP_TEXTS = {
    name: FILE_CAUSES.get(state, "read moments after a change") for name, state in _GAPS.items()
}
"""What each of them means, in words."""


class FileDocument(PathDocument):
    """A file of the index."""

    state: str
    """What is known about it: ``hashed``, ``pending``, ``unreadable`` and the like."""
    size: int
    """Bytes."""
    mtime_ns: str
    """When it was last changed, ns since the epoch, as decimal text."""
    blake3: str | None
    """The BLAKE3 digest of its content, 64 hex digits; null if it was not read."""
    cause: str | None
    """Why it was not read; null if that is not known."""


class FilesPageDocument(TypedDict):
    """Some files: folder by folder, or those in one state, the largest first."""

    items: list[FileDocument]
    next: str | None
    """What ``after`` takes to continue; null if no more follow."""


@dataclass(frozen=True, slots=True)
class FilesPage:
    """Some files, and where the next ones begin."""

    files: tuple[tuple[bytes, ListedFile], ...]
    """Absolute path, and what is known."""
    next: FilePosition | None
    generation: str
    """Of the index that they were read from."""


def read_files_page(
    vault: Vault, state: GapName | None, after: FilePosition | None, limit: int
) -> FilesPage:
    """Read the files that follow a position, at most ``limit``. Raises VaultError."""
    with Index.read(vault) as index, translate_errors(vault):
        gap = None if state is None else _GAPS[state]
        found = list_files(index.connection, gap, after, limit + 1)
        paths = folder_paths(index.connection)
        placed = [(paths.place(each.position.folder), each) for each in found[:limit]]
        shown = [(join(at[1], it.position.name), it) for at, it in placed if at is not None]
        last = found[limit - 1].position if len(found) > limit else None
        return FilesPage(tuple(shown), last, index.generation())


def files_page_document(page: FilesPage, token: str | None) -> FilesPageDocument:
    """Return a page as a document; ``token`` is what continues after it."""
    items = [_file(path, each) for path, each in page.files]
    return cast(FilesPageDocument, {"items": items, "next": token})


def _file(path: bytes, file: ListedFile) -> dict[str, Any]:
    return {
        **path_to_json(path),
        "state": EntryState(file.state).name.lower(),
        "size": file.position.size,
        "mtime_ns": str(file.mtime_ns),
        "blake3": None if file.digest is None else file.digest.hex(),
        "cause": file.cause,
    }

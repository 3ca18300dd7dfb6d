"""Open a file for a preview: as a scan opens it, and only what the index has."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from dataclasses import dataclass
from typing import Self

from gorillacomb.api.lookup import look_up_path
from gorillacomb.classify.secrets import is_secret
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.fs.location import FileLocation
from gorillacomb.fs.openat import OpenFolders, is_placeholder, open_file, os_error_text
from gorillacomb.fs.paths import innermost, path_prefixes, path_text, printable, relative_path
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.vault.vault import Vault

__all__ = ["Preview", "is_picture", "open_preview", "read_text"]

_CHUNK = 1 << 18
"""Bytes."""
_TEXT = "text/plain; charset=utf-8"
_SNIFFED = 4096
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
"""What their files begin with."""
_PICTURES = (b".png", b".jpg", b".jpeg", b".jpe", b".gif", b".webp", b".avif")
_MOST_TEXT = 4096
"""Bytes of a text that are shown on a page."""


@dataclass(frozen=True, slots=True)
class Preview:
    """An open file, which has to be closed."""

    path: bytes
    size: int
    """Bytes that are read at most: it may grow."""
    kind: str | None
    """The media type of what a browser may show; None for what it may only download."""
    _file: int

    def pieces(self) -> Generator[bytes]:
        """Yield the content, piece by piece, and close the file in the end."""
        left = self.size
        try:
            while left and (piece := os.read(self._file, min(_CHUNK, left))):
                left -= len(piece)
                yield piece
        finally:
            self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    @classmethod
    def of(cls, path: bytes, file: int) -> Self:
        """Return an open file as a preview."""
        head = os.pread(file, _SNIFFED, 0)
        return cls(path, os.fstat(file).st_size, _media_type(head), file)


def is_picture(path: bytes) -> bool:
    """Return whether a file is a picture that a browser may show, going by its name."""
    return path.lower().endswith(_PICTURES) and not is_secret(os.path.basename(path))


def read_text(vault: Vault, path: bytes) -> str | None:
    """Return how a text begins, with what a screen would interpret escaped; None for others.

    None also for what is not to be shown, or is not there.
    """
    try:
        found = open_preview(vault, path)
    except (UsageError, RefusedForSafety):
        return None
    pieces = found.pieces()
    try:
        data = next(pieces, b"")[:_MOST_TEXT] if found.kind == _TEXT else None
    finally:
        pieces.close()
    if data is None:
        return None
    lines = data.decode("utf-8", "ignore").expandtabs(4).splitlines()
    return "\n".join(map(printable, lines))


def open_preview(vault: Vault, path: bytes) -> Preview:
    """Open a file that the index has, without following a link.

    Raises UsageError if it is not there or not in the index, RefusedForSafety for what is not to be
    shown: keys and passwords, our own files, what is no longer a regular file or is in the cloud.
    """
    with Index.read(vault) as index, translate_errors(vault):
        found = look_up_path(index, path)
        if found.file is None or found.file.digest is None:
            raise UsageError(f"{path_text(path)} is not a file of the index.")
        roots = live_roots_of(index)
    root = innermost(found.path, roots, strictly=True)
    if root is None:
        raise UsageError(f"The drive of {path_text(found.path)} is not connected.")
    if is_secret(os.path.basename(found.path)):
        raise RefusedForSafety("A file of keys or passwords is not shown.")
    inner = relative_path(found.path, root.path)
    place = FileLocation(root.path, root.identity, inner, root.grain_ns)
    try:
        return Preview.of(found.path, _opened(place, vault.own_files()))
    except OSError as error:
        text = f"Opening {path_text(found.path)} failed: {os_error_text(error)}."
        raise UsageError(text, "Scan its folder again.") from error


def _opened(place: FileLocation, own: frozenset[tuple[int, int]]) -> int:
    folders = OpenFolders(place.root, place.identity)
    try:
        for inner in (*path_prefixes(place.parent), place.parent):
            facts = os.fstat(folders.open(inner))
            if (facts.st_dev, facts.st_ino) in own:
                raise RefusedForSafety("That is one of Gorilla Comb's own files.")
        folder = folders.open(place.parent)
        before = os.stat(place.name, dir_fd=folder, follow_symlinks=False)
        if (before.st_dev, before.st_ino) in own:
            raise RefusedForSafety("That is one of Gorilla Comb's own files.")
        if not stat.S_ISREG(before.st_mode) or is_placeholder(before):
            raise RefusedForSafety("It is not a regular file any more, or only in the cloud.")
        file = open_file(place.name, folder)
    finally:
        folders.close()
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise RefusedForSafety("It is not a regular file any more.")
    return file


def _media_type(head: bytes) -> str | None:
    """Return the type of an image or a text by how it begins; None for everything else."""
    for begin, kind in _IMAGES:
        if head.startswith(begin):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"):
        return "image/avif"
    return _TEXT if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not a character that was cut
            return False
        text = head[: error.start].decode("utf-8")
    return not any(ord(char) < 32 and char not in "\t\n\r\f" for char in text)

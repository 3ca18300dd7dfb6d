"""What is dropped on a page: hashed as it comes, and spooled if it is to be kept.

The server writes to no scanned folder: what is to be kept comes into a folder of its own in the
state folder, which then becomes that of a job; the job's command keeps it. A spool that became no
job is removed after a while, and when the server starts.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gorillacomb.api.drop.drop import DropEntry, DropResult, drop, look_up_files
from gorillacomb.api.drop.place import find_place
from gorillacomb.api.roots import list_roots
from gorillacomb.api.server.jobs import Job, JobRequest, start
from gorillacomb.drop.keep import NOT_ASKED_FOR
from gorillacomb.drop.model import DroppedFile, FoundFile
from gorillacomb.drop.names import why_unsafe
from gorillacomb.errors import RefusedForSafety, UsageError, VaultUnwritable
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import path_text
from gorillacomb.hashing import ContentHasher
from gorillacomb.json_paths import path_from_json, path_to_json
from gorillacomb.vault.vault import Vault, create_state_folder, vault_state_folder

__all__ = [
    "MOST_FILE",
    "MOST_FORM",
    "DropResult",
    "DropSpool",
    "IncomingFile",
    "NameTaken",
    "PlaceToKeep",
    "create_spool",
    "find_spool",
    "keep_spool",
    "look_up_digests",
    "look_up_spool",
    "places_to_keep",
    "remove_spools",
    "why_unsafe",
]

MOST_FILE = 16 << 30
"""Bytes of a file that is sent."""
MOST_FORM = 4 << 30
"""Bytes of a form with files."""
_MOST_SPOOLS = 16
_MOST_FILES = 100_000
_LEFT_FREE = 256 << 20
"""Bytes that stay free on the disk of the state folder."""
_KEPT_SECONDS = 6 * 3600
_ID = re.compile(r"[0-9a-f]{32}")
_TREE, _PARTS, _LEFT_OUT = "dropped", "parts", "left-out.ndjson"


class PlaceToKeep(NamedTuple):
    """A scanned folder, in which new files may be kept."""

    id: str
    path: bytes
    name: str | None
    """What the user calls it."""


class NameTaken(RefusedForSafety):
    """A file of that name was sent before."""

    cause = "was sent already, or is a file and a folder"


@dataclass(slots=True)
class IncomingFile:
    """A file that is being sent; nothing of it is stored, unless there is a file to write to."""

    name: bytes
    _to: BinaryIO | None = None
    _hasher: ContentHasher = field(default_factory=ContentHasher)

    def write(self, data: bytes) -> None:
        """Take a piece. Raises VaultUnwritable if it cannot be stored."""
        self._hasher.update(data)
        if self._to is not None:
            try:
                self._to.write(data)
            except OSError as error:
                raise _unwritable(error) from error

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._hasher.size

    def found(self) -> DroppedFile:
        """Return what came."""
        file = FoundFile(self.name, self._hasher.size, None)
        return DroppedFile(file, self._hasher.digest())


@dataclass(frozen=True, slots=True)
class DropSpool:
    """A folder for what is to be kept."""

    path: Path

    @property
    def id(self) -> str:
        """Its name; who knows it may add to it."""
        return self.path.name

    @property
    def tree(self) -> Path:
        """The files, under the names that they get."""
        return self.path / _TREE

    def entries(self) -> list[bytes]:
        """Return the absolute paths of what is directly in it."""
        return [os.fsencode(each) for each in sorted(self.tree.iterdir())]

    def note_left_out(self, files: Sequence[tuple[bytes, str]]) -> None:
        """Record names of files that were not stored, and why. Raises VaultUnwritable."""
        lines = (json.dumps({**path_to_json(name), "cause": why}) for name, why in files)
        try:
            (self.path / _LEFT_OUT).write_text("".join(f"{each}\n" for each in lines))
        except OSError as error:
            raise _unwritable(error) from error

    def left_out(self) -> list[tuple[bytes, str]]:
        """Return what was recorded so."""
        try:
            lines = (self.path / _LEFT_OUT).read_text().splitlines()
        except FileNotFoundError:
            return []
        documents = map(json.loads, lines)
        return [(path_from_json(each), str(each["cause"])) for each in documents]

    def receive(self, name: bytes) -> ReceivedFile:
        """Begin to store a file. Raises UsageError, RefusedForSafety, VaultUnwritable."""
        why = why_unsafe(name)
        if why is not None:
            raise UsageError(f"{path_text(name)} {why}.", "It is not kept.")
        with suppress(OSError):
            os.utime(self.path)
        try:
            space = os.statvfs(self.path)
            if space.f_bavail * space.f_frsize < _LEFT_FREE:
                raise RefusedForSafety("The disk of the server's state folder is full.")
            part = self.path / _PARTS / secrets.token_hex(8)
            return ReceivedFile(self, name, part, open(part, "xb"))
        except OSError as error:
            raise _unwritable(error) from error

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(slots=True)
class ReceivedFile:
    """A file that is being stored in a spool."""

    spool: DropSpool
    name: bytes
    part: Path
    _file: BinaryIO
    incoming: IncomingFile = field(init=False)

    def __post_init__(self) -> None:
        self.incoming = IncomingFile(self.name, self._file)

    def write(self, data: bytes) -> None:
        """Take a piece. Raises VaultUnwritable."""
        self.incoming.write(data)

    def finish(self, size: int | None, digest: bytes | None) -> DroppedFile:
        """Give the file its name, if it is what was announced; return what came.

        Raises RefusedForSafety if it is not, or the name is taken; VaultUnwritable.
        """
        found = self.incoming.found()
        if (digest is not None and digest != found.digest) or size not in (None, found.size):
            raise RefusedForSafety(f"{path_text(self.name)} {NOT_ASKED_FOR}.", "It is not kept.")
        target = os.path.join(os.fsencode(self.spool.tree), self.name)
        try:
            self._file.close()
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.link(self.part, target)
        except (FileExistsError, NotADirectoryError) as error:
            raise NameTaken(f"{path_text(self.name)} {NameTaken.cause}.") from error
        except OSError as error:
            raise _unwritable(error) from error
        return found

    def close(self) -> None:
        """Remove what is not kept under its name."""
        self._file.close()
        self.part.unlink(missing_ok=True)


def _spools(vault: Vault) -> Path:
    return vault_state_folder(vault, "drops")


def create_spool(vault: Vault) -> DropSpool:
    """Create a spool. Raises RefusedForSafety if there are too many, VaultUnwritable."""
    base = _spools(vault)
    try:
        create_state_folder(base)
        remove_spools(vault, older_than=_KEPT_SECONDS)
        if len(list(base.iterdir())) >= _MOST_SPOOLS:
            raise RefusedForSafety(
                f"{_MOST_SPOOLS} drops wait for an answer.", "Keep them, or remove some."
            )
        made = DropSpool(base / secrets.token_hex(16))
        made.path.mkdir(mode=0o700)
        for name in (_TREE, _PARTS):
            (made.path / name).mkdir(mode=0o700)
    except OSError as error:
        raise _unwritable(error) from error
    return made


def find_spool(vault: Vault, spool: str) -> DropSpool:
    """Return a spool by its id. Raises UsageError."""
    path = _spools(vault) / spool
    if not _ID.fullmatch(spool) or not (path / _TREE).is_dir():
        raise UsageError("There is no such drop: it was kept, or removed.", "Drop it again.")
    return DropSpool(path)


def remove_spools(vault: Vault, older_than: float = 0) -> None:
    """Remove the spools that nothing was added to for some seconds."""
    before = time.time() - older_than
    with suppress(OSError):
        for path in _spools(vault).iterdir():
            if path.stat().st_mtime <= before:
                shutil.rmtree(path, ignore_errors=True)


def look_up_digests(vault: Vault, files: list[tuple[bytes, int, bytes]]) -> list[DropEntry]:
    """Say which of some files, given by name, size and digest, are known."""
    found = [DroppedFile(FoundFile(name, size, None), digest) for name, size, digest in files]
    return look_up_files(vault, found)


def look_up_spool(vault: Vault, spool: DropSpool) -> DropResult:
    """Say which of the files in a spool are known. Raises as `drop`."""
    entries = spool.entries()
    return drop(vault, entries) if entries else DropResult((), (), 0)


def keep_spool(vault: Vault, spool: DropSpool, into: bytes) -> Job:
    """Start a job that keeps the new files in a spool, which is the job's from then on.

    Raises UsageError, RefusedForSafety for a folder that nothing can be kept in.
    """
    find_place(vault, into)
    if not spool.entries():
        raise UsageError("Nothing was dropped.")
    job = start(vault, JobRequest("drop", {"into": into}), spool.tree)
    spool.remove()
    return job


def places_to_keep(vault: Vault) -> list[PlaceToKeep]:
    """Return the scanned folders that are there, in which new files may be kept."""
    roots = (each.root for each in list_roots(vault) if each.is_online)
    return [PlaceToKeep(each.uid, each.path, each.name) for each in roots]


def _unwritable(error: OSError) -> VaultUnwritable:
    return VaultUnwritable(
        f"Storing what was dropped failed: {os_error_text(error)}.",
        "Make room on the disk of the server's state folder.",
    )

"""The values in a manifest, shared by building, verifying and exporting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn, get_args

EntryKind = Literal["file", "link", "dir"]


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One entry of the manifest's folder."""

    path: bytes
    """Relative to that folder."""
    type: EntryKind
    """``dir`` for an empty folder only."""
    mode: int
    """Permission bits, as ``st_mode & 0o7777``."""
    size: int = 0
    """Bytes; 0 unless it is a file."""
    mtime_ns: int = 0
    target: bytes | None = None
    """Of a symbolic link."""
    blake3: str | None = None
    """Hex, of a file's content."""
    sha256: str | None = None
    seq: int | None = None
    """The seq of its stamp in the VaultMesh trace; None if it has none."""


Lack = Literal["unreadable", "unstable", "placeholder", "gone"]
SpecialKind = Literal["fifo", "socket", "device", "mount"]
LACKS: tuple[Lack, ...] = get_args(Lack)
ODDITIES: tuple[SpecialKind, ...] = get_args(SpecialKind)


@dataclass(frozen=True, slots=True)
class OmittedPath:
    """Something in the manifest's folder that has no entry."""

    path: bytes
    kind: Lack | SpecialKind
    """A special file does not belong in a manifest; a lack should, but its content is unknown."""
    cause: str = ""
    """Why, in words."""

    @property
    def is_lack(self) -> bool:
        """Whether the manifest is incomplete without it."""
        return self.kind in LACKS


@dataclass(frozen=True, slots=True)
class Manifest:
    """A folder as it must be deployed."""

    name: bytes
    """The folder's own name."""
    entries: tuple[ManifestEntry, ...]
    """Sorted by path bytes."""
    created_ns: int
    checkpoint: str | None = None
    """The signed checkpoint of the trace when the manifest was made."""
    whole: bool = True
    """Whether it describes everything in the folder, rather than a selection of files."""
    left_out: tuple[OmittedPath, ...] = ()
    """Sorted by path bytes."""

    @property
    def lacks(self) -> tuple[OmittedPath, ...]:
        """What should have an entry but has none; empty for a complete manifest."""
        return tuple(each for each in self.left_out if each.is_lack)


class MalformedManifest(ValueError):
    """What is wrong with a manifest, in words."""


def raise_malformed(what: str) -> NoReturn:
    """Raise MalformedManifest; ``what`` follows the manifest's name."""
    raise MalformedManifest(what)

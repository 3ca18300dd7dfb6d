"""Read a zip that anybody may have made, within bounds of time and memory, and nothing to disk.

The standard library reads the format; what it does not bound is bounded here: the size of the
directory, the number of members, how much they expand, whether they overlap, where they would be,
and how they are compressed. BZIP2 and LZMA are left out: the library expands a piece of them as a
whole, and a few bytes become gigabytes of memory.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from gorillacomb.dedupe.copies.privacy import still_allowed
from gorillacomb.drop.model import ContentChanged, FoundFile, LeftOut
from gorillacomb.drop.names import TakenNames, why_unsafe
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs.bounded_read import open_regular
from gorillacomb.fs.openat import is_unchanged, os_error_text
from gorillacomb.fs.paths import join, path_text
from gorillacomb.model import SECOND

MOST_MEMBERS = 100_000
MOST_DIRECTORY = 16 << 20
"""Bytes of the list of members: the library reads it as a whole."""
LARGE = 64 << 20
"""Bytes; below that, a member may expand as much as it wants."""
MOST_RATIO = 200
"""How many times as large as its compressed form a large member may be, and all of them."""
MOST_EXPANDED = 1 << 30
"""Bytes; below that, all members together may expand as much as they want."""
_LOCAL_HEADER = 30
"""Bytes before the name of a member."""
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_UTF8 = 0x800
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PIECE = 1 << 20
_NOT_A_ZIP = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, IndexError, KeyError),
)
"""What the library raises for what is no valid zip."""
_SIGNATURES = (b"PK\3\4", b"PK\5\6", b"PK\7\x08")


class _BoundedFile:
    """A file of which no single read is longer than the longest list of members."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "rb")

    def read(self, size: int = -1) -> bytes:
        if size > MOST_DIRECTORY:
            raise zipfile.BadZipFile("its list of members is too large")
        data = self._file.read(MOST_DIRECTORY + 1 if size < 0 else size)
        if len(data) > MOST_DIRECTORY:
            raise zipfile.BadZipFile("its list of members is too large")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError) as error:
            raise zipfile.BadZipFile("it points to a place outside itself") from error

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()


@dataclass(slots=True)
class Archive:
    """An open zip; its members can be read until it is closed."""

    path: bytes
    is_received: bool = False
    """Whether it came over the network: that only we can read it does not make it private."""
    files: list[FoundFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    _opened: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def open(cls, path: bytes, top: bytes, is_received: bool = False) -> Self:
        """Open a zip; its members get names below ``top``.

        Raises UntrustedInput for what is no valid zip, or may be made to do harm; OSError.
        """
        archive = cls(path, is_received)
        try:
            archive._read(top)
        except BaseException:
            archive.close()
            raise
        return archive

    def _read(self, top: bytes) -> None:
        file = _BoundedFile(open_regular(self.path, follow=True))
        self._opened.callback(file.close)
        facts = os.fstat(file.fileno())
        try:
            opened = zipfile.ZipFile(file)
            self._opened.callback(opened.close)
            members = opened.infolist()
        except UnicodeDecodeError as error:
            raise self._refused("the name of a member claims to be UTF-8, and is not") from error
        except _NOT_A_ZIP as error:
            raise self._refused(f"it is not a valid zip ({error})") from error
        cause = _why_harmful(members, facts.st_size, opened.start_dir)
        if cause is not None:
            raise self._refused(cause)
        taken = TakenNames()
        for info in members:
            raw = _name_of(info)
            if raw.endswith(b"/") and not info.file_size:
                continue  # a folder
            why = _why_left_out(info, raw) or taken.why_not(raw)
            if why is not None:
                self.left_out.append(LeftOut(top + b"/" + raw, why))
                continue
            source = _Member(opened, info, self, file.fileno(), facts)
            executable = info.external_attr >> 16 & 0o111 if info.create_system == 3 else 0
            self.files.append(
                FoundFile(
                    top + b"/" + raw, info.file_size, source, 0o644 | executable, _time_of(info)
                )
            )

    def _refused(self, cause: str) -> UntrustedInput:
        return UntrustedInput(
            f"{path_text(self.path)} is not looked into: {cause}.",
            "If you trust it, unpack it, and drop the folder.",
        )

    def close(self) -> None:
        """Close the file."""
        self._opened.close()


def is_archive(path: bytes) -> bool:
    """Return whether a file is to be looked into: by its name, and how it begins. Raises OSError.

    A document or a program may be a zip inside: it is one file all the same.
    """
    if not path.lower().endswith(b".zip"):
        return False
    descriptor = open_regular(path, follow=True)
    try:
        return os.pread(descriptor, 4, 0) in _SIGNATURES
    finally:
        os.close(descriptor)


def _why_harmful(members: list[zipfile.ZipInfo], size: int, directory: int) -> str | None:
    """Return why nothing of an archive of a size in bytes is read; None if it may be."""
    if len(members) > MOST_MEMBERS:
        return f"it has {len(members):,} members, more than {MOST_MEMBERS:,}"
    end = 0
    for info in sorted(members, key=lambda each: each.header_offset):
        if info.header_offset < end:
            return "members overlap, as in a zip bomb"
        end = info.header_offset + _LOCAL_HEADER + info.compress_size
    if end > directory:
        return "a member reaches into the list of members, as in a zip bomb"
    expanded = sum(info.file_size for info in members)
    if expanded > max(MOST_EXPANDED, MOST_RATIO * size):
        return f"it has {size:,} bytes and claims {expanded:,}, as a zip bomb does"
    return None


def _name_of(info: zipfile.ZipInfo) -> bytes:
    """Return the bytes of a member's name. Many programs write UTF-8 without saying so."""
    name = info.orig_filename
    return name.encode() if info.flag_bits & _UTF8 else name.encode("cp437", "replace")


def _why_left_out(info: zipfile.ZipInfo, name: bytes) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if kind == stat.S_IFLNK:
        return "is a link"
    if kind not in (0, stat.S_IFREG):
        return "is not a file"
    if info.compress_type not in _METHODS:
        return "is compressed in a way that is not read here"
    if info.file_size > max(LARGE, MOST_RATIO * info.compress_size):
        return f"has {info.compress_size:,} bytes and claims {info.file_size:,}"
    return why_unsafe(name)


def _time_of(info: zipfile.ZipInfo) -> int | None:
    with suppress(ValueError, OverflowError, OSError):  # a day that no calendar has
        return int(datetime(*info.date_time).timestamp()) * SECOND  # local, as the format has it
    return None


@dataclass(frozen=True, slots=True)
class _Member:
    """The content of a member."""

    opened_zip: zipfile.ZipFile
    info: zipfile.ZipInfo
    archive: Archive
    descriptor: int
    facts: os.stat_result
    """Of the archive when it was opened."""

    @contextmanager
    def opened(self) -> Iterator[Iterator[memoryview]]:
        yield self._pieces()

    def allowed_in(self, folder: bytes) -> int:
        archive = self.archive
        return 0o777 if archive.is_received else still_allowed(archive.path, join(folder, b"x"))

    def _pieces(self) -> Iterator[memoryview]:
        left = self.info.file_size
        try:
            with self.opened_zip.open(self.info) as member:
                while piece := member.read(_PIECE):
                    left -= len(piece)
                    if left < 0:
                        break
                    yield memoryview(piece)
        except _NOT_A_ZIP as error:
            raise ContentChanged(f"is damaged in the archive ({error})") from error
        except OSError as error:
            raise ContentChanged(os_error_text(error)) from error
        if left:
            raise ContentChanged("is damaged in the archive: it has another size than that says")
        if not is_unchanged(self.facts, os.fstat(self.descriptor)):
            raise ContentChanged("is in an archive that was changed meanwhile")

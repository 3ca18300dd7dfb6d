"""The measurements: each does one thing in a temporary folder and says what came of it."""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from gorillacomb.fs import mutations
from gorillacomb.fs.comparison import extended_attributes
from gorillacomb.fs.darwin.clones import clone_id
from gorillacomb.fs.darwin.figures import F_FULLFSYNC
from gorillacomb.fs.extents import file_blocks
from gorillacomb.fs.lease import is_open_for_writing
from gorillacomb.fs.openat import FOLDER_FLAGS, os_error_text
from gorillacomb.fs.reflink import refuse_to_share
from gorillacomb.fs.volumes import Volume, is_identified
from gorillacomb.model import SECOND

TrialResult = Literal["yes", "no", "unknown"]
_SAMPLE = b"gorilla" * 2000
_ODD_TIME = 1_700_000_001_123_456_789
"""A time in ns whose every digit is lost on some file system."""
_GRAINS = (1, 100, 1000, 10_000_000, SECOND, 2 * SECOND)
_CLOCK_SLACK = 3 * SECOND
_ACL_OF_MACOS = b"!#acl 1\ngroup:ABCDEFAB-CDEF-ABCD-EFAB-CDEF0000000C:everyone:12:allow:readattr\n"
"""As acl_to_text(3) writes one there. It allows what is allowed in any case (chmod(1))."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was tried."""

    name: str
    result: TrialResult
    detail: str


class TrialFolder:
    """The temporary folder, open, on the volume that is measured."""

    def __init__(self, path: bytes, descriptor: int, volume: Volume) -> None:
        self.path = path
        self.descriptor = descriptor
        self.volume = volume

    def file(self, name: bytes, data: bytes = _SAMPLE) -> None:
        """Create a file."""
        file = mutations.create(self.descriptor, name)
        try:
            mutations.write_at(file, data, 0)
        finally:
            os.close(file)

    @contextmanager
    def opened(self, name: bytes, flags: int = os.O_RDONLY) -> Iterator[int]:
        file = os.open(name, flags | os.O_CLOEXEC, dir_fd=self.descriptor)
        try:
            yield file
        finally:
            os.close(file)

    def has(self, name: bytes) -> bool:
        return os.path.lexists(os.path.join(self.path, name))


_Try = Callable[[TrialFolder], tuple[bool | None, str]]


def run_trials(path: bytes, volume: Volume) -> list[Trial]:
    """Try everything in an empty folder, which its caller removes."""
    descriptor = os.open(path, FOLDER_FLAGS)
    try:
        folder = TrialFolder(path, descriptor, volume)
        return [_tried(name, function, folder) for name, function in _TRIALS.items()]
    finally:
        os.close(descriptor)


def _tried(name: str, function: _Try, folder: TrialFolder) -> Trial:
    try:
        outcome, detail = function(folder)
    except OSError as error:
        return Trial(name, "no", os_error_text(error))
    result: TrialResult = "unknown" if outcome is None else "yes" if outcome else "no"
    return Trial(name, result, detail)


def _identity(folder: TrialFolder) -> tuple[bool, str]:
    known = is_identified(folder.volume.id)
    return known, folder.volume.id if known else "it has no UUID"


def _tells_case(folder: TrialFolder) -> tuple[bool, str]:
    folder.file(b"Probe")
    same = folder.has(b"pROBE")
    return not same, "Probe and pROBE are one name" if same else "Probe and pROBE are two names"


def _tells_forms(folder: TrialFolder) -> tuple[bool, str]:
    composed, decomposed = (unicodedata.normalize(form, "é").encode() for form in ("NFC", "NFD"))
    folder.file(composed)
    same = folder.has(decomposed)
    return not same, f"two Unicode forms of é are {'one name' if same else 'two names'}"


def _keeps_times(folder: TrialFolder) -> tuple[bool, str]:
    folder.file(b"time")
    with folder.opened(b"time", os.O_RDWR) as file:
        mutations.set_mtime(file, _ODD_TIME)
    kept = os.stat(b"time", dir_fd=folder.descriptor).st_mtime_ns
    grain = next((each for each in _GRAINS if abs(_ODD_TIME - kept) < each), None)
    shown = "other times than those given" if grain is None else f"times to {grain:,} ns"
    return grain is not None and grain <= folder.volume.grain_ns, f"it keeps {shown}"


def _clock(folder: TrialFolder) -> tuple[bool, str]:
    before = time.time_ns()
    folder.file(b"clock")
    apart = os.stat(b"clock", dir_fd=folder.descriptor).st_mtime_ns - before
    return abs(apart) < _CLOCK_SLACK, f"its clock differs from ours by {apart / SECOND:+.1f} s"


def _renames_files(folder: TrialFolder) -> tuple[bool, str]:
    return _renames(folder, b"file %d", folder.file)


def _renames_folders(folder: TrialFolder) -> tuple[bool, str]:
    return _renames(
        folder, b"folder %d", lambda name: mutations.make_folder(folder.descriptor, name)
    )


def _renames(folder: TrialFolder, names: bytes, make: Callable[[bytes], None]) -> tuple[bool, str]:
    here = folder.descriptor
    first, second, third = (names % at for at in range(3))
    make(first)
    make(second)
    try:
        mutations.rename_no_replace(here, first, here, second)
    except FileExistsError:
        mutations.rename_no_replace(here, first, here, third)
        return folder.has(third) and not folder.has(first), "nothing is replaced by a rename"
    return False, "a rename replaces what is there"


def _exchanges(folder: TrialFolder) -> tuple[bool, str]:
    folder.file(b"one", b"1")
    folder.file(b"two", b"2")
    mutations.rename_exchange(folder.descriptor, b"one", folder.descriptor, b"two")
    with folder.opened(b"one") as file:
        return os.read(file, 1) == b"2", "two files can be exchanged"


def _links(folder: TrialFolder) -> tuple[bool, str]:
    folder.file(b"first name")
    mutations.link(folder.descriptor, b"first name", folder.descriptor, b"second name")
    names = os.stat(b"first name", dir_fd=folder.descriptor).st_nlink
    return names == 2, "files can have two names"


def _shares(folder: TrialFolder) -> tuple[bool, str]:
    folder.file(b"block")
    folder.file(b"block copy")
    with folder.opened(b"block", os.O_RDWR) as one, folder.opened(b"block copy", os.O_RDWR) as two:
        refuse_to_share(one, two)
    return True, "files can share blocks"


def _attributes(folder: TrialFolder) -> tuple[bool, str]:
    folder.file(b"attributes")
    name = "org.gorillacomb.doctor" if sys.platform == "darwin" else "user.gorillacomb.doctor"
    with folder.opened(b"attributes", os.O_RDWR) as file:
        facts = os.fstat(file)
        wanted = {**extended_attributes(file), name: b"kept"}
        mutations.copy_metadata(file, facts, extended_attributes(file), wanted)
        kept = extended_attributes(file).get(name) == b"kept"
    return kept, "what is attached to a file is read as it was written" if kept else "it is lost"


def _access_lists(folder: TrialFolder) -> tuple[bool, str]:
    folder.file(b"access list")
    with folder.opened(b"access list", os.O_RDWR) as file:
        facts, before = os.fstat(file), extended_attributes(file)
        name, value = access_list(facts)
        mutations.copy_metadata(file, facts, before, {**before, name: value})
        kept = extended_attributes(file).get(name) == value
    return kept, "ACLs are read as they were written" if kept else "ACLs are lost, or changed"


def access_list(facts: os.stat_result) -> tuple[str, bytes]:
    """Return the ACL of a trial, as `extended_attributes` would: it gives no one new rights.

    ``facts`` is the stat of its file. Raises OSError.
    """
    if sys.platform == "darwin":
        from gorillacomb.fs.darwin.attributes import ACL, external_acl

        return ACL, external_acl(_ACL_OF_MACOS)
    user, group, other = (facts.st_mode >> shift & 7 for shift in (6, 3, 0))
    # struct posix_acl_xattr_header and _entry in include/uapi/linux/posix_acl_xattr.h: version 2;
    # tag, permissions, id of owner, a user, group, mask and others.
    nobody = 0xFFFFFFFF
    entries = (
        *((0x01, user, nobody), (0x02, group, os.getuid()), (0x04, group, nobody)),
        *((0x10, group, nobody), (0x20, other, nobody)),
    )
    data = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries)
    return "system.posix_acl_access", data


def _locks(folder: TrialFolder) -> tuple[bool, str]:
    with folder.opened(b".", os.O_RDONLY | os.O_DIRECTORY) as one:
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with folder.opened(b".", os.O_RDONLY | os.O_DIRECTORY) as two:
            try:
                fcntl.flock(two, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True, "a folder can be locked"
    return False, "a lock on a folder keeps nobody out"


def _syncs(folder: TrialFolder) -> tuple[bool, str]:
    folder.file(b"sync")
    with folder.opened(b"sync", os.O_RDWR) as file:
        mutations.fsync(file)
    mutations.fsync(folder.descriptor)
    if sys.platform != "darwin":
        return True, "files and folders can be flushed"
    with folder.opened(b"sync", os.O_RDWR) as file:
        fcntl.fcntl(file, F_FULLFSYNC)  # `mutations.fsync` does without where it is refused
    return True, "files and folders can be flushed, past the cache of the disk"


def _sees_writers(folder: TrialFolder) -> tuple[bool | None, str]:
    folder.file(b"busy")
    with folder.opened(b"busy", os.O_RDWR), folder.opened(b"busy") as file:
        seen = is_open_for_writing(file)
    return seen, (
        "the system does not say whether a program has a file open"
        if seen is None
        else "a file that a program may write to is recognized"
        if seen
        else "a program that may write to a file is not seen"
    )


def _locates(folder: TrialFolder) -> tuple[bool, str]:
    folder.file(b"located")
    with folder.opened(b"located") as file:
        mutations.fsync(file)
        unknown = file_blocks(file).unknown
    if unknown is not None:
        return False, f"a file is {unknown}"
    if sys.platform == "darwin" and clone_id(os.path.join(folder.path, b"located")) is None:
        return False, "it does not say which files are clones"
    return True, "it says what files share"


_TRIALS: dict[str, _Try] = {
    "identity": _identity,
    "case": _tells_case,
    "normalization": _tells_forms,
    "times": _keeps_times,
    "clock": _clock,
    "rename-file": _renames_files,
    "rename-folder": _renames_folders,
    "exchange": _exchanges,
    "hard-link": _links,
    "reflink": _shares,
    "attributes": _attributes,
    "acl": _access_lists,
    "folder-lock": _locks,
    "sync": _syncs,
    "writers": _sees_writers,
    "shared-blocks": _locates,
}

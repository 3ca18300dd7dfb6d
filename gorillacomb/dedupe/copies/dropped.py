"""What is special about files that were dropped: they are compared with a digest, not an original.

Where they came from may be gone, or may never have been a file: a member of an archive, an upload.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace

from gorillacomb.dedupe.quarantine.journal_entries import CopyRecord
from gorillacomb.dedupe.quarantine.run import Quarantine
from gorillacomb.fs import mutations
from gorillacomb.fs.drive_errors import is_vanished
from gorillacomb.fs.lease import IN_USE, is_open_for_writing
from gorillacomb.fs.location import ContentDiffers, ContentMissing, FileLocation
from gorillacomb.fs.openat import is_placeholder, is_unchanged, open_file
from gorillacomb.fs.volumes import COARSEST_GRAIN_NS
from gorillacomb.hashing import digest_of_descriptor

EDITED = "was changed since it was kept: it stays"
MISSING = "is not there any more"
_STAYS = frozenset({errno.ENOTEMPTY, errno.EEXIST})
"""The errors of removing a folder that something is in."""


def comparer_for(
    record: CopyRecord, advance: Callable[[int], None] = lambda size: None
) -> Callable[[FileLocation, bytes], Mapping[bytes, os.stat_result]]:
    """Return a function that compares a dropped file with its digest, as `take_back_copy` needs it.

    It raises ContentMissing if someone edited the file, ContentDiffers if that cannot be told now.
    """

    def compare(copy: FileLocation, original: bytes) -> Mapping[bytes, os.stat_result]:
        with copy.opened() as (folder, name):
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISREG(facts.st_mode) or facts.st_size != record.size:
                raise ContentMissing(copy.path, EDITED)
            if is_placeholder(facts):
                raise ContentDiffers(copy.path, "is only in the cloud")
            file = open_file(name, folder)
            try:
                if is_open_for_writing(file):
                    raise ContentDiffers(copy.path, IN_USE)
                before = os.fstat(file)
                found = digest_of_descriptor(file, before.st_size, advance)
                if not is_unchanged(facts, before) or not is_unchanged(before, os.fstat(file)):
                    raise ContentDiffers(copy.path, "changed meanwhile")
            finally:
                os.close(file)
        if found != (record.digest, record.size):
            raise ContentMissing(copy.path, EDITED)
        return {b"": before}

    return compare


def remove_emptied_folders(run: Quarantine, record: CopyRecord) -> None:
    """Remove the folders around a dropped file that were made for the drop and are empty now.

    That is up to the folder of all drops. Raises OSError.
    """
    last = os.path.dirname(record.top)
    inner = record.path
    while inner != last:
        inner = os.path.dirname(inner)
        place = FileLocation(run.base, run.identity, inner, COARSEST_GRAIN_NS)
        try:
            with place.opened() as (folder, name):
                mutations.remove_folder(folder, name)
                mutations.fsync(folder)
        except OSError as error:
            if error.errno in _STAYS:
                return
            if not is_vanished(error):
                raise


def make_folders(run: Quarantine, path: bytes, below: bytes) -> None:
    """Create the missing folders around a path, ``below`` one that exists; both are relative.

    Raises OSError, as if something else, or a link, is at the place of one of them.
    """
    place = FileLocation(run.base, run.identity, path, COARSEST_GRAIN_NS)
    try:
        with place.opened():
            return
    except FileNotFoundError:
        pass  # one of them is missing
    rest = place.parent[len(below) :].strip(b"/")
    inner = below
    for part in rest.split(b"/") if rest else ():
        inner = b"/".join(each for each in (inner, part) if each)
        with replace(place, inner=inner).opened() as (folder, name):
            try:
                mutations.make_folder(folder, name, 0o755)
            except FileExistsError:
                if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    raise

"""Read one file: open it without following links, hash it, and check that it did not change."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from functools import partial

from gorillacomb.fs.bounded_read import read_unchanged
from gorillacomb.fs.lease import is_open_for_writing
from gorillacomb.fs.openat import (
    FILE_FLAGS,
    INT64,
    NOATIME,
    clamp_int64,
    is_placeholder,
    open_file,
    os_error_text,
    to_signed64,
)
from gorillacomb.fs.racy import is_racy, settled_before_ns
from gorillacomb.hashing import (
    CHUNK,
    EMPTY,
    blake3_of,
    buffer,
    digest_of_descriptor,
    drop_page_cache,
)
from gorillacomb.index.rows import (
    CAUSE,
    CHECKED,
    DIGEST,
    SIZE,
    STATE,
    TARGET,
    EntryRow,
    HashedRow,
    with_changes,
)
from gorillacomb.model import EntryState
from gorillacomb.scan.listing import ListedFile
from gorillacomb.scan.tasks import RootContext

IN_USE = "in use: a program has it open for writing"
ATTEMPTS = 3
"""How often to try reading a file that changes while it is read."""


HAS_PLACEHOLDERS = sys.platform in ("darwin", "win32")
"""Whether files on this system can lack their content until they are opened."""


def read_file(
    folder: int, name: bytes, context: RootContext, moment: int, past_cache: bool = False
) -> EntryRow | None:
    """Describe the regular file ``name`` in an open folder, hashed if the options allow it.

    ``moment`` is a time in ns before the folder was opened; ``past_cache`` reads from the disk, not
    from the page cache. Returns its row: with a digest, or PENDING, TOO_SMALL, PLACEHOLDER,
    UNSTABLE, UNREADABLE; None when it no longer exists.
    """
    if HAS_PLACEHOLDERS:
        early = stat_row(folder, name, context)
        if early is None or early[STATE] != EntryState.PENDING or early[SIZE] > context.hash_limit:
            return early
    try:
        descriptor = open_file(name, folder, download=context.hydrate_limit is not None)
    except FileNotFoundError:
        return None
    except OSError as error:
        return failed_row(folder, name, context, error)
    try:
        if past_cache:
            drop_page_cache(descriptor)
        return _read_open_file(descriptor, name, context, moment)
    except OSError as error:
        return failed_row(folder, name, context, error)
    finally:
        os.close(descriptor)


def _read_open_file(descriptor: int, name: bytes, context: RootContext, moment: int) -> EntryRow:
    for attempt in range(ATTEMPTS):
        before = os.fstat(descriptor)
        size = before.st_size
        if not context.min_size <= size <= context.hash_limit:
            return unread_row(name, before, context)
        if not stat.S_ISREG(before.st_mode):
            return unread_row(name, before, context)
        if attempt:
            os.lseek(descriptor, 0, os.SEEK_SET)
        found = read_unchanged(descriptor, before, partial(digest_of_descriptor, descriptor))
        if found is not None:
            return hashed_row(name, before, context, moment, *found)
    return row_of(name, EntryState.UNSTABLE, before, context, cause="changed while it was read")


def read_files(
    folder: int, number: int, files: Iterable[ListedFile], context: RootContext, moment: int
) -> tuple[list[HashedRow], list[EntryRow]]:
    """Read many files of the folder with the id ``number``, as `read_file` does.

    Returns rows of the plainly hashed ones, and of the others that exist.
    """
    if context.weak or HAS_PLACEHOLDERS or context.min_size > 1:
        found = [read_file(folder, name, context, moment) for _, name in files]
        return [], [row for row in found if row is not None]
    return _read_common(folder, number, files, context, moment)


def _read_common(
    folder: int, number: int, files: Iterable[ListedFile], context: RootContext, moment: int
) -> tuple[list[HashedRow], list[EntryRow]]:
    """Do what `read_files` does where file system and options need no special handling.

    A first scan spends its time here, so the common cases (a small file, long unchanged and stable
    during the read, and one that is read later) are handled in this loop; everything else is left
    to `read_file`.
    """
    hashed: list[HashedRow] = []
    others: list[EntryRow] = []
    later = context.hash_limit
    limit = min(later, CHUNK - 1)
    settled = settled_before_ns(moment, context.grain_ns)
    buffers = (buffer,)
    flags = FILE_FLAGS | NOATIME
    open_at, look, read, close, is_regular = os.open, os.fstat, os.readv, os.close, stat.S_ISREG
    for _, name in files:
        try:
            descriptor = open_at(name, flags, dir_fd=folder)
        except OSError:
            others += found_row(read_file(folder, name, context, moment))
            continue
        digest = None
        try:
            before = look(descriptor)
            size, mode = before.st_size, before.st_mode
            mtime, ctime, inode = before.st_mtime_ns, before.st_ctime_ns, before.st_ino
            if size > later:
                others.append(unread_row(name, before, context))
                continue
            if (
                0 < size <= limit
                and 0 <= mtime < settled > ctime >= 0
                and inode < INT64
                and is_regular(mode)
                and read(descriptor, buffers) == size
            ):
                content = blake3_of(size)
                after = look(descriptor)
                if (
                    after.st_mtime_ns == mtime
                    and after.st_ctime_ns == ctime
                    and after.st_size == size
                ):
                    digest = content
        except OSError:
            pass  # read_file gets the error again and reports it
        finally:
            close(descriptor)
        if digest is None:
            others += found_row(read_file(folder, name, context, moment))
            continue
        links, blocks = before.st_nlink, before.st_blocks
        hashed.append(
            (number, name, mode, size, mtime, ctime, inode, links, blocks, moment, digest)
        )
    return hashed, others


def found_row(row: EntryRow | None) -> tuple[EntryRow, ...]:
    """Return the row as a tuple, empty for None."""
    return () if row is None else (row,)


def hashed_row(
    name: bytes, facts: os.stat_result, context: RootContext, moment: int, digest: bytes, size: int
) -> EntryRow:
    """Return the row of a file just read; FRESH when its times are too recent to detect changes.

    ``size`` is the number of bytes read. If it differs from the file system's size, the row matches
    no later `lstat`: every scan reads the file again, and nothing relies on it.
    """
    if not size:
        return row_of(name, EntryState.HASHED, facts, context, 0, EMPTY, size=0)
    times = facts.st_mtime_ns, facts.st_ctime_ns
    racy = is_racy(*times, moment, context.now(), context.grain_ns)
    state = EntryState.FRESH if racy else EntryState.HASHED
    return row_of(name, state, facts, context, moment, digest, size=size)


def without_false_alarm(descriptor: int, row: EntryRow) -> EntryRow:
    """Return the row of an open, apparently damaged file, UNSTABLE if a program may write to it.

    A file open for writing may be memory-mapped and change without any timestamp showing it: its
    former digest proves nothing.
    """
    if not is_open_for_writing(descriptor):
        return row
    return with_changes(row, {STATE: EntryState.UNSTABLE, CHECKED: 0, DIGEST: None, CAUSE: IN_USE})


def unread_row(name: bytes, facts: os.stat_result, context: RootContext) -> EntryRow:
    """Return the row of an entry whose content is not read, or not yet."""
    if not stat.S_ISREG(facts.st_mode):
        return row_of(name, EntryState.OTHER, facts, context)
    if is_placeholder(facts) and not _may_hydrate(facts, context):
        return row_of(name, EntryState.PLACEHOLDER, facts, context)
    if facts.st_size < context.min_size:
        return row_of(name, EntryState.TOO_SMALL, facts, context)
    return row_of(name, EntryState.PENDING, facts, context)


def _may_hydrate(facts: os.stat_result, context: RootContext) -> bool:
    return context.hydrate_limit is not None and facts.st_size <= context.hydrate_limit


def stat_row(folder: int, name: bytes, context: RootContext) -> EntryRow | None:
    """Describe any entry without opening it; None when it no longer exists."""
    try:
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        target = None
        if stat.S_ISLNK(facts.st_mode):
            target = os.readlink(name, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _blank_row(name, error)
    row = unread_row(name, facts, context)
    return row if target is None else with_changes(row, {TARGET: target})


def failed_row(folder: int, name: bytes, context: RootContext, error: OSError) -> EntryRow | None:
    """Return the row of a file that could not be opened or read; None if it no longer exists."""
    now = stat_row(folder, name, context)
    if now is None or now[STATE] in (EntryState.OTHER, EntryState.UNREADABLE):
        return now  # removed, replaced by a link since (ELOOP), or lstat fails too
    return with_changes(
        now, {STATE: EntryState.UNREADABLE, CHECKED: 0, DIGEST: None, CAUSE: os_error_text(error)}
    )


def _blank_row(name: bytes, error: OSError) -> EntryRow:
    cause = os_error_text(error)
    return (name, EntryState.UNREADABLE, stat.S_IFREG, 0, 0, 0, 0, 1, 0, 0, None, None, None, cause)


def row_of(
    name: bytes,
    state: EntryState,
    facts: os.stat_result,
    context: RootContext,
    checked: int = 0,
    digest: bytes | None = None,
    cause: str | None = None,
    size: int | None = None,
) -> EntryRow:
    """Build a row, without inode and ctime where they mean nothing.

    ``size`` None takes the size that the file system reports.
    """
    weak = context.weak
    return (
        name,
        int(state),  # an enum member would cost SQLite an adapter call per row
        facts.st_mode,
        facts.st_size if size is None else size,
        clamp_int64(facts.st_mtime_ns),
        0 if weak else clamp_int64(facts.st_ctime_ns),
        0 if weak else to_signed64(facts.st_ino),
        1 if weak else facts.st_nlink,
        facts.st_blocks,
        checked,
        digest,
        None,
        None,
        cause,
    )

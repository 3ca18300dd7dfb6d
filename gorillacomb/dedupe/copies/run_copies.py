"""Make the copies that a plan asks for, finish those of killed runs, and take them back.

A copy is made in a slot of the run, synced, and published by one rename that replaces nothing. It
is taken back by the same rename the other way, and deleted only once everything in it was compared
with the original; if anything differs, it is put at its place again and stays.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from gorillacomb.dedupe.copies.dropped import MISSING, make_folders, remove_emptied_folders
from gorillacomb.dedupe.copies.privacy import still_allowed
from gorillacomb.dedupe.copies.tree_copy import TreeCopier
from gorillacomb.dedupe.model import CopyStep
from gorillacomb.dedupe.quarantine.journal_entries import (
    COPIED,
    COPY_SLOT,
    DONE,
    INTENT,
    TAKEN_BACK,
    UNDOING,
    UNDONE,
    CopyRecord,
    KeptCopy,
)
from gorillacomb.dedupe.quarantine.removal import remove_all, remove_seen
from gorillacomb.dedupe.quarantine.run import Quarantine
from gorillacomb.fs import mutations
from gorillacomb.fs.drive_errors import is_vanished
from gorillacomb.fs.location import ContentDiffers, ContentMissing, FileLocation
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import join, path_text, relative_path
from gorillacomb.fs.volumes import COARSEST_GRAIN_NS

ONE_CALL_NS = 200_000_000
"""How far apart the times may be that one call sets on a file and on both folders of its move."""
_STAYS = frozenset({errno.ENOTEMPTY, errno.EEXIST})
"""The errors of removing a folder that something is in."""
Seen = Mapping[bytes, os.stat_result]
"""Stats by path relative to what was looked at."""
Compare = Callable[[FileLocation, bytes], Seen]
"""Compares a copy with its original, given by its path; returns what it saw in the copy. Raises
ContentDiffers, OSError."""
Now = Callable[[], int]


def make_copy(
    run: Quarantine,
    step: CopyStep,
    source: FileLocation,
    now: Now,
    advance: Callable[[int], None] = lambda size: None,
) -> CopyRecord:
    """Copy what a step says to its new place; it is on disk when this returns.

    ``source`` is where the step's source is.

    On any error, and on Ctrl-C, nothing of it is left, unless it had been published: then the
    journal still has it among the copies that are left. Raises ContentDiffers, OSError.
    """
    record = CopyRecord(
        step.id,
        INTENT,
        KeptCopy.of(step.source, run.base),
        relative_path(step.target, run.base),
        COPY_SLOT + step.id.encode(),
        step.items,
        step.files,
        step.size,
        when_ns=now(),
    )
    run.journal.note([record])
    try:
        slot = run.slot_location(record.slot)
        if step.is_brought:
            around = replace(source, inner=source.parent)
            copier = TreeCopier(around, slot, advance, only=source.name)
        else:
            mutations.make_folder(run.folder, record.slot)
            allowed = still_allowed(step.source, step.target)
            copier = TreeCopier(source, slot, advance, allowed=allowed)
        copier.copy(step.items)
        inode = os.stat(record.slot, dir_fd=run.folder, follow_symlinks=False).st_ino
        record = replace(
            record, state=COPIED, files=copier.files, size=copier.size, inode=inode, when_ns=now()
        )
        record = _with_parent(run, record)
        run.journal.note([record])
        record = replace(record, parent_after_ns=publish(run, record))
        done = replace(record, state=DONE, when_ns=now())
        run.journal.note([done])
    except BaseException as error:
        cause = _cause(error)
        with suppress(OSError, ContentDiffers):  # the next run finishes what is left half done
            run.journal.note([_discard(run, record, cause, now)])
        raise
    return done


def _cause(error: BaseException) -> str:
    if isinstance(error, ContentDiffers):
        return error.cause
    return os_error_text(error) if isinstance(error, OSError) else "interrupted"


def _place(run: Quarantine, record: CopyRecord) -> FileLocation:
    return FileLocation(run.base, run.identity, record.path, COARSEST_GRAIN_NS)


def _with_parent(run: Quarantine, record: CopyRecord) -> CopyRecord:
    """Return a record that says whether the folder around the copy must be created, and when that
    around it was changed. Raises ContentDiffers, OSError."""
    place = _place(run, record)
    shelf = replace(place, inner=place.parent)
    with shelf.opened() as (folder, name):
        try:
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            if record.is_brought:
                raise ContentDiffers(shelf.path, "is not there any more") from None
            before_ns = os.fstat(folder).st_mtime_ns
            return replace(record, made_parent=True, parent_mtime_ns=before_ns)
    if not stat.S_ISDIR(facts.st_mode):
        raise ContentDiffers(shelf.path, "is there, and is not a folder")
    return replace(record, parent_mtime_ns=facts.st_mtime_ns)


def publish(run: Quarantine, record: CopyRecord) -> int:
    """Move a complete copy to its place; return the mtime of the folder that it changed, in ns.

    Raises ContentDiffers if something is there, OSError.
    """
    place = _place(run, record)
    if record.is_dropped:  # an undo may have removed the folders around it
        make_folders(run, record.path, os.path.dirname(os.path.dirname(record.top)))
    if record.made_parent:
        with replace(place, inner=place.parent).opened() as (folder, name):
            try:
                mutations.make_folder(folder, name, 0o755)
            except FileExistsError as error:
                path = join(run.base, place.parent)
                raise ContentDiffers(path, "came in the meantime") from error
            after_ns = os.fstat(folder).st_mtime_ns
    with place.opened() as (folder, name):
        try:
            mutations.rename_no_replace(run.folder, record.slot, folder, name)
        except FileExistsError as error:
            raise ContentDiffers(place.path, "exists already") from error
        mutations.fsync(folder)
        if not record.made_parent:
            after_ns = os.fstat(folder).st_mtime_ns
    mutations.fsync(run.folder)
    return after_ns


def finish_copies(run: Quarantine, now: Now) -> list[tuple[bytes, str]]:
    """Finish what a killed run left half done; return paths, and what became of them.

    What was being taken back is finished by the next undo. What cannot be finished is reported, and
    tried again the next time: it must not keep anyone from an undo.
    """
    found = []
    for record in run.journal.recorded.copies_left():
        try:
            words = _finish(run, record, now)
        except (ContentDiffers, OSError) as error:
            words = _cause(error)
        if words is not None:
            found.append((join(run.base, record.path), words))
    return found


def _finish(run: Quarantine, record: CopyRecord, now: Now) -> str | None:
    """Finish one copy; return what became of it, None for nothing.

    Raises ContentDiffers, OSError.
    """
    _leave_one_name(run, record)
    if record.state not in (INTENT, COPIED):
        is_back = not record.is_dropped and os.path.lexists(record.source.at(run.base))
        is_half = record.state == UNDOING and _has_slot(run, record)
        # Another run may have copied it once more.
        if is_half and not is_back and not os.path.lexists(_place(run, record).path):
            run.journal.note([replace(_put_again(run, record), state=DONE, when_ns=now())])
        return None
    if record.state == COPIED and not _has_slot(run, record) and _is_there(run, record):
        run.journal.note([replace(with_time_after(run, record), state=DONE, when_ns=now())])
        return "copied"
    run.journal.note([_discard(run, record, "interrupted", now)])
    return "the unfinished copy was removed"


def _leave_one_name(run: Quarantine, record: CopyRecord) -> None:
    """Remove a file from its slot that has a name at its place, too.

    A killed run leaves both where a file can only be moved by a link. Raises OSError.
    """
    with suppress(FileNotFoundError), _place(run, record).opened() as (folder, name):
        here = os.stat(name, dir_fd=folder, follow_symlinks=False)
        aside = os.stat(record.slot, dir_fd=run.folder, follow_symlinks=False)
        if os.path.samestat(here, aside):
            mutations.fsync(folder)
            mutations.remove(run.folder, record.slot)


def with_time_after(run: Quarantine, record: CopyRecord) -> CopyRecord:
    """Add the mtime that a killed run left on the folder in which it created something.

    It stays unknown if someone else wrote there later.
    """
    if record.parent_after_ns is not None:
        return record
    place = replace(_place(run, record), inner=record.created.path)
    with suppress(OSError), place.opened() as (folder, name):
        mtime_ns = os.fstat(folder).st_mtime_ns
        created = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if abs(mtime_ns - created.st_ctime_ns) <= ONE_CALL_NS:
            return replace(record, parent_after_ns=mtime_ns)
    return record


def take_back_copy(
    run: Quarantine,
    record: CopyRecord,
    compare: Compare,
    now: Now,
    moved: Callable[[], None] = lambda: None,
    source: bytes | None = None,
) -> str | None:
    """Remove a copy whose original is at its place; return why it stays, None if it is gone.

    ``moved`` is called when it is not at its place any more, but not yet deleted. ``source`` is
    where the original has to be, if not where the journal says: its drive may be mounted elsewhere.

    Everything in it is compared with the original, where it is and again in the quarantine; it
    stays as a whole, for good, if someone edited it. After any other failure the next undo tries
    again. Raises OSError if the journal cannot be written.
    """
    source = record.source.at(run.base) if source is None else source
    if not record.is_dropped and (not os.path.lexists(source) or _is_held(run, source)):
        return "its original is not back"
    try:
        if record.state in (INTENT, COPIED) and _has_slot(run, record):
            run.journal.note([_discard(run, record, "interrupted", now)])  # nobody has seen it
            return None
    except (ContentDiffers, OSError) as error:
        return _aside(run, record, _cause(error))
    try:
        if not _has_slot(run, record):
            if not _is_there(run, record):
                return _missing(run, record, now)
            compare(_place(run, record), source)
            run.journal.note([replace(record, state=UNDOING, when_ns=now())])
            with _place(run, record).opened() as (folder, name):
                mutations.rename_no_replace(folder, name, run.folder, record.slot)
                mutations.fsync(run.folder)
                mutations.fsync(folder)
        moved()
        seen = compare(run.slot_location(record.slot), source)
    except (ContentDiffers, OSError) as error:
        cause = _cause(error)
        if isinstance(error, ContentDiffers) and not record.is_dropped:
            cause = f"{_named(run, record, error.path)} {cause}"
        try:
            here = _put_again(run, record) if _has_slot(run, record) else record
            if isinstance(error, ContentMissing):
                return _ends(run, here, cause, now)  # someone edited it
            run.journal.note([replace(here, state=DONE, when_ns=now())])
        except (ContentDiffers, OSError):
            return _aside(run, record, cause) if _has_slot(run, record) else cause
        return cause
    try:
        for _ in remove_seen(run, record.slot, seen):
            pass
    except (ContentDiffers, OSError) as error:  # someone writes to it still
        return _aside(run, record, _cause(error))
    mutations.fsync(run.folder)
    return _ends(run, record, None, now)


def _missing(run: Quarantine, record: CopyRecord, now: Now) -> str | None:
    """Say why a copy that is neither in its slot nor at its place stays; None if it was removed."""
    if record.state != DONE:
        return _ends(run, record, None, now)  # a killed run did not make it, or removed it
    if not record.is_dropped:
        return "is missing, or is another folder now"  # and may come back to its place
    _remove_parent(run, record)
    return _ends(run, record, MISSING, now)


def _put_again(run: Quarantine, record: CopyRecord) -> CopyRecord:
    """Put a copy that was being taken back at its place again; return what is known of it then.

    Raises ContentDiffers, OSError.
    """
    with _place(run, record).opened() as (folder, _):
        mtime_ns = os.fstat(folder).st_mtime_ns
    moved = os.stat(record.slot, dir_fd=run.folder, follow_symlinks=False)
    known = run.journal.recorded.starts.get(os.path.dirname(record.path), {})
    is_alone = mtime_ns in known or abs(mtime_ns - moved.st_ctime_ns) <= ONE_CALL_NS
    after_ns = publish(run, replace(record, made_parent=False))
    if is_alone and not record.made_parent:
        return replace(record, parent_after_ns=after_ns)
    return record


def _aside(run: Quarantine, record: CopyRecord, cause: str) -> str:
    return f"{cause}; it is in {path_text(join(run.path, record.slot))}"


def _is_held(run: Quarantine, source: bytes) -> bool:
    """Return whether the original of a copy is still in the quarantine."""
    moves = (move for record in run.journal.recorded.held() for move in record.moves)
    return any(join(run.base, move.path) == source for move in moves)


def _ends(run: Quarantine, record: CopyRecord, cause: str | None, now: Now) -> str | None:
    """Record that a copy is gone, or why it stays for good; return that."""
    if cause is None:
        _remove_parent(run, record)
    run.journal.note([replace(record, state=UNDONE, cause=cause, when_ns=now())])
    return cause


def _named(run: Quarantine, record: CopyRecord, path: bytes) -> str:
    """Return the name of a path in a copy, as the user sees it."""
    tops = (join(run.path, record.slot), join(run.base, record.path))
    inside = next((top for top in tops if path.startswith(top + b"/")), None)
    return path_text(path if inside is None else relative_path(path, inside))


def _has_slot(run: Quarantine, record: CopyRecord) -> bool:
    try:
        os.stat(record.slot, dir_fd=run.folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _is_there(run: Quarantine, record: CopyRecord) -> bool:
    """Return whether there is something like it at the place of a copy: that is compared."""
    try:
        with _place(run, record).opened() as (folder, name):
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return record.is_brought or stat.S_ISDIR(facts.st_mode)


def _discard(run: Quarantine, record: CopyRecord, cause: str, now: Now) -> CopyRecord:
    """Remove a copy that nobody saw, complete or not; return what the journal is to say.

    Raises ContentDiffers, OSError.
    """
    if record.state == COPIED and not _has_slot(run, record) and _is_there(run, record):
        # Others have seen it by now: it is taken back with the run.
        return with_time_after(run, record)
    if _has_slot(run, record):
        remove_all(run, record.slot)
        mutations.fsync(run.folder)
    _remove_parent(run, record)
    return replace(record, state=TAKEN_BACK, cause=cause, when_ns=now())


def _remove_parent(run: Quarantine, record: CopyRecord) -> None:
    """Remove the shelf around a copy, if nothing is in it.

    The one around that gets its time back, unless someone else wrote there. Raises OSError.
    """
    if record.is_dropped:
        remove_emptied_folders(run, record)
    if record.is_brought:
        return
    place = _place(run, record)
    shelf = replace(place, inner=place.parent)
    copies = run.journal.recorded.copies.values()
    made = [each for each in copies if each.made_parent and each.created.path == shelf.inner]
    times = with_time_after(run, made[-1]) if made else None
    before_ns = None if times is None else times.parent_mtime_ns
    after_ns = None if times is None else times.parent_after_ns
    try:
        with shelf.opened() as (folder, name):
            now_ns = os.fstat(folder).st_mtime_ns
            mutations.remove_folder(folder, name)
            if before_ns is not None and now_ns in (before_ns, after_ns):
                with suppress(OSError):
                    mutations.set_mtime(folder, before_ns)
            mutations.fsync(folder)
    except OSError as error:
        if error.errno not in _STAYS and not is_vanished(error):
            raise

"""Keep new files in a scanned folder, as a run that can be taken back.

Each file is written to a slot of the run, where nobody else sees it, compared with the digest that
was asked for, synced, and moved to its place by a rename that replaces nothing. The journal says
beforehand what will be done, so that a killed run leaves nothing half done: the next one removes
what is in slots. Files are kept in small batches, so that one sync of the journal serves many.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count

from gorillacomb.classify.secrets import is_secret
from gorillacomb.dedupe.apply.locks import locked_roots
from gorillacomb.dedupe.apply.undo import finish_interrupted_runs
from gorillacomb.dedupe.collapse.own_items import OwnItem
from gorillacomb.dedupe.collapse.shelf import NameRules
from gorillacomb.dedupe.copies.dropped import make_folders, remove_emptied_folders
from gorillacomb.dedupe.copies.run_copies import finish_copies, publish
from gorillacomb.dedupe.model import DROP, StepProblem
from gorillacomb.dedupe.quarantine.bases import bases_of, quarantine_base
from gorillacomb.dedupe.quarantine.journal_entries import (
    COPIED,
    COPY_SLOT,
    DONE,
    INTENT,
    OMNIDROP,
    TAKEN_BACK,
    CopyRecord,
    JournalContents,
    KeptCopy,
)
from gorillacomb.dedupe.quarantine.run import Quarantine, create_run, new_run_id
from gorillacomb.dedupe.roots import LiveRoot
from gorillacomb.drop.model import Advance, ContentChanged, DroppedFile
from gorillacomb.drop.names import why_not_alone
from gorillacomb.errors import RefusedForSafety
from gorillacomb.fs import mutations
from gorillacomb.fs.drive_errors import LOST_DRIVE
from gorillacomb.fs.location import ContentDiffers, FileLocation
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import join, join_relative, path_text, relative_path
from gorillacomb.fs.volumes import COARSEST_GRAIN_NS
from gorillacomb.hashing import blake3_of_parts

_BATCH = 64
_BATCH_BYTES = 256 << 20
_ENDS_THE_RUN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, *LOST_DRIVE})
"""The errors after which no other file could be kept either."""
_NO_ORIGINAL = KeptCopy(b"/", False)
NOT_ASKED_FOR = "is not the content that was asked for: it changed since"


@dataclass(slots=True)
class DropOutcome:
    """What became of the files that were to be kept."""

    run: str
    folder: bytes = b""
    """The absolute path of the folder that was made for them; empty if nothing was kept."""
    kept: list[DroppedFile] = field(default_factory=list)
    """The files that are there now, by their names in that folder."""
    problems: list[StepProblem] = field(default_factory=list)
    """What was not kept, and why."""
    recovered: list[StepProblem] = field(default_factory=list)
    """What earlier runs had left half done, and what became of it."""


def keep_files(
    root: LiveRoot,
    into: bytes,
    files: Sequence[DroppedFile],
    ended: Callable[[DropOutcome], None],
    advance: Advance,
    now: Callable[[], int] = time.time_ns,
) -> DropOutcome:
    """Keep files in a new folder below ``Omnidrop`` in a folder of a root.

    ``ended`` is called with the outcome in any case, also after Ctrl-C, while the locks are held.
    Raises RefusedForSafety if another run holds a lock or there is no room, OSError if no run can
    be begun there or its journal cannot be written.
    """
    outcome = DropOutcome(new_run_id(now()))
    above = join(into, OMNIDROP)
    base = quarantine_base(root.path, join(above, b"x"))
    with locked_roots({root.path, base}):
        for each in bases_of(root):
            outcome.recovered += finish_interrupted_runs(each, now)
        _refuse_unfit(above, files)
        journal = JournalContents(outcome.run, "", DROP, base, now())
        run = create_run(root.path, base, journal)
        keeper = _Keeper(run, above, outcome, advance, now)
        try:
            keeper.keep(files)
        finally:
            keeper.settle()
            run.close()
            ended(outcome)
    return outcome


def _refuse_unfit(above: bytes, files: Sequence[DroppedFile]) -> None:
    """Raise RefusedForSafety if the folder for drops is none, or the disk has no room."""
    if os.path.lexists(above) and (os.path.islink(above) or not os.path.isdir(above)):
        raise RefusedForSafety(
            f"{path_text(above)} is not a folder: nothing is kept in it.", "Rename it."
        )
    space = os.statvfs(os.path.dirname(above))
    free, needed = space.f_bavail * space.f_frsize, sum(each.size for each in files)
    if needed > free:
        raise RefusedForSafety(
            f"The new files have {needed:,} bytes, and only {free:,} are free in"
            f" {path_text(os.path.dirname(above))}.",
            "Nothing was kept. Make room, or name a folder on another drive.",
        )


@dataclass(slots=True)
class _Keeper:
    """Keeps the files of one run; the caller holds the locks."""

    run: Quarantine
    above: bytes
    """The absolute path of the folder for all drops."""
    outcome: DropOutcome
    advance: Advance
    now: Callable[[], int]
    _top: bytes = b""
    """The folder of this drop, relative to the base; empty until it exists."""
    _steps: Iterator[int] = field(default_factory=lambda: count(1))
    _begun_files: dict[str, DroppedFile] = field(default_factory=dict)
    """By step."""
    _over: str | None = None
    """Why no more files are kept."""

    def keep(self, files: Sequence[DroppedFile]) -> None:
        """Keep files in batches; what becomes of each is added to the outcome."""
        names = NameRules.of(os.path.dirname(self.above))
        batch: list[DroppedFile] = []
        size = 0
        for each in files:
            item = OwnItem(each.name, None, 1, each.size, False)
            longest = join(self.above, b"0000-00-00 (99)")
            why = why_not_alone(each.name) or names.refusal(longest, item)
            if why is not None:
                self._tell(each, why)
                continue
            batch.append(each)
            size += each.size
            if len(batch) >= _BATCH or size >= _BATCH_BYTES:
                self._try_batch(batch)
                batch, size = [], 0
        if batch:
            self._try_batch(batch)

    def settle(self) -> None:
        """Finish what is half done, and take into the outcome all that is there now."""
        with suppress(OSError):  # the next run tries it again
            finish_copies(self.run, self.now)
        records = self.run.journal.recorded.copies
        states = {step: each.state for step, each in records.items()}
        counted = set(map(id, self.outcome.kept))
        for step, each in self._begun_files.items():
            if states.get(step) == DONE and id(each) not in counted:
                self.outcome.kept.append(each)
        for record in records.values():
            if record.state == TAKEN_BACK:
                with suppress(OSError):  # an empty folder stays
                    remove_emptied_folders(self.run, record)
        if not self.outcome.kept:
            self.outcome.folder = b""

    def _try_batch(self, files: Sequence[DroppedFile]) -> None:
        """Keep some files; without a journal, no more are kept."""
        told = len(self.outcome.problems)
        try:
            self._keep_batch(files)
        except OSError as error:
            self._over = os_error_text(error)
            names = {each.path for each in self.outcome.problems[told:]}
            kept = set(map(id, self.outcome.kept))
            for each in files:
                if id(each) not in kept and each.name not in names:
                    self._tell(each, self._over)

    def _tell(self, file: DroppedFile, cause: str) -> None:
        self.outcome.problems.append(StepProblem(file.name, cause))
        self.advance(1, 0)

    def _keep_batch(self, files: Sequence[DroppedFile]) -> None:
        if self._over is not None:
            for each in files:
                self._tell(each, self._over)
            return
        written: list[tuple[DroppedFile, CopyRecord]] = []
        ended: list[CopyRecord] = []
        for each, record in self._begun(files):
            why = self._over or self._write(each, record)
            if why is None:
                written.append((each, replace(record, state=COPIED, when_ns=self.now())))
            else:
                self._tell(each, why)
                ended.append(self._discarded(record, why))
        self.run.journal.note([*(record for _, record in written), *ended])
        mutations.fsync(self.run.folder)
        ended = []
        for each, record in written:
            try:
                publish(self.run, record)
            except (ContentDiffers, OSError) as error:
                why = error.cause if isinstance(error, ContentDiffers) else self._cause(error)
                self._tell(each, why)
                ended.append(self._discarded(record, why))
            else:
                ended.append(replace(record, state=DONE, when_ns=self.now()))
                self.outcome.kept.append(each)
                self.advance(1, 0)
        self.run.journal.note(ended)

    def _begun(self, files: Sequence[DroppedFile]) -> list[tuple[DroppedFile, CopyRecord]]:
        """Note what will be done, and make the folder of the drop if that is the first."""
        steps = [f"drop-{next(self._steps)}" for _ in files]
        self._begun_files.update(zip(steps, files, strict=True))
        for number in count(1):
            top = self._top or self._free_name(number)
            if not top:
                continue
            found = [
                (each, self._record(each, step, top))
                for each, step in zip(files, steps, strict=True)
            ]
            self.run.journal.note([record for _, record in found])
            if self._top or self._made(top):
                break
            self.run.journal.note([self._discarded(record, "taken") for _, record in found])
        return found

    def _free_name(self, number: int) -> bytes:
        """Return the name of a folder for this drop, relative to the base; empty if it is taken."""
        day = time.strftime("%Y-%m-%d", time.localtime(self.now() // 10**9)).encode()
        path = join(self.above, day if number == 1 else b"%b (%d)" % (day, number))
        return b"" if os.path.lexists(path) else relative_path(path, self.run.base)

    def _made(self, top: bytes) -> bool:
        """Create the folder of the drop; return False if the name was taken at that moment."""
        place = FileLocation(self.run.base, self.run.identity, top, COARSEST_GRAIN_NS)
        around = relative_path(os.path.dirname(self.above), self.run.base)
        make_folders(self.run, top, around)
        with place.opened() as (folder, name):
            try:
                mutations.make_folder(folder, name, 0o755)
            except FileExistsError:
                return False
        self._top = top
        self.outcome.folder = join(self.run.base, top)
        return True

    def _record(self, file: DroppedFile, step: str, top: bytes) -> CopyRecord:
        return CopyRecord(
            step,
            INTENT,
            _NO_ORIGINAL,
            join_relative(top, file.name),
            COPY_SLOT + step.encode(),
            (),
            1,
            file.size,
            when_ns=self.now(),
            digest=file.digest,
            top=top,
        )

    def _write(self, file: DroppedFile, record: CopyRecord) -> str | None:
        """Write a file to its slot, and compare it with what was asked for; return why not."""
        try:
            slot = mutations.create(self.run.folder, record.slot)
            try:
                with file.file.content.opened() as pieces:
                    digest = blake3_of_parts(self._copied(pieces, slot, file.size))
                if digest != file.digest or os.fstat(slot).st_size != file.size:
                    return NOT_ASKED_FOR
                mutations.set_mode(slot, self._mode(file))
                if file.file.mtime_ns is not None:
                    mutations.set_mtime(slot, file.file.mtime_ns)
                mutations.fsync(slot)
            finally:
                os.close(slot)
        except ContentChanged as changed:
            return str(changed)
        except OSError as error:
            return self._cause(error)
        return None

    def _mode(self, file: DroppedFile) -> int:
        """Return the mode of a file, which is not less private than it was. Raises OSError."""
        if is_secret(os.path.basename(file.name)):
            return 0o600 | file.file.mode & 0o100
        return file.file.mode & (file.file.content.allowed_in(self.outcome.folder) | 0o700)

    def _copied(self, pieces: Iterator[memoryview], file: int, size: int) -> Iterator[memoryview]:
        """Write pieces to a new file, and pass them on. Raises ContentChanged, OSError."""
        at = 0
        for piece in pieces:
            if at + len(piece) > size:
                raise ContentChanged(NOT_ASKED_FOR)
            mutations.write_piece(file, piece, at, False)
            at += len(piece)
            self.advance(0, len(piece))
            yield piece
        mutations.set_size(file, at)

    def _cause(self, error: OSError) -> str:
        """Return the text of an error; remember it if no other file could be kept either."""
        text = os_error_text(error)
        if isinstance(error, mutations.CannotMove):
            text = f"{error.strerror}"
        if error.errno in _ENDS_THE_RUN:
            self._over = text
        return text

    def _discarded(self, record: CopyRecord, cause: str) -> CopyRecord:
        """Remove what is in a slot; return what the journal is to say, if that could be done."""
        try:
            mutations.remove(self.run.folder, record.slot)
        except FileNotFoundError:
            pass  # it was not begun
        except OSError:
            return record  # the next run tries it again
        return replace(record, state=TAKEN_BACK, cause=cause, when_ns=self.now())

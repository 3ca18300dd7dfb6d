"""The quarantine: ``.gorillacomb/quarantine/RUN`` in a root, where what was set aside waits.

It lies on the file system of what it holds, so that a rename is enough; in a folder that a service
keeps in step with the cloud it lies inside of that, so that nothing leaves it. The folder in which
``.gorillacomb`` stands is called the *base*.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass

from gorillacomb.classify.cloud_folders import cloud_folder_around
from gorillacomb.dedupe.quarantine.journal import (
    HELD,
    NAME,
    NO_JOURNAL,
    PURGED,
    PURGING,
    REPAIR,
    JournalContents,
    JournalWriter,
    MovedItem,
    StepRecord,
    parse_journal_header,
    read_journal,
)
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs import mutations
from gorillacomb.fs.location import FileLocation
from gorillacomb.fs.openat import FILE_FLAGS, FOLDER_FLAGS, OUR_FOLDER, OpenFolders, identity_of
from gorillacomb.fs.paths import is_below, join, relative_path
from gorillacomb.fs.racy import COARSEST_GRAIN_NS
from gorillacomb.json_paths import path_from_json, path_to_json

QUARANTINE = b"quarantine"
_BASES = b"bases.jsonl"
_MOST_HEADER = 1 << 20
_MOST_BASES = 1 << 20
"""Bytes."""


def quarantine_base(root: bytes, path: bytes) -> bytes:
    """The folder in whose quarantine a path below a root is set aside."""
    return cloud_folder_around(root, path) or root


def new_run_id(now_ns: int) -> str:
    """A name for a run: when it began (UTC), and something random."""
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now_ns // 1_000_000_000))
    return f"{moment}-{secrets.token_hex(3)}"


@dataclass(slots=True)
class Quarantine:
    """The open folder of a run in one base."""

    base: bytes
    folder: int
    journal: JournalWriter

    @property
    def path(self) -> bytes:
        return run_folder(self.base, self.journal.recorded.run)

    def slot_location(self, slot: bytes, grain_ns: int = COARSEST_GRAIN_NS) -> FileLocation:
        """Where something set aside lies."""
        return FileLocation(self.path, identity_of(os.fstat(self.folder)), slot, grain_ns)

    def original_location(self, move: MovedItem) -> FileLocation:
        """Where something stood that was set aside. Raises OSError where the base is gone."""
        return FileLocation(
            self.base, identity_of(os.stat(self.base)), move.path, COARSEST_GRAIN_NS
        )

    @property
    def repairs(self) -> bool:
        """Whether it puts good copies in the place of damaged files."""
        return self.journal.recorded.action == REPAIR

    def has_slot(self, move: MovedItem) -> bool:
        """Whether something that was set aside lies here still. Raises OSError."""
        try:
            os.stat(move.slot, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def has_done(self, record: StepRecord) -> bool:
        """Whether a step is done and not taken back, be its things here or deleted.

        Who takes it back may have been killed before that was written.
        """
        if record.state in (PURGING, PURGED):
            return True
        return record.state in HELD and any(map(self.has_slot, record.moves))

    def close(self) -> None:
        self.journal.close()
        os.close(self.folder)


def run_folder(base: bytes, run: str) -> bytes:
    """The path of a run's folder."""
    return join(base, b"/".join((OUR_FOLDER, QUARANTINE, run.encode())))


def open_our_folder(base: int, make: bool = False) -> int:
    """A descriptor of ``.gorillacomb`` in an open folder. Raises OSError."""
    return _open_below(base, OUR_FOLDER, make)


def _open_below(parent: int, name: bytes, make: bool) -> int:
    if make:
        before = os.fstat(parent).st_mtime_ns
        try:
            mutations.make_folder(parent, name)
        except FileExistsError:
            pass  # it was made by an earlier run
        else:
            mutations.set_mtime(parent, before)  # ours is no change of what is theirs
    return os.open(name, FOLDER_FLAGS, dir_fd=parent)


def create_run(root: bytes, base: bytes, recorded: JournalContents) -> Quarantine:
    """Make the folder of a run in a base and begin its journal. Raises OSError."""
    top = os.open(base, FOLDER_FLAGS & ~os.O_NOFOLLOW)
    own = quarantine = -1
    try:
        own = _open_below(top, OUR_FOLDER, True)
        quarantine = _open_below(own, QUARANTINE, True)
        mutations.make_folder(quarantine, recorded.run.encode())
        folder = os.open(recorded.run.encode(), FOLDER_FLAGS, dir_fd=quarantine)
    finally:
        for each in (top, own, quarantine):
            if each >= 0:
                os.close(each)
    try:
        if base != root:
            _remember(root, base)
        return Quarantine(base, folder, JournalWriter.begin(folder, recorded))
    except BaseException:
        os.close(folder)
        raise


def _remember(root: bytes, base: bytes) -> None:
    """Note in the root that it has a quarantine elsewhere too."""
    if base in quarantine_bases(root):
        return
    folder = os.open(join(root, OUR_FOLDER), FOLDER_FLAGS)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(_BASES, flags, 0o600, dir_fd=folder)
        try:
            mutations.append_durably(
                file, json.dumps(path_to_json(relative_path(base, root))).encode() + b"\n"
            )
        finally:
            os.close(file)
        mutations.fsync(folder)
    finally:
        os.close(folder)


def quarantine_bases(root: bytes) -> list[bytes]:
    """The folders in a root that have quarantines: the root itself, and synced folders in it."""
    found = [root]
    for line in _lines_of(join(root, join(OUR_FOLDER, _BASES))):
        # Torn, or not ours.
        with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            base = os.path.normpath(join(root, path_from_json(json.loads(line))))
            if is_below(base, root) and base not in found and b"\0" not in base:
                found.append(base)
    return found


def _lines_of(path: bytes) -> list[bytes]:
    """The lines of a small file of ours; none for what is not there or is no file."""
    try:
        file = os.open(path, FILE_FLAGS)
    except OSError:
        return []
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return []
        return os.read(file, _MOST_BASES).splitlines()
    finally:
        os.close(file)


def list_runs(base: bytes) -> list[str]:
    """The runs that have something set aside in a base, oldest first."""
    found = []
    for name, run in _runs(base):
        # One without a whole header has not begun to do anything.
        if _holds_more(run) and _header_of(run) is not None:
            found.append(name)
    return found


def runs_of_plan(base: bytes, plan: str) -> list[str]:
    """The runs in a base that carried out a plan, given by its uid, oldest first."""
    found = []
    for name, run in _runs(base):
        with suppress(*NO_JOURNAL):
            header = _header_of(run)
            if header is not None and parse_journal_header(json.loads(header)).plan == plan:
                found.append(name)
    return found


def later_run_holding(run: Quarantine, path: bytes) -> str | None:
    """Another run that has set aside what stood at a path, or a folder around it."""
    for name in list_runs(run.base):
        if name == run.journal.recorded.run:
            continue
        with suppress(UntrustedInput, OSError):
            for record in read_run(run.base, name).held():
                moves = () if record.moves[0].contents else record.moves
                if any(is_below(path, join(run.base, move.path)) for move in moves):
                    return name
    return None


def _runs(base: bytes) -> list[tuple[str, bytes]]:
    """The names and paths of all runs in a base."""
    folder = join(base, join(OUR_FOLDER, QUARANTINE))
    try:
        with os.scandir(folder) as entries:
            # A link is not ours, wherever it leads.
            names = sorted(each.name for each in entries if each.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [(os.fsdecode(name), join(folder, name)) for name in names]


def is_empty_run(base: bytes, run: str) -> bool:
    """Whether a run was cut short while its journal was made, before it did anything here."""
    folder = run_folder(base, run)
    journal = join(folder, NAME)
    return os.path.isfile(journal) and _header_of(folder) is None and not _holds_more(folder)


def _holds_more(run: bytes) -> bool:
    """Whether something stands in a run's folder besides its journal."""
    try:
        return bool(set(os.listdir(run)) - {NAME})
    except OSError:
        return False


def _header_of(run: bytes) -> bytes | None:
    """The first line of a run's journal; None where there is none, or half of it."""
    try:
        file = os.open(join(run, NAME), FILE_FLAGS)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        header, end, _ = os.read(file, _MOST_HEADER).partition(b"\n")
        return header if end else None
    finally:
        os.close(file)


def read_run(base: bytes, run: str) -> JournalContents:
    """What the journal of a run says. Raises Untrusted, OSError."""
    folder = _open_run(base, run)
    try:
        return read_journal(folder, run_folder(base, run))
    finally:
        os.close(folder)


def _open_run(base: bytes, run: str) -> int:
    """A descriptor of a run's folder, reached without following a link."""
    folders = OpenFolders(base)
    try:
        return os.dup(folders.open(b"/".join((OUR_FOLDER, QUARANTINE, run.encode()))))
    finally:
        folders.close()


@contextmanager
def _closing(run: Quarantine) -> Iterator[Quarantine]:
    try:
        yield run
    finally:
        run.close()


def open_run(base: bytes, run: str) -> AbstractContextManager[Quarantine]:
    """Open a run that was begun before, to go on with its journal. Raises Untrusted, OSError."""
    folder = _open_run(base, run)
    try:
        recorded = read_journal(folder, run_folder(base, run))
        return _closing(Quarantine(base, folder, JournalWriter.resume(folder, recorded)))
    except BaseException:
        os.close(folder)
        raise


def base_of_run(folder: bytes) -> tuple[bytes, str]:
    """Base and run of a run's folder, given by its path. Raises ValueError."""
    parts = folder.rstrip(b"/").split(b"/")
    if parts[-3:-1] != [OUR_FOLDER, QUARANTINE] or len(parts) < 4:
        raise ValueError("it is no folder of a run in a quarantine")
    return b"/".join(parts[:-3]) or b"/", os.fsdecode(parts[-1])

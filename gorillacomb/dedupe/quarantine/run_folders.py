"""The folders of runs in quarantines: which runs a base has, and what is in their folders.

Only the first line of a journal is read here, so checking for runs is cheap.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from gorillacomb.dedupe.quarantine.bases import QUARANTINE, known_bases
from gorillacomb.dedupe.roots import LiveRoot
from gorillacomb.fs.openat import FILE_FLAGS, OUR_FOLDER, FileIdentity, OpenFolders, identity_of
from gorillacomb.fs.paths import join

JOURNAL = b"journal.jsonl"
PURGE_MARK = b".purging-"
"""Begins the names of empty files: each names a slot whose deletion began while the disk was too
full for a line in the journal."""
SPARE_MARK = PURGE_MARK + b"when-the-disk-is-full"
"""An empty file that becomes such a mark: XFS creates none on a full disk, but renames."""
_MOST_HEADER = 1 << 20
"""Bytes."""


def has_runs(roots: Iterable[LiveRoot]) -> bool:
    """Return whether a quarantine in or around some roots has items of any run."""
    return any(map(list_runs, known_bases(roots)))


def run_folder(base: bytes, run: str) -> bytes:
    """Return the path of a run's folder."""
    return join(base, b"/".join((OUR_FOLDER, QUARANTINE, run.encode())))


def list_runs(base: bytes) -> list[str]:
    """List the runs with quarantined items in a base, oldest first."""
    begun = ((name, header_of_run(run)) for name, run in all_runs(base) if run_slots(base, name))
    return [name for name, header in begun if header is not None]


def begun_runs(base: bytes) -> list[str]:
    """List the runs in a base, oldest first; one without a complete header has not begun."""
    return [name for name, run in all_runs(base) if header_of_run(run) is not None]


def all_runs(base: bytes) -> list[tuple[str, bytes]]:
    """Return the names and paths of all runs in a base."""
    folder = join(base, join(OUR_FOLDER, QUARANTINE))
    try:
        with os.scandir(folder) as entries:
            # A link is not ours, wherever it leads.
            names = sorted(each.name for each in entries if each.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [(os.fsdecode(name), join(folder, name)) for name in names]


def run_slots(base: bytes, run: str) -> frozenset[bytes]:
    """Return the names in a run's folder except our own; none if it cannot be read."""
    try:
        names = frozenset(os.listdir(run_folder(base, run))) - {JOURNAL}
        return frozenset(name for name in names if not name.startswith(PURGE_MARK))
    except OSError:
        return frozenset()


def is_empty_run(base: bytes, run: str) -> bool:
    """Return whether a run was interrupted before it did anything but create its journal."""
    folder = run_folder(base, run)
    journal = join(folder, JOURNAL)
    return os.path.isfile(journal) and header_of_run(folder) is None and not run_slots(base, run)


def header_of_run(run: bytes) -> bytes | None:
    """Read the first line of a run's journal; None if it is missing or incomplete."""
    try:
        file = os.open(join(run, JOURNAL), FILE_FLAGS)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        header, end, _ = os.read(file, _MOST_HEADER).partition(b"\n")
        return header if end else None
    finally:
        os.close(file)


def open_run_folder(base: bytes, run: str) -> tuple[int, FileIdentity]:
    """Open a run's folder without following a link; return its descriptor and that of its base."""
    folders = OpenFolders(base)
    try:
        identity = identity_of(os.fstat(folders.open(b"")))
        folder = folders.open(b"/".join((OUR_FOLDER, QUARANTINE, run.encode())))
        return os.dup(folder), identity
    finally:
        folders.close()

"""What runs quarantined, as it is shown, and the jobs that put it back or delete it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from gorillacomb.api.dedupe.chosen_run import nearest_paths
from gorillacomb.api.dedupe.expected import quarantine_digest
from gorillacomb.api.dedupe.history import ItemState, RunDetails, read_run_details
from gorillacomb.api.documents.status import QuarantineListDocument, quarantine_documents
from gorillacomb.api.server.jobs import Job, JobRequest, start
from gorillacomb.dedupe.quarantine.bases import base_of_run
from gorillacomb.dedupe.quarantine.inventory import (
    QuarantinedRun,
    quarantined_runs,
    recorded_runs,
)
from gorillacomb.dedupe.quarantine.items import items_at
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.fs.openat import OpenFolders
from gorillacomb.fs.paths import is_below, join, path_text, relative_path
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.vault.vault import Vault

__all__ = [
    "QuarantineList",
    "QuarantinedFolder",
    "list_quarantine",
    "list_quarantined_folder",
    "purge_shown",
    "undo",
    "why_not_waiting",
]

_MOST_LISTED = 100_000
"""Entries of a folder that are looked at, to be listed by name."""


@dataclass(frozen=True, slots=True)
class QuarantineList:
    """What runs have in quarantines on connected drives."""

    runs: tuple[QuarantinedRun, ...]

    @property
    def files(self) -> int:
        """Files in them."""
        return sum(run.files for run in self.runs)

    @property
    def bytes(self) -> int:
        """Bytes on disk of those."""
        return sum(run.size for run in self.runs)

    @property
    def digest(self) -> str:
        """BLAKE3 of the list, 64 hex digits."""
        return quarantine_digest(self.runs)

    def to_dict(self) -> QuarantineListDocument:
        """Return the list as a document."""
        document = {
            "items": quarantine_documents(self.runs),
            "files": self.files,
            "bytes": self.bytes,
            "digest": self.digest,
        }
        return cast(QuarantineListDocument, document)


def list_quarantine(vault: Vault, run: str | None = None) -> QuarantineList:
    """Return what is in quarantines, of all runs or of one. Raises VaultError."""
    with Index.read(vault) as index, translate_errors(vault):
        found = quarantined_runs(live_roots_of(index))
    return QuarantineList(tuple(each for each in found if run in (None, each.run)))


@dataclass(frozen=True, slots=True)
class QuarantinedEntry:
    """A file or folder in a folder that is in the quarantine."""

    path: bytes
    """Where it was, absolute."""
    is_folder: bool
    size: int | None
    """Bytes of its content; None for what is not a regular file, or disappeared since."""


@dataclass(frozen=True, slots=True)
class QuarantinedFolder:
    """A part of what is directly in a folder that is in the quarantine."""

    top: bytes
    """The folder that the run moved as a whole: this one, or one around it. Where it was."""
    entries: tuple[QuarantinedEntry, ...]
    """Folders first, then by name."""
    total: int
    """How many entries the folder has."""
    is_cut: bool
    """Whether there are more, which are not listed."""


def list_quarantined_folder(
    vault: Vault, run: str, path: bytes, after: int, limit: int
) -> QuarantinedFolder:
    """List what a folder contained that a run moved, as far as it is still in the quarantine.

    ``path`` is where the folder was, ``after`` how many entries are skipped. Raises UsageError if
    the run has no such folder there, VaultError.
    """
    items = read_run_details(vault, run).items()
    around = [
        item
        for item in items
        if item.kind != "file" and item.state is ItemState.WAITING and is_below(path, item.path)
    ]
    if not around:
        raise _not_there(path)
    item = max(around, key=lambda each: len(each.path))
    folders = OpenFolders(item.aside)
    try:
        here = folders.open(relative_path(path, item.path))
        with os.scandir(here) as entries:
            some = list(islice(entries, _MOST_LISTED + 1))
            found = [(not it.is_dir(follow_symlinks=False), os.fsencode(it.name)) for it in some]
        listed = sorted(found[:_MOST_LISTED])
        shown = tuple(
            QuarantinedEntry(join(path, name), not is_file, _size(here, name) if is_file else None)
            for is_file, name in listed[after : after + limit]
        )
    except OSError as error:
        raise _not_there(path) from error
    finally:
        folders.close()
    return QuarantinedFolder(item.path, shown, len(listed), len(found) > len(listed))


def _size(folder: int, name: bytes) -> int | None:
    try:
        facts = os.lstat(name, dir_fd=folder)
    except OSError:
        return None
    return facts.st_size if stat.S_ISREG(facts.st_mode) else None


def _not_there(path: bytes) -> UsageError:
    return UsageError(
        f"No folder of that run that was at {path_text(path)} is in the quarantine.",
        "It was put back or deleted since, or is a file.",
    )


def why_not_waiting(run: RunDetails, path: bytes) -> str | None:
    """Say why nothing at a path can be put back from a run; None if something can, or may.

    That is also None for a run whose quarantine is not found: the undo itself looks further.
    """
    path = os.path.normpath(path)
    named = [base_of_run(folder) for folder in run.quarantines]
    parts = list(recorded_runs((), named))
    items = [item for part in parts for item in items_at(part, path)]
    if not parts or any(item.state is ItemState.WAITING for item in items):
        return None
    if items:
        state = f"{items[-1].state}{f', {cause}' if (cause := items[-1].cause) else ''}"
        return f"{path_text(path)} is not in the quarantine: {state}. Nothing was done."
    waiting = [item.path for item in run.items() if item.state is ItemState.WAITING]
    near = ", ".join(map(path_text, nearest_paths(path, waiting)))
    known = f" The most similar it has: {near}." if near else ""
    return f"This run moved nothing from {path_text(path)}: nothing was done.{known}"


def undo(vault: Vault, run: str, only: Sequence[bytes] = ()) -> Job:
    """Start a job that takes back a run, or ``only`` some of its paths.

    Raises UsageError if there is no such run, VaultError.
    """
    read_run_details(vault, run)
    part = {"only": tuple(map(os.path.normpath, only))} if only else {}
    return start(vault, JobRequest("undo", {"run": run, **part}))


def purge_shown(vault: Vault, run: str | None, digest: str, files: int, size: int) -> Job:
    """Start a job that deletes what is in the quarantine, if it is what was shown.

    Raises RefusedForSafety if it is not, UsageError for a run that has nothing there, VaultError.
    """
    found = list_quarantine(vault, run)
    if not found.runs:
        raise UsageError("There is nothing of that in the quarantine.")
    if (found.digest, found.files, found.bytes) != (digest, files, size):
        raise RefusedForSafety(
            "The quarantine is not what was shown: nothing was done.", "Look at it again."
        )
    expected = {"expect_digest": digest, "expect_files": files}
    return start(vault, JobRequest("purge", {"run": run or "", **expected}))

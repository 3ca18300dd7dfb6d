"""What runs quarantined, as it is shown, and the jobs that put it back or delete it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from gorillacomb.api.dedupe.expected import quarantine_digest
from gorillacomb.api.dedupe.history import read_run_details
from gorillacomb.api.documents.status import QuarantineListDocument, quarantine_documents
from gorillacomb.api.server.jobs import Job, JobRequest, start
from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun, quarantined_runs
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.vault.vault import Vault

__all__ = ["QuarantineList", "list_quarantine", "purge_shown", "undo"]


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

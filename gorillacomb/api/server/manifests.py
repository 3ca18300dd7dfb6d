"""Manifests that jobs of the server have made: what they list, their files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.api.server.jobs import Job, find_job, list_jobs, read_job_result
from gorillacomb.errors import UsageError
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.jobs.folder import MANIFEST
from gorillacomb.vault.vault import Vault

__all__ = [
    "KeptManifest",
    "KeptManifestDocument",
    "ManifestsDocument",
    "list_manifests",
    "read_kept_manifest",
]

_MOST_BYTES = 1 << 30
_ENDING = ".dsse"


class KeptManifestDocument(TypedDict):
    """A manifest that a job has made."""

    id: str
    """That of the job."""
    made_ns: str
    """When, ns since the epoch, as decimal text."""
    folder: PathDocument | None
    """The folder that it lists; null for the canonical files of the only root."""
    file: PathDocument
    """Where it is on the machine of the server, for as long as its job is kept."""
    files: int
    bytes: int
    key: str | None
    """The fingerprint of the key that signed it; null if it is not signed."""


class ManifestsDocument(TypedDict):
    """The manifests that are kept, the latest first."""

    items: list[KeptManifestDocument]


@dataclass(frozen=True, slots=True)
class KeptManifest:
    """A manifest that a job has made."""

    job: Job
    written: Any
    """The document of ``gorillacomb manifest``."""

    def to_dict(self) -> KeptManifestDocument:
        """Return it as a document."""
        document = {
            "id": self.job.id,
            "made_ns": str(self.job.ended_ns or 0),
            "folder": self.job.options.get("path"),
            "file": self.written["written"],
            "files": self.written["files"],
            "bytes": self.written["bytes"],
            "key": self.written["key"],
        }
        return cast(KeptManifestDocument, document)


def list_manifests(vault: Vault) -> list[KeptManifest]:
    """Return the manifests that are kept, the latest first."""
    return list(_found(vault))


def _found(vault: Vault) -> Iterator[KeptManifest]:
    for job in list_jobs(vault):
        if job.kind != "manifest" or not (job.folder / MANIFEST).is_file():
            continue
        written = read_job_result(vault, job.id)
        if written is not None:
            yield KeptManifest(job, written)


def read_kept_manifest(vault: Vault, job: str, *, signature: bool = False) -> bytes:
    """Return a manifest, or the envelope with its signature, as it was written.

    Raises UsageError if there is none.
    """
    file = find_job(vault, job).folder / f"{MANIFEST}{_ENDING if signature else ''}"
    try:
        return read_bounded(file, _MOST_BYTES)
    except FileNotFoundError as error:
        what = "It is not signed." if signature else "That job has made no manifest."
        raise UsageError(what) from error

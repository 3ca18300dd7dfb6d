"""The forks that were found: two checkpoints of one log that contradict each other."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from gorillacomb.api.documents.mesh.nodes import ForkDocument
from gorillacomb.mesh.fork import ForkEvidence, kept_forks
from gorillacomb.vaultmesh.open import anchor_store

__all__ = ["ForkEvidence", "fork_document", "fork_file", "list_forks"]


def list_forks() -> list[ForkEvidence]:
    """Return the forks that were found on this machine. Raises VaultUnwritable, UntrustedInput."""
    return kept_forks(anchor_store())


def fork_file(origin: str) -> str | None:
    """Return the file with the evidence that a log forked; None if there is none."""
    anchors = anchor_store()
    return str(anchors.fork_path(origin)) if anchors.is_forked(origin) else None


def fork_document(fork: ForkEvidence) -> ForkDocument:
    """Return the document of a fork. Raises UntrustedInput for one that was damaged."""
    heads = fork.heads
    return {
        "origin": fork.origin,
        "sizes": [head.size for head in heads],
        "roots": [head.root.hex() for head in heads],
        "source": fork.source,
        "reason": fork.why,
        "found": iso_time(fork.found_at),
        "file": str(anchor_store().fork_path(fork.origin)),
        "checkpoints": [base64.b64encode(each).decode() for each in (fork.first, fork.second)],
    }


def iso_time(seconds: int) -> str | None:
    """Return a time in seconds since 1970 as ISO 8601 in UTC; None for 0."""
    return datetime.fromtimestamp(seconds, UTC).isoformat() if seconds else None

"""Forks: two checkpoints that a log signed and that no single log can have had."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gorillacomb.errors import UntrustedInput, VaultDamaged
from gorillacomb.vaultmesh.anchor import AnchorStore
from gorillacomb.vaultmesh.checkpoint import Checkpoint, parse_checkpoint, verify_checkpoint
from gorillacomb.vaultmesh.jcs import canonical_json, parse_strict
from gorillacomb.vaultmesh.keys.note import VerifierKey


@dataclass(frozen=True, slots=True)
class ForkEvidence:
    """Two checkpoints of one log, both signed by it, that contradict each other."""

    origin: str
    first: bytes
    """The one that was known here, a signed note."""
    second: bytes
    """The other one."""
    source: str
    """Who had the other one."""
    why: str
    """In words."""
    found_at: int
    """When it was found: s since 1970, UTC."""

    @property
    def heads(self) -> tuple[Checkpoint, Checkpoint]:
        """Both checkpoints, parsed. Raises UntrustedInput."""
        return parse_checkpoint(self.first)[0], parse_checkpoint(self.second)[0]

    def keep(self, anchors: AnchorStore) -> Path:
        """Write it apart from the vault; return the path. The first of a log is kept.

        Raises VaultUnwritable.
        """
        fields = {
            "origin": self.origin,
            "first": base64.b64encode(self.first).decode(),
            "second": base64.b64encode(self.second).decode(),
            "source": self.source,
            "why": self.why,
            "found_at": self.found_at,
        }
        return anchors.write_fork(self.origin, canonical_json(fields), (self.first, self.second))


def kept_forks(anchors: AnchorStore) -> list[ForkEvidence]:
    """Return the forks that were found. Raises VaultUnwritable, VaultDamaged."""
    found = []
    for path, data in anchors.forks():
        try:
            found.append(_parsed(data))
        except UntrustedInput as error:
            raise VaultDamaged(
                f"The file {path} is damaged: {error.message}",
                "The two checkpoints of that fork are beside it; move that file away.",
            ) from error
    return found


def _parsed(data: bytes) -> ForkEvidence:
    fields = parse_strict(data, "The evidence of a fork")
    try:
        return ForkEvidence(
            str(fields["origin"]),
            base64.b64decode(fields["first"], validate=True),
            base64.b64decode(fields["second"], validate=True),
            *(str(fields["source"]), str(fields["why"]), int(fields["found_at"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UntrustedInput(f"The evidence of a fork is damaged: {error}.") from error


def signed_head(note: bytes, logs: Iterable[VerifierKey], what: str) -> Checkpoint:
    """Return the head in a checkpoint that one of a log's keys signed. Raises UntrustedInput."""
    keys = list(logs)
    found = verify_checkpoint(note, [key.public for key in keys], what)
    if found.origin not in {key.name for key in keys}:
        raise UntrustedInput(f"{what} is of another log, {found.origin[:80]}.")
    return found

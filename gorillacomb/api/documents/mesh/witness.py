"""The documents of `gorillacomb mesh witness`."""

from __future__ import annotations

from typing import TypedDict

from gorillacomb.api.documents.paths import PathDocument


class WitnessKeysDocument(TypedDict):
    """A witness, and the public keys that others check its cosignatures with."""

    name: str
    vkeys: list[str]
    """C2SP verifier keys of its cosignatures: Ed25519, then ML-DSA-44."""
    folder: PathDocument
    """The folder with its private keys."""


class WitnessLogDocument(TypedDict):
    """What a witness knows of one log."""

    origin: str | None
    """Null for a record that cannot be read, of a log that is not trusted."""
    hash: str
    """The SHA-256 of the origin, in hex: monitors ask for it."""
    trusted_keys: int
    """Keys that are trusted for it; 0 for a log that was cosigned and is not trusted any more."""
    size: int | None
    """Entries of the checkpoint that was cosigned last; null for none."""
    cosigned_ns: int | None
    """When that was; null for never."""
    trouble: str | None
    """Why nothing of it is cosigned now; null if it is."""
    fork: PathDocument | None
    """The second of two checkpoints of one size that the log signed; null if there is none."""


class WitnessDocument(WitnessKeysDocument):
    """A witness, its keys, and the logs that it trusts or has cosigned."""

    logs: list[WitnessLogDocument]


class WitnessTrustDocument(TypedDict):
    """Which keys of logs are trusted now, or are not any more."""

    changed: list[str]
    """C2SP verifier keys that were added or removed; those trusted already are not among them."""


class WitnessRecoverDocument(TypedDict):
    """What a witness knows of its logs, after recovering some."""

    recovered: list[str]
    """The origins whose records were replaced by a peer's newer checkpoint."""
    logs: list[WitnessLogDocument]

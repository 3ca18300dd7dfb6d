"""The documents of `gorillacomb trace` and `keys` with ``--json``."""

from __future__ import annotations

from typing import Literal, TypedDict

from gorillacomb.api.documents.paths import PathDocument

TraceEntry = dict[str, object]
"""An entry of the trace as it was signed: always ``seq``, ``time_ns`` and ``event``, the others by
the event; later versions may add events, and fields to the entries of known ones."""


class TraceLogDocument(TypedDict):
    """The last entries of the trace."""

    entries: list[TraceEntry]
    """The oldest of them first."""


class TraceVerifyDocument(TypedDict):
    """Whether the trace is as it was signed."""

    ok: bool
    entries: int
    root: str
    """The root of the Merkle tree over the entries as they are, in hex."""
    first_bad: int | None
    """The first entry that is not as it was signed; null where there is none, or nobody can
    tell."""
    reason: str | None
    """What is wrong; null when all is well."""
    anchor: Literal["consistent", "none"]
    """``none`` when this machine has no checkpoint of the trace outside the vault."""
    checkpoint: Literal["consistent", "unknown"] | None
    """How the trace compares with the checkpoint that was given; null where none was."""


class ProofDocument(TypedDict):
    """What a proof proves; one that proves nothing is an error."""

    ok: Literal[True]
    seq: int
    """The entry's number."""
    size: int
    """Entries of the trace when the proof was made."""
    entry: TraceEntry


class AdoptDocument(TypedDict):
    """A new log that follows an old one."""

    log: str
    """The id of the new log."""
    adopts: str | None
    """The id of the old one; null where that could not be read."""
    entries: int | None
    """Entries of the old one."""
    kept: PathDocument | None
    """Where the old trace is now; null where there was none."""


class KeyInitDocument(TypedDict):
    """A key that was made."""

    kind: Literal["ed25519", "rsa", "ecdsa"]
    fingerprint: str
    """The short name of its public key."""
    folder: str
    """Where its file is."""


class KeyRotateDocument(TypedDict):
    """The key that signs the trace from now on."""

    key: str | None
    """The C2SP verifier key, ``name+id+base64``."""

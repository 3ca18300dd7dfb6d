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
    """The entries, oldest first."""


class TraceVerifyDocument(TypedDict):
    """Whether the trace is as it was signed."""

    ok: bool
    entries: int
    root: str
    """The root hash of the Merkle tree over the entries as they are, in hex."""
    first_bad: int | None
    """The first entry that is not as it was signed; null if there is none, or it is unknown."""
    reason: str | None
    """What is wrong; null if all is well."""
    anchor: Literal["consistent", "none"]
    """``none`` if this machine has no checkpoint of the trace outside the vault."""
    checkpoint: Literal["consistent", "unknown"] | None
    """How the trace compares with the given checkpoint; null if none was given."""


class ProofDocument(TypedDict):
    """What a proof proves; an invalid proof is an error."""

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
    """The id of the old one; null if that could not be read."""
    entries: int | None
    """Entries of the old one."""
    kept: PathDocument | None
    """Where the old trace is now; null if there was none."""


class KeyInitDocument(TypedDict):
    """A key that was created."""

    kind: Literal["ed25519", "rsa", "ecdsa"]
    fingerprint: str
    """The short name of its public key."""
    folder: str
    """Where its file is."""


class KeyRotateDocument(TypedDict):
    """The key that signs the trace from now on."""

    key: str | None
    """The C2SP verifier key, ``name+id+base64``."""

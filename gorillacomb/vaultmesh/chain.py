"""The chain of entries: each has its number and the hash of the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from gorillacomb.errors import UntrustedInput, VaultRolledBack
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.entries import VERSION, FirstStamp, LedgerEntry
from gorillacomb.vaultmesh.error_text import NO_REPAIR
from gorillacomb.vaultmesh.jcs import canonical_json, canonical_json_fast, parse_own
from gorillacomb.vaultmesh.keys.note import VerifierKey

FIRST_PREV = "0" * 64
"""The previous hash of the first entry."""


class ChainedEntry(NamedTuple):
    """An entry as stored, in its place in the chain."""

    seq: int
    data: bytes
    """Canonical JSON."""
    leaf: bytes
    """Its leaf hash in the Merkle tree, 32 bytes; the next entry contains it."""


def chain_entries(
    bodies: Iterable[LedgerEntry], seq: int, prev: str, time_ns: int
) -> Iterator[ChainedEntry]:
    """Turn bodies into entries, the first with the number ``seq`` and chained to ``prev``.

    ``prev`` is the leaf hash of the entry before it in hex, or FIRST_PREV; see `prev_of`.
    """
    moment = str(time_ns)
    for number, body in enumerate(bodies, seq):
        if isinstance(body, FirstStamp):
            data = body.written(prev, number, moment)
        else:
            written = canonical_json_fast(
                {**body, "v": VERSION, "seq": number, "prev": prev, "time_ns": moment}
            )
            data = b"%b" % written  # a copy: it occupies all of the buffer it was written to
        leaf = merkle.leaf_hash(data)
        yield ChainedEntry(number, data, leaf)
        prev = leaf.hex()


def prev_of(before: bytes | None) -> str:
    """Return an entry's previous hash, given the bytes of the one before it; None for the first."""
    return FIRST_PREV if before is None else merkle.leaf_hash(before).hex()


def read_chained(entry: Any, seq: int) -> tuple[bytes, dict[str, Any] | None]:
    """Return the leaf hash of a stored entry, and its fields.

    The fields are None if it is not a valid form of entry number ``seq``. Whether it is chained to
    the entry before it is for the caller to check.
    """
    if not isinstance(entry, bytes):
        return b"", None
    try:
        fields = parse_own(entry)
        sound = (
            isinstance(fields, dict)
            and fields["seq"] == seq
            and isinstance(fields["event"], str)
            and len(bytes.fromhex(fields["prev"])) == 32
            and canonical_json(fields) == entry
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        sound = False
    return merkle.leaf_hash(entry), fields if sound else None


def public_key_of_entry(entry: dict[str, Any]) -> bytes:
    """Return the public key that a genesis or rotate-key entry names. Raises VaultRolledBack."""
    try:
        return VerifierKey.parse(entry["key"]).public
    except (KeyError, TypeError, AttributeError, ValueError, UntrustedInput):
        raise VaultRolledBack("An entry of the trace names a damaged key.", NO_REPAIR) from None


def log_id_of_genesis(genesis: object) -> str:
    """Return the id of the log that a genesis begins. Raises VaultRolledBack."""
    log = genesis.get("log") if isinstance(genesis, dict) else None
    if not isinstance(log, str) or len(log) != 32 or not all(c in "0123456789abcdef" for c in log):
        raise VaultRolledBack("The first entry of the trace is not a genesis.", NO_REPAIR)
    return log

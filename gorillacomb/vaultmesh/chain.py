"""The chain of entries: each one has its number and names the hash of the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.entries import VERSION, EntryBody
from gorillacomb.vaultmesh.jcs import canonical_json, canonical_json_fast, parse_own

FIRST_PREV = "0" * 64
"""What the first entry names, which has none before it."""


class ChainedEntry(NamedTuple):
    """An entry as it is stored, in its place in the chain."""

    seq: int
    data: bytes
    """Canonical JSON."""
    leaf: bytes
    """Its leaf hash in the Merkle tree, 32 bytes; the next entry names it."""


def chain_entries(
    bodies: Iterable[EntryBody], seq: int, prev: str, time_ns: int
) -> Iterator[ChainedEntry]:
    """Make entries of bodies, the first with the number ``seq``, named after ``prev``.

    ``prev`` is the leaf hash of the entry before it in hex, or FIRST_PREV; see `prev_of`.
    """
    moment = str(time_ns)
    for number, body in enumerate(bodies, seq):
        data = canonical_json_fast(
            {**body, "v": VERSION, "seq": number, "prev": prev, "time_ns": moment}
        )
        leaf = merkle.leaf_hash(data)
        yield ChainedEntry(number, data, leaf)
        prev = leaf.hex()


def prev_of(before: bytes | None) -> str:
    """Return what an entry names, given the bytes of the one before it; None for the first."""
    return FIRST_PREV if before is None else merkle.leaf_hash(before).hex()


def read_chained(entry: Any, seq: int) -> tuple[bytes, dict[str, Any] | None]:
    """Return the leaf hash of what is stored as an entry, and its fields.

    The fields are None if it has not the form that entry number ``seq`` has to have. Whether it
    names the entry before it is for the caller to compare.
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

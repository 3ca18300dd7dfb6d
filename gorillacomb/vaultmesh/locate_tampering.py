"""Find the first bad entry when the chain of entries is broken.

The break alone does not reveal it: an edited entry and its successor no longer fit together. But
every entry contains the hash of its predecessor, so the entries after the break state what was
there, and the stored tree and the checkpoints prove whether that is true.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gorillacomb.errors import UntrustedInput, VaultError
from gorillacomb.vaultmesh import checkpoint as checkpoints
from gorillacomb.vaultmesh import jcs, merkle
from gorillacomb.vaultmesh.ledger import STORED_FROM, Ledger

BLOCK = 1 << STORED_FROM
"""Entries in the smallest stored subtree."""


def locate_tampering(ledger: Ledger, start: int, leaves: Sequence[bytes], at: int) -> int | None:
    """Return the seq of the first bad entry; None if nothing proves which one it is.

    The chain is intact up to ``at`` - 1 and broken there; ``leaves`` are the hashes of the entries
    from ``start``, where a block begins, to ``at`` - 1. Entries of the block before the returned
    one are proven.
    """
    named, last = _named_behind(ledger, start, at)
    roots = _roots(ledger, start)
    edited = [(at, 0), (at, -1), (at - 1, 0)]
    inserted = [(at - back, by) for by in range(1, BLOCK) for back in range(by + 1)]
    for first, shift in edited + inserted:
        if first < start:
            continue
        # The entry after `place` names the hash of what was there; a dropped or inserted entry
        # shifted it by one.
        told: list[bytes] = []
        for place in range(first, start + BLOCK):
            leaf = named.get(place + 1 + shift)
            if leaf is None and place + shift == ledger.size - 1 and last is not None:
                leaf = merkle.leaf_hash(jcs.canonical_json({**last, "seq": place}))
            if leaf is None:
                break
            told.append(leaf)
        block = [*leaves[: first - start], *told]
        if _fits(ledger, start, block, first - start + (first < at), roots):
            return first
    if leaves and leaves[-1] in named.values():  # entries were swapped
        return at
    return None


def _named_behind(
    ledger: Ledger, start: int, at: int
) -> tuple[dict[int, bytes], dict[str, Any] | None]:
    """Return the previous hash in each entry from ``at`` on; and the last entry's fields."""
    named: dict[int, bytes] = {}
    last = None
    for seq, entry in ledger.entries(at):
        if seq > start + 2 * BLOCK:
            break
        last = None
        try:
            fields = jcs.parse_own(entry)
            named[seq] = bytes.fromhex(fields["prev"])
            jcs.canonical_json(fields)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # not an entry
        last = fields
    return named, last


def _fits(
    ledger: Ledger, start: int, leaves: Sequence[bytes], least: int, roots: dict[int, bytes]
) -> bool:
    """Check, by tree or checkpoint, that ``least`` or more of these leaves begin a block.

    ``roots`` are those in the checkpoints, by size.
    """
    block = merkle.MerkleFrontier()
    try:
        frontier = merkle.MerkleFrontier(start, ledger.node)
        for count, leaf in enumerate(leaves, 1):
            for edge in (frontier, block):
                edge.extend((leaf,))
            if count < least:
                continue
            if frontier.root() == roots.get(start + count):
                return True
            if count == BLOCK and block.root() == ledger.node(STORED_FROM, start >> STORED_FROM):
                return True
    except VaultError:  # the tree is damaged too
        return False
    return False


def _roots(ledger: Ledger, start: int) -> dict[int, bytes]:
    """Return the roots in the checkpoints for sizes within the block."""
    found = {}
    for size, note in ledger.tables.checkpoints():
        if start < size <= start + BLOCK:
            try:
                found[size] = checkpoints.parse_checkpoint(note)[0].root
            except (UntrustedInput, TypeError, AttributeError):
                continue
    return found

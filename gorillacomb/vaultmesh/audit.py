"""Checking every entry of a ledger: chain, tree, signatures, anchor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gorillacomb.errors import GorillaCombError, Untrusted, VaultError
from gorillacomb.vaultmesh import checkpoint as checkpoints
from gorillacomb.vaultmesh import jcs, merkle
from gorillacomb.vaultmesh.ledger import FIRST_PREV, STORED_FROM, Ledger, key_in

_STEP = 10_000


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found."""

    entries: int
    root: bytes
    """The root over the entries as they are, 32 bytes."""
    first_bad: int | None = None
    """The seq of the first entry that is not as it was signed; None when that cannot be told."""
    reason: str | None = None
    """What is wrong, in words; None when all is well."""
    anchor: str = "none"
    """``consistent``, or ``none`` when this machine has no checkpoint of the log outside it."""

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return self.reason is None


class _Bad(Exception):
    def __init__(self, seq: int | None, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq
        self.reason = reason


@dataclass(slots=True)
class _Walk:
    """One pass over the entries."""

    frontier: merkle.Frontier = field(default_factory=merkle.Frontier)
    leaves: list[bytes] = field(default_factory=list)
    """The hashes of the last few entries, to tell which one of two does not fit."""
    key_entries: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    """Roots at the sizes for which there is a checkpoint."""
    stored: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """Stored subtrees that no entry has led to yet."""
    wrong_node: tuple[int, int] | None = None
    wrong_from: int = 0
    """The first entry under that node."""

    def append(self, leaf: bytes) -> None:
        """Add an entry to the tree, and compare each subtree that it completes with the stored."""
        for level, place, found in self.frontier.append(leaf):
            if self.stored.pop((level, place), None if level >= STORED_FROM else found) == found:
                continue
            if self.wrong_node is None:
                self.wrong_node, self.wrong_from = (level, place), place << level


def audit(
    ledger: Ledger,
    kept: bytes | None = None,
    keys: list[bytes] | None = None,
    advance: Callable[[int], None] | None = None,
) -> Audit:
    """Check a ledger from its first entry to its last, against all that was signed.

    ``kept`` is a checkpoint that the user put away; ``keys`` are public keys (32 bytes each) to
    trust instead of those in the user's key folder. Problems are in the result, not raised.
    """
    walk = _Walk()
    try:
        trusted = ledger.trusted_keys() if keys is None else keys
        if not trusted:
            raise _Bad(None, "it is signed by none of the keys that are known here")
        notes = [(size, note, "its checkpoint") for size, note in ledger.checkpoints()]
        anchored = ledger.anchored()
        if anchored is not None:
            notes.append((-1, anchored, "the anchor outside the vault"))
        if kept is not None:
            notes.append((-1, kept, "the checkpoint that you kept"))
        signed = [(*_opened(note, trusted, what), size) for size, note, what in notes]
        walk.stored = {(level, place): each for level, place, each in ledger.subtrees()}
        _walk_entries(ledger, walk, {found.size for found, _, _ in signed}, advance)
        _check_checkpoints(ledger, walk, signed)
        _check_tree(walk)
        _check_keys(ledger, walk, trusted)
    except _Bad as bad:
        return Audit(walk.frontier.size, walk.frontier.root(), bad.seq, bad.reason)
    except (VaultError, Untrusted) as error:
        return Audit(walk.frontier.size, walk.frontier.root(), None, error.message)
    anchor = "none" if anchored is None else "consistent"
    return Audit(walk.frontier.size, walk.frontier.root(), None, None, anchor)


Signed = tuple[checkpoints.Checkpoint, str, int]
"""A checkpoint, what it is called, and the size under which it was stored (-1: kept elsewhere)."""


def _opened(note: bytes, trusted: list[bytes], what: str) -> tuple[checkpoints.Checkpoint, str]:
    try:
        return checkpoints.verified(note, trusted, what), what
    except GorillaCombError as error:
        raise _Bad(None, error.message) from None


def _walk_entries(
    ledger: Ledger, walk: _Walk, sizes: set[int], advance: Callable[[int], None] | None
) -> None:
    prev = FIRST_PREV
    broken: int | None = None
    for expected, (seq, entry) in enumerate(ledger.entries()):
        if seq != expected:
            raise _Bad(expected, f"entry {expected} is missing")
        leaf, fields = _read(entry, seq)
        if broken is not None:
            # Entry `broken` does not follow from the one before. Where the next one vouches for
            # `broken`, it is the one before that was changed.
            raise _Bad(
                broken - 1 if fields["prev"] == prev else broken,
                "the chain of entries is broken there",
            )
        if fields["prev"] != prev:
            if seq == 0:
                raise _Bad(0, "the first entry names one before it")
            broken = seq
            walk.leaves = [bytes.fromhex(fields["prev"]), leaf]
        walk.append(leaf)
        if fields["event"] in ("genesis", "rotate-key"):
            walk.key_entries.append(seq)
            walk.keys.append(key_in(fields))
        prev = leaf.hex()
        if seq + 1 in sizes:
            walk.roots[seq + 1] = walk.frontier.root()
        if advance is not None and not (seq + 1) % _STEP:
            advance(_STEP)
    if broken is not None:
        raise _Bad(
            _which_of_the_last_two(ledger, walk, broken), "the chain of entries is broken there"
        )


def _which_of_the_last_two(ledger: Ledger, walk: _Walk, last: int) -> int:
    """Nothing vouches for the last entry: the signed root tells if it fits, or the one before."""
    frontier = merkle.Frontier(last - 1, ledger.node)
    for leaf in walk.leaves:
        for _ in frontier.append(leaf):
            pass
    for size, note in ledger.checkpoints():
        found, _ = checkpoints.parse(note)
        if size == last + 1 and found.root == frontier.root():
            return last - 1
    return last


def _read(entry: Any, seq: int) -> tuple[bytes, dict[str, Any]]:
    """The leaf hash and fields of an entry that has the form that every entry has."""
    if not isinstance(entry, bytes):
        raise _Bad(seq, "its entry is no blob")
    try:
        fields = jcs.load(entry)
        sound = (
            isinstance(fields, dict)
            and fields["seq"] == seq
            and isinstance(fields["event"], str)
            and len(bytes.fromhex(fields["prev"])) == 32
            and jcs.canonical(fields) == entry
        )
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise _Bad(seq, "it is not an entry in canonical JSON with that number")
    return merkle.leaf_hash(entry), fields


def _check_checkpoints(ledger: Ledger, walk: _Walk, signed: list[Signed]) -> None:
    """Every checkpoint fits the entries, and the last one covers them all."""
    size, good = walk.frontier.size, 0
    for found, what, stored in sorted(signed, key=lambda each: each[0].size):
        if found.origin != ledger.origin:
            raise _Bad(
                0 if stored >= 0 else None, f"{what} is that of another log ({found.origin})"
            )
        if found.size > size:
            raise _Bad(size, f"entries from {size} on are missing: {what} covers {found.size:,}")
        if stored not in (-1, found.size):
            raise _Bad(None, f"the checkpoint over {stored:,} entries was swapped for another one")
        if walk.roots[found.size] != found.root:
            # A forger who did not mend the stored tree too is betrayed by its first wrong part.
            first = good if walk.wrong_node is None else max(good, walk.wrong_from)
            raise _Bad(first, f"the entries {good} to {found.size - 1} are not those of {what}")
        good = found.size
    covered = max((found.size for found, _, stored in signed if stored >= 0), default=0)
    if covered < size:
        raise _Bad(covered, f"entries from {covered} on were never signed")


def _check_tree(walk: _Walk) -> None:
    """The stored tree is that of the entries: writers and proofs build on it."""
    if walk.wrong_node is not None:
        level, place = walk.wrong_node
        raise _Bad(None, f"the stored tree is wrong at level {level}, place {place}")
    if walk.stored:
        raise _Bad(None, f"the stored tree reaches beyond the {walk.frontier.size:,} entries")


def _check_keys(ledger: Ledger, walk: _Walk, trusted: list[bytes]) -> None:
    if ledger.public_keys() != walk.keys:
        raise _Bad(None, "the list of entries that name a key is wrong")
    if walk.keys[-1] not in trusted:
        raise _Bad(walk.key_entries[-1], "it names a key that is not known here")

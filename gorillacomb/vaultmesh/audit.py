"""Check every entry of a ledger: chain, tree, signatures, anchor."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gorillacomb import sqlite
from gorillacomb.errors import UntrustedInput, VaultError
from gorillacomb.vaultmesh import checkpoint as checkpoints
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.chain import (
    FIRST_PREV,
    log_id_of_genesis,
    public_key_of_entry,
    read_chained,
)
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.keys.note import SignedNote, VerifierKey
from gorillacomb.vaultmesh.ledger import (
    ORIGIN,
    STORED_FROM,
    Ledger,
)
from gorillacomb.vaultmesh.locate_tampering import BLOCK, locate_tampering

_STEP = 10_000
_ANCHOR = "the anchor outside the vault"
_NAMES_A_KEY = ("genesis", "rotate-key")
_LEAST = -(1 << 63)
"""The least row number: entries could be hidden below 0."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit."""

    entries: int
    root: bytes
    """The root over the current entries, 32 bytes."""
    first_bad: int | None = None
    """The seq of the first entry that is not as it was signed, or that no valid signature covers;
    None if that is unknown, or if the entries are sound and something else is not."""
    reason: str | None = None
    """What is wrong, in words; None if nothing is."""
    anchor: str = "none"
    """``consistent``, or ``none`` if this machine has no checkpoint of the log outside the
    vault."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.reason is None


class _BadEntry(Exception):
    def __init__(self, seq: int | None, reason: str) -> None:
        super().__init__(reason)
        self.seq = seq
        self.reason = reason


@dataclass(slots=True)
class _AuditPass:
    """One pass over the entries."""

    frontier: merkle.MerkleFrontier = field(default_factory=merkle.MerkleFrontier)
    block: list[bytes] = field(default_factory=list)
    """The hashes of the last entries, from the start of a block: one to `BLOCK` of them."""
    waiting: int = 0
    """How many of them, the last ones, are not in the tree yet: several at once are faster."""
    log: str = ""
    """The id of the log, from its first entry."""
    key_entries: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    """Roots at the sizes of checkpoints."""
    stored: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """Stored subtrees that no entry has completed yet."""
    least: int = STORED_FROM
    """The lowest level of subtrees to compare."""
    wrong_node: tuple[int, int] | None = None
    wrong_from: int = 0
    """The first entry below that node."""

    def append(self, leaf: bytes) -> None:
        """Add an entry."""
        block = self.block
        if len(block) == BLOCK:
            self.grow()
            block.clear()
        block.append(leaf)
        self.waiting += 1

    def grow(self) -> None:
        """Have all entries in the tree; compare each completed subtree with the stored one."""
        leaves = self.block[len(self.block) - self.waiting :]
        self.waiting = 0
        for level, place, found in self.frontier.extend(leaves, self.least):
            if self.stored.pop((level, place), None if level >= STORED_FROM else found) == found:
                continue
            if self.wrong_node is None:
                self.wrong_node, self.wrong_from = (level, place), place << level


@dataclass(frozen=True, slots=True)
class _ReadCheckpoint:
    """A parsed checkpoint with its signatures not yet checked."""

    checkpoint: Checkpoint
    note: SignedNote
    what: str
    stored: int | None
    """The size under which the trace stores it; None if it is kept elsewhere."""
    strict: bool
    """Whether we wrote it, so that it must have valid signatures of the log's keys and no
    others."""


def audit(
    ledger: Ledger,
    kept: bytes | None = None,
    keys: list[bytes] | None = None,
    advance: Callable[[int], None] | None = None,
) -> AuditReport:
    """Check a ledger from first to last entry, against everything that was signed.

    ``kept`` is a checkpoint that the user kept; ``keys`` are public keys (32 bytes each) to trust
    instead of those in the user's key folder. Problems are in the result, not raised, except
    KeyMissing.
    """
    walk = _AuditPass()
    try:
        strange = ledger.tables.unexpected_objects()
        if strange is not None:
            raise _BadEntry(None, f"its table or trigger {strange!r} is not as it was made")
        signed, unread = _read_checkpoints(ledger, kept)
        walk.stored = {(level, place): each for level, place, each in ledger.tables.subtrees()}
        if any(level in range(STORED_FROM) for level, _ in walk.stored):
            walk.least = 1  # the program stores none of those: they were added
        try:
            _walk_entries(ledger, walk, {each.checkpoint.size for each in signed}, advance)
        finally:
            walk.grow()
        if not walk.frontier.size:
            raise _BadEntry(0, "it has no entries")
        trusted = ledger.our_keys() if keys is None else keys
        _check_checkpoints(walk, signed, unread, trusted)
        _check_tree(walk)
        _check_keys(ledger, walk, signed)
        damage = ledger.tables.damage()
        if damage is not None:
            raise _BadEntry(None, f"SQLite finds it damaged: {damage}")
        ledger.refuse_forked()
    except _BadEntry as bad:
        return AuditReport(walk.frontier.size, walk.frontier.root(), bad.seq, bad.reason)
    except (VaultError, UntrustedInput) as error:
        reason = error.message.rstrip(".")
        return AuditReport(walk.frontier.size, walk.frontier.root(), None, reason)
    except sqlite.DatabaseError as error:
        reason = f"it is damaged: {error}"
        return AuditReport(walk.frontier.size, walk.frontier.root(), None, reason)
    anchor = "consistent" if any(each.what == _ANCHOR for each in signed) else "none"
    return AuditReport(walk.frontier.size, walk.frontier.root(), None, None, anchor)


def _read_checkpoints(
    ledger: Ledger, kept: bytes | None
) -> tuple[list[_ReadCheckpoint], str | None]:
    """Return all readable checkpoints, and why the first unreadable one is so."""
    found, problem = [], None

    def read(note: Any, what: str, stored: int | None, strict: bool) -> None:
        nonlocal problem
        try:
            if not isinstance(note, bytes):
                raise UntrustedInput(f"{what} is not a blob.")
            found.append(
                _ReadCheckpoint(*checkpoints.parse_checkpoint(note, what), what, stored, strict)
            )
        except UntrustedInput as error:
            problem = problem or error.message.rstrip(".")

    for size, note in ledger.tables.checkpoints():
        read(note, f"its checkpoint over {size:,} entries", size, True)
    try:
        anchored = ledger.anchored()
        if anchored is not None:
            read(anchored, _ANCHOR, None, True)
    except VaultError as error:
        problem = problem or error.message.rstrip(".")
    if kept is not None:
        read(kept, "the checkpoint that you kept", None, False)
    return found, problem


def _walk_entries(
    ledger: Ledger, walk: _AuditPass, sizes: set[int], advance: Callable[[int], None] | None
) -> None:
    prev = FIRST_PREV
    for seq, entry in _entries(ledger):
        leaf, fields = read_chained(entry, seq)
        if fields is None:
            first = _first_bad(ledger, walk, seq)
            raise _BadEntry(
                seq if first is None else first,
                "it is not an entry in canonical JSON with that number",
            )
        if fields["prev"] != prev:
            if seq == 0:
                raise _BadEntry(0, "the first entry names one before it")
            first = _first_bad(ledger, walk, seq)
            # No entry of that block is proven if it is unknown which one is bad.
            raise _BadEntry(
                seq - len(walk.block) if first is None else first,
                "the chain of entries is broken there",
            )
        walk.append(leaf)
        if seq == 0 or fields["event"] in _NAMES_A_KEY:
            _note_key(walk, seq, fields)
        prev = leaf.hex()
        if seq + 1 in sizes:
            walk.grow()
            walk.roots[seq + 1] = walk.frontier.root()
        if advance is not None and not (seq + 1) % _STEP:
            advance(_STEP)


def _entries(ledger: Ledger) -> Iterator[tuple[int, Any]]:
    """Yield (seq, entry) without a gap; raise _BadEntry at one."""
    expected = 0
    try:
        for seq, entry in ledger.entries(_LEAST):
            if seq < 0:
                raise _BadEntry(seq, "there is an entry before the first one")
            if seq != expected:
                raise _BadEntry(expected, f"entry {expected:,} is missing")
            yield seq, entry
            expected += 1
    except sqlite.DatabaseError as error:
        raise _BadEntry(expected, f"entry {expected:,} cannot be read: {error}") from None


def _first_bad(ledger: Ledger, walk: _AuditPass, seq: int) -> int | None:
    """Return the first bad entry if entry ``seq`` does not fit; None if unknown."""
    walk.grow()
    start = seq - len(walk.block)
    if walk.wrong_node is not None and walk.wrong_from < start:
        return walk.wrong_from  # the chain was forged from there on
    return locate_tampering(ledger, start, walk.block, seq)


def _note_key(walk: _AuditPass, seq: int, fields: dict[str, Any]) -> None:
    """Take the log's id and keys from the entries that name them; raise _BadEntry for bad ones."""
    if (fields["event"] == "genesis") != (seq == 0):
        raise _BadEntry(seq, "a log begins with a genesis, and with nothing else")
    try:
        if seq == 0:
            walk.log = log_id_of_genesis(fields)
        if fields["event"] in _NAMES_A_KEY:
            walk.keys.append(public_key_of_entry(fields))
            walk.key_entries.append(seq)
    except VaultError as error:
        raise _BadEntry(seq, error.message.rstrip(".")) from None


def _check_checkpoints(
    walk: _AuditPass,
    signed: Sequence[_ReadCheckpoint],
    problem: str | None,
    trusted: Sequence[bytes],
) -> None:
    """Check that every checkpoint is sound and fits the entries, and that the last covers all.

    ``problem`` describes a checkpoint that could not be read.
    """
    size, vouched, covered = walk.frontier.size, 0, 0
    unknown = None
    for each in sorted(signed, key=lambda each: each.checkpoint.size):
        found = each.checkpoint
        wrong = _problem_of(walk, each, trusted)
        problem = problem or wrong
        if wrong is not None:
            continue
        if not _key_at(walk, found.size, trusted) & {*trusted}:
            unknown = "it is signed by a key that is not known here"
            continue
        if found.size > size:
            first = walk.wrong_from if walk.wrong_node is not None else size
            raise _BadEntry(
                first, f"entries from {size:,} on are missing: {each.what} covers {found.size:,}"
            )
        if walk.roots.get(found.size) != found.root:
            raise _BadEntry(
                _unvouched(walk, vouched),
                f"the entries {vouched:,} to {found.size - 1:,} are not those of {each.what}",
            )
        vouched = found.size
        if each.stored is not None:
            covered = found.size
    if not trusted:
        raise _BadEntry(None, "no key to check it with is known here")
    if vouched < size:
        raise _BadEntry(
            _unvouched(walk, vouched),
            problem or unknown or f"entries from {vouched:,} on were never signed",
        )
    if problem is not None:
        raise _BadEntry(None, problem)
    if covered < size:
        raise _BadEntry(None, f"its checkpoint over {size:,} entries is missing")


def _unvouched(walk: _AuditPass, vouched: int) -> int:
    """Return the first entry without a valid signature, if entries from ``vouched`` on are bad.

    A forger who did not also fix the stored tree is exposed by its first wrong part.
    """
    return vouched if walk.wrong_node is None else max(vouched, walk.wrong_from)


def _key_at(walk: _AuditPass, size: int, trusted: Sequence[bytes]) -> set[bytes]:
    """Return the keys that may have signed at a size of the log: just one, if it reached that size.

    A key no longer signs once it was rotated.
    """
    if size > walk.frontier.size:
        return set(trusted)
    return {walk.keys[max(bisect_left(walk.key_entries, size) - 1, 0)]}


def _problem_of(walk: _AuditPass, each: _ReadCheckpoint, trusted: Sequence[bytes]) -> str | None:
    """Return why a checkpoint does not confirm this log; None if it does."""
    found = each.checkpoint
    if found.origin != ORIGIN + walk.log:
        return f"{each.what} is that of another log ({found.origin})"
    if each.stored not in (None, found.size):
        return f"{each.what} was swapped for another one"
    keys = [VerifierKey(found.origin, key) for key in {*walk.keys, *trusted}]
    try:
        signers = {key.public for key in each.note.signers(keys)}
    except UntrustedInput as error:
        return f"{each.what}: {error.message.rstrip('.')}"
    due = _key_at(walk, found.size, trusted)
    if not due & signers:
        return f"{each.what} is not signed by the key that the trace had then"
    if each.strict and len(each.note.signatures) != len(signers):
        return f"{each.what} has a signature that is not the trace's"
    if found.size in walk.roots and walk.roots[found.size] != found.root:
        return None if due & {*trusted} else f"{each.what} is not of these entries"
    return None


def _check_tree(walk: _AuditPass) -> None:
    """Check that the stored tree matches the entries: writers and proofs build on it."""
    if walk.wrong_node is not None:
        level, place = walk.wrong_node
        raise _BadEntry(None, f"the stored tree is wrong at level {level}, place {place}")
    if walk.stored:
        raise _BadEntry(None, f"the stored tree reaches beyond the {walk.frontier.size:,} entries")


def _check_keys(ledger: Ledger, walk: _AuditPass, signed: Sequence[_ReadCheckpoint]) -> None:
    """Check that the key list matches the entries, and that each key was introduced by the last."""
    if ledger.tables.key_entries() != walk.key_entries:
        raise _BadEntry(None, "the list of entries that name a key is wrong")
    stored = {each.stored: each for each in signed}
    for number, seq in enumerate(walk.key_entries[1:]):
        handover = stored.get(seq + 1)
        old = VerifierKey(ORIGIN + walk.log, walk.keys[number])
        if handover is None or not handover.note.signers([old]):
            raise _BadEntry(
                None, f"the key that entry {seq:,} names was not signed by the one before"
            )

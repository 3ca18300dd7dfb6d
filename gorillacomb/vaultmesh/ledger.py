"""The ledger: the entries of the trace, their Merkle tree, and its signed checkpoints.

Entries are appended in batches. A batch, its tree nodes and the checkpoint over them form one
transaction, so no entry is ever without a signature; the checkpoint is released, to the anchor
outside the vault, only after the commit.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gorillacomb.errors import UntrustedInput, VaultDamaged, VaultError, VaultRolledBack
from gorillacomb.vaultmesh import checkpoint as checkpoints
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.anchor import AnchorStore
from gorillacomb.vaultmesh.chain import (
    chain_entries,
    log_id_of_genesis,
    prev_of,
    public_key_of_entry,
)
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.entries import EntryBody, LedgerEntry
from gorillacomb.vaultmesh.error_text import FORKED, ROLLED_BACK, SEE_VERIFY, translate_errors
from gorillacomb.vaultmesh.jcs import parse_own
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.store import TraceStore

ORIGIN = "gorillacomb/"
"""The origin of a log is this followed by its id."""
STORED_FROM = 3
"""Smaller subtrees are not stored but computed from their entries, which saves most of the
space."""
_BATCH = 2_500
NowNs = Callable[[], int]


@dataclass(frozen=True, slots=True)
class LogHead:
    """Size and root of a ledger."""

    log: str
    """The id of the log, 32 hex digits."""
    size: int
    root: bytes


class Ledger:
    """An open trace. A writer must hold the vault's lock."""

    def __init__(
        self,
        tables: TraceStore,
        keys: KeyStore,
        anchors: AnchorStore,
        clock: NowNs = time.time_ns,
    ) -> None:
        self.path = tables.path
        self.tables = tables
        self._keys = keys
        self._anchors = anchors
        self._clock = clock
        self._checked = False
        self._anchored: list[bytes | None] = []
        """The anchor as read at opening; empty to read it on request."""
        self.size = self.tables.count()

    @cached_property
    def _frontier(self) -> merkle.MerkleFrontier:
        # Made on use: an audit must open even what is too damaged to append to.
        return merkle.MerkleFrontier(self.size, self.node)

    @cached_property
    def _prev(self) -> str:
        return prev_of(self.entry(self.size - 1) if self.size else None)

    @classmethod
    def write(
        cls,
        path: Path,
        keys: KeyStore,
        anchors: AnchorStore,
        clock: NowNs = time.time_ns,
    ) -> Self:
        """Open to append; `create.create_log` makes the first.

        Before anything is appended, `check_head` checks that the trace is the one that was signed
        and anchored. Raises VaultError.
        """
        with translate_errors(path):
            tables = TraceStore.write(path)
            try:
                return cls(tables, keys, anchors, clock)
            except BaseException:
                tables.close()
                raise

    @classmethod
    def read(cls, path: Path, keys: KeyStore, anchors: AnchorStore) -> Self:
        """Open for reading beside a writer, as of one moment. Raises VaultError."""
        with translate_errors(path):
            tables = TraceStore.read(path)
            try:
                ledger = cls(tables, keys, anchors)
                ledger._hold_still()
            except BaseException:
                tables.close()
                raise
        return ledger

    def _hold_still(self) -> None:
        """Read from one snapshot from now on, whatever a writer adds.

        The anchor first: entries that a newer one covers would look missing.
        """
        with suppress(VaultError):  # `anchored` reports it on use
            self._anchored = [self._anchors.read(self.log)]
        self.tables.begin_snapshot()
        self.size = self.tables.count()

    def close(self) -> None:
        """Close the trace; uncommitted entries are dropped."""
        self.tables.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Reading.

    def entry(self, seq: int) -> bytes:
        """Return the exact bytes of an entry. Raises VaultDamaged if it is missing."""
        return self.tables.entry(seq)

    def entries(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield (seq, entry) from ``start`` on, as stored; a forger's may be below 0."""
        return self.tables.entries(start)

    def entries_backward(self) -> Iterator[tuple[int, bytes]]:
        """Yield (seq, entry), newest first."""
        return self.tables.entries_backward()

    def node(self, level: int, place: int) -> bytes:
        """Return the hash of the perfect subtree of 2^level entries starting at place * 2^level."""
        if level == 0:
            return merkle.leaf_hash(self.entry(place))
        if level < STORED_FROM:
            left, right = self.node(level - 1, 2 * place), self.node(level - 1, 2 * place + 1)
            return merkle.node_hash(left, right)
        return self.tables.subtree(level, place)

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the tree over the first ``size`` entries, or over all of them."""
        if size is None or size == self.size:
            return self._frontier.root()
        return merkle.subtree_root(0, size, self.node)

    @property
    def log(self) -> str:
        """The id of the log, 32 hex digits."""
        return log_id_of_genesis(self._fields(0))

    @property
    def origin(self) -> str:
        """The origin line of its checkpoints."""
        return ORIGIN + self.log

    @property
    def head(self) -> LogHead:
        """Its current size and root."""
        return LogHead(self.log, self.size, self.root())

    def public_keys(self) -> list[bytes]:
        """Return the Ed25519 public keys that the log names, oldest first, 32 bytes each."""
        return [public_key_of_entry(self._fields(seq)) for seq in self.tables.key_entries()]

    def our_keys(self) -> list[bytes]:
        """Return the Ed25519 public keys in the user's key folder. Raises KeyMissing."""
        return self._keys.publics()

    def trusted_keys(self) -> list[bytes]:
        """Return the log's keys that are also in the user's key folder.

        The log alone proves nothing about its keys: anyone who rewrites it can insert their own.
        """
        ours = set(self.our_keys())
        return [key for key in self.public_keys() if key in ours]

    def _fields(self, seq: int) -> Any:
        """Return an entry's fields. Raises VaultDamaged."""
        try:
            return parse_own(self.entry(seq))
        except ValueError:
            raise VaultDamaged(
                f"Entry {seq} of the trace {self.path} is damaged.", SEE_VERIFY
            ) from None

    def checkpoint(self) -> bytes:
        """Return the last checkpoint, a signed note."""
        return self.tables.checkpoint()

    def anchored(self) -> bytes | None:
        """Return the checkpoint kept outside the vault; None if this machine has none."""
        return self._anchored[0] if self._anchored else self._anchors.read(self.log)

    def inclusion_proof(self, seq: int) -> list[bytes]:
        """Return the audit path of an entry in the current tree."""
        return merkle.inclusion_proof(seq, self.size, self.node)

    # Appending.

    def append(
        self, bodies: Iterable[LedgerEntry], done: Callable[[int], None] | None = None
    ) -> None:
        """Append entries and sign them, in transactions of some thousands.

        On return all of them are on disk, signed and anchored. ``done`` is called with the size
        after each transaction. Raises VaultError.
        """
        batch: list[LedgerEntry] = []
        for body in bodies:
            batch.append(body)
            if len(batch) >= _BATCH:
                self._append_batch(batch)
                batch = []
                if done is not None:
                    done(self.size)
        if batch:
            self._append_batch(batch)
            if done is not None:
                done(self.size)

    def rotate_key(self) -> Ed25519SigningKey:
        """Create a new key and switch to it; the checkpoint of that has both signatures."""
        with translate_errors(self.path):
            self.check_head()
        old = self.signing_key()
        new = self._keys.make("ed25519")
        assert isinstance(new, Ed25519SigningKey)
        body = {"event": "rotate-key", "key": str(VerifierKey(self.origin, new.public))}
        self._append_batch([body], names_key=True, also=old)
        return new

    def begin(self, after: EntryBody) -> None:
        """Write the genesis into empty tables, with the fields ``after`` too. Raises VaultError."""
        log = secrets.token_hex(16)
        key = self._keys.ed25519()
        body = {
            "event": "genesis",
            "log": log,
            "key": str(VerifierKey(ORIGIN + log, key.public)),
            **after,
        }
        self._append_batch([body], names_key=True, first_key=key)

    def _append_batch(
        self,
        bodies: Sequence[LedgerEntry],
        names_key: bool = False,
        also: Ed25519SigningKey | None = None,
        first_key: Ed25519SigningKey | None = None,
    ) -> None:
        with translate_errors(self.path):
            if not self._checked and self.size:
                self.check_head()
            state = (self.size, self._prev)
            try:
                with self.tables.transaction():
                    note = self._signed_batch(bodies, names_key, also, first_key)
            except BaseException:
                self.size, self._prev = state
                self._frontier = merkle.MerkleFrontier(self.size, self.node)
                raise
        self._checked = True
        self._anchors.write(self.log, note)

    def _signed_batch(
        self,
        bodies: Sequence[LedgerEntry],
        names_key: bool,
        also: Ed25519SigningKey | None,
        first_key: Ed25519SigningKey | None,
    ) -> bytes:
        """Write entries and the checkpoint over them; return that."""
        self._put(bodies)
        if names_key:
            self.tables.put_key(self.size - 1)
        key = first_key or self.signing_key()
        signers = [key] if also is None else [also, key]
        note = Checkpoint(self.origin, self.size, self._frontier.root()).signed(signers)
        self.tables.put_checkpoint(self.size, note)
        return note

    def _put(self, bodies: Sequence[LedgerEntry]) -> None:
        entries = list(chain_entries(bodies, self.size, self._prev, self._clock()))
        nodes = self._frontier.extend([entry.leaf for entry in entries], STORED_FROM)
        self.tables.put([(entry.seq, entry.data) for entry in entries], nodes)
        self._prev, self.size = entries[-1].leaf.hex(), entries[-1].seq + 1

    def signing_key(self) -> Ed25519SigningKey:
        """Return the key that signs new entries. Raises KeyMissing, VaultRolledBack."""
        keys = self.public_keys()
        if not keys:
            raise VaultRolledBack(f"The trace {self.path} names no key any more.", SEE_VERIFY)
        return self._keys.find(keys[-1])

    def refuse_rolled_back(self) -> None:
        """Raise VaultRolledBack early, before long work: the anchor is ahead, or the log forked."""
        self.refuse_forked()
        kept = self.anchored()
        if kept is None:
            return
        try:
            ahead = checkpoints.parse_checkpoint(kept, "The anchor")[0].size > self.size
        except UntrustedInput as error:
            raise VaultRolledBack(f"{error.message} ({self.path})", ROLLED_BACK) from None
        if ahead:
            self.check_head()

    def check_head(self) -> None:
        """Check that this is the log last signed and anchored. Raises VaultRolledBack.

        A writer's check: the head, the tree's edge and the anchor, in logarithmic time.
        `audit.audit` checks every single entry.
        """
        self.refuse_forked()
        keys = self.trusted_keys()
        current = self.signing_key().public
        try:
            what = "The last checkpoint of the trace"
            last = checkpoints.verify_checkpoint(self.checkpoint(), [current], what)
            kept = self.anchored()
            anchor = (
                None if kept is None else checkpoints.verify_checkpoint(kept, keys, "The anchor")
            )
        except UntrustedInput as error:
            raise VaultRolledBack(f"{error.message} ({self.path})", ROLLED_BACK) from None
        if (last.origin, last.size, last.root) != (self.origin, self.size, self.root()):
            raise VaultRolledBack(
                f"The trace {self.path} is not the one that was signed: its last checkpoint covers"
                f" {last.size:,} entries, it has {self.size:,}, or others.",
                ROLLED_BACK,
            )
        self._check_last_block()
        if anchor is None:
            self._anchors.write(self.log, self.checkpoint())
        elif anchor.size > self.size or self.root(anchor.size) != anchor.root:
            raise VaultRolledBack(
                f"The trace {self.path} was rolled back or forked: {anchor.size:,} entries were"
                f" signed before, it has {self.size:,}, or others.",
                ROLLED_BACK,
            )
        self._checked = True

    def refuse_forked(self) -> None:
        """Raise VaultRolledBack if another checkpoint of this log contradicts it."""
        if self._anchors.is_forked(self.origin):
            raise VaultRolledBack(
                f"Two checkpoints of the trace {self.path} contradict each other: it forked."
                f" Both are in {self._anchors.fork_path(self.origin)}.",
                FORKED,
            )

    def _check_last_block(self) -> None:
        """Check the entry that the next one is chained to.

        At the end of a block, the root is computed from what is stored, not from the entry itself.
        """
        place, rest = divmod(self.size, 1 << STORED_FROM)
        if rest:
            return
        left, right = (self.node(STORED_FROM - 1, 2 * place - each) for each in (2, 1))
        if merkle.node_hash(left, right) != self.node(STORED_FROM, place - 1):
            raise VaultRolledBack(
                f"The last entries of the trace {self.path} are not those that were signed.",
                ROLLED_BACK,
            )

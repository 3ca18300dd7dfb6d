"""A ledger to be tampered with: 2,000 entries, several checkpoints, a key that was changed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gorillacomb.vaultmesh import entries, jcs, merkle
from gorillacomb.vaultmesh.anchor import AnchorStore
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.create import create_log
from gorillacomb.vaultmesh.entries import LedgerEntry, StampEntry
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.ledger import STORED_FROM, Ledger
from gorillacomb.vaultmesh.store import TraceStore

SIZE = 2000
BATCHES = (1, 104, 300, 704, 1001, 1002, 1003, 1500, 1992, SIZE)
"""The sizes at which there is a checkpoint."""
ROTATED = 1002
"""The entry that names the second key; a batch of its own."""
WEEK = 704
"""The size of the vault that was kept as it was last week."""
Attack = Callable[[sqlite3.Connection], object]


@dataclass(frozen=True)
class World:
    """A home as the command line knows it: keys, anchors and a vault."""

    home: Path

    @property
    def vault(self) -> Path:
        return self.home / "vault"

    @property
    def trace(self) -> Path:
        return self.vault / "trace.db"

    @property
    def keys(self) -> KeyStore:
        return KeyStore(self.home / ".config/gorillacomb/keys")

    @property
    def anchors(self) -> AnchorStore:
        return AnchorStore(self.home / ".local/state/gorillacomb/anchors")

    @property
    def anchor(self) -> Path:
        [path] = self.anchors.folder.iterdir()
        return path

    def read(self) -> Ledger:
        return Ledger.read(self.trace, self.keys, self.anchors)

    def write(self) -> Ledger:
        return Ledger.write(self.trace, self.keys, self.anchors)

    def ledger_on(self, connection: sqlite3.Connection) -> Ledger:
        """The ledger as a connection sees it in the middle of a transaction."""
        return Ledger(TraceStore(self.trace, connection), self.keys, self.anchors)

    def edit(self) -> sqlite3.Connection:
        return sqlite3.connect(self.trace, isolation_level=None)

    def copy(self, home: Path) -> World:
        shutil.copytree(self.home, home)
        return World(home)


def make_world(home: Path) -> World:
    """The sound ledger; its vault as it was last week stands in ``last week`` beside it."""
    world = World(home)
    world.vault.mkdir(parents=True, mode=0o700)
    create_log(world.trace, world.keys, world.anchors)
    with world.write() as ledger:
        for size in BATCHES[1:]:
            if size == ROTATED + 1:
                ledger.rotate_key()
            else:
                ledger.append(body(seq) for seq in range(ledger.size, size))
            if size == WEEK:
                world.home.joinpath("last week").mkdir()
                ledger.tables.backup(home / "last week/trace.db")
        assert ledger.size == SIZE
    return world


def body(seq: int) -> LedgerEntry:
    """What an entry says: nearly all are stamps."""
    digest = sha256(b"%d" % seq).digest()
    root = f"{1:032x}"
    if seq % 97 == 1:
        return entries.root_entry(1, root, b"/Drive %d" % seq, "uuid", "ext4", False, b"")
    if seq % 50 == 2:
        return entries.retire_entry(1, root, b"gone/%d" % seq, digest)
    path = f"HealthTrack/größe/{seq}.ts".encode() + b"\xff" * (seq % 40 == 3)
    return entries.stamp_entry(
        1, StampEntry(root, path, seq, 10**18 + seq, digest, seq % 3 + 1, ("the only copy",), 1)
    )


def entry_at(connection: sqlite3.Connection, seq: int) -> bytes:
    found: bytes = connection.execute("SELECT entry FROM entries WHERE seq = ?", (seq,)).fetchone()[
        0
    ]
    return found


def put(connection: sqlite3.Connection, seq: int, entry: object) -> None:
    connection.execute("UPDATE entries SET entry = ? WHERE seq = ?", (entry, seq))


def shift(connection: sqlite3.Connection, start: int, by: int, mend: bool) -> None:
    """Renumber the rows from ``start`` on; ``mend`` changes the numbers in the entries too."""
    rows = connection.execute("SELECT seq, entry FROM entries WHERE seq >= ?", (start,)).fetchall()
    connection.execute("DELETE FROM entries WHERE seq >= ?", (start,))
    connection.executemany(
        "INSERT INTO entries VALUES (?, ?)",
        [(seq + by, renumbered(entry, seq + by) if mend else entry) for seq, entry in rows],
    )


def renumbered(entry: bytes, seq: int) -> bytes:
    return jcs.canonical_json({**jcs.parse_own(entry), "seq": seq})


def rechain(
    connection: sqlite3.Connection, start: int, mend: bool, sign: Ed25519SigningKey | None = None
) -> None:
    """Make the chain whole again from an entry on, as a forger does who has no key of ours.

    ``mend`` makes the stored tree anew too; ``sign`` puts checkpoints by that key in the place of
    all that no longer fit.
    """
    prev = merkle.leaf_hash(entry_at(connection, start - 1)).hex() if start else "0" * 64
    for seq, entry in connection.execute(
        "SELECT seq, entry FROM entries WHERE seq >= ? ORDER BY seq", (start,)
    ).fetchall():
        entry = jcs.canonical_json({**jcs.parse_own(entry), "prev": prev, "seq": seq})
        put(connection, seq, entry)
        prev = merkle.leaf_hash(entry).hex()
    if mend:
        grow(connection)
    if sign is not None:
        sign_all(connection, start, sign)


def grow(connection: sqlite3.Connection) -> None:
    """Make the stored tree that of the entries."""
    connection.execute("DELETE FROM subtrees")
    frontier = merkle.MerkleFrontier()
    for (entry,) in connection.execute("SELECT entry FROM entries ORDER BY seq").fetchall():
        nodes = frontier.extend((merkle.leaf_hash(entry),), STORED_FROM)
        connection.executemany("INSERT INTO subtrees VALUES (?, ?, ?)", nodes)


def sign_all(connection: sqlite3.Connection, start: int, key: Ed25519SigningKey) -> None:
    """Put checkpoints by a key in the place of all that cover more than ``start`` entries."""
    origin = "gorillacomb/" + jcs.parse_own(entry_at(connection, 0))["log"]
    sizes = {size for (size,) in connection.execute("SELECT size FROM checkpoints")}
    frontier = merkle.MerkleFrontier()
    for (entry,) in connection.execute("SELECT entry FROM entries ORDER BY seq").fetchall():
        frontier.extend((merkle.leaf_hash(entry),))
        if frontier.size in sizes and frontier.size > start:
            note = Checkpoint(origin, frontier.size, frontier.root()).signed([key])
            connection.execute(
                "UPDATE checkpoints SET note = ? WHERE size = ?", (note, frontier.size)
            )
    note = Checkpoint(origin, frontier.size, frontier.root()).signed([key])
    connection.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?)", (frontier.size, note))


def name_key(connection: sqlite3.Connection, seq: int, key: Ed25519SigningKey) -> None:
    """Let the entry that names a key name another one."""
    fields = jcs.parse_own(entry_at(connection, seq))
    origin = "gorillacomb/" + jcs.parse_own(entry_at(connection, 0))["log"]
    put(
        connection, seq, jcs.canonical_json({**fields, "key": str(VerifierKey(origin, key.public))})
    )


def stranger() -> Ed25519SigningKey:
    """A forger's key."""
    return Ed25519SigningKey(Ed25519PrivateKey.generate())


def vouched_below(seq: int) -> int:
    """How many entries are under a checkpoint that does not cover entry ``seq``."""
    return max((size for size in BATCHES if size <= seq), default=0)


def dump(path: Path) -> object:
    """All that a trace says."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in ("entries", "subtrees", "checkpoints")
        ] + [connection.execute("SELECT seq FROM keys ORDER BY 1").fetchall()]
    finally:
        connection.close()

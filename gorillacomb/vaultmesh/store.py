"""The tables of trace.db: what stands in them, read and written without a judgement on it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from gorillacomb import sqlite
from gorillacomb.errors import VaultDamaged, VaultError, VaultNewer, VaultRolledBack
from gorillacomb.vaultmesh.error_text import NO_REPAIR, SEE_VERIFY, translate_errors, unusable_error

SCHEMA = 1
_TABLES = f"""
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    entry BLOB NOT NULL               -- JSON in the form of RFC 8785, exactly as it was signed
);
CREATE TABLE subtrees (               -- perfect subtrees of 2^level entries
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (level, place)
) WITHOUT ROWID;
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY,         -- how many entries it covers
    note BLOB NOT NULL                -- C2SP signed note
);
CREATE TABLE keys (
    seq INTEGER PRIMARY KEY           -- of the entries that name the log's key: genesis, rotate-key
);
PRAGMA user_version = {SCHEMA};
"""


class TraceStore:
    """An open trace.db."""

    def __init__(self, path: Path, connection: sqlite.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def make(cls, path: Path) -> Self:
        """Make a new file, with tables that are empty. Raises VaultError."""
        with translate_errors(path):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            connection = sqlite.open_writer(path)
            try:
                connection.executescript(f"BEGIN; {_TABLES} COMMIT;")
            except BaseException:
                connection.close()
                raise
        return cls(path, connection)

    @classmethod
    def write(cls, path: Path) -> Self:
        """Open to append. Raises VaultError."""
        return cls._open(path, sqlite.open_writer)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open for reading beside whoever writes. Raises VaultError."""
        return cls._open(path, sqlite.open_reader)

    @classmethod
    def _open(cls, path: Path, opened: Callable[[Path], sqlite.Connection]) -> Self:
        _refuse_no_file(path)
        with translate_errors(path):
            connection = opened(path)
            try:
                _refuse_other(path, connection)
            except BaseException:
                connection.close()
                raise
        return cls(path, connection)

    def close(self) -> None:
        """Close it; what was not committed is dropped."""
        if self._connection.in_transaction:
            self._connection.rollback()
        self._connection.close()

    def checkpoint_wal(self) -> None:
        """Take SQLite's log into the file, which may be renamed by itself then."""
        sqlite.checkpoint_wal(self._connection)

    def begin_snapshot(self) -> None:
        """Read from now on what stands at this moment, whatever a writer adds meanwhile."""
        sqlite.begin_snapshot(self._connection)

    # What stands in them.

    def count(self) -> int:
        """How many entries there are, by the last one's number."""
        found: int = self._connection.execute(
            "SELECT coalesce(max(seq) + 1, 0) FROM entries"
        ).fetchone()[0]
        return found

    def entry(self, seq: int) -> bytes:
        """The exact bytes of an entry. Raises VaultDamaged when it is not there."""
        row = self._connection.execute("SELECT entry FROM entries WHERE seq = ?", (seq,)).fetchone()
        if row is None or not isinstance(row[0], bytes):
            raise VaultDamaged(f"Entry {seq} of the trace {self.path} is missing.", NO_REPAIR)
        return row[0]

    def entries(self, start: int) -> Iterator[tuple[int, bytes]]:
        """(seq, entry) from ``start`` on; a forger's may stand below 0."""
        return iter(
            self._connection.execute(
                "SELECT seq, entry FROM entries WHERE seq >= ? ORDER BY seq", (start,)
            )
        )

    def entries_backward(self) -> Iterator[tuple[int, bytes]]:
        """(seq, entry), the last one first."""
        return iter(self._connection.execute("SELECT seq, entry FROM entries ORDER BY seq DESC"))

    def subtree(self, level: int, place: int) -> bytes:
        """The stored hash of a perfect subtree. Raises VaultRolledBack when it is not there."""
        row = self._connection.execute(
            "SELECT hash FROM subtrees WHERE level = ? AND place = ?", (level, place)
        ).fetchone()
        if row is None:
            raise VaultRolledBack(
                f"The trace {self.path} lacks a part of its tree (level {level}, place {place}).",
                SEE_VERIFY,
            )
        if not isinstance(row[0], bytes) or len(row[0]) != 32:
            raise VaultRolledBack(
                f"The trace {self.path} has a wrong hash in its tree (level {level}, {place}).",
                SEE_VERIFY,
            )
        return row[0]

    def subtrees(self) -> Iterator[tuple[int, int, bytes]]:
        """All stored (level, place, hash)."""
        return iter(self._connection.execute("SELECT level, place, hash FROM subtrees"))

    def key_entries(self) -> list[int]:
        """The seqs of the entries that name a key."""
        rows = self._connection.execute("SELECT seq FROM keys ORDER BY seq").fetchall()
        return [seq for (seq,) in rows]

    def checkpoint(self) -> bytes:
        """The last checkpoint, a signed note. Raises VaultRolledBack when there is none."""
        row = self._connection.execute(
            "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1"
        ).fetchone()
        if row is None or not isinstance(row[0], bytes):
            raise VaultRolledBack(f"The trace {self.path} has no checkpoint.", NO_REPAIR)
        return row[0]

    def checkpoints(self) -> list[tuple[int, bytes]]:
        """Every checkpoint that was made: (size, note)."""
        return self._connection.execute(
            "SELECT size, note FROM checkpoints ORDER BY size"
        ).fetchall()

    def unexpected_objects(self) -> str | None:
        """The name of a table, trigger or the like that is not as we made it; None for none."""
        found = set(
            self._connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
            ).fetchall()
        )
        ours = {(words.split()[2], _bare(words)) for words in _TABLES.split(";") if "(" in words}
        strange = sorted(
            str(name) for name, _ in {(name, _bare(sql)) for name, sql in found} ^ ours
        )
        return strange[0] if strange else None

    def damage(self) -> str | None:
        """What SQLite itself finds wrong with the file; None for nothing."""
        return sqlite.integrity_error(self._connection)

    def backup(self, path: Path) -> None:
        """Copy it, as it is at this moment, to a new file. Raises VaultError."""
        with translate_errors(path):
            sqlite.copy(self._connection, path)

    # Adding to them.

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is put within it, or nothing of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def put(
        self, entries: Sequence[tuple[int, bytes]], subtrees: Sequence[tuple[int, int, bytes]]
    ) -> None:
        """Add entries, (seq, entry), and hashes of the tree, (level, place, hash)."""
        self._connection.executemany("INSERT INTO entries VALUES (?, ?)", entries)
        self._connection.executemany("INSERT INTO subtrees VALUES (?, ?, ?)", subtrees)

    def put_key(self, seq: int) -> None:
        """Note that an entry names a key."""
        self._connection.execute("INSERT INTO keys VALUES (?)", (seq,))

    def put_checkpoint(self, size: int, note: bytes) -> None:
        """Add a checkpoint."""
        self._connection.execute("INSERT INTO checkpoints VALUES (?, ?)", (size, note))


def _bare(words: str | None) -> str:
    """The words that make a table, without spaces and remarks."""
    return "".join(re.sub("--.*", "", words or "").split())


def _refuse_no_file(path: Path) -> None:
    """Refuse what is not there, and what SQLite would follow out of the vault, or wait for."""
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        raise VaultError(
            f"There is no trace {path}.",
            "gorillacomb scan PATH begins one; one that was there is in a backup only.",
        ) from None
    except OSError as error:
        raise unusable_error(path, error) from error
    if not stat.S_ISREG(facts.st_mode):
        raise VaultDamaged(f"{path} is not a file, but something else of that name.", NO_REPAIR)


def _refuse_other(path: Path, connection: sqlite.Connection) -> None:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA:
        raise VaultNewer(
            f"The trace {path} was written by a newer Gorilla Comb (schema {version}).",
            "Upgrade Gorilla Comb, or use another vault with --vault.",
        )
    if version != SCHEMA:
        raise VaultDamaged(f"{path} is not a trace of Gorilla Comb.", NO_REPAIR)

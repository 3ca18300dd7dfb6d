"""The tables of trace.db: read and write them without checking their content."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
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
        """Create a new file with empty tables. Raises VaultError."""
        with translate_errors(path):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            connection = _open_writer(path)
            try:
                connection.executescript(f"BEGIN; {_TABLES} COMMIT;")
            except BaseException:
                connection.close()
                raise
        return cls(path, connection)

    @classmethod
    def write(cls, path: Path) -> Self:
        """Open to append. Raises VaultError."""
        return cls._open(path, _open_writer)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open for reading beside a writer. Raises VaultError."""
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
        """Close the file; uncommitted changes are dropped."""
        if self._connection.in_transaction:
            self._connection.rollback()
        self._connection.close()

    def checkpoint_wal(self) -> None:
        """Checkpoint the WAL into the file, which can then be renamed by itself."""
        sqlite.checkpoint_wal(self._connection)

    def begin_snapshot(self) -> None:
        """Read from one snapshot from now on, whatever a writer adds."""
        sqlite.begin_snapshot(self._connection)

    # Reading.

    def count(self) -> int:
        """Return the number of entries, from the last one's seq."""
        found: int = self._connection.execute(
            "SELECT coalesce(max(seq) + 1, 0) FROM entries"
        ).fetchone()[0]
        return found

    def entry(self, seq: int) -> bytes:
        """Return the exact bytes of an entry. Raises VaultDamaged if it is missing."""
        row = self._connection.execute("SELECT entry FROM entries WHERE seq = ?", (seq,)).fetchone()
        if row is None or not isinstance(row[0], bytes):
            raise VaultDamaged(f"Entry {seq} of the trace {self.path} is missing.", NO_REPAIR)
        return row[0]

    def entries(self, start: int) -> Iterator[tuple[int, bytes]]:
        """Yield (seq, entry) from ``start`` on; a forger may have put entries below 0."""
        return iter(
            self._connection.execute(
                "SELECT seq, entry FROM entries WHERE seq >= ? ORDER BY seq", (start,)
            )
        )

    def entries_with(self, texts: Sequence[bytes], start: int) -> Iterator[tuple[int, bytes]]:
        """Yield those from ``start`` on that contain one of some texts."""
        wanted = " OR ".join("instr(entry, ?)" for _ in texts)
        return iter(
            self._connection.execute(
                f"SELECT seq, entry FROM entries WHERE seq >= ? AND ({wanted}) ORDER BY seq",
                (start, *texts),
            )
        )

    def entries_without(self, text: bytes, start: int) -> Iterator[tuple[int, bytes]]:
        """Yield those from ``start`` on that do not contain a text."""
        return iter(
            self._connection.execute(
                "SELECT seq, entry FROM entries WHERE seq >= ? AND NOT instr(entry, ?)"
                " ORDER BY seq",
                (start, text),
            )
        )

    def entries_backward(self) -> Iterator[tuple[int, bytes]]:
        """Yield (seq, entry), newest first."""
        return iter(self._connection.execute("SELECT seq, entry FROM entries ORDER BY seq DESC"))

    def subtree(self, level: int, place: int) -> bytes:
        """Return the stored hash of a perfect subtree. Raises VaultRolledBack if it is missing."""
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
        """Yield all stored (level, place, hash)."""
        return iter(self._connection.execute("SELECT level, place, hash FROM subtrees"))

    def key_entries(self) -> list[int]:
        """Return the seqs of the entries that name a key."""
        rows = self._connection.execute("SELECT seq FROM keys ORDER BY seq").fetchall()
        return [seq for (seq,) in rows]

    def checkpoint(self) -> bytes:
        """Return the last checkpoint, a signed note. Raises VaultRolledBack if there is none."""
        row = self._connection.execute(
            "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1"
        ).fetchone()
        if row is None or not isinstance(row[0], bytes):
            raise VaultRolledBack(f"The trace {self.path} has no checkpoint.", NO_REPAIR)
        return row[0]

    def checkpoint_at(self, size: int) -> bytes | None:
        """Return the checkpoint over the first ``size`` entries; None if none was signed there."""
        found = self._connection.execute("SELECT note FROM checkpoints WHERE size = ?", (size,))
        row = found.fetchone()
        return None if row is None else row[0]

    def checkpoints(self) -> list[tuple[int, bytes]]:
        """Return every checkpoint: (size, note)."""
        return self._connection.execute(
            "SELECT size, note FROM checkpoints ORDER BY size"
        ).fetchall()

    def unexpected_objects(self) -> str | None:
        """Return the name of a table, trigger or the like that differs from ours; None for none."""
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
        """Return what SQLite's integrity check finds wrong with the file; None for nothing."""
        return sqlite.integrity_error(self._connection)

    def backup(self, path: Path) -> None:
        """Copy the current state to a new file. Raises VaultError."""
        with translate_errors(path):
            sqlite.copy(self._connection, path)

    # Writing.

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything written within, or nothing of it."""
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
        put, connection = sqlite.insert, self._connection
        put(connection, "INSERT INTO entries VALUES (?, ?)", [*chain.from_iterable(entries)])
        put(connection, "INSERT INTO subtrees VALUES (?, ?, ?)", [*chain.from_iterable(subtrees)])

    def put_key(self, seq: int) -> None:
        """Record that an entry names a key."""
        self._connection.execute("INSERT INTO keys VALUES (?)", (seq,))

    def put_checkpoint(self, size: int, note: bytes) -> None:
        """Add a checkpoint."""
        self._connection.execute("INSERT INTO checkpoints VALUES (?, ?)", (size, note))


def _open_writer(path: Path) -> sqlite.Connection:
    """Open for writing: entries are appended, so no page is needed for long."""
    return sqlite.open_writer(path, sqlite.SMALL_CACHE)


def _bare(words: str | None) -> str:
    """Return the SQL of a table without white space and comments."""
    return "".join(re.sub("--.*", "", words or "").split())


def _refuse_no_file(path: Path) -> None:
    """Refuse a missing file, and anything that would lead SQLite out of the vault or block."""
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        raise VaultError(
            f"There is no trace {path}.",
            "gorillacomb scan PATH creates one; a former one can only come from a backup.",
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

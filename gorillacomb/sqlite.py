"""Hands out SQLite connections; the only module that names a SQLite library.

Closing a file in one SQLite library drops the locks that another holds in the same process, so
there must be one: the standard library's.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

Connection = sqlite3.Connection
DatabaseError = sqlite3.DatabaseError
IntegrityError = sqlite3.IntegrityError
OperationalError = sqlite3.OperationalError

PAGE_SIZE = 8192
"""Bytes; 4 % faster than 4096 for the bulk load of an index, and no larger on disk."""
_BUSY_SECONDS = 30.0
_CACHE = 24_576
"""KiB of the database that a writer keeps in memory."""
_SORT = 4_096
"""KiB that are sorted at once: what fits into a processor's cache is sorted faster, and several
such pieces are sorted beside the reading. Measured for the index of digests: three tenths less for
250,000 rows, two for a million.
"""
_MOST_VALUES = 999
"""In one statement, with any SQLite. A row among many costs a quarter less than one by itself."""


def _as_it_is(value: Any) -> Any:
    return value


# Python's sqlite3 asks each value that is no number or text whether it adapts itself, and drops the
# error that is the answer: a microsecond for each name, digest and NULL, as much as all the rest.
sqlite3.register_adapter(bytes, _as_it_is)
sqlite3.register_adapter(type(None), _as_it_is)


_UNFIT = (
    # Not ..._SHMSIZE: there was no room for it.
    *("SQLITE_IOERR_SHMOPEN", "SQLITE_IOERR_SHMMAP", "SQLITE_IOERR_SHMLOCK"),
    *("SQLITE_IOERR_LOCK", "SQLITE_IOERR_RDLOCK", "SQLITE_IOERR_UNLOCK"),
    *("SQLITE_IOERR_CHECKRESERVEDLOCK", "SQLITE_IOERR_MMAP", "SQLITE_PROTOCOL", "SQLITE_NOLFS"),
)


def is_unfit(error: DatabaseError) -> bool:
    """Return whether an error says that a file system has no locks or no shared memory."""
    return getattr(error, "sqlite_errorname", "").startswith(_UNFIT)


def open_writer(path: Path) -> Connection:
    """Open for writing, made when missing. The caller holds the vault's lock. Raises sqlite3.Error.

    Transactions are opened by hand (BEGIN IMMEDIATE); every commit is on the disk when it returns.
    """
    connection = sqlite3.connect(os.fsencode(path), isolation_level=None, timeout=_BUSY_SECONDS)
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA wal_autocheckpoint = 4096")
    connection.execute(f"PRAGMA cache_size = -{_CACHE}")
    connection.execute("PRAGMA threads = 2")
    return connection


@contextmanager
def external_sort(connection: Connection) -> Iterator[None]:
    """Have a writer sort much in little memory, as it does to make an index: it is faster."""
    connection.execute(f"PRAGMA cache_size = -{_SORT}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")


def insert(connection: Connection, statement: str, values: Sequence[Any]) -> None:
    """Carry out an INSERT that ends in ``VALUES (?, ...)`` for many rows.

    ``values`` are those of all rows, one row's after the other's. Raises sqlite3.Error, with some
    of the rows inserted.
    """
    one = statement.rpartition(" VALUES ")[2]
    width = one.count("?")
    most = _MOST_VALUES // width
    start = 0
    for rows in (most, max(most // 10, 1), 1):  # what is left over goes by the dozen
        many, span = statement + f", {one}" * (rows - 1), rows * width
        while len(values) - start >= span:
            connection.execute(many, values[start : start + span])
            start += span


def open_reader(path: Path | str) -> Connection:
    """Open for reading only, which cannot checkpoint; raises sqlite3.Error.

    On a read-only disk SQLite cannot make the files that go with a log, and needs none: nobody
    writes there.
    """
    name = os.fsencode(path)
    writable = os.access(os.path.dirname(name), os.W_OK)
    frozen = "" if writable or os.path.exists(name + b"-wal") else "&immutable=1"
    connection = sqlite3.connect(
        f"file:{quote(name)}?mode=ro{frozen}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
    )
    connection.execute("PRAGMA cache_size = -8192")
    return connection


def begin_snapshot(connection: Connection) -> None:
    """Let a reader see from now on what stands at this moment, until it is closed."""
    connection.execute("BEGIN")
    connection.execute("SELECT name FROM sqlite_master").fetchone()  # only that takes the moment


def copy(connection: Connection, path: Path) -> None:
    """Copy a database, as it is at this moment, to a new file with mode 0600.

    Others may read and write it meanwhile. Raises FileExistsError, OSError, sqlite3.Error.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    target = sqlite3.connect(os.fsencode(path), isolation_level=None)
    try:
        connection.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
    finally:
        target.close()
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_copy(connection: Connection) -> Connection:
    """Return a copy of a database that only this process sees, and that is gone when it is closed.

    SQLite keeps it in memory as far as its cache reaches, and the rest in a file without a name.
    """
    target = sqlite3.connect("", isolation_level=None)
    target.execute(f"PRAGMA cache_size = -{_CACHE}")
    target.execute("PRAGMA journal_mode = MEMORY")
    connection.backup(target)
    return target


def checkpoint_wal(connection: Connection) -> None:
    """Take a database's log into it, and leave the log empty. Raises sqlite3.Error."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def integrity_error(connection: Connection) -> str | None:
    """The first thing that SQLite's own check finds wrong; None for nothing."""
    found: str = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    return None if found == "ok" else found

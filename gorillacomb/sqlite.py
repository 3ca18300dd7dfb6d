"""Open SQLite connections; the only module that names a SQLite library.

Closing a file in one SQLite library drops the locks that another holds in the same process, so
there must be only one: the standard library's.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

Connection = sqlite3.Connection
DatabaseError = sqlite3.DatabaseError
IntegrityError = sqlite3.IntegrityError
OperationalError = sqlite3.OperationalError
ProgrammingError = sqlite3.ProgrammingError

PAGE_SIZE = 8192
"""Bytes; 4 % faster than 4096 for bulk-loading an index, and no larger on disk."""
_BUSY_SECONDS = 30.0
CACHE = 24_576
"""KiB of the database that a writer caches in memory."""
SMALL_CACHE = 4_096
"""KiB, for a writer that reads and appends in order and so needs no page twice."""
_SORT = 4_096
"""KiB sorted at once: data that fits into the processor's cache is sorted faster, and several such
pieces are sorted in parallel with reading. Measured for the index of digests: 30 % less for 250,000
rows, 20 % for a million."""
_MOST_VALUES = 999
"""The most values per statement with any SQLite. A row among many costs a quarter less than a
single one."""


def library_version() -> str:
    """Return the version of the SQLite library."""
    return sqlite3.sqlite_version


def library_build() -> str:
    """Return what the SQLite library was built from: a date, and a check-in of its sources."""
    with closing(sqlite3.connect(":memory:")) as connection:
        source: str = connection.execute("SELECT sqlite_source_id()").fetchone()[0]
        return source


def is_defined(connection: Connection, name: str) -> bool:
    """Return whether a table or an index exists: what older versions wrote lacks some."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,))
    return found.fetchone() is not None


def _as_it_is(value: Any) -> Any:
    return value


# Python's sqlite3 asks each value that is not a number or text whether it adapts itself, and
# discards the resulting error: a microsecond for each name, digest and NULL, as much as everything
# else.
sqlite3.register_adapter(bytes, _as_it_is)
sqlite3.register_adapter(type(None), _as_it_is)


_UNFIT = (
    # Not ..._SHMSIZE: that means no space left.
    *("SQLITE_IOERR_SHMOPEN", "SQLITE_IOERR_SHMMAP", "SQLITE_IOERR_SHMLOCK"),
    *("SQLITE_IOERR_LOCK", "SQLITE_IOERR_RDLOCK", "SQLITE_IOERR_UNLOCK"),
    *("SQLITE_IOERR_CHECKRESERVEDLOCK", "SQLITE_IOERR_MMAP", "SQLITE_PROTOCOL", "SQLITE_NOLFS"),
)


def is_unfit(error: DatabaseError) -> bool:
    """Return whether an error says that a file system lacks locks or shared memory."""
    return getattr(error, "sqlite_errorname", "").startswith(_UNFIT)


def open_writer(path: Path, cache: int = CACHE) -> Connection:
    """Open for writing, with a cache in KiB; create the file if missing. Raises sqlite3.Error.

    The caller holds the vault's lock. Transactions are opened explicitly (BEGIN IMMEDIATE); every
    commit is on the disk when it returns.
    """
    connection = sqlite3.connect(os.fsencode(path), isolation_level=None, timeout=_BUSY_SECONDS)
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if sys.platform == "darwin":  # there fsync(2) reaches the disk's cache only
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA wal_autocheckpoint = 4096")
    connection.execute(f"PRAGMA cache_size = -{cache}")
    connection.execute("PRAGMA threads = 2")
    return connection


@contextmanager
def external_sort(connection: Connection) -> Iterator[None]:
    """Make a writer sort with little memory, which is faster for building an index."""
    with cache_of(connection, _SORT):
        yield


@contextmanager
def cache_of(connection: Connection, size: int) -> Iterator[None]:
    """Give a connection another cache, in KiB, for a while; what is beyond it is freed."""
    [former] = connection.execute("PRAGMA cache_size").fetchone()
    connection.execute(f"PRAGMA cache_size = -{size}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA cache_size = {former}")


def insert(connection: Connection, statement: str, values: Sequence[Any]) -> None:
    """Run an INSERT that ends in ``VALUES (?, ...)`` for many rows.

    ``values`` are those of all rows, concatenated. Raises sqlite3.Error, with some of the rows
    inserted.
    """
    one = statement.rpartition(" VALUES ")[2]
    width = one.count("?")
    most = _MOST_VALUES // width
    start = 0
    for rows in (most, max(most // 10, 1), 1):  # the remainder is inserted in smaller batches
        many, span = statement + f", {one}" * (rows - 1), rows * width
        while len(values) - start >= span:
            connection.execute(many, values[start : start + span])
            start += span


def open_reader(path: Path | str) -> Connection:
    """Open for reading only, which cannot checkpoint; raises sqlite3.Error.

    On a read-only disk SQLite cannot create the files that belong to a log, and needs none, as
    nobody writes there.
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


def open_alone(path: Path) -> Connection:
    """Open for reading on a disk on which nothing can be written; raises sqlite3.Error.

    Nobody else may write to the database. If it has a log, nobody may read it either: then no
    memory has to be shared in a file beside it.
    """
    name = os.fsencode(path)
    has_log = os.path.exists(name + b"-wal") and os.path.getsize(name + b"-wal")
    uri = f"file:{quote(name)}?{'mode=rw' if has_log else 'mode=ro&immutable=1'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_BUSY_SECONDS)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA query_only = ON")
    return connection


def begin_snapshot(connection: Connection) -> None:
    """Make a reader see the state of this moment until it is closed."""
    connection.execute("BEGIN")
    # the first read takes the snapshot
    connection.execute("SELECT name FROM sqlite_master").fetchone()


def copy(connection: Connection, path: Path) -> None:
    """Copy a database, as of this moment, to a new file with mode 0600.

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
    """Return a private copy of a database, which is discarded when it is closed.

    SQLite keeps it in memory as far as its cache allows, and the rest in an unnamed file.
    """
    target = sqlite3.connect("", isolation_level=None)
    target.execute(f"PRAGMA cache_size = -{CACHE}")
    target.execute("PRAGMA journal_mode = MEMORY")
    connection.backup(target)
    return target


def checkpoint_wal(connection: Connection) -> None:
    """Move a database's write-ahead log into it, and empty the log. Raises sqlite3.Error."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def integrity_error(connection: Connection) -> str | None:
    """Return the first problem that SQLite's own check finds; None if none."""
    found: str = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    return None if found == "ok" else found

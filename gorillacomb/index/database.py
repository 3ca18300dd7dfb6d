"""Open and close the index, manage its transactions, and translate SQLite's errors."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from gorillacomb.errors import UsageError, VaultDamaged, VaultError, VaultNewer, VaultUnwritable
from gorillacomb.index import schema
from gorillacomb.model import SECOND
from gorillacomb.sqlite import (
    Connection,
    DatabaseError,
    OperationalError,
    ProgrammingError,
    begin_snapshot,
    is_unfit,
    open_alone,
    open_reader,
    open_writer,
    private_copy,
)
from gorillacomb.vault.vault import LOCK, Vault, is_locked, unfit_error

DEBUG = "GORILLACOMB_DEBUG"
"""If set, errors that look like a damaged index are raised as they are."""

_COMMIT_AFTER = 0.5
"""Seconds: the most work that a power cut can lose, and the longest that a reader waits."""
_SETTLED_NS = 3 * SECOND
"""The time of a file that is older than this changes with the next write, even on FAT."""
FileFacts = list[tuple[int, int, int, int]]
"""Of the files of an index: device, inode, size, and mtime in ns."""


class Index:
    """The open index of a vault. `Index.write` holds the vault's lock until it is closed."""

    def __init__(self, vault: Vault, connection: Connection, writable: bool) -> None:
        self.vault = vault
        self.connection = connection
        self.writable = writable
        self._since = 0.0

    @classmethod
    def write(cls, vault: Vault) -> Self:
        """Open for writing; create the index if missing, migrate it if old. Raises VaultError."""
        vault.create()
        vault.lock()
        try:
            with translate_errors(vault):
                fresh = not vault.index.exists()
                if fresh:
                    os.close(os.open(vault.index, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                connection = open_writer(vault.index)
                _refuse_cut_short(vault, connection)
                _refuse_newer(vault, connection)
                schema.migrate(connection)
        except BaseException:
            vault.unlock()
            raise
        return cls(vault, connection, writable=True)

    @classmethod
    def read(cls, vault: Vault) -> Self:
        """Open for reading, even while another process writes: all that is read is of one moment.

        Raises VaultError, also if it is missing.
        """
        vault.check()
        if not vault.index.exists():
            raise VaultError(
                f"There is no index in the vault {vault.folder} yet.",
                "Comb a drive first: gorillacomb scan PATH",
            )
        with translate_errors(vault):
            connection = open_reader(vault.index)
            _refuse_cut_short(vault, connection)
            _refuse_strange(vault, connection)
            if _refuse_newer(vault, connection) < schema.READABLE:
                raise VaultDamaged(
                    f"The index {vault.index} was never finished, or is older than this version.",
                    "Run gorillacomb scan PATH once: it brings the index up to date.",
                )
            begin_snapshot(connection)
        return cls(vault, connection, writable=False)

    @classmethod
    def read_alone(cls, vault: Vault) -> Self:
        """Open for reading on a full disk; holds the vault's lock until closed. Raises VaultError.

        The tables have to be the current ones.
        """
        vault.check()
        vault.lock(named=False)
        try:
            with translate_errors(vault):
                connection = open_alone(vault.index)
                _refuse_cut_short(vault, connection)
                _refuse_strange(vault, connection)
                if _refuse_newer(vault, connection) < schema.VERSION:
                    connection.close()
                    raise VaultUnwritable(
                        f"The index {vault.index} is of an older version, and its disk is full.",
                        "Make a little room on that disk first.",
                    )
        except BaseException:
            vault.unlock()
            raise
        return cls(vault, connection, writable=True)

    def private_copy(self) -> Index:
        """Return a private copy to experiment on; closing it discards it.

        It has the current tables. Raises sqlite3.Error.
        """
        connection = private_copy(self.connection)
        schema.migrate(connection)
        return Index(self.vault, connection, writable=False)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Make the block's writes all or nothing, even if it is interrupted (Ctrl-C).

        The enclosing transaction continues; `commit` puts it on the disk.
        """
        if not self.connection.in_transaction:
            self.connection.execute("BEGIN IMMEDIATE")
            self._since = time.monotonic()
        self.connection.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            if self.connection.in_transaction:  # a full disk ends the transaction by itself
                self.connection.execute("ROLLBACK TO step")
            raise
        self.connection.execute("RELEASE step")

    def commit(self) -> None:
        """End the transaction, if one is open; its writes are then on the disk."""
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")

    def commit_if_due(self) -> None:
        """End a transaction that has been open for long enough."""
        if self.connection.in_transaction and time.monotonic() - self._since >= _COMMIT_AFTER:
            self.commit()

    @property
    def rows_written(self) -> int:
        """Rows inserted, updated or deleted since it was opened."""
        return self.connection.total_changes

    def generation(self) -> str:
        """Return what changes with the database, as far as the times of its files show it.

        Two that are equal were read from the same content; it may change without need, as when the
        write-ahead log is moved into the database.
        """
        from gorillacomb.hashing import blake3_of_short  # what asks once does without

        return blake3_of_short(repr(file_facts(self.vault)).encode()).hex()

    def close(self) -> None:
        """Close the index, discarding uncommitted writes."""
        try:
            if self.connection.in_transaction:
                self.connection.rollback()
        finally:
            self.connection.close()
            if self.writable:  # a reader has no lock: it would release that of another thread
                self.vault.unlock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except DatabaseError:
            if error is None:  # otherwise the first error is more useful
                raise


def settled_files(vault: Vault) -> FileFacts | None:
    """Return what `file_facts` will say as long as all see the content that is there now.

    None while that cannot be told: a writer has the vault's lock, and may be between writing to the
    log and showing it to readers; or a file was written so recently that another write might leave
    its time as it is. Readers that begin after this, and find the same facts then, all read the
    same.
    """
    try:
        if is_locked(vault.folder / LOCK):
            return None
        before = time.time_ns() - _SETTLED_NS
        facts = file_facts(vault)
    except OSError:
        return None
    return facts if all(mtime < before for *_, mtime in facts) else None


def file_facts(vault: Vault) -> FileFacts:
    """Return device, inode, size, and mtime (ns) of the database and its write-ahead log."""
    found = []
    for path in (vault.index, f"{vault.index}-wal"):
        with suppress(FileNotFoundError):
            facts = os.stat(path)
            found.append((facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns))
    return found


def _refuse_newer(vault: Vault, connection: Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > schema.VERSION:
        connection.close()
        raise VaultNewer(
            f"The index {vault.index} was written by a newer Gorilla Comb (schema {version}).",
            "Upgrade Gorilla Comb, or use another vault with --vault.",
        )
    return version


def _refuse_cut_short(vault: Vault, connection: Connection) -> None:
    """Refuse a truncated database: SQLite reads the missing half of a last page as zeros."""
    log = f"{vault.index}-wal"
    if os.path.exists(log) and os.path.getsize(log):
        return  # the missing pages may be in the log
    pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
    page: int = connection.execute("PRAGMA page_size").fetchone()[0]
    if os.stat(vault.index).st_size < pages * page:
        connection.close()
        raise _damaged(vault, "it is truncated")


def _refuse_strange(vault: Vault, connection: Connection) -> None:
    """Refuse another program's database, which may have a version too."""
    tables = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name IN ('roots', 'folders', 'files', 'groups')"
    ).fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if 0 < version <= schema.VERSION and tables < 4:
        connection.close()
        raise _damaged(vault, "it lacks tables, as another program's database would")


@contextmanager
def translate_errors(vault: Vault) -> Iterator[None]:
    """Translate the errors of SQLite and the system into VaultError, in words and with advice."""
    try:
        yield
    except OperationalError as error:
        raise _in_words(vault.index, error) from error
    except ProgrammingError as error:
        if not re.search("same thread|closed database", str(error)):
            raise _damaged(vault, str(error)) from error
        raise UsageError(
            f"Reading the index failed: {error}",
            "Use a lazy result in the thread that asked for it, and before it is closed.",
        ) from error
    except DatabaseError as error:
        raise _damaged(vault, str(error)) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # Values of a type that no version writes; or a bug, which DEBUG lets through.
        if os.environ.get(DEBUG):
            raise
        what = f"{type(error).__name__}, {error} (if not, this is a bug: {DEBUG}=1 shows it)"
        raise _damaged(vault, what) from error


def _damaged(vault: Vault, what: str) -> VaultDamaged:
    return VaultDamaged(
        f"The index {vault.index} is damaged: {what}.",
        "None of your files are lost: move that file away and scan again.",
    )


def _in_words(path: Path, error: DatabaseError) -> VaultError:
    if is_unfit(error):
        return unfit_error(path, str(error))
    code = getattr(error, "sqlite_errorname", "")
    if code.startswith("SQLITE_FULL"):
        return VaultUnwritable(
            f"The vault's disk is full: {path}.",
            "What was committed is kept. Make room, or put the vault elsewhere with --vault.",
        )
    if code.startswith("SQLITE_READONLY"):
        return VaultUnwritable(
            f"The vault cannot be written at {path}: {os.strerror(errno.EROFS).lower()}.",
            "Put the vault on another disk with --vault.",
        )
    if code.startswith("SQLITE_BUSY"):
        return VaultError(f"The index {path} is in use.", "Try again when the other run has ended.")
    if code.startswith("SQLITE_IOERR"):
        return VaultUnwritable(
            f"The vault's disk failed at {path}: {error}.",
            "What was committed is kept. Check that disk, or its free space.",
        )
    if "no such table" in str(error) or "no such column" in str(error):
        return VaultDamaged(
            f"{path} is not an index of Gorilla Comb, or is damaged: {error}.",
            "None of your files are lost: move that file away and scan again.",
        )
    return VaultError(f"The index {path} cannot be used: {error}.", "Check the vault's folder.")

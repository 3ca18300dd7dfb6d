"""The file tokens.db of a vault: the tokens that have not expired, and which were revoked.

A token that is not in it opens nothing. So nothing has to be kept of one that has expired, even if
the clock is set back, and a vault that was restored or copied takes none made before.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from gorillacomb import sqlite
from gorillacomb.errors import VaultDamaged, VaultError, VaultUnwritable
from gorillacomb.fs.openat import os_error_text
from gorillacomb.tokens.access_token import TokenClaims

_SCHEMA = 1
_TABLES = f"""
CREATE TABLE tokens (
    jti TEXT PRIMARY KEY,
    subject TEXT NOT NULL,
    scope TEXT NOT NULL,
    issued INTEGER NOT NULL,          -- seconds since the epoch
    expires INTEGER NOT NULL,         -- likewise
    kid TEXT NOT NULL,                -- the key that signed it
    revoked INTEGER NOT NULL          -- 0 or 1
) WITHOUT ROWID;
PRAGMA user_version = {_SCHEMA};
"""
_UNUSABLE = (*("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_CANTOPEN"),)
_BEGIN_ANEW = (
    "Delete that file: it ends all tokens, which are valid for minutes; then make new ones."
)


class KeptToken(NamedTuple):
    """A token that was made and has not expired."""

    claims: TokenClaims
    is_revoked: bool


class TokenStore:
    """The tokens of one vault. It holds no connection: each question is asked of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_valid(self, jti: str) -> bool:
        """Return whether a token was made here and is not revoked. Raises VaultError."""
        with self._reading() as connection:
            if connection is None:
                return False
            row = connection.execute("SELECT revoked FROM tokens WHERE jti = ?", (jti,)).fetchone()
        return row is not None and bool(row[0] == 0)

    def all(self) -> list[KeptToken]:
        """Return the tokens that have not expired, the latest first. Raises VaultError."""
        with self._reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                "SELECT jti, subject, scope, issued, expires, kid, revoked FROM tokens"
                " WHERE expires > ? ORDER BY issued DESC, jti",
                (int(time.time()),),
            ).fetchall()
        return [
            KeptToken(
                TokenClaims(jti, subject, tuple(scope.split(" ")), issued, expires, kid),
                bool(revoked),
            )
            for jti, subject, scope, issued, expires, kid, revoked in rows
        ]

    def add(self, claims: TokenClaims) -> None:
        """Keep a new token, on the disk when this returns; forget expired ones.

        Raises VaultError.
        """
        with self._writing() as connection:
            connection.execute("DELETE FROM tokens WHERE expires <= ?", (int(time.time()),))
            connection.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, 0)",
                (
                    *(claims.id, claims.subject, " ".join(claims.scopes)),
                    *(claims.issued, claims.expires, claims.kid),
                ),
            )

    def revoke(self, jti: str) -> bool:
        """Revoke a token, on the disk when this returns; return whether it is known.

        Raises VaultError.
        """
        if not os.path.lexists(self.path):
            return False
        with self._writing() as connection:
            changed = connection.execute("UPDATE tokens SET revoked = 1 WHERE jti = ?", (jti,))
            return changed.rowcount > 0

    def error(self) -> str | None:
        """Return what is wrong with the file; None if nothing is, or it does not exist."""
        try:
            with self._reading() as connection:
                found = None if connection is None else sqlite.integrity_error(connection)
        except VaultError as error:
            return error.message
        return None if found is None else f"{self.path} is damaged: {found}"

    @contextmanager
    def _reading(self) -> Iterator[sqlite.Connection | None]:
        if not os.path.lexists(self.path):
            yield None
            return
        with self._explaining(), closing(sqlite.open_reader(self.path)) as connection:
            if _is_new(connection):  # being made, or the process was killed when it was
                yield None
                return
            self._refuse_other(connection)
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite.Connection]:
        with self._explaining():
            os.close(
                os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            )
            with closing(sqlite.open_writer(self.path, sqlite.SMALL_CACHE)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    if _is_new(connection):
                        for statement in filter(str.strip, _TABLES.split(";")):
                            connection.execute(statement)
                    self._refuse_other(connection)
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise

    def _refuse_other(self, connection: sqlite.Connection) -> None:
        if _version(connection) != _SCHEMA:
            raise VaultDamaged(
                f"{self.path} holds no tokens of this version of Gorilla Comb.", _BEGIN_ANEW
            )

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise VaultUnwritable(
                f"The tokens in {self.path} cannot be used: {os_error_text(error)}.",
                "Check the permissions of that file.",
            ) from error
        except sqlite.DatabaseError as error:
            name = getattr(error, "sqlite_errorname", "")
            if name.startswith(_UNUSABLE):
                raise VaultUnwritable(
                    f"The tokens in {self.path} cannot be written: {error}.",
                    "Check that disk, and its free space.",
                ) from error
            raise VaultDamaged(f"{self.path} is damaged: {error}.", _BEGIN_ANEW) from error


def _version(connection: sqlite.Connection) -> int:
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return found


def _is_new(connection: sqlite.Connection) -> bool:
    """Return whether nothing was written yet."""
    tables = connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    return tables is None and not _version(connection)

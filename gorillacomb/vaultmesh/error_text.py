"""Error messages of the trace: translate SQLite and system errors into VaultError."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gorillacomb import sqlite
from gorillacomb.errors import VaultDamaged, VaultError, VaultUnwritable
from gorillacomb.fs.mounts import free_bytes
from gorillacomb.fs.openat import os_error_text, owner_advice
from gorillacomb.vault.vault import unfit_error

SEE_VERIFY = "gorillacomb trace verify names the first entry that is not as it was signed."
NO_REPAIR = "Restore the vault from a backup, then run gorillacomb trace adopt."
ROLLED_BACK = "For details: gorillacomb trace verify; after restoring a backup: trace adopt."

FORKED = "gorillacomb trace adopt begins a new log, which names this one."


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Do what `translate_content_errors` does, for writers: system errors too."""
    try:
        with translate_content_errors(path):
            yield
    except OSError as error:
        raise unusable_error(path, error) from error


@contextmanager
def translate_content_errors(path: Path) -> Iterator[None]:
    """Turn SQLite errors, and malformed entries, into VaultError.

    The trace is never deleted in order to repair something.
    """
    try:
        yield
    except sqlite.DatabaseError as error:
        raise _in_words(path, error) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VaultDamaged(
            f"The trace {path} is damaged: {type(error).__name__}, {error}.", NO_REPAIR
        ) from error


def _in_words(path: Path, error: sqlite.DatabaseError) -> VaultError:
    if sqlite.is_unfit(error):
        return unfit_error(path, str(error))
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL") or _is_full(path):
        return VaultUnwritable(
            f"The vault's disk is full: {path}.",
            "What was acknowledged is kept. Free some space there, and run the same command again.",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN")):
        return VaultUnwritable(
            f"The trace {path} cannot be used: {error}.",
            "What was acknowledged is kept. Check that disk, and its free space.",
        )
    return VaultDamaged(f"The trace {path} is damaged: {error}.", NO_REPAIR)


def unusable_error(path: Path, error: OSError) -> VaultUnwritable:
    """Return the error for a trace that the system does not let us use."""
    return VaultUnwritable(
        f"The trace {path} cannot be used: {os_error_text(error)}.",
        owner_advice(str(path), error) or "Check the vault's folder.",
    )


def _is_full(path: Path) -> bool:
    """Return whether the disk is full: SQLite reports some of these failures as I/O errors."""
    return free_bytes(path.parent) < sqlite.PAGE_SIZE

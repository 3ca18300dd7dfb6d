"""Ensure that only one watcher runs per vault, and let others detect it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from gorillacomb.errors import RefusedForSafety
from gorillacomb.vault.vault import Vault, unwritable_error

_NAME = "watcher"


@contextmanager
def watcher_lock(vault: Vault) -> Iterator[None]:
    """Hold the vault's watcher lock. Raises RefusedForSafety, VaultError."""
    vault.create()
    path = vault.folder / _NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unwritable_error(path, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RefusedForSafety(
                f"Another watcher runs with the vault {vault.folder}.",
                "`gorillacomb pulse` shows its state.",
            ) from None
        yield
    finally:
        os.close(descriptor)


def is_watched(vault: Vault) -> bool:
    """Return whether a watcher is running with the vault."""
    try:
        descriptor = os.open(vault.folder / _NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False

"""Ensure that only one watcher runs per vault, and let others detect it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from gorillacomb.errors import RefusedForSafety
from gorillacomb.vault.vault import WATCHER, Vault, lock_file, take_lock, unwritable_error


@contextmanager
def watcher_lock(vault: Vault) -> Iterator[None]:
    """Hold the vault's watcher lock. Raises RefusedForSafety, VaultError."""
    vault.create()
    path = vault.folder / WATCHER
    try:
        descriptor = lock_file(path, take_lock)
    except BlockingIOError:
        raise RefusedForSafety(
            f"Another watcher runs with the vault {vault.folder}.",
            "`gorillacomb pulse` shows its state.",
        ) from None
    except OSError as error:
        raise unwritable_error(path, error) from error
    try:
        yield
    finally:
        os.close(descriptor)


def is_watched(vault: Vault) -> bool:
    """Return whether a watcher is running with the vault."""
    try:
        descriptor = os.open(vault.folder / WATCHER, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False

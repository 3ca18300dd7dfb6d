"""Ensure that only one watcher runs per vault, and let others detect it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from gorillacomb.errors import RefusedForSafety
from gorillacomb.vault.vault import (
    WATCHER,
    Vault,
    is_locked,
    lock_file,
    take_lock,
    unwritable_error,
)


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
    with suppress(OSError):  # one that cannot be looked at has no watcher that we could know of
        return is_locked(vault.folder / WATCHER)
    return False

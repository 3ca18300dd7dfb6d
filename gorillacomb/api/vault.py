"""Find the vault that is meant: at a path, of the command line, or an open one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gorillacomb.api.paths import PathInput
from gorillacomb.errors import UsageError
from gorillacomb.vault.vault import ENVIRONMENT, Vault, default_vault

if TYPE_CHECKING:
    from gorillacomb.api.facade.vault import OpenVault

__all__ = [
    "ENVIRONMENT",
    "Vault",
    "VaultInput",
    "as_vault",
    "damaged_values_as_errors",
    "find_vault",
]

VaultInput: TypeAlias = "OpenVault | Vault | PathInput | None"
"""What functions of the API accept as a vault; None is the one that the command line uses."""


def find_vault(path: PathInput | None = None) -> Vault:
    """Return the vault at a path, or else the one that the command line uses.

    It need not exist yet. Raises as `gorillacomb.open_vault`, which also says which one that is.
    """
    named = None if path is None else Path(os.fsdecode(path))
    if named is not None and not os.fspath(named).strip("."):
        raise UsageError("The vault's path is empty.", "Name a folder.")
    try:
        return Vault((named or default_vault()).expanduser().absolute())
    except RuntimeError as error:  # ~ or ~name of a user who has no home
        raise UsageError(
            f"{str(error).rstrip('.')}.", f"Name the whole path, with --vault or {ENVIRONMENT}."
        ) from error


@contextmanager
def damaged_values_as_errors(vault: Vault) -> Iterator[None]:
    """Raise VaultDamaged for index values of a type that no version writes.

    Around what prints results: such a value may be met there first.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError):
        from gorillacomb.index.database import translate_errors  # not needed until something fails

        with translate_errors(vault):
            raise


def as_vault(vault: VaultInput) -> Vault:
    """Return the vault that a caller gave in one of the accepted forms. Raises as `find_vault`."""
    if vault is None or isinstance(vault, str | bytes | os.PathLike):
        return find_vault(vault)
    return vault if isinstance(vault, Vault) else vault._vault

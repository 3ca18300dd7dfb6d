"""Remember in the vault which volumes `doctor` found fit: macOS asks for it before changes."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from gorillacomb.api.paths import PathInput
from gorillacomb.errors import VaultError
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.volumes import base_volume, is_online
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.vault.vault import EXAMINED, Vault

if TYPE_CHECKING:
    from gorillacomb.api.upkeep.doctor import Checkup

_MOST = 1 << 20
"""Bytes."""


def examine_for(vault: Vault, path: PathInput) -> Checkup:
    """Examine a folder's volume as `examine` does, and remember the result in an existing vault."""
    from gorillacomb.api.upkeep.doctor import examine  # other commands ask for its result only

    found = examine(path)
    if vault.index.exists():
        known = _known(vault)
        known[found.volume] = found.is_fit
        with suppress(OSError):  # only macOS asks for it, and then says that it is missing
            replace_file(vault.folder / EXAMINED, json.dumps(known).encode(), 0o600)
    return found


def is_examined(vault: Vault, offline: bool = False) -> bool:
    """Return whether `doctor` found the volumes of all connected roots fit.

    With ``offline``, also those of the roots that are not connected.
    """
    known = _known(vault)
    if not known:
        return False
    try:
        with Index.read(vault) as index, translate_errors(vault):
            roots = [each for each in all_roots(index.connection) if offline or is_online(each)]
    except VaultError:
        return False
    return all(known.get(base_volume(root.volume)) is True for root in roots)


def _known(vault: Vault) -> dict[str, bool]:
    try:
        found = json.loads(read_bounded(vault.folder / EXAMINED, _MOST))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

"""Remember in the vault which volumes `doctor` found fit: macOS asks for it before changes.

An update of the system may change what was measured: then the result no longer counts.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gorillacomb.api.paths import PathInput
from gorillacomb.errors import VaultError
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.darwin.system import system_version
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.volumes import base_volume, is_online
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.vault.vault import EXAMINED, Vault

if TYPE_CHECKING:
    from gorillacomb.api.upkeep.doctor import Checkup

__all__ = ["ExaminedRoot"]

_MOST = 1 << 20
"""Bytes."""


def examine_for(vault: Vault, path: PathInput) -> Checkup:
    """Examine a folder's volume as `examine` does, and remember the result in an existing vault.

    What was measured includes whether a watcher keeps that vault up to date.
    """
    # Other commands ask for its result only.
    from gorillacomb.api.upkeep.doctor import examine, with_service

    found = with_service(examine(path), vault)
    if vault.index.exists():
        known = _known(vault)
        known[found.volume] = found.is_fit
        system = system_version()
        results = {name: {"fit": fit, "system": system} for name, fit in known.items()}
        with suppress(OSError):  # only macOS asks for it, and then says that it is missing
            replace_file(vault.folder / EXAMINED, json.dumps(results).encode(), 0o600)
    return found


@dataclass(frozen=True, slots=True)
class ExaminedRoot:
    """A root, and what `doctor` found of its volume."""

    path: bytes
    is_fit: bool | None
    """Whether all works there that a removal needs.

    None if `doctor` was not asked since the last update of the system.
    """


def examined_roots(vault: Vault, index: Index) -> tuple[ExaminedRoot, ...]:
    """Return what is known of the volume of each root, by path. Raises VaultError."""
    known = _known(vault)
    with translate_errors(vault):
        roots = sorted(all_roots(index.connection), key=lambda root: root.path)
    return tuple(ExaminedRoot(root.path, known.get(base_volume(root.volume))) for root in roots)


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
    """Return which volumes are fit, of those measured on this version of the system."""
    try:
        found = json.loads(read_bounded(vault.folder / EXAMINED, _MOST))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    system = system_version()
    known = {}
    for name, result in found.items():
        if not isinstance(result, dict) or result.get("system") != system:
            continue
        fit = result.get("fit")
        if isinstance(fit, bool):
            known[name] = fit
    return known

"""Evidence of forks: two checkpoints of one size that a log signed, with different roots.

Anyone can check it with the log's key. A witness never cosigns the second one, but keeps both.
"""

from __future__ import annotations

import os
from pathlib import Path

from gorillacomb.errors import VaultDamaged
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.mesh.witness.state import CosignedState, WitnessState, name_of
from gorillacomb.vault.vault import unwritable_error

_END = ".fork-{}"
_SIDES = ("ours", "other")


def keep_fork(state: WitnessState, last: CosignedState, other: bytes) -> None:
    """Write both checkpoints beside the record of their log, unless there is such a pair already.

    The first pair of a log is enough, and more of them could fill the disk. Raises VaultUnwritable.
    """
    paths = fork_files(state, last.checkpoint.origin)
    try:
        if not paths[1].exists():
            for path, note in zip(paths, (last.note, other), strict=True):
                replace_file(path, note, 0o600)
    except OSError as error:
        raise unwritable_error(paths[1], error) from error


def fork_files(state: WitnessState, origin: str) -> tuple[Path, Path]:
    """Return where the two checkpoints of a fork are kept: the one that we cosigned, the other."""
    name = name_of(origin)
    first, second = (state.vault_folder / f"{name}{_END.format(side)}" for side in _SIDES)
    return first, second


def known_forks(state: WitnessState) -> dict[str, Path]:
    """Return the forks that were met: by the name of the log's record, the other checkpoint."""
    end = _END.format(_SIDES[1])
    try:
        names = os.listdir(state.vault_folder)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise VaultDamaged(
            f"Reading {state.vault_folder} failed: {os_error_text(error)}."
        ) from error
    return {
        name.removesuffix(end): state.vault_folder / name
        for name in sorted(names)
        if name.endswith(end)
    }

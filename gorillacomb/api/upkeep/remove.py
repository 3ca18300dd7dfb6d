"""Remove a vault, once the user knows what is lost with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, cast

from gorillacomb.api.documents.upkeep import VaultRemovalDocument
from gorillacomb.api.roots import waiting_text
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import RefusedForSafety, VaultError
from gorillacomb.fs.paths import path_text
from gorillacomb.fs.volumes import is_online
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.json_paths import path_to_json
from gorillacomb.scrolls.store import ScrollStore
from gorillacomb.vault.folders import folder_entries
from gorillacomb.vault.swap import vault_held
from gorillacomb.vault.vault import (
    FOLDERS,
    SCROLLS,
    Vault,
    config_folder,
    is_vault_file,
    unwritable_error,
)
from gorillacomb.vaultmesh.open import open_trace_for_reading

if TYPE_CHECKING:
    from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun

__all__ = ["ConfirmRemoval", "QuarantinedRun", "VaultRemoval", "remove_vault"]


@dataclass(frozen=True, slots=True)
class VaultRemoval:
    """A vault that is to be removed, or was: what is lost, and what is left."""

    folder: Path
    """Without links."""
    size: int
    """Bytes of its files."""
    entries: int | None
    """Entries of its trace, which nothing can rebuild; None if it has none, or a damaged one."""
    quarantine: tuple[QuarantinedRun, ...]
    """What waits in quarantines on connected drives. It is left where it is."""
    unknown: tuple[bytes, ...]
    """Roots that are not connected: what waits in quarantines there is not known."""
    is_readable: bool
    """Whether the index could be read; if not, nothing is known about quarantines."""
    keys: Path
    """The folder with the user's keys. It is left where it is: manifests need them, too."""

    @property
    def waiting_files(self) -> int:
        """Files that wait in quarantines: the number that confirms the removal."""
        return sum(each.files for each in self.quarantine)

    def to_dict(self) -> VaultRemovalDocument:
        """Return the document of ``vault remove --json``."""
        from gorillacomb.api.documents.status import quarantine_documents

        document = {
            "vault": path_to_json(bytes(self.folder)),
            "bytes": self.size,
            "entries": self.entries,
            "quarantine": quarantine_documents(self.quarantine),
            "not_connected": [path_to_json(path) for path in self.unknown],
            "index_readable": self.is_readable,
            "keys": path_to_json(bytes(self.keys)),
        }
        return cast(VaultRemovalDocument, document)


ConfirmRemoval = int | Callable[[VaultRemoval], bool] | None
"""What allows a removal: the number of files that wait in quarantines, or a function that is asked.
None refuses.
"""


def remove_vault(vault: Vault, *, confirm: ConfirmRemoval = None) -> VaultRemoval:
    """Remove a vault, as `OpenVault.remove` says."""
    if not os.path.lexists(vault.folder):
        vault.check()  # raises, and says that there is none
    # Being asked may take a while, during which others can use the vault.
    asked = _described(vault)
    _refuse_unconfirmed(asked, confirm)
    with vault_held(vault) as place:
        if not place.exists:
            vault.check()
        _refuse_other_files(place.folder)
        now = _described(Vault(place.folder))
        if _places(now) != _places(asked):
            raise RefusedForSafety(
                "Removing the vault failed: what waits in quarantines has changed since.",
                "Run the same command again.",
            )
        place.remove()
    return now


def _places(what: VaultRemoval) -> list[tuple[bytes, int]]:
    return [(each.folder, each.files) for each in what.quarantine]


def _described(vault: Vault) -> VaultRemoval:
    """Find what is lost and what is left; a damaged vault is described as far as it can be read."""
    from gorillacomb.dedupe.quarantine.inventory import quarantined_runs  # loads journals

    folder = Path(os.path.realpath(vault.folder))
    waiting: tuple[QuarantinedRun, ...] = ()
    unknown: tuple[bytes, ...] = ()
    is_readable, entries = True, None
    try:
        with Index.read(vault) as index, translate_errors(vault):
            roots = live_roots_of(index, suspect=True)
            waiting = tuple(each for each in quarantined_runs(roots) if each.steps)
            known = all_roots(index.connection)
            unknown = tuple(root.path for root in known if not is_online(root))
    except VaultError:
        is_readable = False
    try:
        with open_trace_for_reading(vault) as ledger:
            entries = ledger.size
    except VaultError:
        pass
    names = [name for name in Vault(folder).names() if is_vault_file(name)]
    try:
        inner = [facts.st_size for _, facts in folder_entries(folder) if S_ISREG(facts.st_mode)]
    except OSError as error:
        raise unwritable_error(folder, error) from error
    sizes = [os.lstat(folder / name).st_size for name in names if name not in FOLDERS] + inner
    return VaultRemoval(
        *(folder, sum(sizes), entries, waiting, unknown, is_readable, config_folder() / "keys")
    )


def _refuse_unconfirmed(asked: VaultRemoval, confirm: ConfirmRemoval) -> None:
    """Refuse unless the number of waiting files is given, or the callback agrees."""
    files = asked.waiting_files
    what = f"Removing the vault {asked.folder} failed: "
    advice = f"If that is what you want: --yes-remove {files} (in Python: confirm={files})."
    waits = f"{waiting_text(asked.quarantine)} are still there" if asked.quarantine else ""
    if confirm is None or isinstance(confirm, bool):  # True would count as the number 1
        raise RefusedForSafety(
            f"{what}{waits and waits + ', and '}it was not confirmed.",
            ("They stay there, and `dedupe --undo DIR` needs no vault. " if waits else "") + advice,
        )
    if callable(confirm):
        if not confirm(asked):
            raise RefusedForSafety("The vault was not removed.")
    elif confirm != files:
        raise RefusedForSafety(
            f"{what}{waits or 'no file is in quarantine'}, not {confirm:,}.", advice
        )


def _refuse_other_files(folder: Path) -> None:
    vault = Vault(folder)
    others = sorted(name for name in vault.names() if not is_vault_file(name))
    others += sorted(f"{SCROLLS}/{name}" for name in ScrollStore(vault).others())
    if others:
        shown = ", ".join(path_text(os.fsencode(name)) for name in others[:3])
        more = f" and {len(others) - 3:,} more" if len(others) > 3 else ""
        raise RefusedForSafety(
            f"Removing the vault {folder} failed: it contains files that are not its own:"
            f" {shown}{more}.",
            "Move them away first.",
        )

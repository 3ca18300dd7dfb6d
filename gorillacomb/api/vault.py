"""Open a vault: the one way into the program for Python programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, Unpack, overload

from gorillacomb.api.paths import PathInput
from gorillacomb.errors import UsageError
from gorillacomb.progress import Progress, ProgressCallback
from gorillacomb.vault.vault import ENVIRONMENT, Vault, default_vault

if TYPE_CHECKING:
    from gorillacomb.api.dedupe.apply import ConfirmDeletion, DryRunResult, RunResult
    from gorillacomb.api.dedupe.history import RunDetails, RunHistory
    from gorillacomb.api.dedupe.plan import DedupePlan, PlanKeywords
    from gorillacomb.api.dedupe.purge import ConfirmPurge
    from gorillacomb.api.duplicates import Duplicates
    from gorillacomb.api.find.compare import Comparison
    from gorillacomb.api.find.explain import Explained
    from gorillacomb.api.find.folders import FolderReport
    from gorillacomb.api.roots import ForgottenRoot, RootStatus
    from gorillacomb.api.scan import ScanFindings, ScanResult
    from gorillacomb.api.status import VaultStatus
    from gorillacomb.api.trace import VaultTrace
    from gorillacomb.api.unique import UniqueResult
    from gorillacomb.api.upkeep import VaultBackup, VaultCheck
    from gorillacomb.api.watch.pulse import PulseResult
    from gorillacomb.api.watch.repair import RepairResult
    from gorillacomb.api.watch.scrub import AcceptResult, ScrubResult

__all__ = [
    "ENVIRONMENT",
    "OpenVault",
    "Vault",
    "VaultInput",
    "as_vault",
    "find_vault",
    "open_vault",
]


def find_vault(path: PathInput | None = None) -> Vault:
    """Return the vault at a path, or else the one that the command line uses.

    That is the folder in GORILLACOMB_VAULT, or one in the user's data folder. It need not exist
    yet: a scan creates it. Raises UsageError for a path that names no folder, VaultError where no
    home is known.
    """
    named = None if path is None else Path(os.fsdecode(path))
    if named is not None and not os.fspath(named).strip("."):
        raise UsageError("The vault's path is empty.", "Name a folder.")
    try:
        return Vault((named or default_vault()).expanduser().absolute())
    except RuntimeError as error:  # ~ or ~name of somebody who has no home
        raise UsageError(
            f"{str(error).rstrip('.')}.", f"Name the whole path, with --vault or {ENVIRONMENT}."
        ) from error


def as_vault(vault: VaultInput) -> Vault:
    """Return the vault that a caller gave in one of its forms. Raises as `find_vault`."""
    if isinstance(vault, OpenVault):
        return vault._vault
    return vault if isinstance(vault, Vault) else find_vault(vault)


def open_vault(path: PathInput | None = None) -> OpenVault:
    """Open the vault at a path, or else the one that the command line uses.

    Use it as a context manager, or call `OpenVault.close` at the end. Raises as `find_vault`.
    """
    return OpenVault(find_vault(path))


class OpenVault:
    """A vault with all that can be asked of it and done with it.

    Nothing is kept open between calls but by results that are read lazily, which say so; several
    programs may read one vault while one writes.
    Every method raises VaultError for a vault that cannot be used.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @property
    def path(self) -> Path:
        """The vault's folder."""
        return self._vault.folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the use of the vault."""

    def scan(
        self,
        paths: PathInput | Sequence[PathInput],
        *,
        exclude: Sequence[str] = (),
        clear_excludes: bool = False,
        min_size: int | None = None,
        quick: bool = False,
        rehash: bool = False,
        cross_file_systems: bool = False,
        file_list: Sequence[PathInput] | None = None,
        accept_loss: bool = False,
        hydrate_limit: int | None = None,
        workers: int | None = None,
        progress: Progress | ProgressCallback | None = None,
        on_findings: Callable[[ScanFindings], object] | None = None,
    ) -> ScanResult:
        """Read what changed in folders into the index: see `api.scan.scan_folders`."""
        from gorillacomb.api.scan import scan_folders

        return scan_folders(
            self._vault,
            paths,
            exclude=exclude,
            clear_excludes=clear_excludes,
            min_size=min_size,
            quick=quick,
            rehash=rehash,
            cross_file_systems=cross_file_systems,
            file_list=file_list,
            accept_loss=accept_loss,
            hydrate_limit=hydrate_limit,
            workers=workers,
            progress=progress,
            on_findings=on_findings,
        )

    def duplicates(self, path: PathInput | None = None, *, min_size: int = 0) -> Duplicates:
        """Read the groups of identical files: see `api.duplicates.find_duplicates`."""
        from gorillacomb.api.duplicates import find_duplicates

        return find_duplicates(self._vault, path, min_size=min_size)

    @property
    def trace(self) -> VaultTrace:
        """The signed record of every canonical file: verify it, read it, prove what it says."""
        from gorillacomb.api.trace import VaultTrace

        return VaultTrace(self._vault)

    def pulse(self) -> PulseResult:
        """Tell whether the watcher is alive: see `api.watch.pulse.check_watcher`."""
        from gorillacomb.api.watch.pulse import check_watcher

        return check_watcher(self._vault)

    def explain(self, path: PathInput) -> Explained:
        """Explain a file or folder: see `api.find.explain.explain_path`."""
        from gorillacomb.api.find.explain import explain_path

        return explain_path(self._vault, path)

    def folders(
        self, path: PathInput | None = None, *, similar: float | None = None
    ) -> FolderReport:
        """Find out which folders belong together: see `api.find.folders.find_folders`."""
        from gorillacomb.api.find.folders import find_folders

        return find_folders(self._vault, path, similar=similar)

    def compare(
        self,
        a: PathInput,
        b: PathInput,
        *,
        progress: Progress | ProgressCallback | None = None,
    ) -> Comparison:
        """Compare two folders, entry by entry: see `api.find.compare.compare_folders`."""
        from gorillacomb.api.find.compare import compare_folders

        return compare_folders(self._vault, a, b, progress=progress)

    def status(self) -> VaultStatus:
        """Read what the vault knows: see `api.status.vault_status`."""
        from gorillacomb.api.status import vault_status

        return vault_status(self._vault)

    def roots(self) -> tuple[RootStatus, ...]:
        """List the drives and folders that were scanned: see `api.roots.list_roots`."""
        from gorillacomb.api.roots import list_roots

        return list_roots(self._vault)

    def forget_root(
        self,
        root: PathInput,
        *,
        force: bool = False,
        choose: Callable[[Sequence[RootStatus]], RootStatus] | None = None,
    ) -> ForgottenRoot:
        """Drop a root and all that is known of it: see `api.roots.forget_root`."""
        from gorillacomb.api.roots import forget_root

        return forget_root(self._vault, root, force=force, choose=choose)

    def check(self) -> VaultCheck:
        """Check that the vault is sound: see `api.upkeep.check_vault`."""
        from gorillacomb.api.upkeep import check_vault

        return check_vault(self._vault)

    def back_up(self, folder: PathInput) -> VaultBackup:
        """Copy the vault into a new folder: see `api.upkeep.back_up_vault`."""
        from gorillacomb.api.upkeep import back_up_vault

        return back_up_vault(self._vault, folder)

    def scrub(
        self,
        paths: Sequence[PathInput] = (),
        *,
        rate: int | None = None,
        older_than_ns: int = 0,
        progress: Progress | ProgressCallback | None = None,
    ) -> ScrubResult:
        """Read files again, and tell damage from edits: see `api.watch.scrub.scrub`."""
        from gorillacomb.api.watch.scrub import scrub

        return scrub(self._vault, paths, rate=rate, older_than_ns=older_than_ns, progress=progress)

    def accept_damage(self, paths: Sequence[PathInput]) -> AcceptResult:
        """Take damaged files as they are now: see `api.watch.scrub.accept_damage`."""
        from gorillacomb.api.watch.scrub import accept_damage

        return accept_damage(self._vault, paths)

    def repair_damage(
        self,
        paths: Sequence[PathInput] = (),
        *,
        suspects: bool = False,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> RepairResult:
        """Put good copies in place of damaged files: see `api.watch.repair.repair_damage`."""
        from gorillacomb.api.watch.repair import repair_damage

        return repair_damage(
            self._vault,
            paths,
            suspects=suspects,
            untested_macos=untested_macos,
            progress=progress,
        )

    def unique(
        self,
        path: PathInput,
        *,
        excepts: Sequence[PathInput] = (),
        count_offline: bool = False,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> UniqueResult:
        """Find what would be lost if a folder were deleted: see `api.unique.find_unique`."""
        from gorillacomb.api.unique import find_unique

        return find_unique(
            self._vault,
            path,
            excepts=excepts,
            count_offline=count_offline,
            untested_macos=untested_macos,
            progress=progress,
        )

    def plan(
        self,
        *,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
        **wanted: Unpack[PlanKeywords],
    ) -> DedupePlan:
        """Plan what is removed, which changes nothing: see `api.dedupe.plan.make_plan`.

        The keywords are ``action``, ``within``, ``prefer``, ``protect``, ``keep``, ``min_size``,
        ``files``, ``folders``, ``retire``, ``not_a_project`` and ``across_volumes``.
        """
        from gorillacomb.api.dedupe.plan import make_plan

        return make_plan(self._vault, untested_macos=untested_macos, progress=progress, **wanted)

    @overload
    def apply(
        self,
        plan: DedupePlan | PathInput,
        *,
        dry_run: Literal[True] = True,
        confirm: ConfirmDeletion = None,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> DryRunResult: ...

    @overload
    def apply(
        self,
        plan: DedupePlan | PathInput,
        *,
        dry_run: Literal[False],
        confirm: ConfirmDeletion = None,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> RunResult: ...

    def apply(
        self,
        plan: DedupePlan | PathInput,
        *,
        dry_run: bool = True,
        confirm: ConfirmDeletion = None,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> DryRunResult | RunResult:
        """Carry out a plan or the one in a file, or find what that would do.

        Files change only with ``dry_run=False``; a plan that deletes needs ``confirm`` too. See
        `api.dedupe.apply`.
        """
        from gorillacomb.api.dedupe import apply

        if dry_run:
            return apply.dry_run(self._vault, plan, progress=progress)
        return apply.apply_plan(
            self._vault, plan, confirm=confirm, untested_macos=untested_macos, progress=progress
        )

    def undo(
        self,
        run: PathInput | None = None,
        *,
        only: Sequence[PathInput] = (),
        progress: Progress | ProgressCallback | None = None,
    ) -> RunResult:
        """Put back what a run set aside, by default the last: see `api.dedupe.undo.undo_run`."""
        from gorillacomb.api.dedupe.undo import undo_run

        return undo_run(self._vault, run, only=only, progress=progress)

    def purge(
        self,
        run: str | None = None,
        *,
        confirm: ConfirmPurge = False,
        older_than_ns: int = 0,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> RunResult:
        """Delete what one run, or all, set aside: see `api.dedupe.purge.purge_quarantine`."""
        from gorillacomb.api.dedupe.purge import purge_quarantine

        return purge_quarantine(
            self._vault,
            run,
            confirm=confirm,
            older_than_ns=older_than_ns,
            untested_macos=untested_macos,
            progress=progress,
        )

    def history(self) -> RunHistory:
        """List everything that was done with runs: see `api.dedupe.history.read_history`."""
        from gorillacomb.api.dedupe.history import read_history

        return read_history(self._vault)

    def run_details(self, run: str) -> RunDetails:
        """Find all that is known of one run: see `api.dedupe.history.read_run_details`."""
        from gorillacomb.api.dedupe.history import read_run_details

        return read_run_details(self._vault, run)


VaultInput = OpenVault | Vault | PathInput | None
"""What functions of the API take for a vault; None is the one that the command line uses."""

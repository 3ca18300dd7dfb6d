"""Open a vault: the entry point for Python programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gorillacomb.api.callbacks import stopped_by_callbacks
from gorillacomb.api.closing import Closing
from gorillacomb.api.facade.dedupe import DedupeMethods
from gorillacomb.api.facade.upkeep import UpkeepMethods
from gorillacomb.api.paths import PathInput, PathsInput, PatternsInput
from gorillacomb.api.vault import find_vault
from gorillacomb.progress import Progress, ProgressCallback
from gorillacomb.vault.vault import Vault

if TYPE_CHECKING:
    from gorillacomb.api.dedupe.plan import DedupePlan
    from gorillacomb.api.duplicates import Duplicates
    from gorillacomb.api.find.compare import Comparison
    from gorillacomb.api.find.contents import ContentComparison
    from gorillacomb.api.find.empty_folders import EmptyFolders
    from gorillacomb.api.find.explain import Explained
    from gorillacomb.api.find.folders import FolderReport
    from gorillacomb.api.find.overview import Overview
    from gorillacomb.api.find.space_map import SpaceMap
    from gorillacomb.api.scan import ScanFindings, ScanResult
    from gorillacomb.api.trace import VaultTrace
    from gorillacomb.api.unique import UniqueResult

__all__ = ["OpenVault", "open_vault"]


def open_vault(path: PathInput | None = None) -> OpenVault:
    """Open the vault at a path, or else the one that the command line uses.

    That is the folder in GORILLACOMB_VAULT, or one in the user's data folder. It need not exist
    yet: a scan creates it. Use it in a ``with`` block, or call `OpenVault.close` at the end.

    Raises UsageError for a path that names no folder, VaultError if no home is known.
    """
    return OpenVault(find_vault(path))


class OpenVault(DedupeMethods, UpkeepMethods, Closing):
    """A vault, with all queries and actions as methods; `open_vault` creates one.

    Nothing is kept open between calls, except by results that are read lazily, which say so. Many
    programs may read one vault while one writes. Every method raises VaultError for a vault that
    cannot be used, and UsageError for a ``config.toml`` that is not valid.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @property
    def path(self) -> Path:
        """The vault's folder."""
        return self._vault.folder

    def close(self) -> None:
        """Finish using the vault. Lazy results are closed by themselves. Raises nothing."""

    @property
    def trace(self) -> VaultTrace:
        """The signed record of every canonical file: verify it, read it, prove what it says."""
        from gorillacomb.api.trace import VaultTrace

        return VaultTrace(self._vault)

    def scan(
        self,
        paths: PathsInput | None = None,
        *,
        exclude: PatternsInput = (),
        clear_excludes: bool = False,
        min_size: int | None = None,
        quick: bool = False,
        rehash: bool = False,
        cross_file_systems: bool = False,
        file_list: PathsInput | None = None,
        accept_loss: bool = False,
        hydrate_limit: int | None = None,
        workers: int | None = None,
        progress: Progress | ProgressCallback | None = None,
        on_findings: Callable[[ScanFindings], object] | None = None,
    ) -> ScanResult:
        """Read folders into the index: what changed since the last scan, or all of it.

        Without ``paths``, it reads all known roots that are connected; ``absent`` of the result has
        the others. Nothing in them is changed. ``exclude`` are gitignore patterns and ``min_size``
        is in bytes; both are remembered for the root, and ``clear_excludes`` forgets the remembered
        patterns first. ``quick`` leaves files without a copy unread; ``rehash`` reads everything
        again. ``cross_file_systems`` enters what is mounted inside. ``file_list`` names the only
        paths to look at. ``accept_loss`` treats missing files as deleted, even if it is most of a
        root. ``hydrate_limit`` downloads files of up to this many bytes that are only in the cloud.
        ``workers`` is the number of reader processes; 0 reads in this one. ``on_findings`` is
        called as soon as the duplicates are known, while the rest is still unread.

        A callback that raises stops the scan: everything so far is kept, and the next scan
        continues from there. The error of the callback is raised as it is, or Interrupted for
        KeyboardInterrupt.

        Returns what was read, with what could not be in ``unreadable`` and ``unstable``. Raises
        UsageError for paths that cannot be scanned, RootVanished for a drive that is not connected,
        or for no paths if no known root is.
        """
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

    @stopped_by_callbacks
    def overview(self, *, progress: Progress | ProgressCallback | None = None) -> Overview:
        """Read what is known about everything that was scanned, in figures.

        It includes the largest families of copied folders, a plan of what can be removed, how much
        of each root is on each other one, and the kinds of files. Planning looks at the files on
        disk. Raises Interrupted.
        """
        from gorillacomb.api.find.overview import vault_overview

        return vault_overview(self._vault, progress=progress)

    def space_map(self, path: PathInput | None = None) -> SpaceMap:
        """Read where the space is in a folder, or in everything that was scanned.

        The result has up to 1,000 of the largest folders and files at any depth. Raises UsageError
        for a path that is not a folder of the index.
        """
        from gorillacomb.api.find.space_map import map_space

        return map_space(self._vault, path)

    def duplicates(self, path: PathInput | None = None, *, min_size: int = 0) -> Duplicates:
        """Read the groups of identical files, the most wasteful first.

        With a path, only those that have a copy there. ``min_size``, in bytes, leaves out groups of
        smaller files. Returns an iterator that reads a group when it is asked for, all of them as
        of now. Raises UsageError for a path that is not in the index.
        """
        from gorillacomb.api.duplicates import find_duplicates

        return find_duplicates(self._vault, path, min_size=min_size)

    def folders(
        self, path: PathInput | None = None, *, similar: float | None = None
    ) -> FolderReport:
        """Find which folders belong together, as of the last scan; no file is read.

        With a path, only those that concern that folder. ``similar``, from 0 to 1, is how much of
        the smaller of two folders the other one must contain to be reported with it. Returns a
        report that is read as it is asked for: use it in a ``with`` block. Raises UsageError for a
        path that is not a folder of the index.
        """
        from gorillacomb.api.find.folders import find_folders

        return find_folders(self._vault, path, similar=similar)

    @stopped_by_callbacks
    def unique(
        self,
        path: PathInput,
        *,
        excepts: PathsInput = (),
        plan: DedupePlan | PathInput | None = None,
        count_offline: bool = False,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> UniqueResult:
        """Find what would be lost if a folder were deleted.

        The folder is listed now, and each copy elsewhere is checked on disk. ``excepts`` are
        folders that are treated as deleted too; ``plan`` is a plan, or a file of one, whose copies
        do not count; ``count_offline`` counts copies on drives that are not connected, which on
        macOS requires ``untested_macos``.

        Returns the files that exist nowhere else, and those about which nothing can be said. Raises
        UsageError for a path that is not a folder of the index, UntrustedInput for the plan,
        RefusedForSafety on macOS.
        """
        from gorillacomb.api.unique import find_unique

        return find_unique(
            self._vault,
            path,
            excepts=excepts,
            plan=plan,
            count_offline=count_offline,
            untested_macos=untested_macos,
            progress=progress,
        )

    def empty_folders(self, path: PathInput | None = None) -> EmptyFolders:
        """List the folders, everywhere or in one folder, that hold no file at any depth.

        As of the last scan: no file is read. Those that something may need have a reason, and
        `plan` with ``empty_folders`` leaves them alone. Raises UsageError for a path that is not a
        folder of the index.
        """
        from gorillacomb.api.find.empty_folders import list_empty_folders

        return list_empty_folders(self._vault, path)

    def explain(self, path: PathInput, *, rules: bool = False) -> Explained:
        """Explain a file or folder: its copies, which one to keep, why, and what runs did with it.

        Returns an `ExplainedFile`, `ExplainedFolder`, or `ExplainedGone` for what is no longer in
        the index. With ``rules``, it has what each rule does in the choice of the copy to keep.
        Raises UsageError for a path about which nothing is known, and with ``rules`` for a rule
        that names an unknown place.
        """
        from gorillacomb.api.find.explain import explain_path

        return explain_path(self._vault, path, rules=rules)

    @stopped_by_callbacks
    def compare(
        self,
        a: PathInput,
        b: PathInput,
        *,
        progress: Progress | ProgressCallback | None = None,
    ) -> Comparison:
        """Compare two folders: as of their last scan if the index has both, else by reading them.

        Names, contents, links and executable bits are compared; other modes and times are not.
        Raises UsageError for a path that is not a folder, now or when it was scanned, Interrupted.
        """
        from gorillacomb.api.find.compare import compare_folders

        return compare_folders(self._vault, a, b, progress=progress)

    def compare_contents(self, a: PathInput, b: PathInput) -> ContentComparison:
        """Find what each of two folders contains that the other lacks, wherever it is there.

        The index alone is asked: no file is read, and drives that are not connected are as of their
        last scan. Each is a folder, or a whole root by its id or its name. Returns a comparison
        that is read as it is asked for: use it in a ``with`` block. Raises UsageError for a path
        that is not a folder of the index.
        """
        from gorillacomb.api.find.contents import compare_contents

        return compare_contents(self._vault, a, b)

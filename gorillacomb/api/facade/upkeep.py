"""What keeps the vault of an `OpenVault`, and the files that it knows, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gorillacomb.api.callbacks import stopped_by_callbacks
from gorillacomb.api.paths import PathInput, PathsInput
from gorillacomb.progress import Progress, ProgressCallback
from gorillacomb.vault.vault import Vault

if TYPE_CHECKING:
    from gorillacomb.api.roots import ForgottenRoot, RootStatus
    from gorillacomb.api.status import VaultStatus
    from gorillacomb.api.upkeep.backup import VaultBackup
    from gorillacomb.api.upkeep.check import VaultCheck
    from gorillacomb.api.upkeep.remove import ConfirmRemoval, VaultRemoval
    from gorillacomb.api.upkeep.restore import VaultRestore
    from gorillacomb.api.watch.pulse import PulseResult
    from gorillacomb.api.watch.repair import RepairResult
    from gorillacomb.api.watch.scrub import AcceptResult, ScrubResult


class UpkeepMethods:
    """The methods of an `OpenVault` that check it, and find and repair damaged files."""

    _vault: Vault

    def status(self) -> VaultStatus:
        """Read what the vault knows: roots, files, redundancy, and what was not read.

        Raises VaultError.
        """
        from gorillacomb.api.status import vault_status

        return vault_status(self._vault)

    def roots(self) -> tuple[RootStatus, ...]:
        """List the drives and folders that were scanned, in the order of their first scans.

        Raises VaultError.
        """
        from gorillacomb.api.roots import list_roots

        return list_roots(self._vault)

    @stopped_by_callbacks
    def forget_root(
        self,
        root: PathInput,
        *,
        force: bool = False,
        choose: Callable[[Sequence[RootStatus]], RootStatus] | None = None,
    ) -> ForgottenRoot:
        """Drop a root, named by its path or id, and everything the index knows about it.

        No file in it is touched. If several drives were scanned at the path, ``choose`` returns the
        one that is meant. ``force`` forgets it even if its quarantine is not empty.

        Raises UsageError for an unknown root, or for several without ``choose``; RefusedForSafety
        if its quarantine is not empty.
        """
        from gorillacomb.api.roots import forget_root

        return forget_root(self._vault, root, force=force, choose=choose)

    def name_root(self, root: PathInput, name: str | None) -> RootStatus:
        """Give a root, named by its path or id, a name of your own, shown beside its path.

        It replaces an earlier name; None takes it away. `compare_contents` and `forget_root` accept
        it, too. Returns the root. Raises UsageError for an unknown root, for a path that several
        share, and for a name that is empty, not printable, or another root's.
        """
        from gorillacomb.api.roots import name_root

        return name_root(self._vault, root, name)

    def check(self) -> VaultCheck:
        """Check both databases, every entry of the trace, and that they match.

        What is wrong is in the result. Raises VaultError for a vault that does not exist.
        """
        from gorillacomb.api.upkeep.check import check_vault

        return check_vault(self._vault)

    def back_up(self, folder: PathInput) -> VaultBackup:
        """Copy index and trace into a new folder, each as of one moment, also while it is in use.

        Keys are not in the vault. Raises UsageError for a folder that exists or cannot be created.
        """
        from gorillacomb.api.upkeep.backup import back_up_vault

        return back_up_vault(self._vault, folder)

    def restore(
        self, backup: PathInput, *, replace: bool = False, without_keys: bool = False
    ) -> VaultRestore:
        """Put a backup made by `back_up` back as the vault, all of it or nothing.

        It is copied and checked first: both databases, every entry of the trace, and that the keys
        that signed it are here, unless ``without_keys``. A vault that exists is replaced only with
        ``replace``, damaged or not, and is kept beside the new one under another name.

        Returns what was done, and whether the trace has to be adopted. Raises UsageError for what
        is not a backup; RefusedForSafety for a vault that exists, or whose watcher is running;
        VaultError for a damaged backup, KeyMissing.
        """
        from gorillacomb.api.upkeep.restore import restore_vault

        return restore_vault(self._vault, backup, replace=replace, without_keys=without_keys)

    @stopped_by_callbacks
    def remove(self, *, confirm: ConfirmRemoval = None) -> VaultRemoval:
        """Delete the vault: the index, and the trace, which nothing can rebuild.

        Drives that were scanned, quarantines and keys are left as they are. ``confirm`` allows it:
        the number of files that wait in quarantines, or a function that is given what would be lost
        and left and returns whether to continue.

        Raises RefusedForSafety without ``confirm``, if a watcher is running, and for files in the
        vault's folder that are not its own; VaultError if there is no vault or it is in use.
        """
        from gorillacomb.api.upkeep.remove import remove_vault

        return remove_vault(self._vault, confirm=confirm)

    @stopped_by_callbacks
    def scrub(
        self,
        paths: PathsInput = (),
        *,
        rate: int | None = None,
        older_than_ns: int = 0,
        progress: Progress | ProgressCallback | None = None,
    ) -> ScrubResult:
        """Read files in the index again, all or those in some folders; find damaged ones.

        The least recently read come first; with ``older_than_ns``, only those whose last read is
        that old. ``rate`` is the maximum of bytes read per second. Only the index and the trace are
        written.

        A callback that raises Interrupted ends it early, with everything so far kept: the result
        says ``is_interrupted``. Raises UsageError for a path that is not a folder of the index, or
        not connected.
        """
        from gorillacomb.api.watch.scrub import scrub

        return scrub(self._vault, paths, rate=rate, older_than_ns=older_than_ns, progress=progress)

    def accept_damage(self, paths: PathsInput) -> AcceptResult:
        """Accept damaged files as they are now; the digest of their good content is forgotten.

        Raises UsageError for what is not a damaged file of the index.
        """
        from gorillacomb.api.watch.scrub import accept_damage

        return accept_damage(self._vault, paths)

    @stopped_by_callbacks
    def repair_damage(
        self,
        paths: PathsInput = (),
        *,
        suspects: bool = False,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> RepairResult:
        """Replace damaged files with good copies: all, or those in some paths.

        The damaged files are quarantined, so that `OpenVault.undo` takes it back. Suspects are
        repaired if they are named, or with ``suspects``. Raises UsageError for a path that is not
        in the index, RefusedForSafety on macOS unless ``untested_macos`` and if another run holds
        the lock, RunCutShort if a drive fails, Interrupted.
        """
        from gorillacomb.api.watch.repair import repair_damage

        return repair_damage(
            self._vault,
            paths,
            suspects=suspects,
            untested_macos=untested_macos,
            progress=progress,
        )

    def pulse(self) -> PulseResult:
        """Judge by its last signed pulses whether the watcher of the vault is alive.

        It is ``degraded`` or ``dead`` after a missed pulse, when a clock or the trace was set back,
        or when its process no longer runs. Raises KeyMissing, and UntrustedInput for a key that
        cannot be read.
        """
        from gorillacomb.api.watch.pulse import check_watcher

        return check_watcher(self._vault)

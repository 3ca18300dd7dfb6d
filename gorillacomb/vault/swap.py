"""Replace a vault's folder as a whole, or remove it: at any moment it is there or it is not.

The new folder is written beside the vault, under a name of its own, and exchanged with it in one
operation. While it is incomplete it contains the file `UNFINISHED`, by which the next run that
replaces a vault there knows that it may delete it.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gorillacomb.errors import (
    RefusedForSafety,
    VaultError,
    VaultForeign,
    VaultLocked,
    VaultUnwritable,
)
from gorillacomb.fs import mutations
from gorillacomb.fs.durable_files import create_file, sync_folder
from gorillacomb.fs.openat import owner_advice
from gorillacomb.vault.folders import delete_folders
from gorillacomb.vault.vault import (
    LOCK,
    WATCHER,
    Vault,
    is_vault_file,
    lock_file,
    take_lock,
    unwritable_error,
    wait_for_lock,
)

UNFINISHED = "unfinished"
"""The name of a file in a folder beside a vault that the next run may delete."""
_NAMES = re.compile(r"-(?:before-\d{8}-\d{6}-[0-9a-f]{6}|removed-[0-9a-f]{12})")
"""How the names of such folders continue that of the vault."""


@dataclass(frozen=True, slots=True)
class VaultPlace:
    """Where a vault is or will be, while nobody else can write to it or replace it."""

    folder: Path
    """Without links."""

    @property
    def exists(self) -> bool:
        """Whether there is a folder."""
        return os.path.lexists(self.folder)

    @property
    def has_content(self) -> bool:
        """Whether there is more in it than locks."""
        return self.exists and any(
            name not in (LOCK, WATCHER) for name in Vault(self.folder).names()
        )

    @contextmanager
    def new_folder(self) -> Iterator[Path]:
        """Create a folder to be filled, beside the vault; delete it unless it was installed.

        Raises VaultError.
        """
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        name = f"{self.folder.name}-before-{moment}-{secrets.token_hex(3)}"
        fresh = self.folder.with_name(name)
        with _unwritable_as_error(fresh):
            fresh.mkdir(mode=0o700)
            create_file(fresh / UNFINISHED, ())
            sync_folder(self.folder.parent)
        try:
            yield fresh
        finally:
            with suppress(OSError):
                _delete_unfinished(fresh)

    def install(self, fresh: Path) -> Path | None:
        """Exchange the vault with a folder made by `new_folder`, whose name it takes.

        Returns where the former vault is now; None if there was nothing but locks. Raises
        VaultError.
        """
        existed, had_content = self.exists, self.has_content
        with _unwritable_as_error(self.folder):
            sync_folder(fresh)
            (fresh / UNFINISHED).unlink()
            sync_folder(fresh)
            try:
                self._put_in_place(fresh, existed)
            except BaseException:
                _delete_files(fresh)
                raise
            sync_folder(self.folder.parent)
        if had_content:
            return fresh
        if existed:
            with suppress(OSError):  # it has nothing but locks, and does no harm where it is
                _delete_files(fresh)
        return None

    def _put_in_place(self, fresh: Path, existed: bool) -> None:
        if not existed:
            os.rename(fresh, self.folder)  # a folder replaces an empty one at most
            return
        parent = os.open(self.folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        names = os.fsencode(fresh.name), os.fsencode(self.folder.name)
        try:
            mutations.rename_exchange(parent, names[0], parent, names[1])
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise _mount_error(self.folder) from error
            if isinstance(error, mutations.CannotMove):
                raise VaultUnwritable(
                    f"Replacing the vault {self.folder} failed: its file system cannot exchange two"
                    " folders.",
                    "Move that folder away yourself, and run the same command again.",
                ) from error
            raise
        finally:
            os.close(parent)

    def remove(self) -> None:
        """Delete the vault: all of it is gone from its place at once. Raises VaultError."""
        aside = self.folder.with_name(f"{self.folder.name}-removed-{secrets.token_hex(6)}")
        with _unwritable_as_error(self.folder):
            try:
                os.rename(self.folder, aside)
            except OSError as error:
                if error.errno == errno.EBUSY:
                    raise _mount_error(self.folder) from error
                raise
            sync_folder(self.folder.parent)
            with suppress(OSError):  # the disk is full: a run that is killed now leaves the rest
                create_file(aside / UNFINISHED, (), synced=False)
            _delete_files(aside)


@contextmanager
def vault_held(vault: Vault) -> Iterator[VaultPlace]:
    """Keep everyone else from writing to a vault, or replacing it, whether it exists or not.

    What runs that were killed left beside it is deleted. Raises VaultError, RefusedForSafety if a
    watcher is running.
    """
    folder = _real_folder(vault)
    with ExitStack() as stack:
        stack.enter_context(_parent_locked(folder.parent))
        _sweep(folder)
        place = VaultPlace(folder)
        if place.exists:
            _refuse_other_folder(folder)
            vault.lock(named=False)
            stack.callback(vault.unlock)
            stack.callback(os.close, _watcher_lock(folder))
        yield place


def _real_folder(vault: Vault) -> Path:
    for path in (vault.folder, *vault.folder.parents):
        if path.is_symlink() and not os.path.exists(path):
            raise VaultError(
                f"The vault {vault.folder} cannot be used: {path} is a link to"
                f" {os.path.realpath(path)}, which does not exist.",
                "Connect the drive that it leads to, or remove the link.",
            )
    return Path(os.path.realpath(vault.folder))


@contextmanager
def _parent_locked(parent: Path) -> Iterator[None]:
    """Let only one process at a time replace vaults in a folder, which is created if missing."""
    with _unwritable_as_error(parent):
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with _unwritable_as_error(parent):
            try:
                wait_for_lock(descriptor)
            except BlockingIOError:
                raise VaultLocked(
                    f"Another run restores or removes a vault in {parent}.",
                    "Try again when it has ended.",
                ) from None
        yield
    finally:
        os.close(descriptor)


def _refuse_other_folder(folder: Path) -> None:
    """Refuse what is not a vault, or another user's. A damaged vault is accepted."""
    facts = os.lstat(folder)
    if not stat.S_ISDIR(facts.st_mode):
        raise VaultError(f"The vault {folder} is not a folder.", "Name another one with --vault.")
    if facts.st_uid != os.geteuid():
        raise VaultForeign(
            f"{folder} belongs to another user (uid {facts.st_uid}).",
            owner_advice(str(folder)) or "Use a vault of your own: --vault DIR.",
        )
    Vault(folder).check_contents()


def _watcher_lock(folder: Path) -> int:
    """Take the lock that a watcher holds as long as it runs; return its descriptor."""
    path = folder / WATCHER
    with _unwritable_as_error(path):
        try:
            return lock_file(path, take_lock)
        except BlockingIOError:
            raise RefusedForSafety(
                f"A watcher is running with the vault {folder}.",
                "Stop it, and run the same command again; `gorillacomb pulse` shows its state.",
            ) from None


def _sweep(folder: Path) -> None:
    """Delete what killed runs left beside a vault: copies never completed, or half deleted."""
    with suppress(OSError):  # what cannot be deleted does no harm
        for name in os.listdir(folder.parent):
            if name.startswith(folder.name) and _NAMES.fullmatch(name, len(folder.name)):
                with suppress(OSError):
                    _delete_unfinished(folder.with_name(name))


def _delete_unfinished(folder: Path) -> None:
    """Delete a folder of ours that is marked as unfinished, or empty. Raises OSError."""
    if folder.is_symlink():
        return
    if os.path.lexists(folder / UNFINISHED):
        _delete_files(folder)
    else:
        folder.rmdir()  # a run was killed before it marked it


def _delete_files(folder: Path) -> None:
    """Delete a folder with the files of a vault in it, the mark last. Raises OSError."""
    delete_folders(folder)
    for name in os.listdir(folder):
        if is_vault_file(name):
            _remove(folder / name)
    (folder / UNFINISHED).unlink(missing_ok=True)
    folder.rmdir()
    sync_folder(folder.parent)


def _remove(path: Path) -> None:
    """Remove a file, or an empty folder, that has the name of a file of a vault."""
    if stat.S_ISDIR(os.lstat(path).st_mode):
        path.rmdir()
    else:
        path.unlink()


def _mount_error(folder: Path) -> VaultUnwritable:
    return VaultUnwritable(
        f"Replacing or removing the vault {folder} failed: it is a mount point.",
        "Unmount it, or use a folder inside it with --vault or GORILLACOMB_VAULT.",
    )


@contextmanager
def _unwritable_as_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable_error(path, error) from error

"""The vault: the folder that holds the index and the trace, its permissions and its lock."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from platformdirs import user_config_path, user_data_path, user_state_path

from gorillacomb.errors import VaultError, VaultForeign, VaultLocked, VaultUnwritable
from gorillacomb.fs.mounts import free_bytes, mount_of
from gorillacomb.fs.openat import os_error_text, owner_advice

APPLICATION = "gorillacomb"
ENVIRONMENT = "GORILLACOMB_VAULT"
LOCK = "lock"
"""The name of the file that the writer of a vault locks."""
WATCHER = "watcher"
"""The name of the file that its watcher locks."""
_NAMING_FOLDERS = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
"""The environment variables that name the user's folders."""
EXAMINED = "doctor.json"
"""The name of the file with the volumes that `doctor` examined."""
SCROLLS, MESH = "scrolls", "mesh"
"""The names of the folders with its scrolls, and with what concerns other nodes."""
FOLDERS = (SCROLLS, MESH)
"""The folders with what no scan can rebuild: see `vault.folders`."""
_DATABASES = ("index", "trace", "tokens")
_FINDER = (".DS_Store", ".localized", "._")
"""What the names of files begin with that macOS leaves in folders."""
_ENDS = ("", "-wal", "-shm", "-journal")
_OTHER_TRACE = re.compile(r"trace-[^/]+\.db(?:-wal|-shm|-journal)?")
"""The names of traces that `trace adopt` moved aside, or is about to begin."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""Errors from a file system on which files cannot be locked."""
_HARDLY = 1 << 20
"""Bytes: what a command writes into a vault before it does anything else is less."""
_PATIENCE = 2.0
"""Seconds that a writer waits at least: a watcher holds the lock only for moments."""


def default_vault() -> Path:
    """Return the default vault: GORILLACOMB_VAULT, or one in the user's data folder."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(os.path.expanduser(named))
    folder = _of_the_user(user_data_path)
    if sys.platform != "darwin" or any((folder / f"{name}.db").exists() for name in _DATABASES):
        return folder
    return folder / "vault"  # there the folder holds settings and keys too


def config_folder() -> Path:
    """Return the folder of `config.toml` and the keys. Raises VaultError if there is no home."""
    return _of_the_user(user_config_path)


def state_folder() -> Path:
    """Return the folder of anchors and pulses, separate from vault and keys.

    Raises VaultError if there is no home.
    """
    if sys.platform == "darwin":  # one folder for data, settings and state alike
        base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        return _of_the_user(lambda name: Path(base) / name)
    return _of_the_user(user_state_path)


def vault_state_folder(vault: Vault, what: str) -> Path:
    """Return the folder of one vault's pulses, jobs or the like, in the state folder.

    It is named after where the vault is, and need not exist. Raises VaultError if there is no home.
    """
    import hashlib  # what only reads the index does without

    path = os.path.realpath(os.fsencode(vault.folder))
    return state_folder() / what / hashlib.sha256(path).hexdigest()[:16]


def create_state_folder(folder: Path) -> None:
    """Create a folder in the state folder, and those around it, for the user alone.

    Raises OSError.
    """
    for parent in reversed((folder, *folder.parents)):
        if parent.is_relative_to(state_folder()):
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _of_the_user(find: Callable[[str], Path]) -> Path:
    """Return our folder in the user's home. Raises VaultError if there is no home."""
    # A scan asks ten times, and platformdirs takes long.
    return _found(find, os.getuid(), tuple(map(os.environ.get, _NAMING_FOLDERS)))


@lru_cache(maxsize=16)
def _found(find: Callable[[str], Path], user: int, named: tuple[str | None, ...]) -> Path:
    """Return the same; it depends on nothing else."""
    try:
        folder = find(APPLICATION)
    except RuntimeError:
        folder = None
    if folder is None or folder.parts[0] == "~":  # as older platformdirs return it
        raise VaultError(
            f"HOME is not set, and the system has no home folder for the user {os.geteuid()}.",
            "Set HOME, in which settings, keys and anchors are kept; a vault elsewhere is named"
            f" with --vault or {ENVIRONMENT}.",
        )
    return folder


class Vault:
    """A vault folder. Writers must take its `lock`; readers need none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = folder / "index.db"
        self.trace = folder / "trace.db"
        self.tokens = folder / "tokens.db"
        self._lock: int | None = None
        self._patience = _PATIENCE

    def create(self) -> None:
        """Create the folder with mode 0700 if it is missing; raises VaultError."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError:
            raise VaultError(
                f"The vault {self.folder} is not a folder.", "Name another one with --vault."
            ) from None
        except OSError as error:
            raise unwritable_error(self.folder, error) from error
        self.check()

    def check(self) -> None:
        """Refuse a vault that belongs to another user or that others may write to."""
        try:
            facts = os.stat(self.folder)
        except FileNotFoundError:
            raise VaultError(
                f"Nothing has been scanned yet: there is no vault {self.folder}.",
                "Comb a drive first: gorillacomb scan PATH",
            ) from None
        except OSError as error:
            raise VaultError(
                f"The vault {self.folder} cannot be used: {os_error_text(error)}.",
                "Scan something first, or name another vault with --vault.",
            ) from error
        if not stat.S_ISDIR(facts.st_mode):
            raise VaultError(
                f"The vault {self.folder} is not a folder.", "Name another one with --vault."
            )
        for path in (self.folder, self.index, self.trace, self.tokens, self.folder / LOCK):
            self._check_owner(path)
        self.check_contents()
        self._close_to_others(facts.st_mode)

    def _check_owner(self, path: Path) -> None:
        try:
            facts = os.lstat(path)
        except FileNotFoundError:
            return
        except PermissionError as error:
            raise unwritable_error(path, error) from error
        if facts.st_uid != os.geteuid():
            raise VaultForeign(
                f"{path} belongs to another user (uid {facts.st_uid}).",
                f"{'' if facts.st_uid else owner_advice(str(self.folder)) + '. '}"
                "Use a vault of your own: --vault DIR or GORILLACOMB_VAULT.",
            )
        if path in (self.folder, self.trace):
            return  # checked when the trace is opened: adopt moves aside one that is not a file
        if stat.S_ISLNK(facts.st_mode):
            raise VaultForeign(
                f"{path} is a symbolic link.", "Replace the link with the file itself."
            )
        if not stat.S_ISREG(facts.st_mode):
            raise VaultError(f"{path} is not a file.", "Move it away and scan again.")

    def names(self) -> list[str]:
        """Return the names of everything in the folder. Raises VaultError."""
        try:
            return os.listdir(self.folder)
        except OSError as error:
            raise VaultError(
                f"The vault {self.folder} cannot be read: {os_error_text(error)}.",
                f"Check its permissions: chmod 700 {self.folder}",
            ) from error

    def check_contents(self) -> None:
        """Refuse a folder with other files in it, so that it does not become a vault by mistake."""
        ours = (self.index.name, self.trace.name, LOCK, WATCHER)
        names = [name for name in self.names() if not name.startswith(_FINDER)]
        if names and not any(name in ours for name in names):
            raise VaultError(
                f"{self.folder} is not empty and not a vault.",
                "Name a folder of its own with --vault; it is created if it is missing.",
            )

    def _close_to_others(self, mode: int) -> None:
        if not mode & 0o077:
            return
        try:
            os.chmod(self.folder, 0o700)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise unwritable_error(self.folder, error) from error

    def lock(self, *, named: bool = True) -> None:
        """Take the writer's lock, or raise VaultLocked; it is released when the process ends.

        ``named`` writes our process id into it, which needs space on the disk.
        """
        path = self.folder / LOCK
        try:
            descriptor = lock_file(path, lambda file: wait_for_lock(file, self._patience))
        except BlockingIOError:
            raise VaultLocked(
                f"Another run (process {_holder(path)}) is writing to the vault {self.folder}.",
                "Wait for it to end, with --wait SECONDS, or use another vault with --vault.",
            ) from None
        except OSError as error:
            raise unwritable_error(path, error) from error
        self._lock = descriptor
        if not named:
            return
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            self.unlock()
            raise unwritable_error(path, error) from error

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """Wait at least this long for another writer, where the block takes the lock."""
        before = self._patience
        self._patience = max(before, seconds)
        try:
            yield
        finally:
            self._patience = before

    def unlock(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def own_files(self) -> frozenset[tuple[int, int]]:
        """Return (device, inode) of our folders and databases, which no scan opens by any name."""
        found = set()
        names = (LOCK, WATCHER, *_database_names())
        folders = (self.folder, config_folder(), state_folder())
        kept = self.folder.glob("trace-*.db*")  # traces that `trace adopt` moved aside
        for path in (*folders, *(self.folder / name for name in names), *kept):
            try:
                facts = os.stat(path)
            except OSError:
                continue  # missing: nothing to protect
            found.add((facts.st_dev, facts.st_ino))
        return frozenset(found)


def is_vault_file(name: str) -> bool:
    """Return whether a file or folder of that name in a vault's folder is the vault's own."""
    ours = (LOCK, WATCHER, EXAMINED, *FOLDERS, *_database_names())
    return name in ours or bool(_OTHER_TRACE.fullmatch(name))


def _database_names() -> tuple[str, ...]:
    return tuple(f"{name}.db{end}" for name in _DATABASES for end in _ENDS)


def lock_file(path: Path, take: Callable[[int], None]) -> int:
    """Open a file, created if missing, and ``take`` its lock; return its descriptor.

    Restoring a vault replaces the folder that contains the file while its lock is held: then the
    file that is there now is the one to lock. Raises OSError:
    BlockingIOError if another process holds the lock.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            take(descriptor)
            if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                return descriptor
        except FileNotFoundError:
            pass  # the folder was moved away: opening says so
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of a file; False if it is missing. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _holder(path: Path) -> str:
    """Return the id of the process that wrote it into the file that it locked."""
    from gorillacomb.fs.bounded_read import read_bounded  # for an error alone

    try:
        return read_bounded(path, 64).decode(errors="replace").strip() or "unknown"
    except OSError:
        return "unknown"


def take_lock(descriptor: int) -> None:
    """Take a lock at once. Raises OSError: BlockingIOError if another process holds it."""
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def wait_for_lock(descriptor: int, seconds: float = _PATIENCE) -> None:
    """Take a lock, waiting for a while: a watcher holds it only for moments.

    Raises OSError: BlockingIOError if another process still holds it then.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            take_lock(descriptor)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise
            time.sleep(_PATIENCE / 50)
        else:
            return


def is_full(folder: Path) -> bool:
    """Return whether there is hardly any space left on the disk of a folder. Raises OSError."""
    return free_bytes(folder) < _HARDLY


def has_room(folder: Path) -> bool:
    """Return whether something can be written to the disk of a folder, or it is not full but fails.

    Not every file system tells its free space as it is.
    """
    import tempfile  # slow to import, and rarely needed

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(os.urandom(_HARDLY))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno not in (errno.ENOSPC, errno.EDQUOT)
    return True


def unfit_error(path: Path, cause: str) -> VaultUnwritable:
    """Return the error for a vault on a file system that cannot hold a database."""
    kind = mount_of(os.path.realpath(os.fsencode(path))).type
    return VaultUnwritable(
        f"The vault cannot be on its file system, {kind}, which has no locks or no shared memory"
        f" for a database: {path} ({cause}).",
        "Put the vault on a disk of this machine: --vault DIR or GORILLACOMB_VAULT.",
    )


def unwritable_error(path: Path, error: OSError) -> VaultUnwritable:
    """Return the error for a vault that cannot be written, and what to do about it."""
    if error.errno in _NO_LOCKS:
        return unfit_error(path, os_error_text(error))
    advice = {
        errno.ENOSPC: "Make room on that disk, or put the vault on another with --vault.",
        errno.EDQUOT: "Make room in your quota, or put the vault elsewhere with --vault.",
        errno.EROFS: "That disk is read-only: put the vault on another with --vault.",
    }
    return VaultUnwritable(
        f"The vault cannot be written at {path}: {os_error_text(error)}.",
        advice.get(error.errno or 0, "Name another vault with --vault or GORILLACOMB_VAULT."),
    )

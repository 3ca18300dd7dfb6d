"""Write an exported file in place: complete and synced, or not at all."""

from __future__ import annotations

import errno
import os
import stat

from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.fs.durable_files import sync_folder, write_temporary
from gorillacomb.fs.openat import os_error_text

_NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def write_file(
    path: bytes,
    data: bytes,
    replace: bool | None = None,
    mode: int = 0o666,
    option: str = "-o",
) -> None:
    """Write a file to ``path``; ``replace`` allows it to overwrite another file.

    With None, errors do not mention --force. ``mode`` is subject to the umask; ``option``
    is what named the path. Raises RefusedForSafety if that exists, UsageError if it cannot be
    written.
    """
    path = check_output(path, replace, option)
    folder = os.path.dirname(path)
    try:
        partial = write_temporary(path, data, mode)
        try:
            _put_in_place(partial, path, replace, option)
        except BaseException:
            os.unlink(partial)
            raise
        sync_folder(folder)
    except OSError as error:
        raise output_error(path, error, option) from error


def check_output(path: bytes, replace: bool | None = None, option: str = "-o") -> bytes:
    """Return the absolute path of a file that can be written, as far as can be seen before.

    Raises as `write_file`.
    """
    path = os.path.abspath(path)
    require_folder(os.path.dirname(path))
    _check(path, replace, option)
    return path


def _put_in_place(partial: bytes, path: bytes, replace: bool | None, option: str) -> None:
    if not replace:
        try:
            os.link(partial, path)  # unlike a rename, it never replaces a file
        except FileExistsError:
            raise _taken(path, replace, option) from None
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise
        else:
            os.unlink(partial)
            return
    _check(path, replace, option)
    os.rename(partial, path)


def _check(path: bytes, replace: bool | None, option: str) -> None:
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(facts.st_mode):
        raise RefusedForSafety(
            f"{os.fsdecode(path)} is there already and is not a file.",
            f"Name another one with {option}.",
        )
    if not replace:
        raise _taken(path, replace, option)


def _taken(path: bytes, replace: bool | None, option: str) -> RefusedForSafety:
    force = "" if replace is None else ", or give --force"
    return RefusedForSafety(
        f"{os.fsdecode(path)} is there already.", f"Name another one with {option}{force}."
    )


def output_error(path: bytes, error: OSError, option: str = "-o") -> UsageError:
    """Return the error for an export that cannot be written."""
    return UsageError(
        f"{os.fsdecode(path)} cannot be written: {os_error_text(error)}.",
        f"Make room, or name another place with {option}.",
    )


def require_folder(folder: bytes) -> None:
    """Raise UsageError if the folder to write into does not exist."""
    if not os.path.isdir(folder):
        raise UsageError(f"The folder {os.fsdecode(folder)} does not exist.", "Create it first.")

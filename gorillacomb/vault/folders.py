"""The folders of a vault: what no scan can rebuild, beside its databases.

Their files are written whole, each by itself, so that a copy has each as of one moment. Names that
begin with a dot are files that are being written, or were when a process was killed: no copy has
them. Nothing in such a folder is a link.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from gorillacomb.fs.durable_files import sync_folder
from gorillacomb.fs.openat import os_error_text
from gorillacomb.vault.vault import FOLDERS

_MOST_DEEP = 8


def folder_entries(vault: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the paths in the folders of a vault, relative to it, each folder before its content.

    Raises OSError.
    """
    for name in FOLDERS:
        try:
            facts = os.lstat(vault / name)
        except FileNotFoundError:
            continue
        yield from _below(vault, Path(name), facts, _MOST_DEEP)


def _below(
    vault: Path, path: Path, facts: os.stat_result, deep: int
) -> Iterator[tuple[Path, os.stat_result]]:
    yield path, facts
    if not deep or not stat.S_ISDIR(facts.st_mode):
        return
    for name in sorted(os.listdir(vault / path)):
        if name.startswith("."):
            continue
        try:
            inner = os.lstat(vault / path / name)
        except FileNotFoundError:
            continue  # removed since
        yield from _below(vault, path / name, inner, deep - 1)


def folder_files(vault: Path) -> list[Path]:
    """Return the paths of the files in the folders of a vault, relative to it. Raises OSError."""
    return [path for path, facts in folder_entries(vault) if stat.S_ISREG(facts.st_mode)]


def make_folders_like(vault: Path, target: Path) -> None:
    """Create the folders of a vault in another place, without their files. Raises OSError."""
    for path, facts in folder_entries(vault):
        if stat.S_ISDIR(facts.st_mode):
            (target / path).mkdir(mode=0o700)


def sync_folders(vault: Path) -> None:
    """Make the names in the folders of a vault survive a crash. Raises OSError."""
    for path, facts in folder_entries(vault):
        if stat.S_ISDIR(facts.st_mode):
            sync_folder(vault / path)


def delete_folders(vault: Path) -> None:
    """Delete the folders of a vault with all that is in them, links too. Raises OSError."""
    for name in FOLDERS:
        path = vault / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def odd_file(vault: Path) -> str | None:
    """Return what is wrong with the folders of a vault; None if all files in them can be read."""
    try:
        for path, facts in folder_entries(vault):
            if stat.S_ISDIR(facts.st_mode):
                continue
            if not stat.S_ISREG(facts.st_mode):
                return f"{vault / path} is not a file"
            with open(vault / path, "rb") as file:
                while file.read(1 << 20):
                    pass
    except OSError as error:
        where = os.fsdecode(error.filename) if error.filename else vault
        return f"{where} cannot be read: {os_error_text(error)}"
    return None

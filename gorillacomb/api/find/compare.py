"""Compare two folders, entry by entry."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gorillacomb.api.documents.folders import CompareDocument, compare_document
from gorillacomb.api.lookup import look_up_path
from gorillacomb.api.paths import PathInput
from gorillacomb.api.text import nested_text
from gorillacomb.errors import UsageError
from gorillacomb.folders.diff import FolderDiff, diff_folders_in_index
from gorillacomb.folders.entries import FolderEntries
from gorillacomb.folders.tree import TreeFolder, load_tree
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.mounts import mount_of
from gorillacomb.fs.paths import path_text, printable_path, spelling_difference
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import is_online, keeps_modes
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.model import Root
from gorillacomb.progress import Progress, ProgressCallback, as_progress
from gorillacomb.vault.vault import Vault

__all__ = ["Comparison", "FolderDiff", "compare_folders"]

_MOST_TEXT = 1 << 20
"""Bytes; larger files are not shown as text."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two folders differ."""

    a: bytes
    b: bytes
    diff: FolderDiff
    modes_compared: bool
    """Whether executable bits were compared: not every file system has them."""
    warnings: tuple[str, ...]
    is_scanned: bool = True
    """Whether the index has both; otherwise they were read now, and are not remembered."""

    @property
    def is_same(self) -> bool:
        """Whether there are no differences in what was read."""
        diff = self.diff
        return not (diff.changed or diff.moved or diff.only_a or diff.only_b)

    @property
    def is_complete(self) -> bool:
        """Whether everything was read."""
        return not self.diff.unknown

    def spelling(self, path: bytes) -> str:
        """Say how B spells a path of A differently; empty if it does not."""
        other = self.diff.respelled.get(path)
        return "" if other is None else spelling_difference(path, other)

    def text_differences(self) -> Iterator[str]:
        """Read the text files that changed, and return their unified diffs, line by line."""
        import difflib

        for path in self.diff.changed:
            name = printable_path(path)
            old = _text(os.path.join(self.a, path))
            new = _text(os.path.join(self.b, self.diff.respelled.get(path, path)))
            if old is None or new is None:
                yield f"{name}: not text, or too large to show"
                continue
            yield from difflib.unified_diff(
                old.splitlines(), new.splitlines(), f"A/{name}", f"B/{name}", lineterm=""
            )

    def to_dict(self) -> CompareDocument:
        """Return the document of ``compare --json``."""
        return compare_document(self)


def compare_folders(
    vault: Vault,
    a: PathInput,
    b: PathInput,
    *,
    progress: Progress | ProgressCallback | None = None,
) -> Comparison:
    """Compare two folders, as `OpenVault.compare` says."""
    paths = os.fsencode(a), os.fsencode(b)
    for path in paths:
        if not os.path.isdir(path) and not _is_known(vault, path):
            raise UsageError(
                f"{path_text(path)} is not a folder that exists or was scanned.",
                "Name two folders.",
            )
    warnings: tuple[str, ...] = ()
    if real_path(paths[0]) == real_path(paths[1]):
        warnings = ("A and B are one folder: it is compared with itself.",)
    found = _compare_known(vault, *paths)
    is_scanned = found is not None
    if found is None:
        # What the user did not ask to remember is scanned into a temporary vault.
        from gorillacomb.scan.scanner import scan

        with tempfile.TemporaryDirectory(prefix="gorillacomb-") as folder:
            own = Vault(Path(folder, "vault"))
            scan(own, [real_path(path) for path in paths], progress=as_progress(progress))
            found = _compare_known(own, *paths)
    assert found is not None
    tops = os.path.abspath(paths[0]), os.path.abspath(paths[1])
    warnings = (*warnings, *found.notes)
    return Comparison(*tops, found.diff, found.modes_compared, warnings, is_scanned)


class _KnownComparison(NamedTuple):
    """How two folders differ by the index."""

    diff: FolderDiff
    modes_compared: bool
    """Whether both file systems store modes."""
    notes: tuple[str, ...]
    """About one of them that is inside the other."""


def _is_known(vault: Vault, path: bytes) -> bool:
    if not vault.index.exists():
        return False
    with Index.read(vault) as index, translate_errors(vault):
        return look_up_path(index, path).folder is not None


def _keeps_modes(root: Root) -> bool:
    source = mount_of(root.path).source if is_online(root) else None
    return keeps_modes(root.volume_type, source)


def _compare_known(vault: Vault, a: bytes, b: bytes) -> _KnownComparison | None:
    """Compare two folders using the index; None if it does not have both.

    If one is inside the other, it does not count as a part of that.
    """
    if not vault.index.exists():
        return None
    with Index.read(vault) as index, translate_errors(vault):
        found = [look_up_path(index, path).folder for path in (a, b)]
        forest = load_tree(index)
        sides: list[TreeFolder] = [
            forest.folders[number] for number in found if number in forest.folders
        ]
        if len(sides) < 2:
            return None
        roots = {root.id: root for root in all_roots(index.connection)}
        modes = all(_keeps_modes(roots[side.root]) for side in sides)
        entries = FolderEntries(index.connection)
        first, second = sides
        in_first = [second] if first is not second and first.holds(second) else []
        in_second = [first] if first is not second and second.holds(first) else []
        diff = diff_folders_in_index(entries, forest, first, second, in_first, in_second, modes)
        notes = [nested_text("B", "A") for _ in in_first] + [
            nested_text("A", "B") for _ in in_second
        ]
        return _KnownComparison(diff, modes, tuple(notes))


def _text(path: bytes) -> str | None:
    """Read a text file as it is now; None if it is not text, is too large, or is a link."""
    try:
        data = read_bounded(path, _MOST_TEXT)
    except OSError:
        return None
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None

"""The drives and folders that were scanned: list them with their figures, or forget one."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gorillacomb.api.paths import PathInput, absolute_path
from gorillacomb.api.text import format_count, format_size, suspect_texts
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.fs.paths import path_text
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import content_queries, folder_queries, stamps
from gorillacomb.index import roots as root_table
from gorillacomb.index.content_queries import GroupTotals
from gorillacomb.index.database import FileFacts, Index, file_facts, settled_files, translate_errors
from gorillacomb.index.duplicate_groups import rebuild_groups
from gorillacomb.index.roots import RootFacts
from gorillacomb.model import EntryState, FolderState, Root
from gorillacomb.vault.vault import Vault

if TYPE_CHECKING:
    from gorillacomb.api.documents.status import ForgetDocument, RootDocument
    from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun

__all__ = [
    "ForgottenRoot",
    "IndexFigures",
    "QuarantinedRun",
    "RootFacts",
    "RootStatus",
    "forget_root",
    "index_with_figures",
    "list_roots",
    "name_root",
    "root_statuses",
    "root_text",
    "suspect_texts",
    "waiting_text",
]

_LONGEST_NAME = 100
T = TypeVar("T")
_VAULTS = 8
"""Vaults whose figures stay in memory."""
_kept: dict[Path, tuple[FileFacts, dict[Hashable, Any]]] = {}
"""By vault: the facts of its index's files, and the figures of that which were asked for."""


class IndexFigures:
    """What an open index says in figures, and nothing else: no disk or trace is looked at."""

    def __init__(self, index: Index, known: dict[Hashable, Any] | None = None) -> None:
        """``known`` are those that were read from the same content before; more are added."""
        self._connection = index.connection
        self._known = {} if known is None else known

    def _once(self, name: Hashable, read: Callable[[], T]) -> T:
        if name not in self._known:
            self._known[name] = read()
        found: T = self._known[name]
        return found

    def root(self, root: Root) -> RootFacts:
        """Return the totals of a root."""
        return self._once(root.id, lambda: root_table.root_facts(self._connection, root))

    @property
    def totals(self) -> GroupTotals:
        """The totals of all groups of identical files."""
        return self._once("totals", lambda: content_queries.content_totals(self._connection))

    @property
    def files_by_state(self) -> Mapping[EntryState, tuple[int, int]]:
        """Files and their bytes in each state but those that were read."""
        return self._once("files", lambda: content_queries.counts_by_state(self._connection))

    @property
    def folders_by_state(self) -> Mapping[FolderState, int]:
        """Folders in each state but those that were listed."""
        return self._once(
            "folders", lambda: folder_queries.count_folders_by_state(self._connection)
        )

    @property
    def stamps(self) -> int:
        """Canonical files that are recorded in the trace."""
        return self._once("stamps", lambda: stamps.count_stamps(self._connection))


@contextmanager
def index_with_figures(vault: Vault) -> Iterator[tuple[Index, IndexFigures]]:
    """Open a vault's index for reading, with its figures.

    Those that were read before are not read again if the index is still the same: a process that
    answers for long is asked for them again and again. Raises VaultError.
    """
    before = settled_files(vault)
    with Index.read(vault) as index, translate_errors(vault):
        if before is None or before != file_facts(vault):
            yield index, IndexFigures(index)
            return
        facts, known = _kept.pop(vault.folder, ([], {}))
        if facts != before:
            known = {}
        _kept[vault.folder] = before, known
        for old in list(_kept)[:-_VAULTS]:
            _kept.pop(old, None)
        yield index, IndexFigures(index, known)


@dataclass(frozen=True, slots=True)
class RootStatus:
    """A root, and what the index knows about it."""

    root: Root
    facts: RootFacts
    is_online: bool
    """Whether its drive is connected, and is the one that was scanned."""

    @property
    def path(self) -> bytes:
        """The absolute path, where it was last seen."""
        return self.root.path

    @property
    def id(self) -> str:
        """The root's id, 32 hex digits."""
        return self.root.uid

    @property
    def name(self) -> str | None:
        """What the user calls it; None if it was given no name."""
        return self.root.name

    def to_dict(self) -> RootDocument:
        """Return it as a member of the document of ``roots list --json``."""
        from gorillacomb.api.documents.status import root_document

        return root_document(self)


@dataclass(frozen=True, slots=True)
class ForgottenRoot:
    """A root that was forgotten."""

    path: bytes
    id: str
    files: int
    """Regular files that were known in it."""
    quarantine: tuple[QuarantinedRun, ...]
    """What is in quarantines that no other root leads to."""

    def to_dict(self) -> ForgetDocument:
        """Return the document of ``roots forget --json``."""
        from gorillacomb.api.documents.status import forget_document

        return forget_document(self)


def list_roots(vault: Vault) -> tuple[RootStatus, ...]:
    """List the roots, as `OpenVault.roots` says."""
    with index_with_figures(vault) as (index, figures):
        return root_statuses(index, figures)


def root_statuses(index: Index, figures: IndexFigures) -> tuple[RootStatus, ...]:
    """Return all roots of an open index, given its figures."""
    return tuple(_status(figures, root) for root in root_table.all_roots(index.connection))


def _status(figures: IndexFigures, root: Root) -> RootStatus:
    return RootStatus(root, figures.root(root), is_online(root))


def forget_root(
    vault: Vault,
    root: PathInput,
    *,
    force: bool = False,
    choose: Callable[[Sequence[RootStatus]], RootStatus] | None = None,
) -> ForgottenRoot:
    """Drop a root, as `OpenVault.forget_root` says."""
    with Index.read(vault) as index, translate_errors(vault):
        found, is_certain = _named(index, os.fsencode(root))
    # Choosing may take a while, during which others can use the vault.
    uid = (found[0] if is_certain else _chosen(found, choose)).id
    with Index.write(vault) as index, translate_errors(vault):
        (known,), _ = _named(index, uid.encode())
        left = _left_behind(index, known.root)
        if left and not force:
            raise RefusedForSafety(
                f"Forgetting {path_text(known.path)} failed: {waiting_text(left)}.",
                "Put it back with `gorillacomb dedupe --undo RUN`, or delete it with"
                " `--empty-quarantine`; or forget it anyway with --force.",
            )
        with index.atomic():
            root_table.forget_root(index.connection, known.root)
            rebuild_groups(index.connection)
        index.commit()
    return ForgottenRoot(known.path, known.id, known.facts.files, tuple(left))


def name_root(vault: Vault, root: PathInput, name: str | None) -> RootStatus:
    """Give a root a name, as `OpenVault.name_root` says."""
    if name is not None:
        name = name.strip()
        if not name or not name.isprintable() or len(name) > _LONGEST_NAME:
            raise UsageError(
                f"{name!r} cannot be the name of a root.",
                f"Give it one to {_LONGEST_NAME} printable characters, on one line.",
            )
    with Index.read(vault) as index, translate_errors(vault):
        found, is_certain = _named(index, os.fsencode(root))
    uid = (found[0] if is_certain else _chosen(found, None, "name ID NAME")).id
    with Index.write(vault) as index, translate_errors(vault):
        (known,), _ = _named(index, uid.encode())
        for other in root_table.all_roots(index.connection):
            if name is not None and other.name == name and other.uid != known.id:
                raise UsageError(
                    f"{path_text(other.path)} is called {name!r} already.",
                    "Choose another name.",
                )
        with index.atomic():
            root_table.set_root_name(index.connection, known.id, name)
        index.commit()
        return replace(known, root=replace(known.root, name=name))


def _left_behind(index: Index, root: Root) -> list[QuarantinedRun]:
    """Return what is in quarantines that no other root leads to."""
    from gorillacomb.dedupe.quarantine.inventory import quarantined_runs  # loads journals

    roots = live_roots_of(index, suspect=True)
    others = quarantined_runs(each for each in roots if each.uid != root.uid)
    found = {(each.base, each.run) for each in others}
    return [
        each
        for each in quarantined_runs(roots)
        if each.steps and (each.base, each.run) not in found
    ]


def waiting_text(left: Sequence[QuarantinedRun]) -> str:
    """Say what is in quarantine, and where."""
    files, size = sum(each.files for each in left), sum(each.size for each in left)
    places = sorted({path_text(each.folder) for each in left})
    return (
        f"{format_count(files, 'file')} ({format_size(size)}) quarantined by"
        f" {format_count(len({each.run for each in left}), 'run')} in " + ", ".join(places)
    )


def _named(index: Index, name: bytes) -> tuple[list[RootStatus], bool]:
    """Return the root with an id, or those with a path; and whether it is certain which is meant.

    It is uncertain if several have that path, or something else is mounted where its drive was. A
    name that the user gave comes last. Raises UsageError for a path that is not a root's.
    """
    roots, figures = root_table.all_roots(index.connection), IndexFigures(index)
    for root in roots:
        if root.uid.encode() == name:
            return [_status(figures, root)], True
    places = (name, absolute_path(name), real_path(name))
    found = [root for root in roots if root.path in places]
    for root in roots if not found else ():
        if root.name is not None and os.fsencode(root.name) == name:
            return [_status(figures, root)], True
    if not found:
        raise UsageError(f"There is no root {path_text(name)}.", "See `gorillacomb roots list`.")
    around = root_table.roots_of_path(found, found[0].path)
    is_certain = len(found) == 1 and bool(around.here or not around.occupied)
    return [_status(figures, root) for root in found], is_certain


def _chosen(
    roots: Sequence[RootStatus],
    choose: Callable[[Sequence[RootStatus]], RootStatus] | None,
    by_id: str = "forget ID",
) -> RootStatus:
    """Return the root that the caller chooses. Raises UsageError if there is no way to ask.

    ``by_id`` are the words of `gorillacomb roots` that name it by its id.
    """
    if choose is not None:
        return choose(roots)
    shown = path_text(roots[0].path)
    what = f"{shown} is the path of {len(roots)} roots"
    if len(roots) == 1:
        what = f"What was scanned at {shown} is not there now, but something else is"
    raise UsageError(
        f"{what}: {'; '.join(map(root_text, roots))}.",
        f"Name one by its id: gorillacomb roots {by_id}",
    )


def root_text(status: RootStatus) -> str:
    """Describe one of several roots that have the same path."""
    there = "there now" if status.is_online else "not there now"
    files = format_count(status.facts.files, "file")
    return f"{status.id}, {there}, {files} on {status.root.volume_type}"

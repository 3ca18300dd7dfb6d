"""Find what would be lost if a folder were deleted."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gorillacomb.api.documents.unique import UniqueDocument, unique_document
from gorillacomb.api.lookup import (
    away_notes,
    look_up_path,
    noise_names,
    not_a_folder_error,
    open_groups,
)
from gorillacomb.api.paths import PathInput, PathsInput, encoded_paths
from gorillacomb.api.text import suspect_texts
from gorillacomb.api.upkeep.examined import is_examined
from gorillacomb.canonical.groups import GroupReader
from gorillacomb.classify.names import is_version_control
from gorillacomb.dedupe.model import PlanStep
from gorillacomb.dedupe.quarantine.inventory import held_in
from gorillacomb.errors import UsageError
from gorillacomb.fs.darwin.untested import refuse_untested
from gorillacomb.fs.paths import is_below, join, path_text, relative_path
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import is_identified, is_mounted, is_online, other_views
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.index.store_queries import StoreLookup
from gorillacomb.model import Root
from gorillacomb.progress import Progress, ProgressCallback, as_progress
from gorillacomb.unique.copy_check import CopyVerifier, folder_identities_below
from gorillacomb.unique.report import UniqueFile, UniqueReport, UnverifiedPath, unique_report
from gorillacomb.unique.rollup import RolledUpEntry, roll_up_files
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

if TYPE_CHECKING:
    from gorillacomb.api.dedupe.plan import DedupePlan

__all__ = [
    "RolledUpEntry",
    "UniqueFile",
    "UniqueReport",
    "UniqueResult",
    "UnverifiedPath",
    "find_unique",
]


@dataclass(frozen=True, slots=True)
class UniqueResult:
    """What would be lost if a folder were deleted."""

    report: UniqueReport
    """The same in more detail."""
    warnings: tuple[str, ...]
    """About other drives that were scanned at the folder and are not connected now."""

    @property
    def path(self) -> bytes:
        """The absolute path of the folder."""
        return self.report.path

    @property
    def files(self) -> int:
        """Regular files in the folder."""
        return self.report.files

    @property
    def size(self) -> int:
        """Bytes of those."""
        return self.report.size

    @property
    def unique(self) -> Sequence[UniqueFile]:
        """The files whose content exists nowhere else, by path."""
        return self.report.unique

    @property
    def unproven(self) -> Sequence[UnverifiedPath]:
        """The files and folders about which nothing can be said, by path."""
        return self.report.unproven

    @property
    def is_covered(self) -> bool:
        """Whether nothing would be lost, for certain."""
        return not self.report.unique and not self.report.unproven

    def places(self) -> list[tuple[bytes, int]]:
        """Summarize where the copies of the other files are, by branches of the tree.

        Return the lowest folder that contains all copies of a branch, and how many files have their
        copy there; the one with the most files first.
        """
        return _branches(self.path, self.report.vouchers)

    def version_controlled(self) -> tuple[list[UniqueFile], dict[bytes, tuple[int, int]]]:
        """Separate the user's unique files from those that version control keeps.

        Return the user's files; and for each version-control folder the number of its unique files
        and their bytes.
        """
        own: list[UniqueFile] = []
        kept: dict[bytes, tuple[int, int]] = {}
        for each in self.unique:
            parts = relative_path(each.path, self.path).split(b"/")
            at = next((at for at, part in enumerate(parts) if is_version_control(part)), None)
            if at is None:
                own.append(each)
            else:
                folder = join(self.path, b"/".join(parts[: at + 1]))
                files, size = kept.get(folder, (0, 0))
                kept[folder] = (files + 1, size + each.size)
        return own, kept

    def rolled_up(self) -> list[RolledUpEntry]:
        """Roll the unique files up by folder, the largest first; paths are relative to `path`.

        A folder none of whose contents exist elsewhere is one entry.
        """
        report = self.report
        return roll_up_files(
            ((relative_path(each.path, report.path), each.size) for each in report.unique),
            (
                (relative_path(folder, report.path), files)
                for folder, files in report.shared.items()
            ),
            (relative_path(each.path, report.path) for each in report.unproven),
        )

    def to_dict(self) -> UniqueDocument:
        """Return the document of ``unique --json``."""
        return unique_document(self.report, self.places(), self.rolled_up())


def find_unique(
    vault: Vault,
    path: PathInput,
    *,
    excepts: PathsInput = (),
    plan: DedupePlan | PathInput | None = None,
    count_offline: bool = False,
    untested_macos: bool = False,
    progress: Progress | ProgressCallback | None = None,
) -> UniqueResult:
    """Find what would be lost if a folder were deleted, as `OpenVault.unique` says."""
    if count_offline:
        what = "Counting copies on a drive that is not connected"
        refuse_untested(what, untested_macos, lambda: is_examined(vault, offline=True))
    shown = as_progress(progress)
    with Index.read(vault) as index, translate_errors(vault):
        found = look_up_path(index, real_path(os.fsencode(path)))
        root = found.root
        if root is None or found.folder is None:
            raise not_a_folder_error(found)
        gone = [found.path, *map(real_path, encoded_paths(excepts))]
        apart = {each.id for each in found.away}
        for each in gone:
            other = found if each == found.path else look_up_path(index, each)
            apart -= set() if other.root is None else {other.root.id}
            is_known = other is not found and other.folder is not None
            if not is_known and not os.path.isdir(each):
                raise UsageError(
                    f"{path_text(each)} is not a folder, or does not exist.",
                    "Name a folder on a drive that is connected.",
                )
        roots = {each.id: each for each in all_roots(index.connection)}
        away = {each.id: each for each in roots.values() if not is_online(each)}
        _refuse_absent(root)
        counted = {number: why_away(each, count_offline) for number, each in away.items()}
        verifier = copy_verifier(index, roots, counted, gone)
        verifier.apart, verifier.planned = frozenset(apart), planned_paths(plan)
        try:
            report = unique_report(index, found.path, root, found.folder, verifier, shown)
        finally:
            verifier.close()
            shown.close()
    _add_quarantines(report)
    return UniqueResult(report, tuple(away_notes(found)))


def planned_paths(plan: DedupePlan | PathInput | None) -> frozenset[bytes]:
    """Return the absolute paths that a plan, or the one in a file with its answers, removes.

    Raises UntrustedInput, RefusedForSafety.
    """
    steps: Sequence[PlanStep] = ()
    if isinstance(plan, str | bytes | os.PathLike):
        from gorillacomb.api.dedupe.answered_plan import (
            read_answered_plan,  # is large, and rarely needed
        )

        steps = read_answered_plan(plan).plan.steps
    elif plan is not None:
        steps = plan.steps
    return frozenset(pair.path for step in steps for pair in step.pairs)


def _refuse_absent(root: Root) -> None:
    """Refuse to answer for a root that is not connected, or may be another one."""
    if root.suspect is not None:
        raise UsageError(*suspect_texts(root))
    if not is_online(root):
        raise UsageError(
            f"The drive that was scanned at {path_text(root.path)} is not connected.",
            "Connect it, or scan what is there now.",
        )


def copy_verifier(
    index: Index, roots: dict[int, Root], away: dict[int, str | None], gone: list[bytes]
) -> CopyVerifier:
    """Return a verifier that treats some folders as deleted: the first is the one asked about.

    ``away`` says why copies in roots that are not connected do not count, as in `CopyVerifier`.
    """
    groups, settings = open_groups(index), load_settings()
    groups.paths.load()
    return CopyVerifier(
        roots,
        away,
        [*gone, *(view for each in gone for view in other_views(each, roots.values()))],
        folder_identities_below([each for each in gone[1:] if os.path.isdir(each)]),
        lambda folder: _project(groups, folder),
        StoreLookup(index.connection, groups.paths).around,
        groups.paths,
        settings.machine_names,
        noise_names(settings),
    )


def why_away(root: Root, count_offline: bool) -> str | None:
    """Return why copies in a root that is not connected do not count; None if they do.

    Those of a drive mounted elsewhere do not: they may be missing, or be what is asked about.
    """
    if root.suspect is not None:
        return "in a folder that may not be what it was"
    if is_mounted(root):
        return "no longer where it was scanned"
    if not is_identified(root.volume):
        return "on a drive without an identity, which is not there"
    return None if count_offline else "on a drive that is not there"


def _project(groups: GroupReader, folder: int) -> bytes | None:
    """Return the outermost project around a folder; here the top of a root may be one too."""
    project = groups.traits.of(folder).project
    if project is not None:
        return project.path
    row = groups.paths.row(folder)
    root = None if row is None else groups.roots[row[0]]
    top = None if root is None else groups.paths.row(root.folder)
    return None if root is None or top is None or top[3] is None else root.path


def _add_quarantines(report: UniqueReport) -> None:
    """Count what is in quarantines inside the folder: it would be lost with it.

    That is not a loss while the copy that was kept for it exists.
    """
    for base, record in held_in(report.quarantines):
        report.quarantined += record.files
        report.quarantined_size += record.size
        for move in record.moves:
            keep = move.keep.at(base)
            if not os.path.lexists(keep):
                cause = f"is in the quarantine, and {path_text(keep)} no longer exists"
                report.unproven.append(UnverifiedPath(join(base, move.path), cause))


def _branches(path: bytes, folders: Counter[bytes]) -> list[tuple[bytes, int]]:
    branches: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for folder in folders:
        branches[_branch(path, folder)].append(folder)
    found = [
        (os.path.commonpath(group), sum(folders[each] for each in group))
        for group in branches.values()
    ]
    return sorted(found, key=lambda each: (-each[1], each[0]))


def _branch(path: bytes, folder: bytes) -> bytes:
    """Return the highest folder around ``folder`` that is not around ``path``; itself if it is."""
    if is_below(path, folder):
        return folder
    above = os.path.commonpath([path, folder])
    return join(above, relative_path(folder, above).split(b"/", 1)[0])

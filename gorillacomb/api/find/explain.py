"""Explain a file or folder: its copies, which one to keep, and why."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, replace

from gorillacomb.api.dedupe.marks import MarkedPath, marks_about
from gorillacomb.api.documents.explain import (
    ExplainedFileDocument,
    ExplainedFolderDocument,
    ExplainedGoneDocument,
    explained_file_document,
    explained_folder_document,
    explained_gone_document,
)
from gorillacomb.api.duplicates import FileGroup, GroupedFile
from gorillacomb.api.find.fate import PathFate, fate_of
from gorillacomb.api.find.folders import (
    FamilyReport,
    SamePathReport,
    family_report,
    same_path_report,
)
from gorillacomb.api.lookup import (
    PathLookup,
    away_notes,
    folders_of,
    look_up_path,
    open_groups,
    unknown_path_error,
)
from gorillacomb.api.paths import PathInput
from gorillacomb.canonical.file_copy import DuplicateGroup
from gorillacomb.canonical.groups import GroupReader
from gorillacomb.canonical.keep_criteria import CHOSEN_BEFORE
from gorillacomb.canonical.rule_effects import RuleEffect, rule_effects
from gorillacomb.dedupe.safety.named_paths import NamedPaths
from gorillacomb.errors import UsageError
from gorillacomb.folders.analysis import FolderAnalysis, FolderFamily
from gorillacomb.fs.volumes import is_there
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.folder_queries import FolderTotals, folder_facts
from gorillacomb.index.stamps import stamp_of
from gorillacomb.model import DAMAGE, EntryState, IndexedFile
from gorillacomb.stamping.damage_entries import good_copies
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.open import open_trace_for_reading

__all__ = [
    "Explained",
    "ExplainedFile",
    "ExplainedFolder",
    "ExplainedGone",
    "GroupedFile",
    "RuleEffect",
    "explain_path",
]


@dataclass(frozen=True, slots=True)
class ExplainedFile:
    """What is known about a file, symbolic link or other entry that is not a folder."""

    file: IndexedFile
    kind: str
    """``file``, ``symbolic link``, ``FIFO``, ``socket`` or ``device``."""
    group: FileGroup | None
    """Its copies, even if it is the only one; None if its content is empty or unknown."""
    is_canonical: bool
    """Whether it is the copy to keep."""
    stamp: int | None
    """The entry of the trace that records its content."""
    good_copies: tuple[bytes, ...]
    """For a damaged file: where the content that it should have exists."""
    fate: PathFate
    is_offline: bool
    """Whether its drive is not connected."""
    warnings: tuple[str, ...]
    marks: tuple[MarkedPath, ...]
    """Its own marks, and those of the folders around it."""
    rules: tuple[RuleEffect, ...] | None = None
    """What each rule does in the choice of the copy to keep, if asked for."""

    @property
    def path(self) -> bytes:
        """The absolute path."""
        return self.file.path

    @property
    def is_damaged(self) -> bool:
        """Whether its content changed although its size and time did not."""
        return self.file.state in DAMAGE

    def to_dict(self) -> ExplainedFileDocument:
        """Return the document of ``explain --json``."""
        return explained_file_document(self)


@dataclass(frozen=True, slots=True)
class ExplainedFolder:
    """What is known about a folder."""

    path: bytes
    totals: FolderTotals
    family: FamilyReport | None
    """The copies of it, or of the innermost folder around it that has some."""
    is_member: bool
    """Whether it is one of those copies itself."""
    same_path: SamePathReport | None
    """What the others have at its path; None if it is one of them itself, or in none."""
    fate: PathFate
    is_offline: bool
    """Whether its drive is not connected."""
    warnings: tuple[str, ...]
    marks: tuple[MarkedPath, ...]
    """Its own marks, and those of the folders around it."""
    rules: tuple[RuleEffect, ...] | None = None
    """What each rule does in the choice of the copy to keep, if asked for."""

    def to_dict(self) -> ExplainedFolderDocument:
        """Return the document of ``explain --json``."""
        return explained_folder_document(self)


@dataclass(frozen=True, slots=True)
class ExplainedGone:
    """What became of a path that is no longer in the index."""

    path: bytes
    fate: PathFate
    warnings: tuple[str, ...]

    def to_dict(self) -> ExplainedGoneDocument:
        """Return the document of ``explain --json``."""
        return explained_gone_document(self)


Explained = ExplainedFile | ExplainedFolder | ExplainedGone


def explain_path(
    vault: Vault, path: PathInput, *, rules: bool = False, with_trace: bool = True
) -> Explained:
    """Explain a file or folder, as `OpenVault.explain` says.

    Without ``with_trace`` the trace is only read for what is not in the index, which saves time.
    """
    with Index.read(vault) as index, translate_errors(vault):
        if rules:
            NamedPaths(index).rules(load_settings().rules)
        found = look_up_path(index, path)
        warnings = tuple(away_notes(found))
        if found.folder is None and found.file is None:
            return _gone(index, found, warnings)
        fate = fate_of(index, found, trace=with_trace)
        warnings += fate.warnings
        is_offline = found.root is not None and not is_there(found.root)
        if found.folder is None:
            assert found.file is not None
            return _file(index, found.file, fate, is_offline, warnings, rules)
        folders = folders_of(index)
        place = folders.forest.folders.get(found.folder)
        family = None if place is None else folders.around(place)
        return ExplainedFolder(
            found.path,
            folder_facts(index.connection, found.folder),
            None if family is None else family_report(folders, family),
            family is not None and place in family.members,
            None if place is None else same_path_report(folders, place),
            fate,
            is_offline,
            warnings,
            marks_about(index, found.path),
            _folder_rules(folders, family) if rules else None,
        )


def _gone(index: Index, found: PathLookup, warnings: tuple[str, ...]) -> ExplainedGone:
    """Return what became of what is not in the index. Raises UsageError if nothing is known."""
    fate = fate_of(index, found)
    if not fate.is_known:
        error = unknown_path_error(found)
        if not os.path.lexists(found.path):
            raise UsageError(error.message, "Check the spelling: no run and no entry names it.")
        raise error
    return ExplainedGone(found.path, fate, warnings + fate.warnings)


def _file(
    index: Index,
    file: IndexedFile,
    fate: PathFate,
    is_offline: bool,
    warnings: tuple[str, ...],
    rules: bool,
) -> ExplainedFile:
    groups = open_groups(index)
    group = _group(groups, file)
    stamp = None if file.digest is None else stamp_of(index.connection, file.digest)
    is_canonical = False
    if group is not None:
        keep = group.copies[group.choice.winner]
        is_canonical = (keep.folder, keep.path) == (file.folder, file.path)
        if CHOSEN_BEFORE in group.choice.reasons:
            reasons = _stamped_reasons(index, None if stamp is None else stamp.seq)
            group = replace(group, choice=replace(group.choice, reasons=reasons))
    good: list[bytes] = []
    if file.digest is not None and file.state in DAMAGE:
        good = good_copies(index, groups.paths, file.digest)
    return ExplainedFile(
        file,
        _kind(file.mode),
        None if group is None else FileGroup.of(group),
        is_canonical,
        None if stamp is None else stamp.seq,
        tuple(good),
        fate,
        is_offline,
        warnings,
        marks_about(index, file.path),
        _file_rules(groups, group) if rules else None,
    )


def _folder_rules(folders: FolderAnalysis, family: FolderFamily | None) -> tuple[RuleEffect, ...]:
    members = () if family is None else family.members
    return rule_effects(folders.criteria, [folders.place(each) for each in members])


def _file_rules(groups: GroupReader, group: DuplicateGroup | None) -> tuple[RuleEffect, ...]:
    return rule_effects(groups.criteria, () if group is None else group.copies)


def _stamped_reasons(index: Index, seq: int | None) -> tuple[str, ...]:
    """Return why a content's canonical file was chosen at that time, from an entry of the trace."""
    if seq is None or not index.vault.trace.exists():
        return (CHOSEN_BEFORE,)
    with open_trace_for_reading(index.vault) as ledger:
        fields = json.loads(ledger.entry(seq))
    return (*fields.get("reasons", ()), f"as it was chosen, in entry {seq:,} of the trace")


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISLNK(mode):
        return "symbolic link"
    return "FIFO" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"


def _group(groups: GroupReader, file: IndexedFile) -> DuplicateGroup | None:
    """Return the group of a file; one with itself alone if its content exists nowhere else."""
    if file.digest is None or file.state > EntryState.FRESH or not file.size:
        return None
    return groups.of_content(file.digest) or groups.of_any_content(file.digest)

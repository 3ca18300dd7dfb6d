"""Replace damaged files with good copies, reversibly."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from gorillacomb.api.dedupe.runs import (
    RunResult,
    drive_errors_as_cut_short,
    log_run,
    require_index,
)
from gorillacomb.api.documents.scrub import RepairDocument, repair_document
from gorillacomb.api.lookup import look_up_path, noise_names, unknown_path_error
from gorillacomb.api.paths import PathsInput, encoded_paths, path_text
from gorillacomb.api.rescan import rescan_changed
from gorillacomb.api.upkeep.examined import is_examined
from gorillacomb.dedupe.apply.repair import DamagedFile, repair_files
from gorillacomb.dedupe.model import PlanOptions, RunOutcome
from gorillacomb.dedupe.quarantine.journal_entries import REPAIR
from gorillacomb.dedupe.roots import LiveRoot, live_roots_of
from gorillacomb.dedupe.safety.environment import safety_policy_for
from gorillacomb.dedupe.safety.named_paths import NamedPaths
from gorillacomb.errors import UsageError
from gorillacomb.fs.darwin.untested import refuse_untested
from gorillacomb.fs.paths import is_below, join
from gorillacomb.fs.racy import time_to_settle_ns
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import scrub_queries
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots, folder_paths
from gorillacomb.model import DAMAGE, SECOND, EntryState
from gorillacomb.progress import Progress, ProgressCallback, as_progress
from gorillacomb.stamping.damage_entries import good_copies
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault

__all__ = ["DamagedFile", "RepairResult", "repair_damage"]


@dataclass(frozen=True, slots=True)
class RepairResult:
    """Which damaged files have their good content again."""

    run: RunResult
    """What was done: the damaged files are in quarantine under the name of this run."""
    suspects: tuple[DamagedFile, ...]
    """Suspects that were left as they are, because they were not named."""
    warnings: tuple[str, ...]
    """About patterns in the settings, and about what was done but could not be recorded."""

    @property
    def is_complete(self) -> bool:
        """Whether every damaged file was repaired."""
        return self.run.is_complete and not self.suspects

    def to_dict(self) -> RepairDocument:
        """Return the document of ``scrub --repair --json``."""
        return repair_document(self.run, [file.path for file in self.suspects])


def repair_damage(
    vault: Vault,
    paths: PathsInput = (),
    *,
    suspects: bool = False,
    untested_macos: bool = False,
    progress: Progress | ProgressCallback | None = None,
) -> RepairResult:
    """Put good copies in place of damaged files, as `OpenVault.repair_damage` says."""
    refuse_untested("Repairing files", untested_macos, lambda: is_examined(vault))
    shown = as_progress(progress)
    require_index(vault)
    settings = load_settings()
    with (
        translate_errors(vault),
        drive_errors_as_cut_short(),
        Index.write(vault) as index,
        RunLog(index) as log,
    ):
        named = NamedPaths(index)
        protect = named.patterns(settings.protect, "protect in config.toml")
        roots = live_roots_of(index)
        damaged, unnamed = _damaged_files(index, encoded_paths(paths), suspects)
        outcome = repair_files(
            damaged,
            roots,
            safety_policy_for(index, PlanOptions(protect=protect), settings, noise_names(settings)),
            shown,
            lambda ended: _record(log, ended, roots),
        )
    shown.close()
    _wait_until_settled(outcome, max((root.grain_ns for root in roots), default=0))
    folders = [os.path.dirname(file.path) for file in damaged]
    warnings = (*named.warnings, *rescan_changed(vault, roots, folders, shown))
    return RepairResult(RunResult.of(outcome), tuple(unnamed), warnings)


def _wait_until_settled(outcome: RunOutcome, grain_ns: int) -> None:
    """Wait until a later write to a repaired file must show in its times.

    The state of a file written within the clock's granularity of its reading is not certain: if the
    repair were taken back, the damaged content would pass for an edit.
    """
    left = 0
    for step in outcome.done:
        with suppress(OSError):  # it disappeared again, which the scan finds
            left = max(left, time_to_settle_ns(os.stat(step.path), time.time_ns(), grain_ns))
    time.sleep(left / SECOND)


def _record(log: RunLog, outcome: RunOutcome, roots: list[LiveRoot]) -> None:
    if outcome.done or outcome.failed or outcome.recovered:
        log_run(log, "repaired", outcome, REPAIR, roots)


def _damaged_files(
    index: Index, paths: Sequence[bytes], suspects: bool
) -> tuple[list[DamagedFile], list[DamagedFile]]:
    """Return the files to repair, and suspects among them that were not named."""
    places = folder_paths(index.connection)
    named, scopes = _asked_for(index, paths)
    roots = {root.id: root.path for root in all_roots(index.connection)}
    there = {root.id for root in all_roots(index.connection) if is_online(root)}
    damaged, unnamed = [], []
    for each in scrub_queries.damaged_files(index.connection):
        place = places.place(each.folder)
        if place is None:
            continue  # in a folder that was moved, which the next scan finds
        if place[0] not in there and roots[place[0]] in map(roots.get, there):
            continue  # on another drive that was scanned at this mount point
        path = join(place[1], each.name)
        inside = not paths or any(is_below(path, scope) for scope in scopes)
        copies = tuple(good_copies(index, places, each.digest))
        file = DamagedFile(path, each.size, each.mtime_ns, each.ctime_ns, each.digest, copies)
        if path in named or (inside and (suspects or each.state == EntryState.DAMAGED)):
            damaged.append(file)
        elif inside:
            unnamed.append(file)
    return damaged, unnamed


def _asked_for(index: Index, paths: Sequence[bytes]) -> tuple[set[bytes], list[bytes]]:
    """Return the damaged files, and the folders, among some paths. Raises UsageError."""
    files, folders = set(), []
    for path in paths:
        known = look_up_path(index, path)
        if known.folder is not None:
            folders.append(known.path)
        elif known.file is None:
            raise unknown_path_error(known)
        elif known.file.state not in DAMAGE:
            raise UsageError(f"{path_text(known.path)} is not known to be damaged.")
        else:
            files.add(known.file.path)
    return files, folders

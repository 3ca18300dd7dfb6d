"""Take a run back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cache

from gorillacomb.api.dedupe.chosen_run import ChosenRun, run_by_name, run_in_folder
from gorillacomb.api.dedupe.marks import clear_marks
from gorillacomb.api.dedupe.remainder import remainder_of
from gorillacomb.api.dedupe.runs import (
    RunResult,
    interruption_told,
    log_run,
    require_index,
    steps_done,
    tree_comparer,
)
from gorillacomb.api.lookup import look_up_path
from gorillacomb.api.paths import PathInput, PathsInput, encoded_paths
from gorillacomb.api.rescan import rescan_changed
from gorillacomb.dedupe.apply import runs
from gorillacomb.dedupe.apply.path_resolver import PathResolver
from gorillacomb.dedupe.model import RunOutcome, StepProblem
from gorillacomb.dedupe.quarantine.inventory import recorded_runs
from gorillacomb.dedupe.roots import LiveRoot, live_roots_of
from gorillacomb.errors import (
    GorillaCombError,
    RefusedForSafety,
    UntrustedInput,
    UsageError,
    VaultError,
)
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import is_below, path_text
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.progress import Progress, ProgressCallback, as_progress
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.vault import Vault

__all__ = ["RunResult", "undo_run"]


def undo_run(
    vault: Vault,
    run: PathInput | None = None,
    *,
    only: PathsInput = (),
    progress: Progress | ProgressCallback | None = None,
) -> RunResult:
    """Put back what a run quarantined, as `OpenVault.undo` says."""
    named = "" if run is None else os.fsdecode(run)
    if run is not None and not named:
        raise UsageError("The name of the run is empty.", "Name a run, or leave it out.")
    outcome, warnings = RunOutcome(""), list[str]()
    with interruption_told(lambda: _interrupted(outcome)):
        bases, roots = _take_back(
            vault, named, encoded_paths(only), outcome, as_progress(progress), warnings
        )
    left = remainder_of(bases, outcome.run, outcome.failed)
    return RunResult.of(outcome, warnings, left, _other_runs(roots, outcome.run))


def _take_back(
    vault: Vault,
    named: str,
    only: Sequence[bytes],
    outcome: RunOutcome,
    shown: Progress,
    warnings: list[str],
) -> tuple[list[bytes], list[LiveRoot]]:
    """Take a run back into ``outcome``, which is valid also after Ctrl-C; update the index.

    Return the folders in whose quarantines the run is, and the roots that the index knows.
    """
    with ExitStack() as stack:
        chosen, index = _chosen(vault, named, only, warnings)
        outcome.run = chosen.name
        log: RunLog | None = None
        roots: list[LiveRoot] = []
        if index is not None:
            stack.callback(index.close)
            roots = live_roots_of(index, suspect=True, moved=True)
            log = _log_if_any(stack, index, warnings)
        try:
            _undo_all(chosen, outcome, shown)
            if not chosen.only:
                _take_back_copies(chosen, outcome, roots, shown)
        finally:
            shown.close()
            if log is not None:
                with translate_errors(vault):
                    log_run(log, "undone", outcome, "undo", roots)
        paths = [path for step in outcome.done for path in (step.path, step.keep) if path]
        paths += [os.path.dirname(copy.target) for copy in outcome.copied]
        paths += outcome.dropped
        folders = list(map(os.path.dirname, paths))
        if index is not None and only:
            folders = [_known_folder(index, folder) for folder in folders]
    if index is not None:
        warnings += _clear_marks_of_shelf(vault, outcome)
        taken = (*(copy.target for copy in outcome.copied), *outcome.dropped)
        warnings += rescan_changed(vault, roots, folders, shown, taken)
    return chosen.bases, roots


def _clear_marks_of_shelf(vault: Vault, outcome: RunOutcome) -> Iterator[str]:
    """Clear the marks of what was on a shelf; yield what could not be cleared, as warnings."""
    for copy in outcome.copied:
        if not copy.is_brought:
            try:
                clear_marks(vault, [copy.target])
            except UsageError:
                pass  # it has none
            except GorillaCombError as error:
                yield f"{error.message} {path_text(copy.target)} is still marked 'keep'."


def _other_runs(roots: list[LiveRoot], run: str) -> list[str]:
    """Return the other runs that can still be undone, the latest first."""
    try:
        names = {each.run for each in recorded_runs(roots, waiting=True) if each.is_open}
    except OSError:
        return []  # a drive disappeared; what was put back is
    return sorted(names - {run}, reverse=True)


def _interrupted(outcome: RunOutcome) -> tuple[str, str]:
    """Say what was put back until Ctrl-C, and how to continue."""
    if not outcome.run:
        return "Interrupted: nothing was done.", ""
    message = f"Interrupted: of run {outcome.run}, {steps_done(outcome)} were put back."
    again = f"To put back the rest: gorillacomb dedupe --undo {outcome.run}"
    return message, f"{again}   To quarantine it again: dedupe --apply with its plan"


def _known_folder(index: Index, folder: bytes) -> bytes:
    """Return the folder to scan: this one, or the innermost around it that the index knows.

    Others around a file that was put back alone may have been created for it.
    """
    while look_up_path(index, folder).folder is None and folder != b"/":
        folder = os.path.dirname(folder)
    return folder


def _log_if_any(stack: ExitStack, index: Index, warnings: list[str]) -> RunLog | None:
    """Open the trace; None if it cannot be written, which must not prevent an undo."""
    try:
        return stack.enter_context(RunLog(index))
    except GorillaCombError as error:
        warnings.append(_unrecorded(error))
        return None


def _unrecorded(error: GorillaCombError) -> str:
    return f"{error.message} The undo is not recorded in the trace."


def _undo_all(chosen: ChosenRun, outcome: RunOutcome, shown: Progress) -> None:
    """Take back the parts of a run, one per base, into one outcome."""
    for base in chosen.bases:
        shown.stage("Putting back", None, 0)
        try:
            runs.undo_runs_in_base(base, outcome, shown, only=chosen.only)
        except RefusedForSafety as refused:  # as another run holds the lock
            if len(chosen.bases) == 1:
                raise
            outcome.failed.append(StepProblem(base, refused.message))
        except OSError as error:
            outcome.failed.append(StepProblem(base, os_error_text(error)))


def _take_back_copies(
    chosen: ChosenRun, outcome: RunOutcome, roots: Sequence[LiveRoot], shown: Progress
) -> None:
    """Remove what the run copied, once everything that it had moved is back."""

    @cache
    def bases() -> dict[bytes, bytes]:
        parts = (each for each in recorded_runs(roots) if each.run == chosen.name)
        return {each.recorded.base: each.base for each in parts}

    for base in chosen.bases:
        try:
            comparer = tree_comparer(shown)
            runs.take_back_copies(base, outcome, PathResolver(roots), comparer, bases)
        except (RefusedForSafety, UntrustedInput) as error:
            outcome.failed.append(StepProblem(base, error.message))
        except OSError as error:
            outcome.failed.append(StepProblem(base, os_error_text(error)))


def _chosen(
    vault: Vault, named: str, only: Sequence[bytes], warnings: list[str]
) -> tuple[ChosenRun, Index | None]:
    """Return the run to take back, and the vault's index if one knows of it."""
    if "/" in named or os.path.isdir(named):
        chosen = run_in_folder(os.fsencode(named), only)
        return chosen, _index_about(vault, chosen.bases[0], warnings)
    require_index(vault)
    index = Index.write(vault)
    try:
        return run_by_name(index, named, only, warnings), index
    except BaseException:
        index.close()
        raise


def _index_about(vault: Vault, base: bytes, warnings: list[str]) -> Index | None:
    """Open the index of a vault that knows a folder; None if it does not, or there is none.

    An unusable vault must not prevent an undo.
    """
    if not vault.index.exists():
        return None
    try:
        index = Index.write(vault)
    except VaultError as error:
        warnings.append(_unrecorded(error))
        return None
    if any(is_below(base, root.path) for root in all_roots(index.connection)):
        return index
    index.close()
    return None

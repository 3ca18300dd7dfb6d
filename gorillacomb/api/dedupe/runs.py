"""The results of dedupe runs, and what all runs share: errors, the trace, the comparer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from gorillacomb.api.dedupe.remainder import BlockedItem, RunRemainder
from gorillacomb.api.documents.dedupe import (
    DryRunDocument,
    RunDocument,
    dry_run_document,
    run_document,
)
from gorillacomb.api.lookup import noise_names
from gorillacomb.api.text import format_count
from gorillacomb.dedupe.compare.tree_compare import TreeComparer
from gorillacomb.dedupe.model import EMPTY, CopyStep, Plan, PlanStep, RunOutcome, StepProblem
from gorillacomb.dedupe.proof import Holder, MemberProof, sum_of_proofs
from gorillacomb.dedupe.roots import LiveRoot
from gorillacomb.dedupe.safety.environment import safety_policy_for
from gorillacomb.dedupe.safety.git import index_entries_equal
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.errors import Interrupted, RunCutShort
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import innermost, is_below, path_text, relative_path
from gorillacomb.index.database import Index
from gorillacomb.progress import Progress
from gorillacomb.stamping.mark_index import marks_in
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.entries import RunEntry, run_entry

__all__ = [
    "BlockedItem",
    "DryRunResult",
    "Holder",
    "MemberProof",
    "PlanStep",
    "RunRemainder",
    "RunResult",
    "StepProblem",
    "sum_of_proofs",
]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did, or how much of it was taken back or deleted."""

    id: str
    """The name of the run; empty if several were to be deleted."""
    done: tuple[PlanStep, ...]
    done_before: int
    """Steps that an earlier run of the same plan had done."""
    bytes_set_aside: int
    """Bytes on disk that were quarantined; negative if they were put back."""
    bytes_freed: int
    """Bytes that are free now; a lower bound if some of it is unknown."""
    unknown: tuple[str, ...]
    """Why more may be free than ``bytes_freed``; empty where that is all."""
    unknown_use_files: int
    """Files that a program may have open for writing: this is unknown."""
    empty_folders: int
    """Folders that are empty now and were left in place."""
    emptied_folders: int
    """Folders that the run emptied and quarantined, or put back, with what they contained."""
    skipped: tuple[StepProblem, ...]
    """Not done because something is not as planned."""
    failed: tuple[StepProblem, ...]
    """Not done because of an error."""
    recovered: tuple[StepProblem, ...]
    """What an earlier, interrupted run had left half done, and what became of it."""
    warnings: tuple[str, ...] = ()
    """What was done but could not be recorded."""
    left: RunRemainder | None = None
    """After an undo: what is still in quarantine; otherwise None."""
    left_empty: tuple[StepProblem, ...] = ()
    """The folders that ``empty_folders`` counts, and why they were left in place."""
    other_runs: tuple[str, ...] = ()
    """After an undo: other runs that can still be undone, the latest first."""
    retired: tuple[bytes, ...] | None = None
    """After a plan was applied: the folders that it retires; otherwise None."""
    copied: tuple[CopyStep, ...] = ()
    """What was copied to a shelf, or removed from it again by an undo."""
    dropped: tuple[bytes, ...] = ()
    """The paths of files that a drop had added and that an undo removed."""
    unique_files: int = 0
    """Files and links that stay in the quarantine because they are kept nowhere else."""
    unique_by_run: Mapping[str, int] = field(default_factory=dict)
    """How many of ``unique_files`` are in which run."""
    proofs: tuple[MemberProof, ...] = ()
    """Where the files of each copy of a tree are kept that left, or was deleted: as was compared,
    file by file, in this run."""

    @classmethod
    def of(
        cls,
        outcome: RunOutcome,
        warnings: Sequence[str] = (),
        left: RunRemainder | None = None,
        other_runs: Sequence[str] = (),
    ) -> RunResult:
        """Return the outcome of a run that ended."""
        return cls(
            outcome.run,
            tuple(outcome.done),
            outcome.before,
            outcome.bytes_set_aside,
            outcome.bytes_freed,
            tuple(outcome.unknown),
            outcome.unknown_use,
            len(outcome.emptied),
            outcome.folders,
            tuple(outcome.skipped),
            tuple(outcome.failed),
            tuple(outcome.recovered),
            tuple(warnings),
            left,
            tuple(outcome.emptied),
            tuple(other_runs),
            copied=tuple(outcome.copied),
            dropped=tuple(outcome.dropped),
            unique_files=outcome.unique,
            proofs=tuple(outcome.proofs),
        )

    @property
    def files(self) -> int:
        """Files in the steps that were done."""
        return sum(step.files for step in self.done)

    @property
    def proven_files(self) -> Mapping[str, int]:
        """How many files and links ``proofs`` say are kept by what, in sum."""
        return sum_of_proofs(self.proofs)

    @property
    def empty_folder_steps(self) -> int:
        """How many of the steps that were done are about empty folders."""
        return sum(step.kind == EMPTY for step in self.done)

    @property
    def is_complete(self) -> bool:
        """Whether everything was done."""
        return not self.skipped and not self.failed

    def to_dict(self) -> RunDocument:
        """Return the document of ``dedupe --json`` with ``--apply``, ``--undo`` and the like."""
        return run_document(self)


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """What applying a plan would do. Nothing was changed."""

    done: tuple[PlanStep, ...]
    """The steps that would be done."""
    skipped: tuple[StepProblem, ...]
    """What is not as planned."""
    frees_at_once: bool
    """Whether the plan's action frees space at once, instead of moving files into quarantine."""
    retired: tuple[bytes, ...] = ()
    """The folders that the plan retires."""

    @property
    def files(self) -> int:
        """Files in the steps that would be done."""
        return sum(step.files for step in self.done)

    @property
    def size(self) -> int:
        """Bytes on disk of those."""
        return sum(step.size for step in self.done)

    @property
    def bytes_set_aside(self) -> int:
        """Bytes on disk that would be in quarantine."""
        return 0 if self.frees_at_once else self.size

    @property
    def bytes_freed(self) -> int:
        """Bytes that would be free at once; a lower bound if some of it is unknown."""
        return self.size - self.bytes_set_aside

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why more may be free than ``bytes_freed``; empty where that is all."""
        return tuple(dict.fromkeys(cause for step in self.done for cause in step.unknown))

    @property
    def is_complete(self) -> bool:
        """Whether everything would be done."""
        return not self.skipped

    def to_dict(self) -> DryRunDocument:
        """Return the document of ``dedupe --apply FILE --dry-run --json``."""
        return dry_run_document(self)


def require_index(vault: Vault) -> None:
    """Raise VaultError if nothing was scanned yet: opening it for writing would create it."""
    with Index.read(vault):
        pass


@contextmanager
def drive_errors_as_cut_short() -> Iterator[None]:
    """Raise RunCutShort for a drive that fails, or is full, so that a run cannot continue."""
    try:
        yield
    except OSError as error:
        where = f": {path_text(os.fsencode(error.filename))}" if error.filename else ""
        raise RunCutShort(
            f"The run failed: {os_error_text(error)}{where}.",
            "Nothing is lost: `gorillacomb dedupe --undo`, or --apply again, puts back what is"
            " half done.",
        ) from error


@contextmanager
def interruption_told(told: Callable[[], tuple[str, str]]) -> Iterator[None]:
    """On Ctrl-C or SIGTERM, say what was done until then, and in a second line how to continue.

    Raises Interrupted.
    """
    try:
        yield
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted(*told()) from None


def steps_done(outcome: RunOutcome) -> str:
    """Say how much a run did."""
    files = format_count(sum(step.files for step in outcome.done), "file")
    return f"{files} in {format_count(len(outcome.done), 'step')}"


def tree_comparer(progress: Progress) -> TreeComparer:
    """Return a comparer that obeys the user's settings and reports every byte."""

    def advance(size: int) -> None:
        progress.advance(0, size)

    return TreeComparer(noise_names(load_settings()), advance, index_entries_equal)


def policy_for(index: Index, plan: Plan) -> SafetyPolicy:
    """Return the rules that hold when a plan is applied, by the settings and marks of now."""
    settings = load_settings()
    noise = noise_names(settings)
    return safety_policy_for(index, plan.options, settings, noise, marks_in(index))


def log_run(
    log: RunLog,
    event: str,
    outcome: RunOutcome,
    action: str,
    roots: Sequence[LiveRoot],
    plan: str | None = None,
) -> None:
    """Record a run in the trace, even one in which nothing could be done."""
    changed = [*(step.path for step in outcome.done), *outcome.dropped]
    bases = {root.path for root in roots if any(is_below(path, root.path) for path in changed)}
    facts = RunEntry(
        outcome.run,
        action,
        tuple(sorted(bases)),
        len(outcome.done) + len(outcome.dropped),
        sum(step.files for step in outcome.done) + len(outcome.dropped),
        max(outcome.bytes_set_aside, 0),
        outcome.bytes_freed,
        tuple((each.path, each.cause) for each in outcome.skipped),
        tuple((each.path, each.cause) for each in (*outcome.failed, *outcome.recovered)),
        tuple(_in_root(step.path, roots) for step in outcome.done if event == "repaired"),
    )
    log.append([run_entry(event, facts, plan)])


def _in_root(path: bytes, roots: Sequence[LiveRoot]) -> tuple[str, bytes]:
    """Return the id of a path's root, and the path relative to it."""
    root = innermost(path, roots)
    assert root is not None, "what was repaired is in a root"
    return root.uid, relative_path(path, root.path)

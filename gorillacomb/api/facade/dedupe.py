"""What `OpenVault` does with duplicates: plan, apply, take back, free space, look back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Unpack, overload

from gorillacomb.api.callbacks import stopped_by_callbacks
from gorillacomb.api.paths import PathInput, PathsInput
from gorillacomb.progress import Progress, ProgressCallback
from gorillacomb.vault.vault import Vault

if TYPE_CHECKING:
    from gorillacomb.api.dedupe.apply import ConfirmDeletion, DryRunResult, RunResult
    from gorillacomb.api.dedupe.history import RunDetails, RunHistory
    from gorillacomb.api.dedupe.marks import MarkChange, MarkedPath
    from gorillacomb.api.dedupe.plan import DedupePlan, PlanKeywords
    from gorillacomb.api.dedupe.purge import ConfirmPurge


class DedupeMethods:
    """The methods of an `OpenVault` that plan and apply removals."""

    _vault: Vault

    @stopped_by_callbacks
    def plan(
        self,
        *,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
        **wanted: Unpack[PlanKeywords],
    ) -> DedupePlan:
        """Plan what to remove, from the index. Nothing is written or changed.

        All keywords are optional:

        - ``action``: what is done with the copies that are not kept: ``quarantine`` (the default),
          ``reflink``, ``hardlink``, ``symlink`` or ``delete``
        - ``within``: folders in which something may be removed; everywhere by default
        - ``prefer``: paths or globs of places whose copies are kept
        - ``protect``: paths or globs that no step touches
        - ``keep``: how many copies of everything are kept; 1 by default
        - ``min_size``: bytes on disk that a step must free
        - ``free``: bytes to free: the safest steps until they do; the plan's ``free`` says how many
          others it omits
        - ``files``, ``folders``: whether single files, or whole folders, may be removed; both by
          default
        - ``retire``: folders from which everything is removed that also exists elsewhere, even
          in a project
        - ``not_a_project``: folders that are not treated as projects, whatever they contain
        - ``across_volumes``: whether the copy that is kept may be on another drive
        - ``empty_folders``: remove folders that hold no file at any depth, and nothing else
        - ``collapse``: copies of trees, or ``all``: make one tree of each and all its copies, and
          nothing else. What only another copy contains is copied to a shelf first
        - ``into``: the copy that is kept then, if not the one that is kept anyway
        - ``bring``: files and folders that only a copy contains, or ``all`` that may be: put them
          into the kept tree, where that has nothing, instead of on the shelf

        Raises UsageError for a path that is in no root or an invalid keyword,
        RefusedForSafety for hard links on macOS unless ``untested_macos``.
        """
        from gorillacomb.api.dedupe.plan import make_plan

        return make_plan(self._vault, untested_macos=untested_macos, progress=progress, **wanted)

    @overload
    def apply(
        self,
        plan: DedupePlan | PathInput,
        *,
        dry_run: Literal[True] = True,
        confirm: ConfirmDeletion = None,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> DryRunResult: ...

    @overload
    def apply(
        self,
        plan: DedupePlan | PathInput,
        *,
        dry_run: Literal[False],
        confirm: ConfirmDeletion = None,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> RunResult: ...

    @stopped_by_callbacks
    def apply(
        self,
        plan: DedupePlan | PathInput,
        *,
        dry_run: bool = True,
        confirm: ConfirmDeletion = None,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> DryRunResult | RunResult:
        """Apply a plan, or the one in a file; by default only find out what that would do.

        If there are answers to the plan beside its file, only what they agree to is done. Files
        change only with ``dry_run=False``; index and trace are updated. A plan that deletes
        needs ``confirm`` too: the number of files that it deletes, or a function that is given the
        plan and returns whether to continue. Every file is compared with its copy byte by byte
        first, and steps that are not as planned are ``skipped`` in the result.

        Raises UntrustedInput for either file, RefusedForSafety while a review of the plan is open.
        With ``dry_run=False`` also RefusedForSafety without ``confirm``, on macOS unless
        ``untested_macos``, and if another run holds the lock of a root; RunCutShort if a drive
        fails; Interrupted, which says what was done until then.
        """
        from gorillacomb.api.dedupe import apply

        if dry_run:
            return apply.dry_run(self._vault, plan, progress=progress)
        return apply.apply_plan(
            self._vault, plan, confirm=confirm, untested_macos=untested_macos, progress=progress
        )

    @stopped_by_callbacks
    def undo(
        self,
        run: PathInput | None = None,
        *,
        only: PathsInput = (),
        progress: Progress | ProgressCallback | None = None,
    ) -> RunResult:
        """Put back what a run quarantined, or ``only`` some paths of it; nothing is ever replaced.

        ``run`` is its id, or the path of its folder in a quarantine, for which no vault is needed;
        by default it is the last run with quarantined items. Raises UsageError if there is no such
        run, RefusedForSafety if another run holds the lock, and Interrupted, which says what was
        put back until then.
        """
        from gorillacomb.api.dedupe.undo import undo_run

        return undo_run(self._vault, run, only=only, progress=progress)

    @stopped_by_callbacks
    def purge(
        self,
        run: str | None = None,
        *,
        confirm: ConfirmPurge = False,
        older_than_ns: int = 0,
        including_unique: int | None = None,
        untested_macos: bool = False,
        progress: Progress | ProgressCallback | None = None,
    ) -> RunResult:
        """Delete what the run with an id, or all runs, quarantined, to free the space.

        Only items whose kept copy still exists are deleted: each file is compared with it once
        more. ``confirm`` allows it: True, or a function that is given the runs and returns whether
        to continue. ``older_than_ns`` keeps what was quarantined more recently.
        ``including_unique`` also deletes the files that a copy of a tree contains and that are kept
        nowhere else, for example because the shelf was deleted, if the run has just so many.

        Raises RefusedForSafety without ``confirm``, if ``including_unique`` is another number, on
        macOS unless ``untested_macos``, and if another run holds the lock; UsageError if the run
        has nothing in quarantine, or none is named with ``including_unique``; RunCutShort if
        a drive fails; and Interrupted, which says what was deleted until then.
        """
        from gorillacomb.api.dedupe.purge import purge_quarantine

        return purge_quarantine(
            self._vault,
            run,
            confirm=confirm,
            older_than_ns=older_than_ns,
            including_unique=including_unique,
            untested_macos=untested_macos,
            progress=progress,
        )

    def history(self) -> RunHistory:
        """List everything that was done with runs, latest first.

        Runs are known by the trace, and by the quarantines on connected drives. Raises VaultError.
        """
        from gorillacomb.api.dedupe.history import read_history

        return read_history(self._vault)

    def run_details(self, run: str) -> RunDetails:
        """Find everything known about the run with an id, with every item that it quarantined.

        Raises UsageError if there is no such run.
        """
        from gorillacomb.api.dedupe.history import read_run_details

        return read_run_details(self._vault, run)

    def mark(
        self, kind: str, paths: PathsInput, *, note: str | None = None, wait: float = 10.0
    ) -> MarkChange:
        """Mark files and folders, in the trace, so that a decision is made once.

        ``kind`` is ``keep`` (the copies to keep: nothing in them is removed), ``intended`` (copies
        that are meant to be there, those named or all copies of a single path: neither reported nor
        removed until they change) or ``not-duplicates`` (these look alike and are different
        things). ``note`` says why. ``wait`` is how many seconds to wait while another run writes.

        Raises UsageError for a path that is not in the index, for one that has no copy, and for one
        that was not read unless it is to be kept; VaultLocked, KeyMissing.
        """
        from gorillacomb.api.dedupe.marks import mark_paths

        return mark_paths(self._vault, kind, paths, note=note, wait=wait)

    def unmark(self, paths: PathsInput, *, wait: float = 10.0) -> MarkChange:
        """Clear the marks of files and folders, and of what was marked together with them.

        ``wait`` is how many seconds to wait while another run writes. Raises UsageError for a path
        without a mark, VaultLocked, KeyMissing.
        """
        from gorillacomb.api.dedupe.marks import clear_marks

        return clear_marks(self._vault, paths, wait=wait)

    def marks(self) -> tuple[MarkedPath, ...]:
        """List all marks, oldest first, and whether what they are about is there as it was.

        Raises VaultError.
        """
        from gorillacomb.api.dedupe.marks import list_marks

        return list_marks(self._vault)

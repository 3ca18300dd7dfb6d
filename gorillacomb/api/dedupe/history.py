"""Look back: every run and what became of it, as traces and quarantines record it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gorillacomb.api.documents.dedupe import (
    RunDetailsDocument,
    RunEventDocument,
    RunItemDocument,
    RunsDocument,
    run_details_document,
    run_event_document,
    run_item_document,
)
from gorillacomb.dedupe.model import DROP, StepProblem
from gorillacomb.dedupe.proof import MemberProof
from gorillacomb.dedupe.quarantine.inventory import RecordedRun, recorded_runs, waiting_in
from gorillacomb.dedupe.quarantine.items import ItemState, RunItem, items_of
from gorillacomb.dedupe.quarantine.journal_entries import INTENT, REPAIR, TAKEN_BACK
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import GorillaCombError, UsageError
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import path_from_json
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.entries import entry_path
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.history import run_entries
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import (
    anchor_store,
    former_traces,
    key_store,
    open_trace_for_reading,
)

__all__ = [
    "ItemState",
    "RunDetails",
    "RunEvent",
    "RunHistory",
    "RunItem",
    "StepProblem",
    "read_history",
    "read_run_details",
    "traced_quarantines",
    "traced_runs",
]

_SET_ASIDE = ("applied", "repaired", "dropped")
"""Events of runs after which there may be something to take back."""
_EVENTS = {REPAIR: "repaired", DROP: "dropped"}
"""The event that begins a run, by its action, if that is not ``applied``."""
_NOT_KEPT = (INTENT, TAKEN_BACK)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something that was done with a run: it was applied, undone or purged, or repaired files."""

    event: str
    """``applied``, ``repaired``, ``dropped``, ``undone`` or ``purged``."""
    run: str
    action: str
    steps: int
    files: int
    time_ns: int
    seq: int | None
    """The entry of the trace; None if only the quarantine knows about the run."""
    plan: str | None
    """The id of the plan that was applied."""
    bases: tuple[bytes, ...]
    """The folders whose ``.gorillacomb`` contains the quarantine, as they were then."""
    skipped: tuple[StepProblem, ...]
    """The first hundred of them."""
    failed: tuple[StepProblem, ...]
    """The first hundred of them."""
    skipped_count: int
    failed_count: int
    bytes_set_aside: int
    bytes_freed: int
    former_log: str | None
    """The id of the log, if the entry is in a trace that ``trace adopt`` replaced."""
    waiting_files: int
    waiting_bytes: int
    """On disk."""
    is_waiting: bool
    """Whether something that it quarantined is still there."""
    bytes_dropped: int = 0
    """Of new files that a drop kept; 0 for all other events."""

    def to_dict(self) -> RunEventDocument:
        """Return the document of an event in ``dedupe --history --json``."""
        return run_event_document(self)


@dataclass(frozen=True, slots=True)
class RunHistory:
    """Everything that was done with runs, the latest first."""

    events: tuple[RunEvent, ...]
    warnings: tuple[str, ...]
    """Traces of the vault that cannot be read."""

    def to_dict(self) -> RunsDocument:
        """Return the document of ``dedupe --history --json``."""
        return {"runs": [event.to_dict() for event in self.events]}


@dataclass(frozen=True, slots=True)
class RunDetails:
    """One run, with every file and folder that it quarantined."""

    events: tuple[RunEvent, ...]
    """What was done with it, oldest first."""
    warnings: tuple[str, ...]
    """Traces of the vault that cannot be read."""
    waiting_files: int
    waiting_bytes: int
    """On disk."""
    is_waiting: bool
    """Whether something that it quarantined is still there."""
    _recorded: tuple[RecordedRun, ...]

    @property
    def id(self) -> str:
        """The name of the run."""
        return self.events[0].run

    @property
    def action(self) -> str:
        """The action of its plan, or ``repair``."""
        return self.events[0].action

    @property
    def plan(self) -> str | None:
        """The id of the plan that it applied."""
        return self.events[0].plan

    @property
    def quarantines(self) -> list[bytes]:
        """The folders of its quarantines on connected drives."""
        return [each.folder for each in self._recorded]

    def items(self, quarantine: bytes | None = None) -> Iterator[RunItem]:
        """Yield what it quarantined, in all of its quarantines or in one of them."""
        for each in self._recorded:
            if quarantine in (None, each.folder):
                yield from items_of(each)

    @property
    def proofs(self) -> list[MemberProof]:
        """Where the files of each copy of a tree were kept when it left, as the run compared."""
        found = (
            step.member_proof(each.base)
            for each in self._recorded
            for step in each.recorded.steps.values()
        )
        return [each for each in found if each is not None]

    def head(self) -> RunDetailsDocument:
        """Return the document with an empty list of items: there may be very many."""
        return run_details_document(self)

    def item_documents(self) -> Iterator[RunItemDocument]:
        """Yield the items of the document."""
        return map(run_item_document, self.items())

    def to_dict(self) -> RunDetailsDocument:
        """Return the document of ``dedupe --history RUN --json``."""
        return {**self.head(), "items": list(self.item_documents())}


def read_history(vault: Vault) -> RunHistory:
    """List what was done with runs, as `OpenVault.history` says."""
    warnings: list[str] = []
    events, *_ = _events(vault, None, warnings)
    return RunHistory(tuple(events), tuple(warnings))


def read_run_details(vault: Vault, run: str) -> RunDetails:
    """Find all that is known of one run, as `OpenVault.run_details` says."""
    warnings: list[str] = []
    events, recorded, waiting = _events(vault, run, warnings)
    if not events:
        raise UsageError(
            f"There is no run {run!r}.", "`gorillacomb dedupe --history` lists the runs."
        )
    files, size = waiting.get(run, (0, 0))
    return RunDetails(
        tuple(reversed(events)), tuple(warnings), files, size, run in waiting, tuple(recorded)
    )


def _events(
    vault: Vault, named: str | None, warnings: list[str]
) -> tuple[list[RunEvent], list[RecordedRun], dict[str, tuple[int, int]]]:
    """Return what was done with all runs or one, latest first, and what is in quarantines.

    The last is files and bytes by run, as `_waiting` returns them.
    """
    entries = [each for each in traced_runs(vault, warnings) if named in (None, each["run"])]
    with Index.read(vault) as index, translate_errors(vault):
        roots = live_roots_of(index, suspect=True)
        recorded = [
            each
            for each in recorded_runs(roots, traced_quarantines(entries), invalid=warnings)
            if named in (None, each.run)
        ]
    waiting = _waiting(recorded)
    with translate_content_errors(vault.trace):
        events = [_event(each, waiting) for each in entries]
    events += _untraced(
        recorded, {each.run for each in events if each.event in _SET_ASIDE}, waiting
    )
    events.sort(key=lambda event: event.time_ns, reverse=True)
    return events, recorded, waiting


def _waiting(recorded: Iterable[RecordedRun]) -> dict[str, tuple[int, int]]:
    """Count files and bytes in quarantine, by run; a run may have quarantines in two places."""
    found: dict[str, tuple[int, int]] = {}
    for each in recorded:
        held = waiting_in(each)
        if held:
            files, size = found.get(each.run, (0, 0))
            found[each.run] = (
                files + sum(count for count, _ in held),
                size + sum(size for _, size in held),
            )
    return found


def _event(fields: dict[str, Any], waiting: dict[str, tuple[int, int]]) -> RunEvent:
    """Read an entry of the trace."""
    run, event = fields["run"], fields["event"]
    is_waiting = event in _SET_ASIDE and run in waiting
    files, size = waiting[run] if is_waiting else (0, 0)
    return RunEvent(
        event,
        run,
        fields["action"],
        fields["steps"],
        fields["files"],
        int(fields["time_ns"]),
        fields["seq"],
        fields.get("plan"),
        tuple(map(entry_path, fields["bases"])),
        _problems(fields["skipped"]),
        _problems(fields["failed"]),
        fields["skipped_count"],
        fields["failed_count"],
        int(fields["bytes_set_aside"]),
        int(fields["bytes_freed"]),
        fields.get("former_log"),
        files,
        size,
        is_waiting,
        int(fields.get("bytes", 0)) if event == "dropped" else 0,
    )


def _problems(entries: Sequence[dict[str, Any]]) -> tuple[StepProblem, ...]:
    return tuple(StepProblem(entry_path(each), each["cause"]) for each in entries)


def _untraced(
    recorded: Sequence[RecordedRun], known: set[str], waiting: dict[str, tuple[int, int]]
) -> Iterator[RunEvent]:
    """Make events of runs that are in no trace: they were killed, or belong to another vault."""
    for name in dict.fromkeys(each.run for each in recorded if each.run not in known):
        parts = [each for each in recorded if each.run == name]
        first = parts[0].recorded
        done = [step for each in parts for step in each.done_steps()]
        copies = [copy for each in parts for copy in each.recorded.copies.values()]
        kept = [each for each in copies if each.is_dropped and each.state not in _NOT_KEPT]
        dropped = len(kept)
        files, size = waiting.get(name, (0, 0))
        yield RunEvent(
            event=_EVENTS.get(first.action, "applied"),
            run=name,
            action=first.action,
            steps=len(done) + dropped,
            files=sum(step.files_set_aside for step in done) + dropped,
            time_ns=first.started_ns,
            seq=None,
            plan=first.plan,
            bases=tuple(each.base for each in parts),
            skipped=(),
            failed=(),
            skipped_count=0,
            failed_count=0,
            bytes_set_aside=sum(step.size_set_aside for step in done),
            bytes_freed=0,
            former_log=None,
            waiting_files=files,
            waiting_bytes=size,
            is_waiting=name in waiting,
            bytes_dropped=sum(each.size for each in kept),
        )


def traced_runs(vault: Vault, warnings: list[str]) -> list[dict[str, Any]]:
    """Read the entries about runs, latest first, including traces that `adopt` kept.

    Those that cannot be read are added to ``warnings``. Raises VaultError.
    """
    with open_trace_for_reading(vault) as ledger, translate_content_errors(vault.trace):
        found = list(run_entries(ledger))
    for path in former_traces(vault):
        try:
            found += _former_runs(path)
        except GorillaCombError as error:
            warnings.append(error.message)
    return sorted(found, key=lambda fields: int(fields["time_ns"]), reverse=True)


def _former_runs(path: Path) -> Iterator[dict[str, Any]]:
    with Ledger.read(path, key_store(), anchor_store()) as ledger, translate_content_errors(path):
        log = ledger.log
        for fields in run_entries(ledger):
            yield {**fields, "former_log": log}


def traced_quarantines(entries: Iterable[dict[str, Any]]) -> list[tuple[bytes, str]]:
    """Return where entries say that runs have a quarantine: a root, as it was then, and the run."""
    return [
        (path_from_json(base, strict=False), str(fields["run"]))
        for fields in entries
        if fields["event"] in _SET_ASIDE
        for base in fields["bases"]
    ]

"""The documents of `gorillacomb dedupe --json` about runs: done, taken back, looked up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.api.documents.plan import (
    CopyStepDocument,
    FolderPairDocument,
    KeptPlaceDocument,
    RemovalPairDocument,
    folder_pair_documents,
)
from gorillacomb.dedupe.model import StepProblem
from gorillacomb.dedupe.plan_file.serialize import copy_document, kept_place_documents, known_bytes
from gorillacomb.dedupe.proof import MemberProof, sum_of_proofs
from gorillacomb.dedupe.quarantine.items import RunItem
from gorillacomb.json_paths import path_to_json

if TYPE_CHECKING:
    from gorillacomb.api.dedupe.history import RunDetails, RunEvent
    from gorillacomb.api.dedupe.remainder import RunRemainder
    from gorillacomb.api.dedupe.runs import DryRunResult, RunResult


class ProblemDocument(PathDocument):
    """A step, or part of one, that was not done."""

    cause: str


class DryRunStepDocument(PathDocument):
    """A step that would be done."""

    id: str


class DryRunDocument(TypedDict):
    """What applying a plan would do."""

    run: None
    done: int
    """Steps that would be done."""
    bytes_set_aside: int
    bytes_freed: int | None
    """Bytes that would be free at once; null if that is not known."""
    bytes_freed_at_least: NotRequired[int]
    bytes_freed_unknown: NotRequired[list[str]]
    steps: list[DryRunStepDocument]
    pairs: list[FolderPairDocument]
    """The same by pair of folders, the largest first."""
    skipped: list[ProblemDocument]
    failed: list[ProblemDocument]
    """Always empty."""


class QuarantinePathDocument(TypedDict, total=False):
    """Where something is, or was, in quarantine. One of the two keys is present."""

    quarantine: str
    quarantine_b64: str


class BlockedItemDocument(PathDocument, QuarantinePathDocument):
    """An item that could not be put back because something else is at its place."""

    in_the_way: PathDocument
    """What is there: at its place, or a file where it needs a folder."""
    in_the_way_kind: Literal["file", "folder", "other"]
    in_the_way_bytes: int
    in_the_way_mtime_ns: str
    """ns since the epoch, as decimal text."""


class ProvenFilesDocument(TypedDict, total=False):
    """How many files and links are kept by what; what keeps none is missing."""

    kept_tree: int
    """The kept tree has them, perhaps under another name."""
    brought: int
    """The kept tree has them, because they were put there from a copy."""
    shelf: int
    git_history: int
    """The git history of the kept tree contains them."""
    git_repository: int
    """They are part of a `.git`, and the kept one has all objects and refs of that."""
    regenerable: int
    """They are in the quarantine alone: a program makes them again from a lock file."""
    system: int
    """They are in the quarantine alone: systems leave them behind, such as `.DS_Store`."""
    unique: int
    """They are, or were, in the quarantine alone."""


class MemberProofDocument(RemovalPairDocument):
    """Where the files of one copy of a tree are kept: each was compared when it left."""

    files: ProvenFilesDocument
    total: int
    """All files and links that it had."""


class RunDocument(TypedDict):
    """What a run did, or how much of it was taken back or deleted."""

    run: str | None
    """The run; null if quarantines of several runs were to be emptied."""
    done: int
    """Steps that were done."""
    files: int
    """Files in those."""
    done_before: int
    """Steps that an earlier run of the same plan had done."""
    bytes_set_aside: int
    """Bytes on disk that were quarantined; negative if they were put back."""
    bytes_freed: int | None
    """Bytes on disk that are free now; null if that is not known."""
    bytes_freed_at_least: NotRequired[int]
    bytes_freed_unknown: NotRequired[list[str]]
    """Why it is not known."""
    unknown_use_files: int
    """Files that a program may have open for writing: this is unknown."""
    empty_folders: int
    """Folders that are empty now and were left in place."""
    left_empty: NotRequired[list[ProblemDocument]]
    """Those, if any, and why."""
    emptied_folders: int
    """Folders that the run emptied and quarantined, or put back, with what they contained."""
    skipped: list[ProblemDocument]
    """Not done because something is not as planned."""
    failed: list[ProblemDocument]
    """Not done because of an error."""
    recovered: list[ProblemDocument]
    """What an earlier, interrupted run had left half done, and what became of it."""
    left_steps: NotRequired[int]
    """After an undo: steps of the run that are still in quarantine."""
    left_files: NotRequired[int]
    left_bytes: NotRequired[int]
    """On disk."""
    blocked: NotRequired[list[BlockedItemDocument]]
    """After an undo: those of ``failed`` whose place is taken by something else."""
    pairs: NotRequired[list[FolderPairDocument]]
    """After a plan was applied: what was done, by pair of folders, the largest first."""
    other_runs: NotRequired[list[str]]
    """After an undo: other runs that can still be undone, the latest first."""
    copied: NotRequired[list[CopyStepDocument]]
    """What was copied to a shelf, or removed from it again by an undo."""
    dropped: NotRequired[list[PathDocument]]
    """The files that a drop had added and that an undo removed."""
    unique_files: NotRequired[int]
    """Files and links that stay in the quarantine because they are kept nowhere else, if any."""
    unique_by_run: NotRequired[dict[str, int]]
    """How many of those are in which run, if any."""
    proofs: NotRequired[list[MemberProofDocument]]
    """Where the files of each copy of a tree are kept that left, or was deleted."""
    proven_files: NotRequired[ProvenFilesDocument]
    """The sum of those."""


class RunEventDocument(TypedDict):
    """What a run did, or that it was undone or purged."""

    seq: int | None
    """The entry of the trace; null if only the quarantine knows about the run."""
    event: str
    """``applied``, ``repaired``, ``dropped``, ``undone`` or ``purged``."""
    run: str
    action: str
    steps: int
    files: int
    time_ns: str
    """ns since the epoch, as decimal text."""
    plan: NotRequired[str]
    """The id of the plan that was applied."""
    bases: list[PathDocument]
    """The folders whose ``.gorillacomb`` contains the quarantine."""
    skipped: list[ProblemDocument]
    """The first hundred of them."""
    failed: list[ProblemDocument]
    """The first hundred of them."""
    skipped_count: int
    failed_count: int
    former_log: NotRequired[str]
    """The id of the log, if the entry is in a trace that ``trace adopt`` replaced."""
    bytes_set_aside: int
    bytes_freed: int
    bytes_dropped: NotRequired[int]
    """Bytes of the new files that a drop kept."""
    waiting: bool
    """Whether something that it quarantined is still in quarantine."""


class RunsDocument(TypedDict):
    """Every run, the latest first."""

    runs: list[RunEventDocument]


class RunItemDocument(RemovalPairDocument, QuarantinePathDocument):
    """A file or folder that a run quarantined. For an empty folder, ``keep`` is empty."""

    kind: Literal["file", "folder"]
    state: Literal["waiting", "put back", "purged", "not done", "missing"]
    run: str
    step: str
    action: str
    set_aside_ns: str
    """ns since the epoch, as decimal text."""
    ended_ns: str | None
    """When it was put back or deleted; null while it is in quarantine."""
    cause: str | None
    """Why it was not done, cannot be put back, or is only partly there."""
    kept_in: NotRequired[list[KeptPlaceDocument]]
    """Where the files of a folder are kept, most first, if ``keep`` does not keep them all."""
    kept_object: NotRequired[str]
    """If ``keep`` is a `.git`: the id of the object in it with the content of the file."""


class RunDetailsDocument(TypedDict):
    """One run, with every item of it: the answer to ``--history RUN``."""

    run: str
    action: str
    plan: str | None
    quarantines: list[PathDocument]
    waiting: bool
    waiting_files: int
    waiting_bytes: int
    events: list[RunEventDocument]
    """Oldest first."""
    proofs: NotRequired[list[MemberProofDocument]]
    """Where the files of each copy of a tree were kept when it left."""
    items: list[RunItemDocument]


HistoryDocument = RunsDocument | RunDetailsDocument
"""Every run; or one with its items, if a run is named."""


def problem_documents(problems: Iterable[StepProblem]) -> list[ProblemDocument]:
    """Return what was not done as documents."""
    return [
        cast(ProblemDocument, {**path_to_json(each.path), "cause": each.cause}) for each in problems
    ]


def run_document(result: RunResult) -> RunDocument:
    """Return what a run did as a document."""
    document = {
        "run": result.id or None,
        "done": len(result.done),
        "files": result.files,
        "done_before": result.done_before,
        "bytes_set_aside": result.bytes_set_aside,
        **known_bytes("bytes_freed", result.bytes_freed, result.unknown),
        "unknown_use_files": result.unknown_use_files,
        "empty_folders": result.empty_folders,
        **({"left_empty": problem_documents(result.left_empty)} if result.left_empty else {}),
        "emptied_folders": result.emptied_folders,
        "skipped": problem_documents(result.skipped),
        "failed": problem_documents(result.failed),
        "recovered": problem_documents(result.recovered),
        **({} if result.left is None else _remainder(result.left)),
        **(
            {}
            if result.retired is None
            else {"pairs": folder_pair_documents(result.done, result.retired)}
        ),
        **({"other_runs": list(result.other_runs)} if result.other_runs else {}),
        **({"copied": list(map(copy_document, result.copied))} if result.copied else {}),
        **({"dropped": list(map(path_to_json, result.dropped))} if result.dropped else {}),
        **({"unique_files": result.unique_files} if result.unique_files else {}),
        **({"unique_by_run": dict(result.unique_by_run)} if result.unique_by_run else {}),
        **({"proofs": _proof_documents(result.proofs)} if result.proofs else {}),
        **({"proven_files": result.proven_files} if result.proofs else {}),
    }
    return cast(RunDocument, document)


def _proof_documents(proofs: Iterable[MemberProof]) -> list[MemberProofDocument]:
    """Return where the files of copies of trees are kept as documents."""
    documents = (
        {
            **path_to_json(each.path),
            **path_to_json(each.keep, "keep"),
            "files": sum_of_proofs([each]),
            "total": each.total,
        }
        for each in proofs
    )
    return cast(list[MemberProofDocument], list(documents))


def _remainder(left: RunRemainder) -> dict[str, object]:
    return {
        "left_steps": left.steps,
        "left_files": left.files,
        "left_bytes": left.bytes,
        "blocked": [
            {
                **path_to_json(each.path),
                **({} if each.quarantine is None else path_to_json(each.quarantine, "quarantine")),
                "in_the_way": path_to_json(each.in_the_way),
                "in_the_way_kind": each.kind,
                "in_the_way_bytes": each.size,
                "in_the_way_mtime_ns": str(each.mtime_ns),
            }
            for each in left.blocked
        ],
    }


def dry_run_document(result: DryRunResult) -> DryRunDocument:
    """Return what a dry run found as a document."""
    document = {
        "run": None,
        "done": len(result.done),
        "bytes_set_aside": result.bytes_set_aside,
        **known_bytes("bytes_freed", result.bytes_freed, result.unknown),
        "steps": [{"id": step.id, **path_to_json(step.path)} for step in result.done],
        "pairs": folder_pair_documents(result.done, result.retired),
        "skipped": problem_documents(result.skipped),
        "failed": [],
    }
    return cast(DryRunDocument, document)


def run_event_document(event: RunEvent) -> RunEventDocument:
    """Return what was done with a run as a document."""
    document = {
        "seq": event.seq,
        "event": event.event,
        "run": event.run,
        "action": event.action,
        "steps": event.steps,
        "files": event.files,
        "time_ns": str(event.time_ns),
        **({} if event.plan is None else {"plan": event.plan}),
        "bases": list(map(path_to_json, event.bases)),
        "skipped": problem_documents(event.skipped),
        "failed": problem_documents(event.failed),
        "skipped_count": event.skipped_count,
        "failed_count": event.failed_count,
        **({} if event.former_log is None else {"former_log": event.former_log}),
        "bytes_set_aside": event.bytes_set_aside,
        "bytes_freed": event.bytes_freed,
        **({"bytes_dropped": event.bytes_dropped} if event.event == "dropped" else {}),
        "waiting": event.is_waiting,
    }
    return cast(RunEventDocument, document)


def run_item_document(item: RunItem) -> RunItemDocument:
    """Return an item of a run as a document."""
    document: dict[str, object] = {
        **path_to_json(item.path),
        "kind": item.kind,
        "state": str(item.state),
        "run": item.run,
        "step": item.step,
        "action": item.action,
        **path_to_json(item.aside, "quarantine"),
        **path_to_json(item.keep, "keep"),
        "set_aside_ns": str(item.set_aside_ns),
        "ended_ns": None if item.ended_ns is None else str(item.ended_ns),
        "cause": item.cause,
    }
    if item.kept_in:
        document["kept_in"] = kept_place_documents(item.kept_in)
    if item.kept_object:
        document["kept_object"] = item.kept_object.decode()
    return cast(RunItemDocument, document)


def run_details_document(details: RunDetails) -> RunDetailsDocument:
    """Return one run as a document, with its list of items still empty."""
    proofs = details.proofs
    document = {
        "run": details.id,
        "action": details.action,
        "plan": details.plan,
        "quarantines": [cast(PathDocument, path_to_json(each)) for each in details.quarantines],
        "waiting": details.is_waiting,
        "waiting_files": details.waiting_files,
        "waiting_bytes": details.waiting_bytes,
        "events": list(map(run_event_document, details.events)),
        **({"proofs": _proof_documents(proofs)} if proofs else {}),
        "items": [],
    }
    return cast(RunDetailsDocument, document)

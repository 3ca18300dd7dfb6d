"""What the runs of dedupe share: roots, locks, the trace, and how an outcome is told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from gorillacomb.api.lookup import noise_names
from gorillacomb.cli.output import render
from gorillacomb.dedupe.apply.tree_compare import TreeComparer
from gorillacomb.dedupe.model import RunOutcome, StepProblem
from gorillacomb.dedupe.plan.serialize import known_bytes
from gorillacomb.dedupe.roots import LiveRoot
from gorillacomb.dedupe.safety.git import index_entries_equal
from gorillacomb.errors import Interrupted, RunCutShort
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import innermost, is_below, relative_path
from gorillacomb.index.database import Index
from gorillacomb.json_paths import path_to_json
from gorillacomb.progress import Progress
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.entries import RunEntry, run_entry

_SHOWN = 20
_MOST_ALIKE = 5


def require_index(vault: Vault) -> None:
    """Raise VaultError where nothing was scanned yet: opening it for writing would make one."""
    with Index.read(vault):
        pass


@contextmanager
def drive_errors_as_cut_short() -> Iterator[None]:
    """Tell of a drive that fails, or is full, where a run cannot go on without it."""
    try:
        yield
    except OSError as error:
        where = f": {render.printable_path(os.fsencode(error.filename))}" if error.filename else ""
        raise RunCutShort(
            f"The run was cut short: {os_error_text(error)}{where}.",
            "Nothing is lost: `gorillacomb dedupe --undo`, or --apply again, puts back what is"
            " half done.",
        ) from error


@contextmanager
def interruption_told(told: Callable[[], tuple[str, str]]) -> Iterator[None]:
    """Say on Ctrl-C or SIGTERM what was done until then, and in a second line how to go on.

    Raises Interrupted.
    """
    try:
        yield
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted(*told()) from None


def steps_done(outcome: RunOutcome) -> str:
    """How much a run did, in words."""
    files = render.format_count(sum(step.files for step in outcome.done), "file")
    return f"{files} in {render.format_count(len(outcome.done), 'step')}"


def tree_comparer(progress: Progress) -> TreeComparer:
    """Who compares, by the user's settings; tells of every byte."""

    def advance(size: int) -> None:
        progress.advance(0, size)

    return TreeComparer(noise_names(load_settings()), advance, index_entries_equal)


def log_run(
    notes: RunLog,
    event: str,
    outcome: RunOutcome,
    action: str,
    roots: list[LiveRoot],
    plan: str | None = None,
) -> None:
    """Write a run into the trace, also one in which nothing could be done."""
    bases = {
        root.path for root in roots if any(is_below(step.path, root.path) for step in outcome.done)
    }
    facts = RunEntry(
        outcome.run,
        action,
        tuple(sorted(bases)),
        len(outcome.done),
        sum(step.files for step in outcome.done),
        max(outcome.bytes_set_aside, 0),
        outcome.bytes_freed,
        tuple((each.path, each.cause) for each in outcome.skipped),
        tuple((each.path, each.cause) for each in (*outcome.failed, *outcome.recovered)),
        tuple(_in_root(step.path, roots) for step in outcome.done if event == "repaired"),
    )
    notes.append([run_entry(event, facts, plan)])


def _in_root(path: bytes, roots: list[LiveRoot]) -> tuple[str, bytes]:
    """The id of the root that a path is in, and the path below that."""
    root = innermost(path, roots)
    assert root is not None, "what was repaired is in a root"
    return root.uid, relative_path(path, root.path)


def outcome_object(outcome: RunOutcome) -> dict[str, Any]:
    """An outcome in JSON."""
    return {
        "run": outcome.run,
        "done": len(outcome.done),
        "files": sum(step.files for step in outcome.done),
        "done_before": outcome.before,
        "bytes_set_aside": outcome.bytes_set_aside,
        **known_bytes("bytes_freed", outcome.bytes_freed, outcome.unknown),
        "unknown_use_files": outcome.unknown_use,
        "empty_folders": outcome.emptied,
        "emptied_folders": outcome.folders,
        "skipped": list(map(problem_object, outcome.skipped)),
        "failed": list(map(problem_object, outcome.failed)),
        "recovered": list(map(problem_object, outcome.recovered)),
    }


def problem_object(trouble: StepProblem) -> dict[str, str]:
    """What was not done, in JSON."""
    return {**path_to_json(trouble.path), "cause": trouble.cause}


def problem_lines(
    title: str, troubles: list[StepProblem], total: int | None = None
) -> Iterator[str]:
    """What was not done and why, for people; what many have for a cause is told once.

    ``total`` is how many there are, where ``troubles`` are only the first of them.
    """
    if not troubles:
        return
    yield f"{title}: {len(troubles) if total is None else total:,}"
    by_cause: dict[str, list[StepProblem]] = {}
    for each in troubles:
        by_cause.setdefault(each.cause, []).append(each)
    left = len(troubles)
    for cause, alike in list(by_cause.items())[:_SHOWN]:
        shown = alike if len(alike) <= _MOST_ALIKE else alike[:1]
        for each in shown:
            yield from _problem(each.path, cause, len(alike) - len(shown))
        left -= len(alike)
    if left:
        yield f"  and {left:,} more; --json names them all"


def _problem(path: bytes, cause: str, more: int) -> Iterator[str]:
    width = render.terminal_width()
    yield "  " + render.path_from_here(path, width and width - 2)
    if more:
        yield f"  and {more:,} more; --json names them all"
    yield from render.wrapped_paragraph(cause, "    ")

"""`gorillacomb dedupe --history`: every run, and why something in it was not done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from gorillacomb.cli.commands.dedupe.known_runs import (
    SET_ASIDE,
    item_object,
    traced_quarantines,
    traced_runs,
)
from gorillacomb.cli.commands.dedupe.runs import problem_lines
from gorillacomb.cli.output import render
from gorillacomb.dedupe.model import DedupeAction, StepProblem
from gorillacomb.dedupe.quarantine.inventory import RecordedRun, recorded_runs, waiting_in
from gorillacomb.dedupe.quarantine.items import ItemState, RunItem, items_of
from gorillacomb.dedupe.quarantine.journal import REPAIR
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import ExitCode, UsageError
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import path_to_json
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.entries import entry_path

_WORDS = {
    "applied": "set aside",
    "repaired": "repaired",
    "undone": "put back",
    "purged": "deleted",
}
Waiting = dict[str, tuple[int, int]]
"""Files and bytes that wait in quarantine, by run; one may have quarantines in two places."""


def history(vault: Vault, named: str, as_json: bool) -> ExitCode:
    """Show every run, the last one first; or all that is known of one."""
    entries = traced_runs(vault)
    also = traced_quarantines(each for each in entries if not named or each["run"] == named)
    with Index.read(vault) as index, translate_errors(vault):
        recorded = [
            each
            for each in recorded_runs(live_roots_of(index, suspect=True), also)
            if not named or each.run == named
        ]
    waiting = _waiting(recorded)
    entries = [each for each in entries if not named or each["run"] == named]
    entries += _untraced(recorded, {each["run"] for each in entries if each["event"] in SET_ASIDE})
    entries.sort(key=lambda fields: int(fields["time_ns"]), reverse=True)
    if named and not entries:
        raise UsageError(
            f"There is no run {named!r}.", "`gorillacomb dedupe --history` names the runs."
        )
    with render.tolerate_closed_pipe():
        if as_json and named:
            _print_run_json(named, entries, recorded, waiting)
        elif as_json:
            render.print_json({"runs": [_run_object(each, waiting) for each in entries]})
        elif not entries:
            click.echo("No plan was carried out yet.")
        for fields in () if as_json else entries:
            for line in _run_lines(fields, waiting):
                click.echo(line)
        if named and not as_json:
            moves_nothing = entries[-1]["action"] == DedupeAction.REFLINK
            for line in () if moves_nothing else _item_lines(named, recorded):
                click.echo(line)
    return ExitCode.DONE


def _waiting(recorded: Iterable[RecordedRun]) -> Waiting:
    found: Waiting = {}
    for each in recorded:
        held = waiting_in(each)
        if held:
            files, size = found.get(each.run, (0, 0))
            found[each.run] = (
                files + sum(count for count, _ in held),
                size + sum(size for _, size in held),
            )
    return found


def _untraced(recorded: list[RecordedRun], known: set[str]) -> Iterator[dict[str, Any]]:
    """Make entries of runs that no trace tells of: they were killed, or are of another vault."""
    for name in dict.fromkeys(each.run for each in recorded if each.run not in known):
        parts = [each for each in recorded if each.run == name]
        first = parts[0].recorded
        done = [step for each in parts for step in each.done_steps()]
        yield {
            "seq": None,
            "event": "repaired" if first.action == REPAIR else "applied",
            "run": name,
            "action": first.action,
            "steps": len(done),
            "files": sum(step.files_set_aside for step in done),
            "time_ns": str(first.started_ns),
            "plan": first.plan,
            "bases": [path_to_json(each.base) for each in parts],
            "skipped": [],
            "failed": [],
            "skipped_count": 0,
            "failed_count": 0,
            "bytes_set_aside": str(sum(step.size_set_aside for step in done)),
            "bytes_freed": "0",
        }


def _run_object(fields: dict[str, Any], waiting: Waiting) -> dict[str, Any]:
    kept = ("seq", "event", "run", "action", "steps", "files", "time_ns", "plan")
    lists = ("bases", "skipped", "failed", "skipped_count", "failed_count", "former_log")
    return {
        **{name: fields[name] for name in (*kept, *lists) if name in fields},
        "bytes_set_aside": int(fields["bytes_set_aside"]),
        "bytes_freed": int(fields["bytes_freed"]),
        "waiting": fields["event"] in SET_ASIDE and fields["run"] in waiting,
    }


def _run_lines(fields: dict[str, Any], waiting: Waiting) -> Iterator[str]:
    size = int(fields["bytes_set_aside"]) or int(fields["bytes_freed"])
    word = _WORDS[fields["event"]]
    if (
        fields["action"] in (DedupeAction.REFLINK, DedupeAction.DELETE)
        and fields["event"] == "applied"
    ):
        word = "freed"
    shown = "" if fields["event"] == "undone" else f", {render.format_size(size)}"
    if fields["seq"] is None:
        shown += "  (not in the trace: it was cut short, or is of another vault)"
    yield (
        f"{render.format_time(int(fields['time_ns']))}  {fields['run']}  {word}"
        f" {render.format_count(fields['files'], 'file')}{shown}"
    )
    if fields["event"] in SET_ASIDE and fields["run"] in waiting:
        files, size = waiting[fields["run"]]
        yield (
            f"  waits in quarantine: {render.format_count(files, 'file')}, "
            f"{render.format_size(size)}"
        )
    for name in ("skipped", "failed"):
        troubles = [StepProblem(entry_path(each), each["cause"]) for each in fields[name]]
        total = fields[f"{name}_count"]
        yield from ("  " + line for line in problem_lines(name, troubles[:3], total))
        if total > 3:
            yield f"    and {total - 3:,} more"


def _print_run_json(
    named: str, entries: list[dict[str, Any]], recorded: list[RecordedRun], waiting: Waiting
) -> None:
    began = entries[-1]
    document: dict[str, object] = {
        "run": named,
        "action": began["action"],
        "plan": began.get("plan"),
        "quarantines": [path_to_json(each.folder) for each in recorded],
        "waiting": named in waiting,
        "waiting_files": waiting.get(named, (0, 0))[0],
        "waiting_bytes": waiting.get(named, (0, 0))[1],
        "events": [_run_object(each, waiting) for each in reversed(entries)],
    }
    items = (item_object(item) for each in recorded for item in items_of(each))
    render.print_json_with_list(document, "items", items)


def _item_lines(named: str, recorded: list[RecordedRun]) -> Iterator[str]:
    """Every item of a run for people."""
    waits = False
    for each in recorded:
        yield f"Quarantine {render.printable_path(each.folder)}"
        for item in items_of(each):
            waits |= item.state is ItemState.WAITING
            yield from item_lines(item)
    if not recorded:
        yield "What it set aside is not known here: no quarantine of it is on a connected drive."
    if waits:
        yield f"Next: gorillacomb dedupe --undo {named}   puts all of it back"
        yield f"      gorillacomb dedupe --undo {named} --only PATH   one file or folder of it"


def item_lines(item: RunItem) -> Iterator[str]:
    """One item of a run for people."""
    width = render.terminal_width()
    when = "" if item.ended_ns is None else f" {render.format_time(item.ended_ns)}"
    yield f"  {render.path_from_here(item.path, width and width - 2)}"
    yield f"    {item.state}{when}" + ("" if item.cause is None else f": {item.cause}")
    if item.state is ItemState.WAITING:
        yield f"    in {render.path_from_here(item.aside, width and width - 7)}"
    if item.keep:
        yield f"    kept for it: {render.path_from_here(item.keep, width and width - 17)}"

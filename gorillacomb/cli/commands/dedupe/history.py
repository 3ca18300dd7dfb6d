"""`gorillacomb dedupe --history`: every run, and why something in it was not done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import click

from gorillacomb.cli.commands.dedupe.runs import live_roots_of, problem_lines
from gorillacomb.cli.output import render
from gorillacomb.dedupe.model import DedupeAction, StepProblem
from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun, quarantined_runs
from gorillacomb.errors import ExitCode
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.entries import entry_path
from gorillacomb.vaultmesh.open import open_trace_for_reading

_IS_RUN = re.compile(rb'"event":"(?:applied|repaired|undone|purged)"')
"""In RFC 8785's form no text holds a bare quotation mark, so this is nothing but the event."""
_SET_ASIDE = ("applied", "repaired")
"""Events of runs after which something may wait in quarantine."""


def history(vault: Vault, as_json: bool) -> ExitCode:
    """Every run that the trace tells of, the last one first."""
    entries = []
    with open_trace_for_reading(vault) as ledger:
        for _, entry in ledger.entries_backward():
            if _IS_RUN.search(entry):  # nearly all are stamps, and cost to be read
                entries.append(jcs.parse_own(entry))
    with Index.read(vault) as index, translate_errors(vault):
        held = _by_run(quarantined_runs(live_roots_of(index)))
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json({"runs": [_run_object(each, held) for each in entries]})
        elif not entries:
            click.echo("No plan was carried out yet.")
        for fields in () if as_json else entries:
            for line in _run_lines(fields, held):
                click.echo(line)
    return ExitCode.DONE


def _by_run(found: Iterable[QuarantinedRun]) -> dict[str, tuple[int, int]]:
    """Files and bytes that wait in quarantine, by run; one may have quarantines in two places."""
    held: dict[str, tuple[int, int]] = {}
    for each in found:
        files, size = held.get(each.run, (0, 0))
        held[each.run] = files + each.files, size + each.size
    return held


def _run_object(fields: dict[str, Any], held: dict[str, tuple[int, int]]) -> dict[str, Any]:
    kept = ("seq", "event", "run", "action", "steps", "files", "time_ns", "plan")
    lists = ("bases", "skipped", "failed", "skipped_count", "failed_count")
    return {
        **{name: fields[name] for name in (*kept, *lists) if name in fields},
        "bytes_set_aside": int(fields["bytes_set_aside"]),
        "bytes_freed": int(fields["bytes_freed"]),
        "waiting": fields["event"] in _SET_ASIDE and fields["run"] in held,
    }


def _run_lines(fields: dict[str, Any], held: dict[str, tuple[int, int]]) -> Iterator[str]:
    words = {
        "applied": "set aside",
        "repaired": "repaired",
        "undone": "put back",
        "purged": "deleted",
    }
    size = int(fields["bytes_set_aside"]) or int(fields["bytes_freed"])
    word = words[fields["event"]]
    if (
        fields["action"] in (DedupeAction.REFLINK, DedupeAction.DELETE)
        and fields["event"] == "applied"
    ):
        word = "freed"
    shown = "" if fields["event"] == "undone" else f", {render.format_size(size)}"
    yield (
        f"{render.format_time(int(fields['time_ns']))}  {fields['run']}  {word}"
        f" {render.format_count(fields['files'], 'file')}{shown}"
    )
    if fields["event"] in _SET_ASIDE and fields["run"] in held:
        files, size = held[fields["run"]]
        yield (
            f"  waits in quarantine: {render.format_count(files, 'file')}, "
            f"{render.format_size(size)}"
        )
    for name in ("skipped", "failed"):
        troubles = [StepProblem(entry_path(each), each["cause"]) for each in fields[name]]
        yield from ("  " + line for line in problem_lines(name, troubles[:3]))
        if fields[f"{name}_count"] > 3:
            yield f"    and {fields[f'{name}_count'] - 3:,} more"

"""`gorillacomb pulse`: whether the watcher is alive."""

from __future__ import annotations

from dataclasses import replace

import click

from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, GorillaCombError
from gorillacomb.json_paths import path_from_json
from gorillacomb.model import SECOND
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.open import open_trace_for_reading, watcher_keys
from gorillacomb.watch.lock import is_watched
from gorillacomb.watch.pulse import Clocks, pulse_folder
from gorillacomb.watch.pulse_check import PulseState, PulseStatus, check_pulse


@click.command(short_help="Say whether the watcher is alive, for people and for cron.")
@json_option
@vault_option
def command(as_json: bool, vault: Vault) -> ExitCode:
    """Say whether the watcher of a vault is alive, degraded or dead.

    Reads its last pulses, which are signed. Exit code 0 when it is alive and nothing is
    wrong, else 1. A missed beat, a clock that was set back and a trace that was put back to
    an earlier state are all reported.
    """
    folder = pulse_folder(vault)
    verdict = check_pulse(folder, watcher_keys().publics(), Clocks())
    if verdict.life is not PulseState.DEAD and not is_watched(vault):
        causes = ("its process is gone; begin again with gorillacomb watch",)
        verdict = replace(verdict, life=PulseState.DEAD, causes=causes)
    elif verdict.is_late and is_watched(vault):
        runs = f"its process runs, but is stopped, or cannot write its pulse into {folder}"
        verdict = replace(verdict, causes=(*verdict.causes, runs))
    if verdict.life is not PulseState.DEAD and verdict.pulse is not None:
        cause = _rewound(vault, verdict.pulse["ledger"])
        if cause is not None:
            verdict = replace(verdict, life=PulseState.DEGRADED, causes=(*verdict.causes, cause))
    pulse = verdict.pulse or {}
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json(
                {
                    "life": str(verdict.life),
                    "state": str(verdict.life),
                    "causes": list(verdict.causes),
                    "age_ns": None if verdict.age_ns is None else str(verdict.age_ns),
                    "age_seconds": None if verdict.age_ns is None else verdict.age_ns / SECOND,
                    "sequence": pulse.get("seq"),
                    **{name: (pulse.get("ledger") or {}).get(name) for name in ("size", "root")},
                    "pulse": verdict.pulse,
                }
            )
        else:
            for line in _lines(verdict):
                click.echo(line)
    return ExitCode.DONE if verdict.life is PulseState.ALIVE else ExitCode.FOUND


def _rewound(vault: Vault, known: dict[str, object] | None) -> str | None:
    """Whether the trace is not the one any more whose head the watcher cosigned, in words."""
    if known is None:
        return None
    size = known["size"]
    assert isinstance(size, int), "it is signed"
    try:
        with open_trace_for_reading(vault) as ledger:
            if ledger.log != known["log"]:
                return "the trace is another one than that which is watched"
            if ledger.size < size or ledger.root(size).hex() != known["root"]:
                return f"the trace was rewound: it had {size:,} entries, and has {ledger.size:,}"
    except GorillaCombError as error:
        return error.message
    return None


def _lines(verdict: PulseStatus) -> list[str]:
    width = render.terminal_width()
    words = [f"{verdict.life}"]
    pulse = verdict.pulse
    if pulse is not None and verdict.age_ns is not None:
        words.append(f"last pulse {verdict.age_ns / SECOND:,.1f} s ago (number {pulse['seq']:,})")
    lines = [render.styled(words[0], bold=True) + "".join(f", {word}" for word in words[1:])]
    for cause in verdict.causes:
        lines += render.wrapped_paragraph(render.printable(cause), "  ")
    if pulse is None or verdict.life is PulseState.DEAD:
        return lines
    for root in pulse["roots"]:
        label = f"  {root['health']}  "
        lines.append(label + render.short_path(path_from_json(root), width and width - len(label)))
    ledger = pulse["ledger"]
    if ledger is not None:
        lines.append(f"  trace: {ledger['size']:,} entries, cosigned")
    doing = "scanning now" if pulse["scanning"] else "idle"
    waiting = render.format_count(pulse["queue"], "changed folder")
    lines.append(f"  {waiting} waiting, {doing}")
    scrub = pulse["scrub"]
    if scrub["due_files"] > scrub["files"]:
        left = render.format_count(scrub["due_files"] - scrub["files"], "file")
        lines.append(f"  reading again: {left} to go")
    return lines

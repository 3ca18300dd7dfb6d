"""`gorillacomb pulse`: whether the watcher is alive."""

from __future__ import annotations

from typing import Any

import click

from gorillacomb.api.paths import path_from_json
from gorillacomb.api.vault import Vault
from gorillacomb.api.watch.pulse import PulseResult, PulseState, check_watcher
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode
from gorillacomb.model import SECOND


@click.command()
@json_option
@vault_option
def command(as_json: bool, vault: Vault) -> ExitCode:
    """Say whether the watcher of a vault is alive, degraded or dead.

    Reads its last pulses, which are signed. Exit code 0 if it is alive and nothing is wrong, else
    1. A missed beat, a clock that was set back and a trace that was restored to an earlier state
    are all reported.
    """
    result = check_watcher(vault)
    render.print_result(result, _lines(result), as_json)
    return ExitCode.DONE if result.is_alive else ExitCode.FOUND


def _lines(result: PulseResult) -> list[str]:
    width = render.terminal_width()
    words = [f"{result.state}"]
    pulse: dict[str, Any] | None = result.pulse
    if pulse is not None and result.age_ns is not None:
        words.append(f"last pulse {result.age_ns / SECOND:,.1f} s ago (number {pulse['seq']:,})")
    lines = [render.styled(words[0], bold=True) + "".join(f", {word}" for word in words[1:])]
    for cause in result.causes:
        lines += render.wrapped_paragraph(render.printable(cause), "  ")
    if pulse is None or result.state is PulseState.DEAD:
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

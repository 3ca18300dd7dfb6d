"""The runs that traces and quarantines know, for the commands that look for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from gorillacomb.cli.output import render
from gorillacomb.dedupe.quarantine.items import RunItem
from gorillacomb.errors import GorillaCombError
from gorillacomb.json_paths import path_from_json, path_to_json
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.history import run_entries
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import (
    anchor_store,
    former_traces,
    key_store,
    open_trace_for_reading,
)

SET_ASIDE = ("applied", "repaired")
"""Events of runs after which something may wait in quarantine."""


def traced_runs(vault: Vault) -> list[dict[str, Any]]:
    """Read the entries about runs, the last one first, also of traces that `adopt` kept.

    One of those that cannot be read is told of on stderr. Raises VaultError.
    """
    with open_trace_for_reading(vault) as ledger, translate_content_errors(vault.trace):
        found = list(run_entries(ledger))
    for path in former_traces(vault):
        try:
            found += _former(path)
        except GorillaCombError as error:
            click.echo(f"gorillacomb: warning: {render.printable(error.message)}", err=True)
    return sorted(found, key=lambda fields: int(fields["time_ns"]), reverse=True)


def _former(path: Path) -> Iterator[dict[str, Any]]:
    with Ledger.read(path, key_store(), anchor_store()) as ledger, translate_content_errors(path):
        log = ledger.log
        for fields in run_entries(ledger):
            yield {**fields, "former_log": log}


def traced_quarantines(entries: Iterable[dict[str, Any]]) -> list[tuple[bytes, str]]:
    """Where entries say that runs have a quarantine: a root, as it was then, and the run."""
    return [
        (path_from_json(base, strict=False), str(fields["run"]))
        for fields in entries
        if fields["event"] in SET_ASIDE
        for base in fields["bases"]
    ]


def item_object(item: RunItem) -> dict[str, object]:
    """An item of a run in JSON."""
    return {
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

"""`gorillacomb trace adopt`: a new log after a restored backup or a lost key."""

from __future__ import annotations

from contextlib import ExitStack

import click

from gorillacomb.cli.commands.trace.reading import index_synced_with_trace, open_trace
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, KeyMissing, RefusedForSafety, UntrustedInput, VaultError
from gorillacomb.index import stamps
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import path_to_json
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import adopt as adoption
from gorillacomb.vaultmesh.audit import audit
from gorillacomb.vaultmesh.open import anchor_store, key_store


@click.command(short_help="Begin a new log after a restored backup or a lost key.")
@click.option("--force", is_flag=True, help="Leave a log also that is sound.")
@json_option
@vault_option
def command(force: bool, as_json: bool, vault: Vault) -> ExitCode:
    """Begin a new log whose first entry names the old one.

    For a vault that was put back from a backup, or whose key is lost: the old
    trace is kept beside it, and the next scan stamps everything in the new one.
    A sound log is not left (exit code 5), unless --force is given.
    """
    vault.check()
    if not force and _is_sound(vault):
        raise RefusedForSafety(
            f"The trace {vault.trace} is sound, and its key is there: there is nothing to adopt.",
            "To leave it all the same, which breaks its history in two: --force",
        )
    with Index.write(vault) as index, translate_errors(vault):
        adopted = adoption.adopt(vault.trace, key_store(), anchor_store())
        with index.atomic():
            stamps.clear(index.connection)
        index.commit()
    old = adopted.old
    if as_json:
        render.print_json(
            {
                "log": adopted.new,
                "adopts": None if old is None else old.log,
                "entries": None if old is None else old.size,
                "kept": None if adopted.kept is None else path_to_json(bytes(adopted.kept)),
            }
        )
        return ExitCode.DONE
    known = (
        "an old one that cannot be read" if old is None else f"{old.log} at {old.size:,} entries"
    )
    click.echo(f"Log {adopted.new} goes on after {known}.")
    if adopted.kept is not None:
        click.echo(f"The old trace is kept: {render.printable_path(bytes(adopted.kept))}")
    click.echo("Next: gorillacomb scan PATH stamps what stands now.")
    return ExitCode.DONE


def _is_sound(vault: Vault) -> bool:
    """Whether the next scan can just go on with the trace."""
    try:
        with ExitStack() as opened:
            index = index_synced_with_trace(vault, opened)
            ledger = opened.enter_context(open_trace(vault))
            ledger.check_head()
            with translate_errors(vault):
                state = None if index is None else stamps.synced_log_size(index().connection)
            # One that the index does not go with yet was begun by an adopt that was cut short.
            fits = state is None or (state[0] == ledger.log and state[1] <= ledger.size)
            return fits and audit(ledger).ok
    except (VaultError, KeyMissing, UntrustedInput):
        return False

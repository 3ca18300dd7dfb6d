"""`gorillacomb trace adopt`: start a new log after restoring a backup or losing a key."""

from __future__ import annotations

import click

from gorillacomb.api.next_step.upkeep import after_adopt
from gorillacomb.api.trace import VaultTrace
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode


@click.command(short_help="Begin a new log after a restored backup or a lost key.")
@click.option("--force", is_flag=True, help="Abandon the old log even if it is sound.")
@json_option
@vault_option
def command(force: bool, as_json: bool, vault: Vault) -> ExitCode:
    """Start a new log whose first entry names the old one.

    For a vault that was restored from a backup, or whose key is lost: the old trace is kept beside
    the new one, in which the next scan stamps everything. A sound log is not abandoned (exit code
    5) unless --force is given.
    """
    adopted = VaultTrace(vault).adopt(force=force)
    if as_json:
        render.print_json(adopted.to_dict())
        return ExitCode.DONE
    known = (
        "an old one that cannot be read"
        if adopted.adopts is None
        else f"{adopted.adopts} at {adopted.entries:,} entries"
    )
    click.echo(f"Log {adopted.log} continues {known}.")
    if adopted.kept is not None:
        click.echo(f"The old trace is kept: {render.printable_path(adopted.kept)}")
    for line in render.next_lines(after_adopt(), vault):
        click.echo(line)
    return ExitCode.DONE

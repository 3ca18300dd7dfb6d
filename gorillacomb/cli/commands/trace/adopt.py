"""`gorillacomb trace adopt`: a new log after a restored backup or a lost key."""

from __future__ import annotations

import click

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
    """Begin a new log whose first entry names the old one.

    For a vault that was put back from a backup, or whose key is lost: the old
    trace is kept beside it, and the next scan stamps everything in the new one.
    A sound log is not abandoned (exit code 5) unless --force is given.
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
    click.echo(f"Log {adopted.log} goes on after {known}.")
    if adopted.kept is not None:
        click.echo(f"The old trace is kept: {render.printable_path(adopted.kept)}")
    click.echo("Next: gorillacomb scan PATH stamps what stands now.")
    return ExitCode.DONE

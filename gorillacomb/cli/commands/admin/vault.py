"""`gorillacomb vault`: check the vault, and copy it while it is in use."""

from __future__ import annotations

from pathlib import Path

import click

from gorillacomb.api.upkeep import back_up_vault, check_vault
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode


@click.group()
def command() -> None:
    """Check or back up the folder that holds the index and the trace."""


@command.command(short_help="Check that the vault is sound.")
@json_option
@vault_option
def check(as_json: bool, vault: Vault) -> ExitCode:
    """Check both databases, every entry of the trace, and that they belong together.

    Exit code 0 if everything is in order, else 1.
    """
    found = check_vault(vault)
    if as_json:
        render.print_json(found.to_dict())
    else:
        click.echo(f"index: {found.index or 'sound'}")
        click.echo(f"trace: {found.trace or f'sound, {found.entries:,} entries'}")
        if found.together:
            click.echo(f"together: {found.together}")
    return ExitCode.DONE if found.is_sound else ExitCode.FOUND


@command.command("backup", short_help="Copy the vault, also while it is in use.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@json_option
@vault_option
def back_up(folder: Path, as_json: bool, vault: Vault) -> ExitCode:
    """Copy index and trace into a new folder, each as of one moment.

    Keys are not in the vault: back up the config folder too, in another place. After restoring a
    backup: gorillacomb trace adopt.
    """
    backup = back_up_vault(vault, folder)
    if as_json:
        render.print_json(backup.to_dict())
    else:
        click.echo(f"Copied {render.format_size(backup.size)} to {folder}")
    return ExitCode.DONE

"""`gorillacomb doctor`: what a volume and this system do, and what can be promised there."""

from __future__ import annotations

import click

from gorillacomb.api.upkeep.examined import examine_for
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import BytesPath, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode

_SIGNS = {"yes": "yes", "no": "no", "unknown": "?"}


@click.command()
@click.argument("path", type=BytesPath(), default=".", metavar="[PATH]")
@json_option
@vault_option
def command(path: bytes, as_json: bool, vault: Vault) -> ExitCode:
    """Measure what the volume of a folder does: names, times, renames, links, attributes, locks.

    Count what is in it that is only in the cloud, or that may not be read.

    Works in a temporary folder beside PATH [default: the current folder], which is removed; nothing
    else is changed. An existing vault remembers the result: on macOS, what changes files asks for
    it. Exit code 0 if all works that a removal needs, else 1.
    """
    found = examine_for(vault, path)
    if as_json:
        render.print_json(found.to_dict())
        return ExitCode.DONE if found.is_fit else ExitCode.FOUND
    click.echo(f"{render.printable_path(found.path)}: {found.file_system}, {found.volume}")
    click.echo(found.system)
    click.echo(f"Python {found.python} ({found.python_build})")
    click.echo(f"SQLite {found.sqlite} ({found.sqlite_build})")
    for trial in found.trials:
        click.echo(f"  {trial.name:<14}{_SIGNS[trial.result]:<5}{trial.detail}")
    for title, sentences in (("Here:", found.promises), ("But:", found.limits)):
        if sentences:
            click.echo(title)
            for sentence in sentences:
                click.echo(f"  {sentence}")
    return ExitCode.DONE if found.is_fit else ExitCode.FOUND

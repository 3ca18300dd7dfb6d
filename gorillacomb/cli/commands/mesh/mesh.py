"""`gorillacomb mesh`: the group of its commands."""

from __future__ import annotations

import click

from gorillacomb.cli.commands.mesh import witness


@click.group()
def command() -> None:
    """Watch over the traces of others, and let them watch over yours."""


command.add_command(witness.group)

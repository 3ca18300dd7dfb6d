"""`gorillacomb mesh`: the group of its commands."""

from __future__ import annotations

import click

from gorillacomb.cli.commands.mesh import check, nodes, policy, sync, witness


@click.group()
def command() -> None:
    """Keep watch over each other's records: nodes that sign what they have seen of a trace."""


for each in (*nodes.COMMANDS, sync.command, *check.COMMANDS, policy.command, witness.group):
    command.add_command(each)

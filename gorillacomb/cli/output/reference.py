"""The reference of all commands, generated from click's command definitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click


def all_commands(
    group: click.Group, above: click.Context
) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield each runnable command: its words, the command, and a context to print it in."""
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        assert command is not None, "each name that is listed has a command"
        context = command.context_class(command, info_name=name, parent=above)
        if isinstance(command, click.Group):
            yield from all_commands(command, context)
        else:
            yield " ".join(context.command_path.split()[1:]), command, context


def find_command(group: click.Group, above: click.Context, words: Sequence[str]) -> str | None:
    """Return the help of the command, or group, with these words; None if there is none."""
    command: click.Command | None = group
    context = above
    for word in words:
        if not isinstance(command, click.Group):
            return None
        command = command.get_command(context, word)
        if command is None:
            return None
        context = command.context_class(command, info_name=word, parent=context)
    assert command is not None
    return command.get_help(context)

"""A command whose ``--help`` groups its options by what the user wants to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

_REST = "Options"


class GroupedCommand(click.Command):
    """Takes ``option_groups``: option names by heading; all other options come last."""

    def __init__(
        self, *args: Any, option_groups: Mapping[str, Sequence[str]] | None = None, **attrs: Any
    ) -> None:
        super().__init__(*args, **attrs)
        self.option_groups = dict(option_groups or {})

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, records in grouped_records(self, ctx):
            with formatter.section(title):
                formatter.write_dl(records)


def grouped_records(
    command: click.Command, context: click.Context
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each heading with its options as ``--help`` shows them: the syntax and the text."""
    groups: Mapping[str, Sequence[str]] = getattr(command, "option_groups", {})
    heading = {name: title for title, names in groups.items() for name in names}
    found: dict[str, list[tuple[str, str]]] = {title: [] for title in (*groups, _REST)}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            title = next((heading[each] for each in parameter.opts if each in heading), _REST)
            found[title].append(record)
    yield from ((title, records) for title, records in found.items() if records)

"""Generate manual pages in roff from click's command definitions, when a wheel is built.

click-man cannot: it reads the commands of a group from its dictionary, and ours finds them only
when they are asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from gorillacomb.cli.option_groups import grouped_records
from gorillacomb.cli.output.reference import all_commands
from gorillacomb.errors import ExitCode

SECTION = 1
_SEE = "gorillacomb help, gorillacomb help TOPIC"


def man_pages(group: click.Group, version: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each page: one for the program, and one per command."""
    context = click.Context(group, info_name="gorillacomb")
    commands = list(all_commands(group, context))
    summaries = [
        (f"gorillacomb-{words.replace(' ', '-')}({SECTION})", command.get_short_help_str(200))
        for words, command, _ in commands
    ]
    page = [*_head(group, context, version), ".SH COMMANDS", *_definitions(summaries)]
    page += [".SH EXIT STATUS", *_definitions([(f"{code:d}", code.meaning) for code in ExitCode])]
    yield _file_name(context), _text([*page, *_tail([])])
    for _, command, its_context in commands:
        page = [*_head(command, its_context, version), *_options(command, its_context)]
        yield _file_name(its_context), _text([*page, *_tail([f"gorillacomb({SECTION})"])])


def _file_name(context: click.Context) -> str:
    return f"{_name(context)}.{SECTION}"


def _name(context: click.Context) -> str:
    return context.command_path.replace(" ", "-")


def _head(command: click.Command, context: click.Context, version: str) -> Iterator[str]:
    name = _name(context)
    yield f'.TH "{name.upper()}" "{SECTION}" "" "gorillacomb {version}"'
    yield ".SH NAME"
    yield f"{_escaped(name)} \\- {_escaped(_summary(command))}"
    yield ".SH SYNOPSIS"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"\\fB{_escaped(context.command_path)}\\fR {_escaped(usage)}"
    yield ".SH DESCRIPTION"
    text = inspect.cleandoc(command.help or "").partition("\f")[0]
    for paragraph in text.split("\n\n"):
        yield from _paragraph(paragraph)


def _summary(command: click.Command) -> str:
    first = inspect.cleandoc(command.help or "").split("\n\n")[0]
    return (command.short_help or " ".join(first.split())).rstrip(".")


def _paragraph(text: str) -> Iterator[str]:
    """Format a paragraph; one with click's marker keeps its line breaks."""
    is_as_written = text.startswith("\b")
    yield ".PP"
    if is_as_written:
        yield ".nf"
    yield from map(_escaped, text.removeprefix("\b").strip("\n").splitlines())
    if is_as_written:
        yield ".fi"


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for title, records in grouped_records(command, context):
        yield f".SH {_escaped(title.upper())}"
        yield from _definitions(records)


def _definitions(records: list[tuple[str, str]]) -> Iterator[str]:
    for term, text in records:
        yield ".TP"
        yield f"\\fB{_escaped(term)}\\fR"
        yield _escaped(" ".join(text.split()))


def _tail(pages: list[str]) -> Iterator[str]:
    yield ".SH SEE ALSO"
    yield ", ".join([*pages, _escaped(_SEE)])


def _escaped(text: str) -> str:
    """Escape a line of text for roff."""
    found = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{found}" if found.startswith((".", "'")) else found


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"

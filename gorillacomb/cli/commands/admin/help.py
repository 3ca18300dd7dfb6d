"""`gorillacomb help`: the documentation in the terminal."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence

import click

from gorillacomb.api.upkeep.topics import find_topic, read_topic, topic_names
from gorillacomb.cli.output import render
from gorillacomb.cli.output.markdown import hanging_lines, render_markdown
from gorillacomb.cli.output.reference import all_commands, find_command
from gorillacomb.errors import ExitCode, UsageError, near_names

_REFERENCE = "commands"
_WIDEST = 100
"""Longer lines are hard to read."""


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in _names(context) if name.startswith(incomplete)]


@click.command()
@click.argument("topic", nargs=-1, metavar="[TOPIC]", shell_complete=_complete)
@click.option("--search", metavar="WORD", help="List the topics and lines that contain WORD.")
@click.pass_context
def command(context: click.Context, topic: tuple[str, ...], search: str | None) -> ExitCode:
    """Show the documentation.

    Without TOPIC, list the topics. TOPIC may also be a command, whose options are then shown too,
    or `commands`: the reference of all commands. Long output is shown through a pager on a
    terminal.
    """
    if search is not None:
        if topic:
            raise click.UsageError("--search looks in all topics: leave out TOPIC.")
        return _search(context, search)
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    if not topic:
        _show(_overview(width))
    elif topic == (_REFERENCE,):
        _show(_reference(context))
    else:
        _show(_one(context, topic, width))
    return ExitCode.DONE


def _root(context: click.Context) -> tuple[click.Group, click.Context]:
    """Return the top-level command group and its context."""
    found = context.find_root()
    assert isinstance(found.command, click.Group)
    return found.command, found


def _names(context: click.Context) -> list[str]:
    group, above = _root(context)
    return list(
        dict.fromkeys(
            [
                *(each.rpartition("/")[2] for each in topic_names()),
                _REFERENCE,
                *group.list_commands(above),
            ]
        )
    )


def _overview(width: int) -> Iterator[str]:
    listed = {name: read_topic(name).summary for name in topic_names()}
    listed[_REFERENCE] = "The options of every command."
    longest = max(len(name.rpartition("/")[2]) for name in listed)
    for title, is_internal in (("Topics", False), ("Internals", True)):
        yield render.styled(title, bold=True)
        for name, summary in listed.items():
            if ("/" in name) == is_internal:
                lead = f"  {name.rpartition('/')[2]:{longest}}  "
                yield from hanging_lines(summary, width, lead)
        yield ""
    yield "gorillacomb help TOPIC          show one of them, or the options of a command"
    yield "gorillacomb help --search WORD  find a word in all of them"


def _reference(context: click.Context) -> Iterator[str]:
    for words, each, its_context in all_commands(*_root(context)):
        yield render.styled(f"gorillacomb {words}", bold=True)
        yield ""
        yield each.get_help(its_context)
        yield ""


def _one(context: click.Context, words: Sequence[str], width: int) -> Iterator[str]:
    """Return a topic, followed by the options of the command with that name."""
    topic = find_topic(words[0]) if len(words) == 1 else None
    options = find_command(*_root(context), words)
    if topic is None and options is None:
        raise UsageError(f"There is no topic {' '.join(words)!r}.", _advice(context, words))
    if topic is not None:
        yield from render_markdown(topic.text, width)
    if topic is not None and options is not None:
        yield render.styled("Options", bold=True)
        yield ""
    if options is not None:
        yield options


def _advice(context: click.Context, words: Sequence[str]) -> str:
    names = _names(context)
    begun = [name for name in names if name.startswith(words[0])]
    near = list(dict.fromkeys([*begun, *near_names(words[0], names, 3)]))[:3]
    if near:
        return f"Did you mean {', '.join(near)}?"
    return "gorillacomb help lists the topics."


def _search(context: click.Context, word: str) -> ExitCode:
    """Print each line that contains a word, under the name of its topic or command."""
    pages: list[tuple[str, Iterable[str]]] = [
        (name, render_markdown(read_topic(name).text, _WIDEST)) for name in topic_names()
    ]
    for words, each, its_context in all_commands(*_root(context)):
        pages.append((f"{words} --help", each.get_help(its_context).splitlines()))
    found: list[str] = []
    pattern = re.compile(re.escape(word), re.IGNORECASE)
    for name, lines in pages:
        plain = [click.unstyle(line).strip() for line in lines]
        hits = [line for line in plain if pattern.search(line)]
        if hits:
            found += [render.styled(name, bold=True), *(f"  {line}" for line in hits), ""]
    if not found:
        click.echo(f"gorillacomb: no topic contains {render.printable(word)!r}.", err=True)
    _show(found)
    return ExitCode.DONE


def _show(lines: Iterable[str]) -> None:
    """Print lines, through a pager if they do not fit on the terminal."""
    whole = list(lines)
    if sys.stdout.isatty() and len(whole) >= shutil.get_terminal_size().lines:
        click.echo_via_pager("\n".join(whole) + "\n")
        return
    for line in whole:
        click.echo(line)

"""Options that several commands share, and how commands open the vault."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import click
from click.core import ParameterSource

from gorillacomb.api.paths import is_standard_input
from gorillacomb.api.text import parse_size
from gorillacomb.api.vault import ENVIRONMENT, Vault, damaged_values_as_errors, find_vault
from gorillacomb.errors import UsageError

EVENTS = "gorillacomb.events"
"""Where a command's context has the file of ``--events``."""
_WAIT = "gorillacomb.wait"
"""Where a command's context has the value of ``--wait``."""
Function = TypeVar("Function", bound=Callable[..., Any])


class BytesPath(click.ParamType[bytes]):
    """A path as bytes, exactly as the shell passed it."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> bytes:
        return value if isinstance(value, bytes) else os.fsencode(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        return [click.shell_completion.CompletionItem(incomplete, type="file")]


class SizeParam(click.ParamType[int]):
    """A number of bytes: 500, 10MB (decimal) or 1GiB (binary)."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return parse_size(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


class DurationParam(click.ParamType[int]):
    """A duration in ns: 30d, 12h, 45m."""

    name = "age"
    _UNITS: ClassVar = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        text = str(value).strip().lower()
        if len(text) < 2 or text[-1] not in self._UNITS or not text[:-1].isdecimal():
            self.fail(f"{value!r} is not a duration; write 30d, 12h or 45m.", param, ctx)
        return int(text[:-1]) * self._UNITS[text[-1]] * 1_000_000_000


class RateParam(SizeParam):
    """A rate in bytes per second: 20MB/s."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        rate = super().convert(
            value.removesuffix("/s") if isinstance(value, str) else value, param, ctx
        )
        if not rate:
            self.fail("The rate must be above 0.", param, ctx)
        return rate


def vault_option(function: Function) -> Function:
    """Add ``--vault``: the vault to use, passed on as a `Vault`."""
    return click.option(
        "--vault",
        type=click.Path(path_type=Path),
        metavar="DIR",
        callback=_vault,
        help=f"The vault to use [default: {ENVIRONMENT}, or the user's data folder].",
    )(function)


def _vault(context: click.Context, parameter: click.Parameter, value: Path | None) -> Vault:
    try:
        vault = find_vault(value)
    except UsageError as error:
        raise click.BadParameter(" ".join(str(error).split("\n")), context, parameter) from error
    context.with_resource(damaged_values_as_errors(vault))
    context.with_resource(vault.waiting(context.meta.get(_WAIT, 0)))
    return vault


def wait_option(default: int = 0) -> Callable[[Function], Function]:
    """Return what adds ``--wait``: how long the vault waits for another run to end."""

    def note(context: click.Context, parameter: click.Parameter, value: float) -> None:
        context.meta[_WAIT] = value

    return click.option(
        "--wait",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        default=default,
        callback=note,
        expose_value=False,
        is_eager=True,
        help=f"Wait this long while another run writes to the vault [default: {default}].",
    )


def json_option(function: Function) -> Function:
    """Add ``--json``: print one JSON document, and nothing else, on stdout."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document instead of text."
    )(function)


def progress_option(function: Function) -> Function:
    """Add ``--progress``: whether to show it; passed on as None if the terminal decides.

    And ``--events``, which `cli.output.progress.progress_for` finds by itself.
    """
    shown = click.option(
        "--progress/--no-progress", default=None, help="Show progress [default: on a terminal]."
    )
    written = click.option(
        "--events",
        type=click.Path(path_type=Path),
        metavar="FILE",
        callback=_open_events,
        expose_value=False,
        help="Append the progress to FILE, as lines of JSON.",
    )
    return shown(written(function))


def _open_events(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        from gorillacomb.cli.event_file import EventFile

        events = context.meta[EVENTS] = EventFile(value)
        context.call_on_close(events.end)


def untested_macos_option(function: Function) -> Function:
    """Add ``--untested-macos``: allow what was never tried on macOS (see `fs.darwin`)."""
    return click.option(
        "--untested-macos", is_flag=True, help="Do on macOS what was never tested there."
    )(function)


def workers_option(function: Function) -> Function:
    """Add ``--workers``: the number of reader processes; passed on as None if not given."""
    return click.option(
        "--workers",
        type=click.IntRange(min=0),
        metavar="N",
        help="Processes that read; 0 reads in this one [default: one per processor, up to 8"
        " while those wait for the disk].",
    )(function)


def typed_words(context: click.Context, names: Collection[str]) -> tuple[str | bytes, ...]:
    """Return those of some options that were typed, as words of a command, with whole paths."""
    words: list[str | bytes] = []
    for each in context.command.params:
        if each.name in names and is_typed(context, each):
            value, option = context.params[each.name], each.opts[-1]
            if value is True:
                words.append(option)
            else:
                for one in value if isinstance(value, tuple) else (value,):
                    text = os.path.abspath(one) if isinstance(one, os.PathLike) else one
                    words += [option, text if isinstance(text, bytes) else str(text)]
    return tuple(words)


def is_typed(context: click.Context, parameter: click.Parameter) -> bool:
    """Return whether an option was given on the command line."""
    assert parameter.name is not None, "each parameter has a name"
    return context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE


def take_terminal_after(document: str | bytes | os.PathLike[str]) -> None:
    """Read answers from the terminal if standard input was the document itself."""
    if is_standard_input(document):
        with contextlib.suppress(OSError):  # without a terminal, no questions are asked
            sys.stdin = open("/dev/tty", encoding=sys.stdin.encoding)  # noqa: SIM115


def forget_typed_ahead() -> None:
    """Drop what was typed before a question was shown: it cannot be the answer to that."""
    import termios  # only what deletes asks

    with contextlib.suppress(termios.error):  # not a terminal
        termios.tcflush(sys.stdin, termios.TCIFLUSH)

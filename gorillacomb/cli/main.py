"""The command `gorillacomb`: finds the command that was asked for and turns errors into words."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

import click

from gorillacomb import __version__

COMMANDS = {
    "scan": "Comb folders into the index and print what was found.",
    "status": "Show what the vault knows: roots, files, redundancy, gaps.",
    "dupes": "List groups of identical files, the most wasteful first.",
    "explain": "Tell of one file or folder: its copies, which one to keep, why.",
    "roots": "List the drives and folders known, or forget one.",
    "completion": "Print the completion script of a shell.",
}
"""Every command with its one line; its module is imported when it is called."""


class LazyGroup(click.Group):
    """Imports a command's module when that command is used, so that others start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"gorillacomb.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, "-V", "--version", message="gorillacomb %(version)s")
def cli() -> None:
    """Find what is a copy of what on a drive that was copied into itself for years.

    Start with `gorillacomb scan PATH`. It reads and never changes what it scans.

    \b
    Exit codes: 0 done; 1 the check found something; 2 wrong usage; 3 done, but
    some files could not be read; 4 the vault cannot be used; 5 refused for
    safety; 130 interrupted, with everything so far kept.
    """


def main() -> NoReturn:
    """The entry point: never a traceback for what a user can cause."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code: Any = cli.main(standalone_mode=False, prog_name="gorillacomb")
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("gorillacomb: interrupted", err=True)
        code = 130
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; keep the interpreter from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        code = _explained(error)
    sys.exit(code if isinstance(code, int) else 0)


def _explained(error: Exception) -> int:
    from gorillacomb.errors import GorillaCombError

    if isinstance(error, GorillaCombError):
        click.echo(f"gorillacomb: {error.message}", err=True)
        if error.hint:
            click.echo(error.hint, err=True)
        return error.exit_code
    if isinstance(error, OSError):
        where = f" ({os.fsdecode(error.filename)})" if error.filename else ""
        click.echo(f"gorillacomb: {error.strerror or error}{where}.", err=True)
        click.echo("What was committed to the vault before is kept.", err=True)
        return 4 if error.errno in (28, 30, 122) else 2
    raise error


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt

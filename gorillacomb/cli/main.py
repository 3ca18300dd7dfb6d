"""The `gorillacomb` command: find the requested command, and turn errors into messages."""

from __future__ import annotations

import gc
import importlib
import io
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn, cast

import click

from gorillacomb import __version__
from gorillacomb.errors import INTERRUPTS, ExitCode, GorillaCombError, near_names

COMMANDS = {
    "scan": ("find", "Scan folders into the index and print what was found."),
    "overview": ("find", "Show the whole on one page: what is there twice, and what to do."),
    "status": ("admin", "Show what the vault knows: roots, files, redundancy, gaps."),
    "dupes": ("find", "List groups of identical files, the most wasteful first."),
    "explain": ("find", "Explain a file or folder: its copies, which one to keep, and why."),
    "folders": ("find", "Show identical, contained and overlapping folders."),
    "compare": ("find", "Compare two folders: same, changed, moved, only in one."),
    "map": ("find", "Show where the space is, and what of it is there more than once."),
    "unique": ("find", "Show what would be lost if a folder were deleted."),
    "drop": ("find", "Say which files you have already, and keep the new ones."),
    "dedupe": ("dedupe", "Plan what may be removed, apply the plan, take it back."),
    "mark": ("dedupe", "Mark what to keep, intended copies, things that only look alike."),
    "manifest": ("share", "Write a signed list of what a folder contains."),
    "verify": ("share", "Check a manifest against what is on disk."),
    "export": ("share", "Write a manifest as sha256sum, b3sum, bagit, mtree, oms or csv."),
    "scroll": ("share", "Sign under which licence a manifest may be released, and for how long."),
    "trace": ("trace", "Check, show or prove the signed record of every canonical file."),
    "keys": ("trace", "Create, rotate or retire the keys that sign, show the public ones."),
    "scrub": ("watch", "Read files again, oldest check first, and find bit rot."),
    "watch": ("watch", "Keep index and trace up to date as files change."),
    "serve": ("serve", "Serve the vault to a browser, and to programs over HTTP."),
    "token": ("serve", "Make, list and revoke tokens, with which programs use the API."),
    "service": ("watch", "Run the watcher or the server as a service, started at login."),
    "pulse": ("watch", "Say whether the watcher is alive, for people and for cron."),
    "mesh": ("mesh", "Have other machines cosign the trace, and cosign theirs."),
    "roots": ("admin", "List the drives and folders known, name or forget one."),
    "vault": ("admin", "Check the vault, or copy it while it is in use."),
    "doctor": ("admin", "Measure what a folder's volume does, and what can be promised there."),
    "completion": ("admin", "Print the completion script of a shell."),
    "help": ("admin", "Show the documentation: its topics, one of them, or a word in them."),
}
"""Each command: the folder of its module, which is imported when it is called, and its one line."""
_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Of reports and plans, which hold 100,000s of objects, nearly all until they end."""
_SOON, _AGAIN = 0.001, 0.1
"""Seconds."""


_CODES = "; ".join(f"{code:d} {code.meaning}" for code in ExitCode)
_HELP = f"""Find what is a copy of what on a drive that was copied into itself for years.

Start with `gorillacomb scan PATH`. It reads and never changes what it scans;
only `dedupe`, `drop --into` and `scrub --repair` do, and what they did can be
taken back.

Exit codes: {_CODES}.
"""


class LazyGroup(click.Group):
    """Imports a command's module only when that command is used, so that others start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        folder, summary = COMMANDS[cmd_name]
        module = importlib.import_module(f"gorillacomb.cli.commands.{folder}.{cmd_name}")
        if not gc.isenabled():  # since `gorillacomb.__main__`
            gc.freeze()  # what was imported is never freed, so it need not be scanned again
            gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
            gc.enable()
        command: click.Command = module.command
        command.short_help = summary
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = near_names(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    help=_HELP,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, "-V", "--version", message="gorillacomb %(version)s")
@click.pass_context
def cli(context: click.Context) -> Any:
    """Show the overview of an existing vault, else the help; each command has its own module."""
    if context.invoked_subcommand is not None:
        return None
    from gorillacomb.api.vault import find_vault

    has_index = False
    with suppress(GorillaCombError):  # no home is known
        has_index = os.path.exists(find_vault(None).index)
    if not has_index:
        raise click.exceptions.NoArgsIsHelpError(context)
    overview = LazyGroup.get_command(cast(LazyGroup, context.command), context, "overview")
    assert overview is not None
    with overview.make_context("overview", [], parent=context) as inner:
        return overview.invoke(inner)


def main() -> NoReturn:
    """Run the command line; never show a traceback for an error that a user can cause."""
    _take_names_as_bytes()
    if sys.platform == "darwin":
        from gorillacomb.api.downloads import forbid_downloads

        forbid_downloads()
    for number in INTERRUPTS:
        signal.signal(number, _interrupt)
    if None in (sys.stdin, sys.stdout, sys.stderr):  # closed by the caller, as with `>&-`
        _open_standard_streams()
    try:
        code = _run()
        for number in INTERRUPTS:  # the outcome is settled; only the exit is left
            signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        click.echo("gorillacomb: Interrupted.", err=True)
        code = ExitCode.INTERRUPTED
    # If Ctrl-C came while code from a string ran, as where a dataclass is made, Python would kill
    # itself at the end, whatever became of the exception: until code from a string runs again.
    eval("None")
    sys.exit(code)


def _take_names_as_bytes() -> None:
    """Restart in Python's UTF-8 mode if the locale has another encoding.

    In that mode every name round-trips as its exact bytes, and all text that is written, stored and
    compared means the same in each locale.
    """
    if sys.getfilesystemencoding() != "utf-8" and sys.executable:
        words = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
        os.execv(sys.executable, [os.fsencode(word) for word in words])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # PYTHONIOENCODING may allow few characters
            stream.reconfigure(errors="backslashreplace")


def _run() -> int:
    try:
        code: Any = cli.main(standalone_mode=False, prog_name="gorillacomb")
        sys.stdout.flush()
    except click.ClickException as error:
        return _complain(error)
    except click.Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        return _stop_writing()
    except SystemExit as error:
        # click exits like this, with 1, when the reader of our output has closed it, as `head`
        # does.
        return _stop_writing() if error.code == 1 else int(error.code or ExitCode.DONE)
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            # Python 3.11 wraps one that is raised while a class is created, as in the middle of an
            # import.
            raise KeyboardInterrupt from None
        return _explained(error)
    return code if isinstance(code, int) else ExitCode.DONE


def _stop_writing() -> int:
    """Stop writing to a pipe that its reader closed, without a complaint from Python."""
    from gorillacomb.cli.output.render import discard_stdout

    discard_stdout()
    return ExitCode.DONE


def _open_standard_streams() -> None:
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_WRONLY if number else os.O_RDONLY)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def _complain(error: click.ClickException) -> int:
    """Report wrong usage on one line, and where to read on in another."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return error.exit_code
    _say(f"gorillacomb: {' '.join(error.format_message().split())}")
    context = getattr(error, "ctx", None)
    if context is not None:
        click.echo(f"See {context.command_path} --help.", err=True)
    return error.exit_code


def _say(line: str) -> None:
    """Print a line on stderr, escaping names that could manipulate the terminal."""
    from gorillacomb.cli.output.render import printable

    with suppress(OSError):  # if stderr is broken too, the exit code has to suffice
        click.echo(printable(line), err=True)


def _explained(error: Exception) -> int:
    if isinstance(error, GorillaCombError):
        _say(f"gorillacomb: {error.message}")
        if error.hint:
            _say(error.hint)
        return error.exit_code
    if isinstance(error, OSError):
        # The vault's own problems are VaultError by now; what is left is mostly our output.
        named = isinstance(error.filename, str | bytes)  # else a descriptor, or None
        where = f" ({os.fsdecode(error.filename)})" if named else ""
        _say(f"gorillacomb: {error.strerror or error}{where}.")
        from gorillacomb.api.paths import owner_advice

        advice = owner_advice(os.fsdecode(error.filename), error) if named else ""
        _say(advice or "If the output is a file, its disk may be full.")
        _stop_writing()
        return ExitCode.USAGE
    raise error


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End in good order at the first Ctrl-C or SIGTERM; at a second one, immediately.

    Even then nothing is lost: committed data is on disk, and the workers exit by themselves.
    """
    before = {each: signal.signal(each, _give_up) for each in INTERRUPTS}

    def once_more(dropped: sys.UnraisableHookArgs, /) -> None:
        """Raise the signal again: Python drops an exception that is raised in a finalizer."""
        if dropped.exc_type is not KeyboardInterrupt:
            sys.__unraisablehook__(dropped)
            return
        for each, handler in before.items():
            signal.signal(each, handler)
        # Not here, where it would be dropped as well. One that comes right before a system call
        # that waits does not interrupt it, so it is repeated until it is handled.
        signal.signal(signal.SIGALRM, raise_again)
        signal.setitimer(signal.ITIMER_REAL, _SOON, _AGAIN)

    def raise_again(alarm: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.raise_signal(number)

    sys.unraisablehook = once_more
    raise KeyboardInterrupt


def _give_up(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(ExitCode.INTERRUPTED)

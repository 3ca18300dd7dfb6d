"""`gorillacomb watch`: keep index and trace up to date as files change."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Sequence
from types import FrameType

import click
from click.core import ParameterSource

from gorillacomb.api.paths import is_below
from gorillacomb.api.vault import Vault
from gorillacomb.api.watch.service import WATCH
from gorillacomb.api.watch.watch import (
    TriggerEvent,
    Watcher,
    WatchOptions,
    parse_trigger,
    request_watch,
    watch_folders,
)
from gorillacomb.cli.commands.watch.install import install as install_service
from gorillacomb.cli.commands.watch.install import uninstall as uninstall_service
from gorillacomb.cli.commands.watch.log import WatchLog
from gorillacomb.cli.options import BytesPath, DurationParam, RateParam, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import INTERRUPTS, ExitCode, UsageError
from gorillacomb.model import SECOND


def _seconds(
    name: str, least: float, default: float | None, text: str
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Return an option that takes a duration."""
    return click.option(
        name,
        type=click.FloatRange(min=least),
        default=default,
        show_default=default is not None,
        metavar="SECONDS",
        help=text,
    )


@click.command()
@click.argument("paths", nargs=-1, type=BytesPath(), metavar="[PATH]...")
@_seconds("--pulse", 0.1, 9.0, "Heartbeat interval.")
@_seconds(
    "--quiet",
    0,
    2.0,
    "Scan a folder when nothing has changed in it for this long; one that keeps changing,"
    " after ten times as long.",
)
@_seconds("--poll", 1, None, "Scan everything at this interval instead of using events.")
@_seconds("--poll-remote", 1, 300.0, "How often to scan network drives, which report no changes.")
@click.option(
    "--scrub-every",
    type=DurationParam(),
    default="30d",
    show_default=True,
    metavar="AGE",
    help="Read each file again when its last read is this old, to find bit rot.",
)
@click.option(
    "--scrub-rate",
    type=RateParam(),
    default="20MB/s",
    show_default=True,
    metavar="SIZE/s",
    help="Read again no faster than this.",
)
@click.option(
    "--machine-quiet",
    type=DurationParam(),
    default="1h",
    show_default=True,
    metavar="AGE",
    help="Stamp what is new in machine-made folders, such as node_modules, when nothing new has"
    " appeared there for this time.",
)
@click.option(
    "--manifest",
    "manifests",
    type=BytesPath(),
    multiple=True,
    metavar="FILE",
    help="Guard a folder: compare it at each change with its manifest, which is in it or"
    " beside it. May be repeated.",
)
@click.option(
    "--on",
    "triggers",
    type=(click.Choice([str(each) for each in TriggerEvent]), str),
    multiple=True,
    metavar="EVENT COMMAND",
    help="Run a command, or post to a URL, at each such event: duplicate, damaged, missing,"
    " degraded, manifest-broken. It gets a JSON document on stdin. May be repeated.",
)
@click.option("--install", is_flag=True, help="The same as `gorillacomb service install watch`.")
@click.option("--uninstall", is_flag=True, help="The same as `gorillacomb service remove watch`.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON.")
@vault_option
def command(
    paths: tuple[bytes, ...],
    pulse: float,
    quiet: float,
    poll: float | None,
    poll_remote: float,
    scrub_every: int,
    scrub_rate: int,
    machine_quiet: int,
    manifests: tuple[bytes, ...],
    triggers: tuple[tuple[str, str], ...],
    install: bool,
    uninstall: bool,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Watch folders, and scan what changes in them once it is quiet.

    Scans each PATH first and then runs until it is stopped (Ctrl-C or SIGTERM): new files are
    stamped, moves are recognized. It prints one line for each scan. `gorillacomb pulse` says
    whether it is alive; all other commands can be used at the same time.
    """
    if uninstall:
        uninstall_service(WATCH)
        return ExitCode.DONE
    if not paths:
        raise click.UsageError("Name a folder to watch: gorillacomb watch PATH")
    wanted = [parse_trigger(*each) for each in triggers]
    request = request_watch(paths, manifests=manifests, triggers=wanted)
    render.print_warnings(request.warnings)
    if install:
        install_service(WATCH, vault, ["watch", *_typed(click.get_current_context())], pulse)
        return ExitCode.DONE
    _refuse_own_output(paths)
    options = WatchOptions(
        int(quiet * SECOND),
        int((poll or poll_remote) * SECOND),
        scrub_ns=scrub_every,
        scrub_rate=scrub_rate,
        poll_all=poll is not None,
    )
    log = WatchLog(as_json)

    def started(watcher: Watcher) -> None:
        log.written = watcher.line_written
        _listen(watcher)
        log.started(paths, vault)

    watch_folders(
        vault,
        request,
        options,
        log,
        pulse_ns=int(pulse * SECOND),
        machine_quiet_ns=machine_quiet,
        started=started,
    )
    log.ended()
    return ExitCode.DONE


def _typed(context: click.Context) -> list[str | bytes]:
    """Return the folders and options that were given, so that a service can repeat them."""
    found: list[str | bytes] = [os.path.abspath(path) for path in context.params["paths"]]
    ages = ("scrub_every", "machine_quiet")
    for name in ("pulse", "quiet", "poll", "poll_remote", "scrub_rate", *ages):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            value = context.params[name]
            text = f"{value // SECOND}s" if name in ages else str(value)
            found += [f"--{name.replace('_', '-')}", text]
    for file in context.params["manifests"]:
        found += ["--manifest", os.fsdecode(os.path.abspath(file))]
    for event, text in context.params["triggers"]:
        found += ["--on", event, text]
    return found + ["--json"] * context.params["as_json"]


def _refuse_own_output(paths: Sequence[bytes]) -> None:
    """Raise UsageFault if the watcher's output is in a folder that it watches."""
    for number in (1, 2):
        try:
            facts, path = os.fstat(number), os.readlink(f"/proc/self/fd/{number}".encode())
        except OSError:
            continue  # closed, or a system without /proc
        if stat.S_ISREG(facts.st_mode) and any(is_below(path, os.path.realpath(p)) for p in paths):
            raise UsageError(
                f"The output is written to {render.printable_path(path)}, in a watched folder.",
                "Each line would be one more change to report: send it elsewhere.",
            )


def _listen(watcher: Watcher) -> None:
    """Have signals stop the watcher, or make it reload its settings."""

    def end(number: int, frame: FrameType | None) -> None:
        watcher.stop()
        before = known[number]
        assert callable(before), "set when the program began"
        if watcher.is_running:
            before(number, frame)  # it raises KeyboardInterrupt

    known = {int(each): signal.getsignal(each) for each in INTERRUPTS}
    for each in INTERRUPTS:
        signal.signal(each, end)
    signal.signal(signal.SIGHUP, lambda number, frame: watcher.reload_settings())

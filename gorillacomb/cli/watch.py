"""`gorillacomb watch`: keeps index and trace true as files change."""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from collections.abc import Sequence
from types import FrameType

import click
from click.core import ParameterSource

from gorillacomb.bytepaths import is_below
from gorillacomb.cli import render, watch_service
from gorillacomb.cli.lookup import folders_of
from gorillacomb.cli.options import BytesPath, vault_option
from gorillacomb.dedupe.record import TraceRecorder, watcher_keys
from gorillacomb.errors import UsageFault
from gorillacomb.index.settings import Settings, load_settings
from gorillacomb.index.vault import Vault
from gorillacomb.model import ScanReport
from gorillacomb.scan.comb import comb
from gorillacomb.scan.options import Changed, ScanOptions
from gorillacomb.scan.volumes import is_online
from gorillacomb.watch.notify import notify
from gorillacomb.watch.pulse import SECOND, Heart, pulse_folder
from gorillacomb.watch.watcher import Watcher, WatchOptions, only_one


@click.command(short_help="Keep index and trace true as files change, with a pulse.")
@click.argument("paths", nargs=-1, type=BytesPath(), metavar="[PATH]...")
@click.option(
    "--pulse",
    type=click.FloatRange(min=0.1),
    default=9.0,
    show_default=True,
    metavar="SECONDS",
    help="How often it says that it lives.",
)
@click.option(
    "--quiet",
    type=click.FloatRange(min=0),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="A folder is scanned when nothing has changed in it for so long; one that always changes,"
    " after ten times that.",
)
@click.option(
    "--poll",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="Ask for no events, and scan everything so often.",
)
@click.option(
    "--poll-remote",
    type=click.FloatRange(min=1),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to scan network drives, which tell of no changes.",
)
@click.option("--install", is_flag=True, help="Write a service that watches, at each login.")
@click.option("--uninstall", is_flag=True, help="Take that service away.")
@click.option("--json", "as_json", is_flag=True, help="Tell each thing as a line of JSON.")
@vault_option
def command(
    paths: tuple[bytes, ...],
    pulse: float,
    quiet: float,
    poll: float | None,
    poll_remote: float,
    install: bool,
    uninstall: bool,
    as_json: bool,
    vault: Vault,
) -> int:
    """Watch folders, and scan what changes in them once it is quiet.

    Begins with a scan of each PATH and then runs until it is ended (Ctrl-C or
    SIGTERM): what is new is stamped, what moved is known to have moved. It
    tells what it does in one line for each scan. `gorillacomb pulse` says
    whether it lives; every other command works beside it.
    """
    if uninstall:
        watch_service.uninstall()
        return 0
    if not paths:
        raise click.UsageError("Name a folder to watch: gorillacomb watch PATH")
    for path in paths:
        if not os.path.isdir(path):
            cause = "is a file, not a folder" if os.path.lexists(path) else "does not exist"
            raise UsageFault(f"{render.path_text(path)} {cause}.")
    if install:
        watch_service.install(vault, paths, _typed(click.get_current_context()), pulse)
        return 0
    _refuse_own_output(paths)
    scan = _Scan(vault)
    options = WatchOptions(
        int(quiet * SECOND), int((poll or poll_remote) * SECOND), poll_all=poll is not None
    )
    with only_one(vault):
        key = watcher_keys().ed25519()
        watcher = Watcher(
            vault,
            paths,
            options,
            scan.read_settings,
            scan,
            _Teller(as_json),
            key,
        )
        heart = Heart(
            pulse_folder(vault),
            key,
            int(pulse * SECOND),
            watcher.health,
            watcher.queue,
            beaten=lambda: notify("WATCHDOG=1"),
        )
        _listen(watcher)
        heart.start()
        try:
            notify("READY=1")
            watcher.run()
        finally:
            notify("STOPPING=1")
            heart.stop()
    return 0


def _typed(context: click.Context) -> list[str]:
    """The options for the watcher that were given, to be given again."""
    found = []
    for name in ("pulse", "quiet", "poll", "poll_remote"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            found += [f"--{name.replace('_', '-')}", str(context.params[name])]
    return found + ["--json"] * context.params["as_json"]


def _refuse_own_output(paths: Sequence[bytes]) -> None:
    """Raise UsageFault where what the watcher prints would be a change that it tells of."""
    for number in (1, 2):
        try:
            facts, path = os.fstat(number), os.readlink(f"/proc/self/fd/{number}".encode())
        except OSError:
            continue  # closed, or a system without /proc
        if stat.S_ISREG(facts.st_mode) and any(is_below(path, os.path.realpath(p)) for p in paths):
            raise UsageFault(
                f"The output goes to {render.path_text(path)}, in a folder that is watched.",
                "Each line would be one more change to tell of: send it elsewhere.",
            )


def _listen(watcher: Watcher) -> None:
    """Have signals end the watcher, or have it read its settings again."""

    def end(number: int, frame: FrameType | None) -> None:
        watcher.stop()
        before = known[number]
        assert callable(before), "set when the program began"
        if watcher.is_running:
            before(number, frame)  # which raises KeyboardInterrupt

    ends = (signal.SIGINT, signal.SIGTERM)
    known = {int(each): signal.getsignal(each) for each in ends}
    for each in ends:
        signal.signal(each, end)
    signal.signal(signal.SIGHUP, lambda number, frame: watcher.read_settings_again())


class _Scan:
    """Scans by the user's settings."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._settings = Settings()

    def read_settings(self) -> tuple[str, ...]:
        """Read them; returns what they exclude everywhere. Raises UsageFault."""
        self._settings = load_settings()
        return self._settings.exclude

    def __call__(self, roots: Sequence[bytes], changed: tuple[Changed, ...] | None) -> ScanReport:
        settings = self._settings
        options = ScanOptions(
            workers=settings.workers,
            standing_excludes=settings.exclude,
            standing_min_size=settings.min_size or 0,
            changed=changed,
        )
        recorder = TraceRecorder(is_online, settings.preferred, bool(settings.prefer), folders_of)
        return comb(self._vault, roots, options, recorder=recorder)


def _what(report: ScanReport, folders: Sequence[bytes] | None) -> str:
    """What was scanned, in a few words."""
    if folders is not None and len(folders) == 1:
        return render.short_path(folders[0], None)
    tops = [render.short_path(each.root.path, None) for each in report.roots]
    if folders is None:
        return f"{', '.join(tops)}: {render.count(report.files, 'file')}"
    where = f" in {tops[0]}" if len(tops) == 1 else ""
    return render.count(len(folders), "folder") + where


class _Teller:
    """Tells what the watcher does, a line for each thing."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def scanned(self, report: ScanReport, folders: Sequence[bytes] | None) -> None:
        changes, stamps = report.changes, report.stamps
        if self._as_json:
            render.print_json_line(
                {
                    "event": "scanned",
                    "time_ns": str(time.time_ns()),
                    "folders": None if folders is None else len(folders),
                    "files": report.files,
                    "new": changes.new,
                    "changed": changes.changed,
                    "moved": changes.moved,
                    "gone": changes.gone,
                    "folders_moved": changes.folders_moved,
                    "stamped": stamps.stamped,
                    "restamped": stamps.restamped,
                    "moved_stamps": stamps.moved,
                    "retired": stamps.retired,
                    "seconds": round(report.seconds, 3),
                }
            )
            return
        counts = {
            "new": changes.new,
            "changed": changes.changed,
            "moved": changes.moved,
            "gone": changes.gone,
            "stamped": stamps.stamped + stamps.restamped,
            "retired": stamps.retired,
        }
        told = [f"{number:,} {word}" for word, number in counts.items() if number]
        if changes.folders_moved:
            told.insert(0, f"{render.count(changes.folders_moved, 'folder')} moved")
        if told or folders is None:
            self._say(f"scanned {_what(report, folders)}: {', '.join(told) or 'nothing new'}")

    def back(self, root: bytes) -> None:
        if self._as_json:
            found = {"event": "back", "time_ns": str(time.time_ns()), **render.path_object(root)}
            render.print_json_line(found)
        else:
            self._say(f"{render.path_text(root)} is there again")

    def troubled(self, cause: str) -> None:
        if self._as_json:
            render.print_json_line(
                {"event": "degraded", "time_ns": str(time.time_ns()), "cause": cause}
            )
        else:
            self._say(f"degraded: {cause}")

    def _say(self, line: str) -> None:
        click.echo(f"{render.moment(time.time_ns())}  {render.printable(line)}")
        sys.stdout.flush()

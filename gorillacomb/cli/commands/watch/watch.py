"""`gorillacomb watch`: keeps index and trace true as files change."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import stat
from collections.abc import Callable, Sequence
from types import FrameType

import click
from click.core import ParameterSource

from gorillacomb.api.rescan import rescan
from gorillacomb.api.verify import check_signature, default_root
from gorillacomb.cli.commands.watch import service
from gorillacomb.cli.commands.watch.log import WatchLog
from gorillacomb.cli.options import BytesPath, DurationParam, RateParam, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, UntrustedInput, UsageError
from gorillacomb.fs.paths import is_below
from gorillacomb.manifest import io
from gorillacomb.manifest.parse import parse_manifest
from gorillacomb.model import SECOND, ScanReport
from gorillacomb.progress import Progress
from gorillacomb.vault.settings import Settings, load_settings
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.open import watcher_keys
from gorillacomb.watch.lock import watcher_lock
from gorillacomb.watch.manifest_guard import GuardedFolder
from gorillacomb.watch.options import WatchOptions
from gorillacomb.watch.pulse import PulseWriter, pulse_folder
from gorillacomb.watch.systemd import notify_systemd
from gorillacomb.watch.triggers import Trigger, TriggerEvent, TriggerRunner
from gorillacomb.watch.watcher import Watcher


def _seconds(
    name: str, least: float, default: float | None, text: str
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """An option that takes a span of time."""
    return click.option(
        name,
        type=click.FloatRange(min=least),
        default=default,
        show_default=default is not None,
        metavar="SECONDS",
        help=text,
    )


@click.command(short_help="Keep index and trace up to date as files change.")
@click.argument("paths", nargs=-1, type=BytesPath(), metavar="[PATH]...")
@_seconds("--pulse", 0.1, 9.0, "Heartbeat interval.")
@_seconds(
    "--quiet",
    0,
    2.0,
    "Scan a folder when nothing has changed in it for this time; one that always changes,"
    " after ten times that.",
)
@_seconds("--poll", 1, None, "Use no events, and scan everything at this interval.")
@_seconds("--poll-remote", 1, 300.0, "How often to scan network drives, which report no changes.")
@click.option(
    "--scrub-every",
    type=DurationParam(),
    default="30d",
    show_default=True,
    metavar="AGE",
    help="Read each file again when it was last read that long ago, to find bit rot.",
)
@click.option(
    "--scrub-rate",
    type=RateParam(),
    default="20MB/s",
    show_default=True,
    metavar="SIZE/s",
    help="Read again no faster than that.",
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
@click.option(
    "--install", is_flag=True, help="Install a service that watches, started at each login."
)
@click.option("--uninstall", is_flag=True, help="Remove that service.")
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

    Scans each PATH first and then runs until it is ended (Ctrl-C or SIGTERM): new files are
    stamped, moves are recognized. It prints one line for each scan. `gorillacomb pulse`
    says whether it is alive; every other command works beside it.
    """
    if uninstall:
        service.uninstall()
        return ExitCode.DONE
    if not paths:
        raise click.UsageError("Name a folder to watch: gorillacomb watch PATH")
    for path in paths:
        if not os.path.isdir(path):
            cause = "is a file, not a folder" if os.path.lexists(path) else "does not exist"
            raise UsageError(f"{render.printable_path(path)} {cause}.")
    wanted = [_trigger(*each) for each in triggers]
    guarded = [_guarded(os.path.abspath(each)) for each in manifests]
    for each in guarded:
        _check_is_watched(each.place, paths)
    if install:
        service.install(vault, paths, _typed(click.get_current_context()), pulse)
        return ExitCode.DONE
    _refuse_own_output(paths)
    options = WatchOptions(
        int(quiet * SECOND),
        int((poll or poll_remote) * SECOND),
        scrub_ns=scrub_every,
        scrub_rate=scrub_rate,
        poll_all=poll is not None,
    )
    with watcher_lock(vault):
        log = WatchLog(as_json)
        listener = TriggerRunner(vault, wanted, log)
        scan = _SettingsScan(vault, machine_quiet)
        _watch(vault, paths, options, int(pulse * SECOND), scan, listener, log, guarded)
        log.ended()
    return ExitCode.DONE


def _guarded(file: bytes) -> GuardedFolder:
    """What a manifest says, and of which folder. Raises UsageFault, Untrusted."""
    data, envelope = io.read_manifest(file)
    signature, warnings = check_signature(data, envelope)
    render.print_warnings(warnings)
    if signature.state == "invalid":
        raise UntrustedInput(f"{render.printable_path(file)}: {signature.cause}.")
    manifest = parse_manifest(data)
    try:
        place = default_root(file, manifest)
    except UsageError as error:
        raise UsageError(
            error.message, "Put the manifest into its folder, or beside it."
        ) from error
    return GuardedFolder(file, place, manifest, signature.state == "valid")


def _check_is_watched(place: bytes, paths: Sequence[bytes]) -> None:
    """Raise UsageFault for a guarded folder that is in none of those to watch."""
    root = os.path.realpath(place)
    if not any(is_below(root, os.path.realpath(each)) for each in paths):
        raise UsageError(
            f"{render.printable_path(root)}, of which the manifest is, is in no folder "
            "that is watched.",
            "Name it, or one around it, among the folders to watch.",
        )


def _trigger(event: str, command: str) -> Trigger:
    """Who is told, from what the user typed. Raises UsageFault."""
    if command.startswith(("http://", "https://")):
        return Trigger(TriggerEvent(event), url=command)
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"The command for {event} cannot be read: {error}.") from error
    if not words or shutil.which(words[0]) is None:
        raise UsageError(
            f"The command for {event} is not there: {words[0] if words else 'it is empty'}.",
            "Name a program, with its arguments, in quotes; it is not run through a shell.",
        )
    return Trigger(TriggerEvent(event), tuple(words))


def _watch(
    vault: Vault,
    paths: Sequence[bytes],
    options: WatchOptions,
    interval_ns: int,
    scan: _SettingsScan,
    listener: TriggerRunner,
    log: WatchLog,
    guarded: Sequence[GuardedFolder],
) -> None:
    """Watch until a signal ends it, with a pulse."""
    key = watcher_keys().ed25519()
    watcher = Watcher(
        vault, paths, options, scan.read_settings, scan, listener, key, guarded, _guarded
    )
    listener.failed = watcher.health.set_root_problem
    log.written = watcher.line_written
    heart = PulseWriter(
        pulse_folder(vault),
        key,
        interval_ns,
        watcher.health,
        watcher.queue,
        beaten=lambda: notify_systemd("WATCHDOG=1"),
    )
    _listen(watcher)
    heart.start()
    try:
        notify_systemd("READY=1")
        watcher.run()
    finally:
        notify_systemd("STOPPING=1")
        listener.close()
        heart.stop()


def _typed(context: click.Context) -> list[str]:
    """The options for the watcher that were given, to be given again."""
    found = []
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
    """Raise UsageFault where what the watcher prints would be a change that it tells of."""
    for number in (1, 2):
        try:
            facts, path = os.fstat(number), os.readlink(f"/proc/self/fd/{number}".encode())
        except OSError:
            continue  # closed, or a system without /proc
        if stat.S_ISREG(facts.st_mode) and any(is_below(path, os.path.realpath(p)) for p in paths):
            raise UsageError(
                f"The output goes to {render.printable_path(path)}, in a folder that is watched.",
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
    signal.signal(signal.SIGHUP, lambda number, frame: watcher.reload_settings())


class _SettingsScan:
    """Scans by the user's settings."""

    def __init__(self, vault: Vault, quiet_ns: int) -> None:
        """``quiet_ns`` is as in `recorder_for`."""
        self._vault = vault
        self._quiet_ns = quiet_ns
        self._settings = Settings()

    def read_settings(self) -> tuple[str, ...]:
        """Read them; returns what they exclude everywhere. Raises UsageFault."""
        self._settings = load_settings()
        return self._settings.exclude

    def __call__(
        self,
        roots: Sequence[bytes],
        changed: tuple[bytes, ...] | None = None,
        again: tuple[tuple[int, bytes], ...] | None = None,
        progress: Progress | None = None,
    ) -> ScanReport:
        # What is read again is so little at a time that a pool would cost more.
        workers = None if again is None else 0
        return rescan(
            self._vault,
            roots,
            self._settings,
            changed,
            again,
            workers=workers,
            progress=progress,
            quiet_ns=self._quiet_ns,
        )

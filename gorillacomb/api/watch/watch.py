"""Watch folders: scan what changes in them once it is quiet, with a pulse."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gorillacomb.api.mesh.background import BackgroundSync
from gorillacomb.api.paths import PathInput, path_text
from gorillacomb.api.rescan import rescan
from gorillacomb.api.verify import check_signature, default_root
from gorillacomb.errors import UntrustedInput, UsageError
from gorillacomb.fs.paths import is_below
from gorillacomb.manifest import io
from gorillacomb.manifest.parse import parse_manifest
from gorillacomb.manifest.verify import VerificationReport
from gorillacomb.model import SECOND, ScanReport
from gorillacomb.progress import Progress
from gorillacomb.vault.settings import Settings, load_settings
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.open import watcher_keys
from gorillacomb.watch.lock import watcher_lock
from gorillacomb.watch.manifest_guard import GuardedFolder
from gorillacomb.watch.options import DamageReport, WatchListener, WatchOptions
from gorillacomb.watch.pulse import PulseWriter, pulse_folder
from gorillacomb.watch.systemd_notify import notify_systemd
from gorillacomb.watch.triggers import Trigger, TriggerEvent, TriggerRunner
from gorillacomb.watch.watcher import Watcher

__all__ = [
    "DamageReport",
    "TriggerEvent",
    "VerificationReport",
    "WatchListener",
    "WatchOptions",
    "WatchRequest",
    "Watcher",
    "parse_trigger",
    "pulse_folder",
    "request_watch",
    "watch_folders",
]


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What a watcher is to watch, after checking that it can."""

    paths: tuple[bytes, ...]
    guarded: tuple[GuardedFolder, ...]
    """Folders that are compared with their manifests at each change."""
    triggers: tuple[Trigger, ...]
    warnings: tuple[str, ...]
    """About the user's keys, if they could not be read."""


def request_watch(
    paths: Sequence[PathInput],
    *,
    manifests: Sequence[PathInput] = (),
    triggers: Sequence[Trigger] = (),
) -> WatchRequest:
    """Check that folders can be watched, and those of manifests guarded.

    A manifest is in its folder or beside it, and that folder is in one of those to watch. Raises
    UsageError if something does not exist, UntrustedInput for a malformed manifest, or an invalid
    signature.
    """
    places = tuple(map(os.fsencode, paths))
    for path in places:
        if not os.path.isdir(path):
            cause = "is a file, not a folder" if os.path.lexists(path) else "does not exist"
            raise UsageError(f"{path_text(path)} {cause}.")
    found = [_read_guarded(os.path.abspath(os.fsencode(each))) for each in manifests]
    for guarded, _ in found:
        _check_is_watched(guarded.place, places)
    return WatchRequest(
        places,
        tuple(guarded for guarded, _ in found),
        tuple(triggers),
        tuple(each for _, warnings in found for each in warnings),
    )


def parse_trigger(event: str, command: str) -> Trigger:
    """Parse a trigger for an event: a program with its arguments, or a URL.

    Raises UsageError for a command that cannot be run.
    """
    if command.startswith(("http://", "https://")):
        return Trigger(TriggerEvent(event), url=command)
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"Parsing the command for {event} failed: {error}.") from error
    if not words or shutil.which(words[0]) is None:
        raise UsageError(
            f"The command for {event} was not found: {words[0] if words else 'it is empty'}.",
            "Name a program, with its arguments, in quotes; it is not run through a shell.",
        )
    return Trigger(TriggerEvent(event), tuple(words))


def watch_folders(
    vault: Vault,
    request: WatchRequest,
    options: WatchOptions,
    listener: WatchListener,
    *,
    pulse_ns: int = 9 * SECOND,
    machine_quiet_ns: int = 3_600 * SECOND,
    started: Callable[[Watcher], object] = lambda watcher: None,
) -> None:
    """Watch until the watcher is stopped, and tell a listener what it does.

    ``pulse_ns`` is the interval of its pulses; what is new in machine-made folders is stamped once
    nothing new has appeared there for ``machine_quiet_ns``. ``started`` gets the watcher before it
    begins, to stop it later, or to make it reload its settings.

    Raises RefusedForSafety if another watcher uses the vault, VaultError, and what the first scan
    raises.
    """
    with watcher_lock(vault):
        triggers = TriggerRunner(vault, request.triggers, listener)
        key = watcher_keys().ed25519()
        scan = _SettingsScan(vault, machine_quiet_ns)
        watcher = Watcher(
            vault,
            request.paths,
            options,
            scan.read_settings,
            scan,
            triggers,
            key,
            request.guarded,
            lambda file: _read_guarded(file)[0],
        )
        triggers.failed = watcher.health.set_root_problem
        mesh = BackgroundSync(vault, watcher.health.set_problem)
        watcher.head_seen = mesh.head_seen
        heart = PulseWriter(
            pulse_folder(vault),
            key,
            pulse_ns,
            watcher.health,
            watcher.queue,
            beaten=lambda: notify_systemd("WATCHDOG=1"),
        )
        started(watcher)
        heart.start()
        try:
            notify_systemd("READY=1")
            watcher.run()
        finally:
            notify_systemd("STOPPING=1")
            triggers.close()
            mesh.close()
            heart.stop()


def _read_guarded(file: bytes) -> tuple[GuardedFolder, tuple[str, ...]]:
    """Read a manifest, and which folder it is of, with warnings.

    Raises UsageError, UntrustedInput.
    """
    data, envelope = io.read_manifest(file)
    signature, warnings = check_signature(data, envelope)
    if signature.state == "invalid":
        raise UntrustedInput(f"{path_text(file)}: {signature.cause}.")
    manifest = parse_manifest(data)
    try:
        place = default_root(file, manifest)
    except UsageError as error:
        raise UsageError(
            error.message, "Put the manifest into its folder, or beside it."
        ) from error
    return GuardedFolder(file, place, manifest, signature.state == "valid"), warnings


def _check_is_watched(place: bytes, paths: Sequence[bytes]) -> None:
    """Raise UsageError for a guarded folder that is not in a watched one."""
    root = os.path.realpath(place)
    if not any(is_below(root, os.path.realpath(each)) for each in paths):
        raise UsageError(
            f"{path_text(root)}, the folder of the manifest, is not in a watched folder.",
            "Name it, or one around it, among the folders to watch.",
        )


class _SettingsScan:
    """Scans with the user's settings."""

    def __init__(self, vault: Vault, quiet_ns: int) -> None:
        """``quiet_ns`` is as in `recorder_for`."""
        self._vault = vault
        self._quiet_ns = quiet_ns
        self._settings = Settings()

    def read_settings(self) -> tuple[str, ...]:
        """Read them; return what they exclude everywhere. Raises UsageError."""
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

"""The watcher as a user service: a systemd unit, or a launchd agent on macOS."""

from __future__ import annotations

import math
import os
import plistlib
import sys
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_config_path

from gorillacomb.api.paths import PathInput, path_text
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.vault.vault import Vault

__all__ = ["AGENT", "UNIT", "install_service", "is_launchd", "uninstall_service"]

UNIT = "gorillacomb-watch.service"
AGENT = "org.gorillacomb.watch"
_OURS = b"gorillacomb"
_SILENT = 60
_BEATS = 5
"""Seconds, and pulses, after which systemd restarts a silent watcher: the longer of them."""


def install_service(
    vault: Vault, paths: Sequence[PathInput], options: Sequence[str], pulse: float
) -> bytes:
    """Write the service; return its path. ``pulse`` is in seconds.

    ``options`` are those of `gorillacomb watch`, in the same form. Raises RefusedForSafety if a
    service for other folders or options exists, UsageError if it cannot be written.
    """
    place = _place()
    words = [*_command(), b"watch"]
    words += [os.path.abspath(os.fsencode(each)) for each in paths]
    words += [*map(os.fsencode, options), b"--vault", os.path.abspath(os.fsencode(vault.folder))]
    data = launchd_plist(words) if is_launchd() else systemd_unit(words, pulse)
    try:
        if place.exists() and place.read_bytes() != data:
            raise RefusedForSafety(
                f"{_shown(place)} already exists, for other folders or options.",
                "Remove it first: gorillacomb watch --uninstall",
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_file(place, data)
    except OSError as error:
        raise UsageError(f"Writing {_shown(place)} failed: {os_error_text(error)}.") from error
    return os.fsencode(place)


def uninstall_service() -> bytes:
    """Remove the service; return its former path. Raises RefusedForSafety, UsageError."""
    place = _place()
    try:
        if _OURS not in place.read_bytes():
            raise RefusedForSafety(f"{_shown(place)} was not written by Gorilla Comb.")
        place.unlink()
    except FileNotFoundError:
        raise UsageError(f"No watcher is installed: there is no {_shown(place)}.") from None
    except OSError as error:
        raise UsageError(f"Removing {_shown(place)} failed: {os_error_text(error)}.") from error
    return os.fsencode(place)


def is_launchd() -> bool:
    """Return whether the system runs services by launchd, as macOS does; else it is systemd."""
    return sys.platform == "darwin"


def systemd_unit(words: Sequence[bytes], pulse: float) -> bytes:
    """Return a systemd unit (systemd.service(5)) that runs a command, which sends a pulse (s)."""
    lines = [
        "[Unit]",
        "Description=Gorilla Comb keeps its index and trace true",
        "",
        "[Service]",
        "Type=notify",
        f"ExecStart={' '.join(map(_quoted, words))}",
        "ExecReload=kill -HUP $MAINPID",
        f"WatchdogSec={max(_SILENT, math.ceil(_BEATS * pulse))}",
        "Restart=on-failure",
        "RestartSec=10",
        "Nice=10",
        "IOSchedulingClass=idle",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "".join(line + "\n" for line in lines).encode()


def launchd_plist(words: Sequence[bytes]) -> bytes:
    """Return a launchd agent (launchd.plist(5)) that runs a command."""
    return plistlib.dumps(
        {
            "Label": AGENT,
            "ProgramArguments": [os.fsdecode(word) for word in words],
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ProcessType": "Background",
            "LowPriorityIO": True,
            "Nice": 10,
        }
    )


def _quoted(word: bytes) -> str:
    """Quote a word for systemd.syntax(7) and its specifiers, whatever bytes are in it."""
    found = []
    for byte in word:
        if byte in b"%$":
            found.append(chr(byte) * 2)
        elif byte in b'"\\' or not 0x20 <= byte < 0x7F:
            found.append(f"\\x{byte:02x}")
        else:
            found.append(chr(byte))
    return f'"{"".join(found)}"'


def _command() -> list[bytes]:
    return [os.fsencode(sys.executable), b"-m", b"gorillacomb"]


def _place() -> Path:
    if is_launchd():
        return Path.home() / "Library" / "LaunchAgents" / f"{AGENT}.plist"
    return user_config_path("systemd") / "user" / UNIT


def _shown(place: Path) -> str:
    return path_text(os.fsencode(place))

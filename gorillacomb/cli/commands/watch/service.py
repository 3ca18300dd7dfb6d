"""The watcher as a service of the user's: a systemd unit, or a launchd agent on macOS."""

from __future__ import annotations

import math
import os
import plistlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from platformdirs import user_config_path

from gorillacomb.cli.output.render import printable_path
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.vault.vault import Vault

_UNIT = "gorillacomb-watch.service"
_AGENT = "org.gorillacomb.watch"
_OURS = b"gorillacomb"
_SILENT = 60
_BEATS = 5
"""Seconds, and pulses, after which systemd starts a silent watcher anew: the longer of them."""


def install(vault: Vault, paths: Sequence[bytes], options: Sequence[str], pulse: float) -> None:
    """Write the service, and say how to start it; ``pulse`` is in seconds.

    Raises Refused, UsageFault.
    """
    place = _place()
    words = [*_command(), b"watch", *map(os.path.abspath, paths), *map(os.fsencode, options)]
    words += [b"--vault", os.path.abspath(os.fsencode(vault.folder))]
    data = launchd_plist(words) if sys.platform == "darwin" else systemd_unit(words, pulse)
    try:
        if place.exists() and place.read_bytes() != data:
            raise RefusedForSafety(
                f"{printable_path(os.fsencode(place))} is there already, for other "
                "folders or options.",
                "Take it away first: gorillacomb watch --uninstall",
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_file(place, data)
    except OSError as error:
        raise UsageError(
            f"{printable_path(os.fsencode(place))} cannot be written: {os_error_text(error)}."
        ) from error
    click.echo(f"Written: {printable_path(os.fsencode(place))}")
    for line in _how_to_start():
        click.echo(line)


def uninstall() -> None:
    """Take the service away, and say how to end what runs. Raises Refused, UsageFault."""
    place = _place()
    try:
        if _OURS not in place.read_bytes():
            raise RefusedForSafety(f"{printable_path(os.fsencode(place))} is not of Gorilla Comb.")
        place.unlink()
    except FileNotFoundError:
        raise UsageError(
            f"No watcher is installed: there is no {printable_path(os.fsencode(place))}."
        ) from None
    except OSError as error:
        raise UsageError(
            f"{printable_path(os.fsencode(place))} cannot be taken away: {os_error_text(error)}."
        ) from error
    click.echo(f"Taken away: {printable_path(os.fsencode(place))}")
    if sys.platform == "darwin":
        click.echo(f"If it runs still: launchctl bootout gui/$(id -u)/{_AGENT}")
    else:
        click.echo("If it runs still:")
        click.echo(f"  systemctl --user stop {_UNIT} && systemctl --user daemon-reload")


def systemd_unit(words: Sequence[bytes], pulse: float) -> bytes:
    """A systemd unit (systemd.service(5)) that runs a command, which sends a pulse (s)."""
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
    """A launchd agent (launchd.plist(5)) that runs a command."""
    return plistlib.dumps(
        {
            "Label": _AGENT,
            "ProgramArguments": [os.fsdecode(word) for word in words],
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ProcessType": "Background",
            "LowPriorityIO": True,
            "Nice": 10,
        }
    )


def _quoted(word: bytes) -> str:
    """A word as systemd.syntax(7) and its specifiers take it, whatever bytes are in it."""
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
    if sys.platform == "darwin":
        return Path.home() / "Library" / "LaunchAgents" / f"{_AGENT}.plist"
    return user_config_path("systemd") / "user" / _UNIT


def _how_to_start() -> Iterator[str]:
    if sys.platform == "darwin":
        yield "To start it now and at each login:"
        yield f"  launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/{_AGENT}.plist"
    else:
        yield "To start it now and at each login:"
        yield f"  systemctl --user daemon-reload && systemctl --user enable --now {_UNIT}"
        yield "To have it run while you are not logged in: loginctl enable-linger"
    yield "How it is: gorillacomb pulse"

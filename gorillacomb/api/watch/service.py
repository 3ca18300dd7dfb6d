"""Watcher and server as user services: systemd units, or launchd agents on macOS."""

from __future__ import annotations

import math
import os
import plistlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from gorillacomb.api.paths import PathInput, path_text
from gorillacomb.errors import RefusedForSafety, UsageError
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.vault.vault import Vault

__all__ = [
    "WATCH",
    "WEB",
    "ServiceKind",
    "install_service",
    "is_launchd",
    "is_service_installed",
    "uninstall_service",
]

_OURS = b"gorillacomb"
_SILENT = 60
_BEATS = 5
"""Seconds, and pulses, after which systemd restarts a silent watcher: the longer of them."""


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """A command that can run as a service."""

    name: str
    """``watch`` or ``web``."""
    what: str
    """As the subject of a sentence."""
    about: str
    """The description that the system shows."""

    @property
    def unit(self) -> str:
        """The name of its systemd unit."""
        return f"gorillacomb-{self.name}.service"

    @property
    def agent(self) -> str:
        """The label of its launchd agent."""
        return f"org.gorillacomb.{self.name}"


WATCH = ServiceKind("watch", "watcher", "Gorilla Comb keeps its index and trace true")
WEB = ServiceKind("web", "server", "Gorilla Comb in the browser")


def install_service(
    kind: ServiceKind,
    vault: Vault,
    words: Sequence[PathInput],
    pulse: float | None = None,
) -> bytes:
    """Write the service; return its path.

    ``words`` are the command and its arguments without the vault, ``pulse`` the seconds between two
    signs of life, if the command gives any. Raises RefusedForSafety if a service with other
    arguments exists, UsageError if it cannot be written.
    """
    place = _place(kind)
    vault_words = b"--vault", os.path.abspath(os.fsencode(vault.folder))
    line = [*_command(), *map(os.fsencode, words), *vault_words]
    data = launchd_plist(kind, line) if is_launchd() else systemd_unit(kind, line, pulse)
    try:
        if place.exists() and place.read_bytes() != data:
            raise RefusedForSafety(
                f"{_shown(place)} already exists, with other arguments.",
                f"Remove it first: gorillacomb service remove {kind.name}",
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_file(place, data)
    except OSError as error:
        raise UsageError(f"Writing {_shown(place)} failed: {os_error_text(error)}.") from error
    return os.fsencode(place)


def uninstall_service(kind: ServiceKind) -> bytes:
    """Remove the service; return its former path. Raises RefusedForSafety, UsageError."""
    place = _place(kind)
    try:
        if _OURS not in place.read_bytes():
            raise RefusedForSafety(f"{_shown(place)} was not written by Gorilla Comb.")
        place.unlink()
    except FileNotFoundError:
        raise UsageError(f"No {kind.what} is installed: there is no {_shown(place)}.") from None
    except OSError as error:
        raise UsageError(f"Removing {_shown(place)} failed: {os_error_text(error)}.") from error
    return os.fsencode(place)


def is_service_installed(kind: ServiceKind) -> bool:
    """Return whether the file of a service exists; the service manager is not asked."""
    return _place(kind).exists()


def is_launchd() -> bool:
    """Return whether the system runs services by launchd, as macOS does; else it is systemd."""
    return sys.platform == "darwin"


def systemd_unit(kind: ServiceKind, words: Sequence[bytes], pulse: float | None) -> bytes:
    """Return a systemd unit (systemd.service(5)) that runs a command, with its pulse in seconds."""
    if pulse is None:
        # Jobs that the server has started go on when it is restarted.
        kind_of_start, own, calm = "exec", ["KillMode=process"], []
    else:
        silent = max(_SILENT, math.ceil(_BEATS * pulse))
        own = ["ExecReload=kill -HUP $MAINPID", f"WatchdogSec={silent}"]
        kind_of_start, calm = "notify", ["Nice=10", "IOSchedulingClass=idle"]
    lines = [
        "[Unit]",
        f"Description={kind.about}",
        "",
        "[Service]",
        f"Type={kind_of_start}",
        f"ExecStart={' '.join(map(_quoted, words))}",
        *own,
        "Restart=on-failure",
        "RestartSec=10",
        *calm,
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "".join(line + "\n" for line in lines).encode()


def launchd_plist(kind: ServiceKind, words: Sequence[bytes]) -> bytes:
    """Return a launchd agent (launchd.plist(5)) that runs a command."""
    in_background = {"ProcessType": "Background", "LowPriorityIO": True, "Nice": 10}
    return plistlib.dumps(
        {
            "Label": kind.agent,
            "ProgramArguments": [os.fsdecode(word) for word in words],
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            **(in_background if kind == WATCH else {"AbandonProcessGroup": True}),
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


def _place(kind: ServiceKind) -> Path:
    if is_launchd():
        return Path.home() / "Library" / "LaunchAgents" / f"{kind.agent}.plist"
    return user_config_path("systemd") / "user" / kind.unit


def _shown(place: Path) -> str:
    return path_text(os.fsencode(place))

"""Install or remove the watcher's service, and say how to start and stop it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from gorillacomb.api.vault import Vault
from gorillacomb.api.watch.service import (
    AGENT,
    UNIT,
    install_service,
    is_launchd,
    uninstall_service,
)
from gorillacomb.cli.output.render import printable_path


def install(vault: Vault, paths: Sequence[bytes], options: Sequence[str], pulse: float) -> None:
    """Write the service file, and say how to start it."""
    place = install_service(vault, paths, options, pulse)
    click.echo(f"Written: {printable_path(place)}")
    for line in _how_to_start():
        click.echo(line)


def uninstall() -> None:
    """Remove the service file, and say how to stop a running watcher."""
    click.echo(f"Removed: {printable_path(uninstall_service())}")
    if is_launchd():
        click.echo(f"If it is still running: launchctl bootout gui/$(id -u)/{AGENT}")
    else:
        click.echo("If it is still running:")
        click.echo(f"  systemctl --user stop {UNIT} && systemctl --user daemon-reload")


def _how_to_start() -> Iterator[str]:
    if is_launchd():
        yield "To start it now and at each login:"
        yield f"  launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/{AGENT}.plist"
    else:
        yield "To start it now and at each login:"
        yield f"  systemctl --user daemon-reload && systemctl --user enable --now {UNIT}"
        yield "To have it run while you are not logged in: loginctl enable-linger"
    yield "To check it: gorillacomb pulse"

"""What is said of the watcher as a service: how to start it, and how to end it."""

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
    """Write the service, and say how to start it."""
    place = install_service(vault, paths, options, pulse)
    click.echo(f"Written: {printable_path(place)}")
    for line in _how_to_start():
        click.echo(line)


def uninstall() -> None:
    """Remove the service, and say how to end what runs."""
    click.echo(f"Removed: {printable_path(uninstall_service())}")
    if is_launchd():
        click.echo(f"If it runs still: launchctl bootout gui/$(id -u)/{AGENT}")
    else:
        click.echo("If it runs still:")
        click.echo(f"  systemctl --user stop {UNIT} && systemctl --user daemon-reload")


def _how_to_start() -> Iterator[str]:
    if is_launchd():
        yield "To start it now and at each login:"
        yield f"  launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/{AGENT}.plist"
    else:
        yield "To start it now and at each login:"
        yield f"  systemctl --user daemon-reload && systemctl --user enable --now {UNIT}"
        yield "To have it run while you are not logged in: loginctl enable-linger"
    yield "How it is: gorillacomb pulse"

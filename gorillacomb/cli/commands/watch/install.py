"""Install or remove a service, and say how to start and stop it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from gorillacomb.api.vault import Vault
from gorillacomb.api.watch.service import (
    WATCH,
    ServiceKind,
    install_service,
    is_launchd,
    uninstall_service,
)
from gorillacomb.cli.output.render import printable_path


def install(
    kind: ServiceKind, vault: Vault, words: Sequence[str | bytes], pulse: float | None = None
) -> None:
    """Write the service file, and say how to start it."""
    place = install_service(kind, vault, words, pulse)
    click.echo(f"Written: {printable_path(place)}")
    for line in _how_to_start(kind):
        click.echo(line)


def uninstall(kind: ServiceKind) -> None:
    """Remove the service file, and say how to stop what is running."""
    click.echo(f"Removed: {printable_path(uninstall_service(kind))}")
    if is_launchd():
        click.echo(f"If it is still running: launchctl bootout gui/$(id -u)/{kind.agent}")
    else:
        click.echo("If it is still running:")
        click.echo(f"  systemctl --user stop {kind.unit} && systemctl --user daemon-reload")


def _how_to_start(kind: ServiceKind) -> Iterator[str]:
    yield "To start it now and at each login:"
    if is_launchd():
        yield f"  launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/{kind.agent}.plist"
    else:
        yield f"  systemctl --user daemon-reload && systemctl --user enable --now {kind.unit}"
        yield "To have it run while you are not logged in: loginctl enable-linger"
    if kind == WATCH:
        yield "To check it: gorillacomb pulse"
    else:
        yield "For an address to open: gorillacomb serve link"

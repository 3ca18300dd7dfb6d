"""Report a new signing key; shared by the commands that sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gorillacomb.cli.output import render

if TYPE_CHECKING:
    from gorillacomb.api.keys import UserKey


def print_new_key(key: UserKey) -> None:
    """Print a key that was just created, because there was none, on stderr."""
    click.echo(
        f"gorillacomb: Created a new key, {key.fingerprint}, because there was none:", err=True
    )
    click.echo(f"  {render.short_path(key.path, None)}", err=True)

"""What commands that sign say of the user's keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gorillacomb.cli.output import render

if TYPE_CHECKING:
    from gorillacomb.api.keys import UserKey


def print_new_key(key: UserKey) -> None:
    """Name a key on stderr that was just made, since there was none."""
    click.echo(f"gorillacomb: Made a new key, {key.fingerprint}, since there was none:", err=True)
    click.echo(f"  {render.short_path(key.path, None)}", err=True)

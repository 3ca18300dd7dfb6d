"""`--html FILE`: what a command found, as a page to send to someone."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import click

from gorillacomb.cli.extras import require_extra
from gorillacomb.cli.options import BytesPath

html_option = click.option(
    "--html",
    "html_file",
    type=BytesPath(),
    metavar="FILE",
    help="Write it as a page too: one file, without scripts, to send to someone.",
)


def write_page(file: bytes | None, make: Callable[[ModuleType], bytes]) -> None:
    """Write a page that ``make`` returns, given the module of pages; nothing if no file is named.

    Raises UsageError if the extra is missing, or the file exists or cannot be written.
    """
    if file is None:
        return
    require_extra("web", "A page as a file")
    from gorillacomb.api.upkeep.files import write_file
    from gorillacomb.web.pages import as_file

    write_file(file, make(as_file), option="--html")
    click.echo(f"Wrote {click.format_filename(file)}.", err=True)

"""`gorillacomb map`: where the space is, and how much of it is there more than once."""

from __future__ import annotations

from collections.abc import Iterator

import click

from gorillacomb.api.find.space_map import SpaceEntry, SpaceMap, map_space
from gorillacomb.api.next_step.find import after_map
from gorillacomb.api.paths import relative_path
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import BytesPath, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode

_SHOWN = 20
_BAR = 12
"""Characters."""


@click.command()
@click.argument("path", type=BytesPath(), required=False)
@click.option("--all", "whole", is_flag=True, help="Name everything, however much there is.")
@json_option
@vault_option
def command(path: bytes | None, whole: bool, as_json: bool, vault: Vault) -> ExitCode:
    """Show where the space is in PATH, or in everything scanned: the largest folders and files.

    Each line says how much of it is used for files whose content has another copy, in there or
    elsewhere: the dark part of the bar. It is read from the index; no file is read. --json has
    up to 1,000 of the largest folders and files at any depth.
    """
    found = map_space(vault, path)
    render.print_warnings(found.warnings)
    render.print_result(found, _lines(found, None if whole else _SHOWN, vault), as_json)
    return ExitCode.DONE


def _lines(found: SpaceMap, shown: int | None, vault: Vault) -> Iterator[str]:
    many, size = render.format_count(found.files, "file"), render.format_size(found.bytes)
    twice = f"{render.format_size(found.duplicate_bytes)} of that is in files with another copy"
    yield render.styled(size, bold=True) + f" in {many}; {twice}."
    top = found.tops[0] if len(found.tops) == 1 else None
    entries = found.tops if top is None else found.inside(top)
    entries = sorted(entries, key=lambda each: -each.bytes)
    most = max((each.bytes for each in entries), default=0)
    for entry in entries[:shown]:
        yield _line(entry, top, most)
    if shown is not None and len(entries) > shown:
        yield f"  and {len(entries) - shown:,} more; --all names them"
    rest = 0 if top is None else top.bytes - sum(each.bytes for each in entries)
    if rest:
        yield f"{render.format_size(rest):>11}  {'':{_BAR}}  in smaller files and folders"
    yield from render.next_lines(after_map(entries), vault)


def _line(entry: SpaceEntry, top: SpaceEntry | None, most: int) -> str:
    path = entry.path if top is None else relative_path(entry.path, top.path)
    cells = max(round(_BAR * entry.bytes / most), 1) if most else 0
    dark = round(cells * entry.duplicate_bytes / entry.bytes) if entry.bytes else 0
    bar = "█" * dark + "░" * (cells - dark)
    label = f"{render.format_size(entry.bytes):>11}  {bar:{_BAR}}  "
    width = render.terminal_width()
    name = render.printable_path(path) + ("/" if entry.is_folder else "")
    return label + render.shorten_path(name, width and width - len(label))

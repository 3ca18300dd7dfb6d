"""`gorillacomb dupes`: groups of identical files."""

from __future__ import annotations

import csv
import io
import itertools
import sys
from collections.abc import Iterable, Iterator

import click

from gorillacomb.api.documents.duplicates import dupes_document
from gorillacomb.api.duplicates import FileGroup, find_duplicates
from gorillacomb.api.next_step.find import after_dupes
from gorillacomb.api.paths import path_columns
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import BytesPath, SizeParam, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode

_LIMIT = 20
_MOST_COPIES = 20
"""Copies of one group that text output shows, unless all groups are requested."""


@click.command()
@click.argument("path", required=False, type=BytesPath(), metavar="[PATH]")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Number of groups to show, 0 for all [default: {_LIMIT} as text, else all].",
)
@click.option(
    "--min-size",
    type=SizeParam(),
    default=0,
    metavar="SIZE",
    help="Ignore groups of smaller files.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "csv", "fdupes"]),
    default="text",
    help="How to print them; fdupes: one path a line, raw bytes.",
)
@click.option("--csv", "as_csv", is_flag=True, help="The same as --format csv.")
@json_option
@vault_option
def command(
    path: bytes | None,
    limit: int | None,
    min_size: int,
    form: str,
    as_csv: bool,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """List groups of identical files, the most wasteful first.

    With PATH, only the groups that have a copy there. '*' marks the canonical copy, the one to
    keep. Sizes are what the surplus copies take on disk; hard links of one file count once.
    """
    asked = ((form, form != "text"), ("json", as_json), ("csv", as_csv))
    wanted = {name for name, given in asked if given}
    if len(wanted) > 1:
        raise click.UsageError(f"Choose one format of {', '.join(sorted(wanted))}.")
    form = wanted.pop() if wanted else "text"
    if limit is None:
        limit = _LIMIT if form == "text" else 0
    with find_duplicates(vault, path, min_size=min_size) as groups:
        render.print_warnings(groups.warnings)
        if not groups.are_known:
            click.echo("gorillacomb: the first scan has not looked for duplicates yet.", err=True)
            click.echo("Scan again: it continues where it stopped.", err=True)
        shown = itertools.islice(groups, min(limit, sys.maxsize)) if limit else groups
        if form == "json":
            render.print_json(dupes_document(shown))
        elif form == "csv":
            _print_csv(shown)
        elif form == "fdupes":
            _print_fdupes(shown)
        else:
            any_shown = _print_text(shown, groups, _MOST_COPIES if limit else 0)
            for line in render.next_lines(after_dupes(path, any_shown), vault):
                click.echo(line)
    return ExitCode.DONE


def _print_text(shown: Iterable[FileGroup], rest: Iterator[FileGroup], most: int) -> bool:
    """Print groups as text; return whether there were any."""
    first = True
    for group in shown:
        if not first:
            click.echo()
        first = False
        for line in group_lines(group, most):
            click.echo(line)
    if first:
        click.echo("No duplicates.")
    elif next(rest, None) is not None:
        click.echo("\nThere are more groups: --limit 0 shows them all.")
    return not first


def group_lines(group: FileGroup, most: int) -> list[str]:
    """Describe a group as text: the space it wastes, the copy to keep and why, the other copies."""
    head = (
        f"{render.format_size(group.reclaimable)} on disk to reclaim:"
        f" {render.format_count(group.copies, 'copy', 'copies')} of "
        f"{render.format_size(group.size)}"
    )
    lines = [render.styled(head, bold=True)]
    order = sorted(group.files, key=lambda file: not file.is_canonical)
    for file in order[:most] if most else order:
        mark = render.styled("*", fg="green") if file.is_canonical else " "
        lines.append(f"{mark} {render.printable_path(file.path)}{render.copy_notes(file)}")
        if file.is_canonical:
            lines += render.wrapped_paragraph(f"keep: {'; '.join(group.reasons)}", "    ")
    if most and len(order) > most:
        lines.append(f"  and {len(order) - most:,} more; --limit 0 shows them all")
    return lines


def _print_fdupes(groups: Iterable[FileGroup]) -> None:
    odd = 0
    for group in groups:
        paths = [file.path for file in group.files]
        odd += sum(b"\n" in path for path in paths)
        render.write_bytes(b"".join(path + b"\n" for path in [*paths, b""]))
    if odd:
        those = render.format_count(odd, "path has", "paths have")
        click.echo(f"gorillacomb: {those} a newline in it; use --json.", err=True)


def _print_csv(groups: Iterable[FileGroup]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["blake3", "size", "reclaimable", "canonical", "hard_link", "path", "path_b64"])
    for group in groups:
        for file in group.files:
            writer.writerow(
                [
                    group.digest.hex(),
                    group.size,
                    group.reclaimable if file.is_canonical else 0,
                    int(file.is_canonical),
                    int(file.hard_link_of is not None),
                    *path_columns(file.path),
                ]
            )
        render.write_bytes(text.getvalue().encode())
        text.seek(0)
        text.truncate()
    render.write_bytes(text.getvalue().encode())

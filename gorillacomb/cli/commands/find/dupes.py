"""`gorillacomb dupes`: groups of identical files."""

from __future__ import annotations

import csv
import io
import itertools
import sys
from collections.abc import Iterable, Iterator

import click

from gorillacomb.api.lookup import away_notes, look_up_path, open_groups, unknown_path_error
from gorillacomb.cli.options import BytesPath, SizeParam, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.duplicate_groups import has_groups
from gorillacomb.json_paths import path_columns
from gorillacomb.model import DuplicateGroup
from gorillacomb.vault.vault import Vault

_LIMIT = 20
_MOST_COPIES = 20
"""Copies of one group that text shows, unless all groups are asked for."""


@click.command(short_help="List groups of identical files, the most wasteful first.")
@click.argument("path", required=False, type=BytesPath(), metavar="[PATH]")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Show so many groups, 0 for all [default: {_LIMIT} as text, else all].",
)
@click.option(
    "--min-size",
    type=SizeParam(),
    default=0,
    metavar="SIZE",
    help="Leave out groups of smaller files.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "csv", "fdupes"]),
    default="text",
    help="How to print them; fdupes: a path a line, raw bytes.",
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

    With PATH, the groups that have a copy there. '*' marks the canonical copy, the one to keep.
    Sizes are what the surplus copies take on disk; names of one file (hard links) count once.
    """
    asked = ((form, form != "text"), ("json", as_json), ("csv", as_csv))
    wanted = {name for name, given in asked if given}
    if len(wanted) > 1:
        raise click.UsageError(f"Choose one format of {', '.join(sorted(wanted))}.")
    form = wanted.pop() if wanted else "text"
    if limit is None:
        limit = _LIMIT if form == "text" else 0
    with Index.read(vault) as index, translate_errors(vault):
        if not has_groups(index.connection):
            click.echo("gorillacomb: the first scan has not come to its duplicates yet.", err=True)
            click.echo("Scan again: it goes on where it stopped.", err=True)
        groups = (group for group in _groups(index, path) if group.summary.size >= min_size)
        shown = itertools.islice(groups, min(limit, sys.maxsize)) if limit else groups
        if form == "json":
            render.print_json({"groups": [render.group_object(group) for group in shown]})
        elif form == "csv":
            _print_csv(shown)
        elif form == "fdupes":
            _print_fdupes(shown)
        else:
            _print_text(shown, groups, _MOST_COPIES if limit else 0)
    return ExitCode.DONE


def _groups(index: Index, path: bytes | None) -> Iterator[DuplicateGroup]:
    source = open_groups(index)
    if path is None:
        return source.all()
    found = look_up_path(index, path)
    render.print_warnings(away_notes(found))
    if found.folder is not None:
        return source.below(found.folder)
    digest = None if found.file is None else found.file.digest
    group = None if digest is None else source.of_content(digest)
    if found.file is None:
        raise unknown_path_error(found)
    return iter(() if group is None else (group,))


def _print_text(shown: Iterable[DuplicateGroup], rest: Iterator[DuplicateGroup], most: int) -> None:
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


def group_lines(group: DuplicateGroup, most: int) -> list[str]:
    """A group for people: what it wastes, the copy to keep and why, the others."""
    summary = group.summary
    head = (
        f"{render.format_size(summary.reclaimable)} on disk to reclaim:"
        f" {render.format_count(summary.copies, 'copy', 'copies')} of "
        f"{render.format_size(summary.size)}"
    )
    lines = [render.styled(head, bold=True)]
    order = sorted(
        range(len(group.copies)), key=lambda place: (place != group.choice.winner, place)
    )
    for place in order[:most] if most else order:
        mark = render.styled("*", fg="green") if place == group.choice.winner else " "
        path = render.printable_path(group.copies[place].path)
        lines.append(f"{mark} {path}{render.copy_notes(group, place)}")
        if place == group.choice.winner:
            lines += render.wrapped_paragraph(f"keep: {'; '.join(group.choice.reasons)}", "    ")
    if most and len(order) > most:
        lines.append(f"  and {len(order) - most:,} more; --limit 0 shows them all")
    return lines


def _print_fdupes(groups: Iterable[DuplicateGroup]) -> None:
    odd = 0
    for group in groups:
        paths = [copy.path for copy in group.copies]
        odd += sum(b"\n" in path for path in paths)
        render.write_bytes(b"".join(path + b"\n" for path in [*paths, b""]))
    if odd:
        those = render.format_count(odd, "path has", "paths have")
        click.echo(f"gorillacomb: {those} a newline in it; use --json.", err=True)


def _print_csv(groups: Iterable[DuplicateGroup]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["blake3", "size", "reclaimable", "canonical", "hard_link", "path", "path_b64"])
    for group in groups:
        for place, copy in enumerate(group.copies):
            writer.writerow(
                [
                    group.summary.digest.hex(),
                    group.summary.size,
                    group.summary.reclaimable if place == group.choice.winner else 0,
                    int(place == group.choice.winner),
                    int(group.hardlink_of[place] is not None),
                    *path_columns(copy.path),
                ]
            )
        render.write_bytes(text.getvalue().encode())
        text.seek(0)
        text.truncate()
    render.write_bytes(text.getvalue().encode())

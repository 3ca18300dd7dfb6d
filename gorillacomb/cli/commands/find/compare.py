"""`gorillacomb compare`: two folders, entry by entry."""

from __future__ import annotations

import click

from gorillacomb.api.find.compare import Comparison, compare_folders
from gorillacomb.api.find.contents import compare_contents
from gorillacomb.api.next_step.find import after_compare, after_contents
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import BytesPath, json_option, progress_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.cli.output.content_sides import content_lines
from gorillacomb.cli.output.families import PERHAPS_DAMAGED
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode

_SHOWN = 20


@click.command()
@click.argument("a", type=BytesPath())
@click.argument("b", type=BytesPath())
@click.option(
    "--contents",
    is_flag=True,
    help="Show what one of them has and the other lacks, wherever it is there.",
)
@click.option("--files", is_flag=True, help="With --contents: name single files, not folders.")
@click.option("--diff", is_flag=True, help="Show how text files differ.")
@click.option("--all", "whole", is_flag=True, help="Name every entry, however many there are.")
@progress_option
@json_option
@vault_option
def command(
    a: bytes,
    b: bytes,
    contents: bool,
    files: bool,
    diff: bool,
    whole: bool,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Compare the folders A and B: what is the same, changed, moved, only in one.

    Folders that were scanned are compared as of their last scan, without reading them again; other
    folders are read in full. Names, contents, links and executable bits are compared; other modes
    and times are not. Exit code 0 if they are the same, 1 if not, 3 if something was not read.

    With --contents, only contents count, not where or under what name they are. It uses the index
    alone, so that drives that are not connected can be compared: A and B may also be the id or the
    name of a root. A folder that has nothing in common with the other side is one line.
    """
    if files and not contents:
        raise click.UsageError("--files needs --contents.")
    if contents:
        if diff:
            raise click.UsageError("--diff compares by path: leave out --contents.")
        return _compare_contents(vault, a, b, files, whole, as_json)
    found = compare_folders(vault, a, b, progress=progress_for(progress))
    render.print_warnings(found.warnings)
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json(found.to_dict())
        else:
            _tell(found, None if whole else _SHOWN)
            if not found.modes_compared:
                click.echo(
                    "Executable bits were not compared: one file system does not store them."
                )
            for line in found.text_differences() if diff else ():
                click.echo(render.printable(line))
            for line in render.next_lines(after_compare(found), vault):
                click.echo(line)
    return ExitCode.of_check(found=not found.is_same, incomplete=not found.is_complete)


def _compare_contents(
    vault: Vault, a: bytes, b: bytes, files: bool, whole: bool, as_json: bool
) -> ExitCode:
    with compare_contents(vault, a, b) as found:
        render.print_warnings(found.warnings)
        with render.tolerate_closed_pipe():
            if as_json:
                render.print_json(found.to_dict(single_files=files))
            else:
                for line in content_lines(found, files, None if whole else _SHOWN):
                    click.echo(line)
                for line in render.next_lines(after_contents(found, files), vault):
                    click.echo(line)
    return ExitCode.of_check(found=not found.is_same, incomplete=not found.is_complete)


def _tell(comparison: Comparison, shown: int | None) -> None:
    found, room = comparison.diff, render.terminal_width()
    for label, paths in (
        ("changed", found.changed),
        ("only in A", found.only_a),
        ("only in B", found.only_b),
        ("not read", found.unknown),
    ):
        for path in paths[:shown]:
            click.echo(
                f"{label:<11}{render.shorten_path(render.printable_path(path), room and room - 11)}"
            )
            _tell_spelling(comparison, path)
            if label == "changed" and path in found.perhaps_damaged:
                click.echo(f"{'':<11}{PERHAPS_DAMAGED}")
        if shown is not None and len(paths) > shown:
            click.echo(f"{'':<11}and {len(paths) - shown:,} more; --all names them")
    for pair in found.moved[:shown]:
        line = f"{render.printable_path(pair[0])} → {render.printable_path(pair[1])}"
        click.echo(f"{'moved':<11}{render.shorten_path(line, room and room - 11)}")
        _tell_spelling(comparison, pair[0])
    if shown is not None and len(found.moved) > shown:
        click.echo(f"{'':<11}and {len(found.moved) - shown:,} more; --all names them")
    click.echo(f"A: {render.short_path(comparison.a, room and room - 3)}")
    click.echo(f"B: {render.short_path(comparison.b, room and room - 3)}")
    click.echo(
        f"{render.format_count(found.same, 'entry is', 'entries are')} the same,"
        f" {len(found.changed):,} changed, {len(found.moved):,} moved,"
        f" {len(found.only_a):,} only in A, {len(found.only_b):,} only in B"
        + (f", {len(found.unknown):,} not read" if found.unknown else "")
        + "."
    )
    if found.perhaps_damaged:
        number = render.format_count(len(found.perhaps_damaged), "changed file")
        click.echo(f"May be damaged, in A or in B: {number} with the same size and time.")


def _tell_spelling(comparison: Comparison, path: bytes) -> None:
    if cause := comparison.spelling(path):
        click.echo(f"{'':<11}{cause}")

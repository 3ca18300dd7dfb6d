"""`gorillacomb mark`: say what to keep, which copies are intended, and what only looks alike."""

from __future__ import annotations

from collections.abc import Iterator

import click

from gorillacomb.api.dedupe.marks import (
    MarkChange,
    MarkKind,
    clear_marks,
    list_marks,
    mark_paths,
)
from gorillacomb.api.documents.marks import marks_document
from gorillacomb.api.next_step.dedupe import after_marks
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import BytesPath, json_option, vault_option, wait_option
from gorillacomb.cli.output import render
from gorillacomb.cli.output.marks import mark_line
from gorillacomb.errors import ExitCode

_WAIT = 10


@click.group()
def command() -> None:
    """Mark files and folders, so that a decision is made once.

    Marks are entries of the trace: they outlive the index, and follow what is moved. `explain PATH`
    shows them.
    """


_paths = click.argument("paths", nargs=-1, required=True, type=BytesPath(), metavar="PATH...")
_note = click.option("--note", metavar="TEXT", help="Why: shown by `explain` and `mark list`.")


@command.command(short_help="Keep this copy, or this folder, rather than others.")
@_paths
@_note
@wait_option(_WAIT)
@json_option
@vault_option
def keep(paths: tuple[bytes, ...], note: str | None, as_json: bool, vault: Vault) -> ExitCode:
    """Keep a file, or a folder with everything in it.

    It is the copy to keep, whatever the rules say, and no plan removes it or anything in it. The
    mark holds for the place: it stays when the content changes.
    """
    return _mark(MarkKind.KEEP, paths, note, as_json, vault)


@command.command(short_help="Copies that are meant to be there.")
@_paths
@_note
@wait_option(_WAIT)
@json_option
@vault_option
def intended(paths: tuple[bytes, ...], note: str | None, as_json: bool, vault: Vault) -> ExitCode:
    """Say that copies are meant to be there: those named, or all copies of a single PATH.

    They are not reported as duplicates and no plan removes them, until one of them changes.
    """
    return _mark(MarkKind.INTENDED, paths, note, as_json, vault)


@command.command("not-duplicates", short_help="These look alike, and are different things.")
@_paths
@_note
@wait_option(_WAIT)
@json_option
@vault_option
def not_duplicates(
    paths: tuple[bytes, ...], note: str | None, as_json: bool, vault: Vault
) -> ExitCode:
    """Say that files, or folders, look alike and are different things.

    They are not reported as copies of each other, and no plan removes one, or anything in it, for
    the sake of another, until they change.
    """
    return _mark(MarkKind.NOT_DUPLICATES, paths, note, as_json, vault)


@command.command(short_help="Clear the marks of files and folders.")
@_paths
@wait_option(_WAIT)
@json_option
@vault_option
def clear(paths: tuple[bytes, ...], as_json: bool, vault: Vault) -> ExitCode:
    """Clear the marks of files and folders, and of what was marked together with them."""
    change = clear_marks(vault, paths, wait=0)
    render.print_result(change, _story(change, vault), as_json)
    return ExitCode.DONE


@command.command("list", short_help="List all marks.")
@json_option
@vault_option
def list_all(as_json: bool, vault: Vault) -> ExitCode:
    """List all marks, with their dates and notes, and whether what they are about has changed."""
    marks = list_marks(vault)
    if as_json:
        render.print_json(marks_document(marks))
        return ExitCode.DONE
    for each in marks:
        click.echo(mark_line(each))
    if not marks:
        click.echo("No marks yet.")
    for line in render.next_lines(after_marks(marks), vault):
        click.echo(line)
    return ExitCode.DONE


def _mark(
    kind: MarkKind, paths: tuple[bytes, ...], note: str | None, as_json: bool, vault: Vault
) -> ExitCode:
    change = mark_paths(vault, kind, paths, note=note, wait=0)
    render.print_result(change, _story(change, vault), as_json)
    return ExitCode.DONE


def _story(change: MarkChange, vault: Vault) -> Iterator[str]:
    for each in change.marked:
        yield mark_line(each)
    new = {(each.path, each.kind) for each in change.marked}
    for each in change.cleared:
        if (each.path, each.kind) not in new:
            yield f"{render.printable_path(each.path)}: no longer marked {each.kind}"
    yield from render.next_lines(after_marks(change.marked), vault)

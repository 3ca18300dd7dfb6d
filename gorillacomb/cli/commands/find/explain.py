"""`gorillacomb explain`: everything known about one file or folder."""

from __future__ import annotations

import os

import click

from gorillacomb.api.duplicates import FileGroup
from gorillacomb.api.find.explain import ExplainedFile, ExplainedFolder, ExplainedGone, explain_path
from gorillacomb.api.next_step.find import after_explain
from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.admin.status import FILE_STATE_WORDS
from gorillacomb.cli.commands.find.fate import fate_lines
from gorillacomb.cli.options import BytesPath, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.cli.output.families import family_lines, same_path_lines
from gorillacomb.cli.output.good_copies import good_copy_lines
from gorillacomb.cli.output.marks import mark_text
from gorillacomb.errors import ExitCode
from gorillacomb.model import EntryState


@click.command()
@click.argument("path", type=BytesPath())
@click.option(
    "--rules", is_flag=True, help="What each rule does in the choice of the copy to keep."
)
@json_option
@vault_option
def command(path: bytes, rules: bool, as_json: bool, vault: Vault) -> ExitCode:
    """Explain a file or folder: its copies, which of them is canonical, and why.

    For one that no longer exists, say what became of it.
    """
    found = explain_path(vault, path, rules=rules, with_trace=as_json)
    render.print_warnings(found.warnings)
    if as_json:
        render.print_json(found.to_dict())
    elif isinstance(found, ExplainedFolder):
        _explain_folder(found)
        _print_next(found, vault)
    elif isinstance(found, ExplainedFile):
        _explain_file(found)
        _print_next(found, vault)
    else:
        click.echo(render.printable_path(found.path))
        _print_fate(found)
    return ExitCode.DONE


def _print_next(found: ExplainedFile | ExplainedFolder, vault: Vault) -> None:
    for line in render.next_lines(after_explain(found), vault):
        click.echo(line)


def _absence(found: ExplainedFile | ExplainedFolder) -> str:
    """Return a note, printed after the path, for what is in the index but not on disk."""
    if found.is_offline:
        return "  (offline)"
    return "" if os.path.lexists(found.fate.path) else "  (removed since it was scanned)"


def _print_fate(found: ExplainedFile | ExplainedFolder | ExplainedGone) -> None:
    fate = found.fate
    if fate.items or fate.kept_for or isinstance(found, ExplainedGone):
        for line in fate_lines(fate):
            click.echo(line)


def _print_marks(found: ExplainedFile | ExplainedFolder) -> None:
    for mark in found.marks:
        about = "" if mark.path == found.path else f"{render.printable_path(mark.path)} is "
        click.echo(f"  {about}{mark_text(mark)}")


def _print_rules(found: ExplainedFile | ExplainedFolder) -> None:
    if found.rules is None:
        return
    if not found.rules:
        click.echo("  no rule is needed: it has no copies")
        return
    click.echo("  the rules in their order, yours marked with *:")
    decided = False
    for number, effect in enumerate(found.rules, 1):
        text = "not needed" if decided else "makes no difference"
        if effect.reason is not None:
            text = f"leaves {effect.left:,}, because {effect.reason}"
        decided = decided or effect.left == 1
        click.echo(f"  {number:>4}{'*' if effect.is_own else ' '} {effect.name}: {text}")
        for path in effect.dropped:
            click.echo(f"          not {render.printable_path(path)}")


def _explain_folder(found: ExplainedFolder) -> None:
    totals, family = found.totals, found.family
    click.echo(render.printable_path(found.path) + _absence(found))
    click.echo(
        f"  {render.format_count(totals.files, 'file')}, {render.format_size(totals.bytes)},"
        f" {render.format_count(totals.folders, 'folder')} below it"
    )
    click.echo(
        f"  {render.format_count(totals.duplicates, 'file')} "
        f"({render.format_size(totals.duplicate_bytes)})"
        " also exist somewhere else, in this folder or outside it"
    )
    if totals.gaps:
        cause = f" ({totals.cause})" if totals.cause else ""
        entries = render.format_count(totals.gaps, "entry", "entries")
        click.echo(f"  not complete: {entries} not read, or damaged{cause}")
    _print_marks(found)
    _print_fate(found)
    if found.same_path is not None:
        for line in same_path_lines(found.same_path):
            click.echo(line)
    elif family is not None:
        click.echo("  one of several copies:")
        for line in family_lines(family):
            click.echo(line)
    _print_rules(found)


def _explain_file(found: ExplainedFile) -> None:
    file, group = found.file, found.group
    click.echo(render.printable_path(file.path) + _absence(found))
    click.echo(
        f"  {found.kind}, {render.format_size(file.size)}, modified "
        f"{render.format_time(file.mtime_ns)}"
    )
    if file.state != EntryState.HASHED:
        click.echo(f"  {FILE_STATE_WORDS[file.state]}" + (f": {file.cause}" if file.cause else ""))
    if file.target is not None:
        click.echo(f"  points to {render.printable_path(file.target)}")
    _print_marks(found)
    _print_fate(found)
    if file.digest is None:
        return
    if found.is_damaged:
        click.echo(f"  blake3 of its good content {file.digest.hex()}")
        for line in good_copy_lines(found.good_copies):
            click.echo(line)
        return
    click.echo(f"  blake3 {file.digest.hex()}")
    if file.checked_ns:
        click.echo(f"  read {render.format_time(file.checked_ns)}")
    if found.stamp is not None:
        click.echo(f"  stamped in the trace: entry {found.stamp:,}")
    if group is None:
        click.echo("  empty, like any other empty file" if not file.size else "  in no group")
    elif len(group.files) > 1:
        _print_copies(found, group)
        _print_rules(found)
    elif found.fate.kept_for:
        click.echo("  the only copy that is not in quarantine")
    else:
        click.echo("  the only copy that is known")


def _print_copies(found: ExplainedFile, group: FileGroup) -> None:
    mine = "this one" if found.is_canonical else render.printable_path(group.canonical.path)
    click.echo(f"  canonical: {mine}")
    for line in render.wrapped_paragraph(f"because: {'; '.join(group.reasons)}", "    "):
        click.echo(line)
    copies = render.format_count(group.copies, "copy", "copies")
    names = render.format_count(len(group.files), "name")
    click.echo(f"  {copies}:" if group.copies == len(group.files) else f"  {copies} under {names}:")
    for copy in group.files:
        click.echo(f"    {render.printable_path(copy.path)}{render.copy_notes(copy)}")

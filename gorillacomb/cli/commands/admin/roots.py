"""`gorillacomb roots`: the drives and folders that the vault knows."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from gorillacomb.api.paths import absolute_path
from gorillacomb.cli.commands.admin.status import (
    absence,
    quarantine_object,
    root_lines,
    root_object,
)
from gorillacomb.cli.options import BytesPath, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.dedupe.quarantine.inventory import QuarantinedRun, quarantined_runs
from gorillacomb.dedupe.quarantine.run_folders import run_folder
from gorillacomb.dedupe.roots import live_roots_of
from gorillacomb.errors import ExitCode, RefusedForSafety, UsageError
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import roots as root_table
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.duplicate_groups import rebuild_groups
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import Root
from gorillacomb.vault.vault import Vault


@click.group(short_help="List the drives and folders known, or forget one.")
def command() -> None:
    """List the drives and folders that were scanned, or forget one that was sold."""


@command.command("list", short_help="List the roots, where they are and when they were scanned.")
@json_option
@vault_option
def list_roots(as_json: bool, vault: Vault) -> ExitCode:
    """List the roots: where they are, whether they are connected, when they were scanned."""
    with Index.read(vault) as index, translate_errors(vault):
        roots = root_table.all_roots(index.connection)
        if as_json:
            render.print_json({"roots": [root_object(index, root) for root in roots]})
            return ExitCode.DONE
        for root in roots:
            click.echo(render.printable_path(root.path))
            for line in root_lines(index, root)[1:]:
                click.echo(line)
            click.echo(f"  id {root.uid}" + ("" if is_online(root) else f", {absence(root)}"))
        if not roots:
            click.echo("No roots. Comb one: gorillacomb scan PATH")
    return ExitCode.DONE


@command.command(short_help="Forget a root and all that is known of it.")
@click.argument("root", type=BytesPath(), metavar="PATH|ID")
@click.option(
    "--force", is_flag=True, help="Forget it, even if something is waiting in quarantine."
)
@json_option
@vault_option
def forget(root: bytes, force: bool, as_json: bool, vault: Vault) -> ExitCode:
    """Forget a root, named by its path or id, and all that the index knows of it.

    No file under it is touched; scanning it again brings it back. While something is
    waiting in its quarantine it is kept (exit code 5), unless --force is given. Where
    several drives were scanned at one path, the id says which one; on a terminal you are
    asked.
    """
    with Index.read(vault) as index, translate_errors(vault):
        uid = _named(index, root).uid  # it may take the user a while to say which
    with Index.write(vault) as index, translate_errors(vault):
        known = _named(index, uid.encode())
        facts = root_table.root_facts(index.connection, known)
        left = _left_behind(index, known)
        if left and not force:
            raise RefusedForSafety(
                f"{render.printable_path(known.path)} is not forgotten: {_waiting_text(left)}.",
                "Put it back with `gorillacomb dedupe --undo RUN`, or delete it with"
                " `--empty-quarantine`; or forget it all the same with --force.",
            )
        with index.atomic():
            root_table.forget_root(index.connection, known)
            rebuild_groups(index.connection)
        index.commit()
    if as_json:
        forgotten = {**path_to_json(known.path), "root": known.uid}
        waiting = [quarantine_object(each) for each in left]
        render.print_json({"forgotten": forgotten, "quarantine": waiting})
    else:
        files = render.format_count(facts.files, "file")
        click.echo(
            f"Forgot {render.printable_path(known.path)} ({files}). Its files are untouched."
        )
        if left:
            click.echo(f"Left behind: {_waiting_text(left)}.")
            click.echo("`gorillacomb dedupe --history` and `--undo RUN` still find it there.")
    return ExitCode.DONE


def _left_behind(index: Index, root: Root) -> list[QuarantinedRun]:
    """What waits in quarantines that no other root leads to."""
    roots = live_roots_of(index, suspect=True)
    others = quarantined_runs(each for each in roots if each.uid != root.uid)
    found = {(each.base, each.run) for each in others}
    return [
        each
        for each in quarantined_runs(roots)
        if each.steps and (each.base, each.run) not in found
    ]


def _waiting_text(left: list[QuarantinedRun]) -> str:
    files, size = sum(each.files for each in left), sum(each.size for each in left)
    places = sorted({render.printable_path(run_folder(each.base, each.run)) for each in left})
    return (
        f"{render.format_count(files, 'file')} ({render.format_size(size)}) set aside by"
        f" {render.format_count(len({each.run for each in left}), 'run')} in quarantine in "
        + ", ".join(places)
    )


def _named(index: Index, name: bytes) -> Root:
    """The root that has a path or an id; of several with one path, the one that the user says.

    Raises UsageError: for a path that is no root's, for one of several where nobody is there to
    ask, and for one of a drive that is not there while something else is in its place.
    """
    roots = root_table.all_roots(index.connection)
    for root in roots:
        if root.uid.encode() == name:
            return root
    places = (name, absolute_path(name), real_path(name))
    found = [root for root in roots if root.path in places]
    if not found:
        raise UsageError(
            f"No root is called {render.printable_path(name)}.", "See `gorillacomb roots list`."
        )
    around = root_table.roots_of_path(found, found[0].path)
    if len(found) == 1 and (around.here or not around.occupied):
        return found[0]
    return _asked(index, found)


def _asked(index: Index, roots: Sequence[Root]) -> Root:
    """The root that the user chooses of some with one path. Raises UsageError."""
    lines = [_choice(index, root) for root in roots]
    shown = render.printable_path(roots[0].path)
    if not sys.stdin.isatty():
        what = f"{shown} is the path of {len(roots)} roots"
        if len(roots) == 1:
            what = f"What was scanned at {shown} is not there now, but something else is"
        raise UsageError(
            f"{what}: {'; '.join(lines)}.", "Name one by its id: gorillacomb roots forget ID"
        )
    click.echo(f"{shown} is the path of:", err=True)
    for number, line in enumerate(lines, 1):
        click.echo(f"  {number}  {line}", err=True)
    number = click.prompt("Forget which", type=click.IntRange(1, len(roots)), err=True)
    return roots[number - 1]


def _choice(index: Index, root: Root) -> str:
    """One of several roots with one path, in a line."""
    facts = root_table.root_facts(index.connection, root)
    there = "there now" if is_online(root) else "not there now"
    files = render.format_count(facts.files, "file")
    return f"{root.uid}, {there}, {files} on {root.volume_type}"

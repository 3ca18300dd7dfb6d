"""`gorillacomb roots`: the drives and folders that the vault knows."""

from __future__ import annotations

import click

from gorillacomb.cli.commands.admin.status import root_lines, root_object
from gorillacomb.cli.options import BytesPath, absolute_path_option, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, UsageError
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
    """List the roots: where they are, whether they are there now, when they were scanned."""
    with Index.read(vault) as index, translate_errors(vault):
        roots = root_table.all_roots(index.connection)
        if as_json:
            render.print_json({"roots": [root_object(index, root) for root in roots]})
            return ExitCode.DONE
        for root in roots:
            click.echo(render.printable_path(root.path))
            for line in root_lines(index, root)[1:]:
                click.echo(line)
            click.echo(f"  id {root.uid}" + ("" if is_online(root) else ", offline"))
        if not roots:
            click.echo("No roots. Comb one: gorillacomb scan PATH")
    return ExitCode.DONE


@command.command(short_help="Drop a root and all that is known of it.")
@click.argument("root", type=BytesPath(), metavar="PATH|ID")
@json_option
@vault_option
def forget(root: bytes, as_json: bool, vault: Vault) -> ExitCode:
    """Drop a root, named by its path or id, and all that the index knows of it.

    No file under it is touched; scanning it again brings it back.
    """
    vault.check()
    with Index.write(vault) as index, translate_errors(vault):
        known = _named(root_table.all_roots(index.connection), root)
        facts = root_table.root_facts(index.connection, known)
        with index.atomic():
            root_table.forget_root(index.connection, known)
            rebuild_groups(index.connection)
        index.commit()
    if as_json:
        render.print_json({"forgotten": {**path_to_json(known.path), "root": known.uid}})
    else:
        files = render.format_count(facts.files, "file")
        click.echo(
            f"Forgot {render.printable_path(known.path)} ({files}). Its files are untouched."
        )
    return ExitCode.DONE


def _named(roots: list[Root], name: bytes) -> Root:
    for root in roots:
        places = (name, absolute_path_option(name), real_path(name))
        if root.path in places or root.uid.encode() == name:
            return root
    raise UsageError(
        f"No root is called {render.printable_path(name)}.", "See `gorillacomb roots list`."
    )

"""`gorillacomb roots`: the drives and folders that the vault knows."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from gorillacomb.api.documents.status import roots_document
from gorillacomb.api.next_step.upkeep import after_roots
from gorillacomb.api.roots import RootStatus, forget_root, name_root, root_text, waiting_text
from gorillacomb.api.roots import list_roots as known_roots
from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.admin.status import absence, root_lines
from gorillacomb.cli.options import BytesPath, json_option, vault_option, wait_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode


class _ListedByDefault(click.Group):
    """A group whose command is ``list`` unless one is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_unnamed = not args or (args[0][:1] == "-" and args[0] not in ctx.help_option_names)
        if is_unnamed and not ctx.resilient_parsing:  # of a shell that completes words
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ListedByDefault)
def command() -> None:
    """List the drives and folders that were scanned, name one, or forget one that was sold.

    Without a command, list them.
    """


@command.command("list", short_help="List the roots, where they are and when they were scanned.")
@json_option
@vault_option
def list_roots(as_json: bool, vault: Vault) -> ExitCode:
    """List the roots: where they are, whether they are connected, when they were scanned."""
    roots = known_roots(vault)
    if as_json:
        render.print_json(roots_document(roots))
        return ExitCode.DONE
    for each in roots:
        click.echo(render.printable_path(each.path) + render.name_note(each.name))
        for line in root_lines(each)[1:]:
            click.echo(line)
        click.echo(f"  id {each.id}" + ("" if each.is_online else f", {absence(each)}"))
    if not roots:
        click.echo("No roots yet.")
    for line in render.next_lines(after_roots(roots), vault):
        click.echo(line)
    return ExitCode.DONE


@command.command(short_help="Give a root a name of your own.")
@click.argument("root", type=BytesPath(), metavar="PATH|ID")
@click.argument("name")
@json_option
@wait_option()
@vault_option
def name(root: bytes, name: str, as_json: bool, vault: Vault) -> ExitCode:
    """Give a root, named by its path or id, a name of your own, such as "Old laptop".

    Reports show the name beside the path; `roots forget` and `compare --contents` accept it instead
    of one. An empty name, '', takes it away. It is kept in the vault's index: the drive itself is
    not changed.
    """
    named = name_root(vault, root, name or None)
    if as_json:
        render.print_json(named.to_dict())
    elif named.name is None:
        click.echo(f"{render.printable_path(named.path)} has no name now.")
    else:
        click.echo(f"{render.printable_path(named.path)} is called {named.name} now.")
    return ExitCode.DONE


@command.command(short_help="Forget a root and everything known about it.")
@click.argument("root", type=BytesPath(), metavar="PATH|ID|NAME")
@click.option("--force", is_flag=True, help="Forget it even if its quarantine is not empty.")
@json_option
@wait_option()
@vault_option
def forget(root: bytes, force: bool, as_json: bool, vault: Vault) -> ExitCode:
    """Forget a root, named by its path, id or name, and everything the index knows about it.

    No file under it is touched; scanning it again brings it back. A root with items in its
    quarantine is kept (exit code 5), unless --force is given. Where several drives were scanned at
    one path, the id says which one; on a terminal you are asked.
    """
    forgotten = forget_root(vault, root, force=force, choose=_asked if sys.stdin.isatty() else None)
    if as_json:
        render.print_json(forgotten.to_dict())
        return ExitCode.DONE
    files = render.format_count(forgotten.files, "file")
    shown = render.printable_path(forgotten.path)
    click.echo(f"Forgot {shown} ({files}). Its files are untouched.")
    if forgotten.quarantine:
        click.echo(f"Left in place: {render.printable(waiting_text(forgotten.quarantine))}.")
        click.echo("`gorillacomb dedupe --history` and `--undo RUN` still find it there.")
    return ExitCode.DONE


def _asked(roots: Sequence[RootStatus]) -> RootStatus:
    """Ask which of several roots with the same path is meant."""
    click.echo(f"{render.printable_path(roots[0].path)} is the path of:", err=True)
    for number, each in enumerate(roots, 1):
        click.echo(f"  {number}  {root_text(each)}", err=True)
    number = click.prompt("Forget which", type=click.IntRange(1, len(roots)), err=True)
    return roots[number - 1]

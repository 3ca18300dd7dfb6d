"""`gorillacomb vault`: check, back up, restore and remove the vault."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gorillacomb.api.next_step.upkeep import after_check, after_remove, after_restore
from gorillacomb.api.upkeep.backup import back_up_vault
from gorillacomb.api.upkeep.check import check_vault
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import json_option, vault_option, wait_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, RefusedForSafety

if TYPE_CHECKING:
    from gorillacomb.api.upkeep.remove import VaultRemoval
    from gorillacomb.api.upkeep.restore import VaultRestore


_EXAMINED = {
    True: "fit",
    False: "not fit for removals",
    None: "not measured on this version of the system, which removals on macOS ask for",
}


@click.group()
def command() -> None:
    """Check, back up, restore or remove the folder that holds the index and the trace."""


@command.command(short_help="Check that the vault is sound.")
@json_option
@vault_option
def check(as_json: bool, vault: Vault) -> ExitCode:
    """Check the databases, every entry of the trace, and that all of it belongs together.

    Also the files of the mesh, if there are any: those of a witness above all.

    Exit code 0 if everything is in order, else 1.
    """
    found = check_vault(vault)
    if as_json:
        render.print_json(found.to_dict())
    else:
        click.echo(f"index: {found.index or 'sound'}")
        click.echo(f"trace: {found.trace or f'sound, {found.entries:,} entries'}")
        others = {
            "together": found.together,
            "tokens": found.tokens,
            "scrolls": found.scrolls,
            "mesh": found.mesh,
        }
        for name, wrong in others.items():
            if wrong:
                click.echo(f"{name}: {render.printable(wrong)}")
        for root in found.examined:
            if root.is_fit is not None or sys.platform == "darwin":
                said = _EXAMINED[root.is_fit]
                click.echo(f"doctor: {render.printable_path(root.path)}: {said}")
        for line in render.next_lines(after_check(), vault):
            click.echo(line)
    return ExitCode.DONE if found.is_sound else ExitCode.FOUND


@command.command("backup", short_help="Copy the vault, also while it is in use.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@json_option
@vault_option
def back_up(folder: Path, as_json: bool, vault: Vault) -> ExitCode:
    """Copy index, trace, scrolls and the files of the mesh into a new folder.

    Each is copied as of one moment. Tokens are omitted: they live for minutes, and a vault that is
    restored takes none of them.

    Keys are not in the vault: back up the config folder too, in another place. `vault restore` puts
    a backup back.
    """
    backup = back_up_vault(vault, folder)
    if as_json:
        render.print_json(backup.to_dict())
    else:
        click.echo(f"Copied {render.format_size(backup.size)} to {folder}")
    return ExitCode.DONE


@command.command(short_help="Put a backup back as the vault.")
@click.argument("backup", type=click.Path(path_type=Path), metavar="BACKUP")
@click.option(
    "--replace", is_flag=True, help="Replace the vault that is there; it is kept beside it."
)
@click.option(
    "--without-keys", is_flag=True, help="Restore it even if keys that signed its trace are lost."
)
@json_option
@wait_option()
@vault_option
def restore(
    backup: Path, replace: bool, without_keys: bool, as_json: bool, vault: Vault
) -> ExitCode:
    """Put a folder made by `vault backup` back as the vault, all of it or nothing.

    It is copied and checked first: both databases, every entry of the trace, and that its keys are
    here. A vault that exists, damaged or not, is replaced only with --replace, and is then kept
    beside the new one under another name. BACKUP is not changed.

    Stop a watcher first (exit code 5 while one is running).
    """
    from gorillacomb.api.upkeep.restore import restore_vault

    result = restore_vault(vault, backup, replace=replace, without_keys=without_keys)
    render.print_result(result, _restored_lines(result, vault), as_json)
    return ExitCode.DONE


def _restored_lines(result: VaultRestore, vault: Vault) -> Iterator[str]:
    size = render.format_size(result.size)
    entries = render.format_count(result.entries, "entry", "entries")
    index = "an index" if result.has_index else "no index, which the next scan builds,"
    yield f"Restored {render.printable_path(bytes(result.vault))} ({size})"
    yield f"  from {render.printable_path(bytes(result.backup))}"
    yield f"  with {index} and a trace of {entries}, all of them sound"
    if result.kept is not None:
        yield f"The vault that was there is kept: {render.printable_path(bytes(result.kept))}"
    if result.needs_adopt:
        yield "More was signed on this machine than the backup has, or a key is missing."
    if result.scrolls is not None:
        yield f"A scroll is not as it was: {render.printable(result.scrolls)}"
    yield from render.next_lines(after_restore(result), vault)


@command.command(short_help="Delete the vault, after naming what is lost.")
@click.option(
    "--yes-remove",
    type=click.IntRange(min=0),
    metavar="N",
    help="Remove it without being asked, while N files wait in quarantines (0 if none do).",
)
@json_option
@wait_option()
@vault_option
def remove(yes_remove: int | None, as_json: bool, vault: Vault) -> ExitCode:
    """Delete the vault: the index, and the trace, which nothing can rebuild.

    What waits in quarantines is named first, and the number of its files has to be typed, or given
    with --yes-remove. Nothing on any scanned drive is touched: not the files, and not the
    quarantines, which never empty by themselves. `dedupe --undo DIR` takes back a run without a
    vault. Keys and settings stay in the config folder.
    """
    from gorillacomb.api.upkeep.remove import remove_vault

    asked = _is_removal_typed if sys.stdin.isatty() else None
    result = remove_vault(vault, confirm=asked if yes_remove is None else yes_remove)
    render.print_result(result, _removed_lines(result, vault), as_json)
    return ExitCode.DONE


def _is_removal_typed(what: VaultRemoval) -> bool:
    """Show what is lost and left; ask for the number of waiting files, which shows it was read."""
    for line in _removal_lines(what, "Would be deleted"):
        click.echo(line, err=True)
    files = what.waiting_files
    if not files:
        return click.confirm("Delete the vault?", err=True)
    typed = click.prompt(f"Type the number of waiting files ({files:,}) to delete it", err=True)
    if typed.replace(",", "").strip() != str(files):
        raise RefusedForSafety("That is not the number of files: the vault was not removed.")
    return True


def _removed_lines(result: VaultRemoval, vault: Vault) -> Iterator[str]:
    yield from _removal_lines(result, "Deleted")
    if vault.folder.is_symlink():
        link = render.printable_path(bytes(vault.folder))
        yield f"Left: the link {link}, which leads to nothing now."
    yield from render.next_lines(after_remove(result), vault)


def _removal_lines(what: VaultRemoval, verb: str) -> Iterator[str]:
    """Say what waits in quarantines, what is lost with a vault, and what is left."""
    if what.quarantine:
        files = render.format_count(what.waiting_files, "file")
        yield f"{files} still in quarantine, which nothing but --empty-quarantine deletes:"
        for each in what.quarantine:
            size, files = render.format_size(each.size), render.format_count(each.files, "file")
            yield f"  {size:>9}  {files} in {render.printable_path(each.folder)}"
    for path in what.unknown:
        shown = render.printable_path(path)
        yield f"Not connected, so it is not known whether anything waits there: {shown}"
    if not what.is_readable:
        yield "The index cannot be read: it is not known what waits in quarantines."
    entries = "a trace that cannot be read"
    if what.entries is not None:
        entries = f"the trace of {render.format_count(what.entries, 'entry', 'entries')}, for good"
    yield (
        f"{verb}: the vault {render.printable_path(bytes(what.folder))}"
        f" ({render.format_size(what.size)}) with its index and {entries}"
    )
    keys = render.printable_path(bytes(what.keys))
    yield f"Left: scanned drives, quarantines, and the keys in {keys}"

"""`gorillacomb vault`: is it sound, and a copy of it while it is in use."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gorillacomb import sqlite
from gorillacomb.cli import render
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.dedupe.record import check_index, read_trace
from gorillacomb.errors import UsageFault, VaultError
from gorillacomb.index.database import Index, explaining
from gorillacomb.index.vault import Vault
from gorillacomb.vaultmesh.audit import audit


@click.group(short_help="Check the vault, or copy it while it is in use.")
def command() -> None:
    """The folder with the index and the trace."""


@command.command(short_help="Is the vault sound?")
@json_option
@vault_option
def check(as_json: bool, vault: Vault) -> int:
    """Check both databases, every entry of the trace, and that they go together.

    Exit code 0 when all is well, 1 when something is not.
    """
    found: dict[str, str | None] = {"index": None, "trace": None, "together": None}
    entries = 0
    try:
        with Index.read(vault) as index, explaining(vault):
            found["index"] = sqlite.damage(index.connection)
    except VaultError as error:
        if not vault.folder.exists():
            raise
        found["index"] = error.message
    try:
        with read_trace(vault) as ledger:
            result = audit(ledger)
            found["trace"], entries = ledger.damage() or result.reason, result.entries
            if found["index"] is None and found["trace"] is None:
                with Index.read(vault) as index, explaining(vault):
                    found["together"] = check_index(index, ledger)
    except VaultError as error:
        found["trace"] = error.message
    ok = not any(found.values())
    if as_json:
        render.print_json({"ok": ok, "entries": entries, **found})
    else:
        click.echo(f"index: {found['index'] or 'sound'}")
        click.echo(f"trace: {found['trace'] or f'sound, {entries:,} entries'}")
        if found["together"]:
            click.echo(f"together: {found['together']}")
    return 0 if ok else 1


@command.command(short_help="Copy the vault, also while it is in use.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@json_option
@vault_option
def backup(folder: Path, as_json: bool, vault: Vault) -> int:
    """Copy index and trace into a new folder, each as of one moment.

    Keys are not in the vault: back up the config folder too, elsewhere. After
    putting a backup back: gorillacomb trace adopt.
    """
    vault.check()
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise UsageFault(
            f"{folder} cannot be made: {os.strerror(error.errno or 0).lower()}.",
            "Name a folder that does not exist yet.",
        ) from error
    # The index first: one that is behind its trace is brought up to date by a scan.
    with Index.read(vault) as index, explaining(vault):
        sqlite.copy(index.connection, folder / vault.index.name)
    with read_trace(vault) as ledger:
        ledger.backup(folder / vault.trace.name)
    size = sum(os.stat(path).st_size for path in folder.iterdir())
    if as_json:
        render.print_json({"backup": render.path_object(bytes(folder)), "bytes": size})
    else:
        click.echo(f"Copied {render.size(size)} to {folder}")
    return 0

"""`gorillacomb vault`: is it sound, and a copy of it while it is in use."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import click

from gorillacomb import sqlite
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, UsageError, VaultError
from gorillacomb.fs.durable_files import copy_file, remove_new_folder, sync_folder
from gorillacomb.fs.openat import os_error_text
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import path_to_json
from gorillacomb.stamping.consistency import check_index
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.audit import audit
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.error_text import translate_errors as trace_explaining
from gorillacomb.vaultmesh.open import open_trace_for_reading


@click.group(short_help="Check the vault, or copy it while it is in use.")
def command() -> None:
    """The folder with the index and the trace."""


@command.command(short_help="Is the vault sound?")
@json_option
@vault_option
def check(as_json: bool, vault: Vault) -> ExitCode:
    """Check both databases, every entry of the trace, and that they belong together.

    Exit code 0 when everything is in order, 1 when something is not.
    """
    found: dict[str, str | None] = {"index": None, "trace": None, "together": None}
    entries = 0
    with ExitStack() as opened:
        # The index first, and as of one moment: it is then never ahead of the trace.
        index = None
        try:
            index = opened.enter_context(Index.read(vault))
            with translate_errors(vault):
                sqlite.begin_snapshot(index.connection)
                found["index"] = sqlite.integrity_error(index.connection)
        except VaultError as error:
            if not vault.folder.exists():
                raise
            found["index"] = error.message
        try:
            with open_trace_for_reading(vault) as ledger, translate_content_errors(vault.trace):
                result = audit(ledger)
                found["trace"], entries = result.reason, result.entries
                if index is not None and not any(found.values()):
                    with translate_errors(vault):
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
    return ExitCode.DONE if ok else ExitCode.FOUND


@command.command(short_help="Copy the vault, also while it is in use.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@json_option
@vault_option
def backup(folder: Path, as_json: bool, vault: Vault) -> ExitCode:
    """Copy index and trace into a new folder, each as of one moment.

    Keys are not in the vault: back up the config folder too, elsewhere. After
    putting a backup back: gorillacomb trace adopt.
    """
    vault.check()
    with Index.read(vault) as index, translate_errors(vault):
        # The index first: one that is behind its trace is brought up to date by a scan.
        sqlite.begin_snapshot(index.connection)
        # The traces before an adopt: nobody writes to those any more.
        adopted = [path for path in sorted(vault.folder.glob("trace-*.db*")) if path.is_file()]
        with open_trace_for_reading(vault) as ledger:
            try:
                folder.mkdir(mode=0o700, parents=True)
            except OSError as error:
                raise UsageError(
                    f"{folder} cannot be made: {os_error_text(error)}.",
                    "Name a folder that does not exist yet.",
                ) from error
            try:
                with trace_explaining(folder / vault.index.name):
                    sqlite.copy(index.connection, folder / vault.index.name)
                ledger.tables.backup(folder / vault.trace.name)
                for path in adopted:
                    copy_file(path, folder / path.name, 0o600)
                sync_folder(folder)
                sync_folder(folder.parent)
            except BaseException:
                names = (vault.index.name, vault.trace.name, *(path.name for path in adopted))
                remove_new_folder(folder, names)  # half a backup is none
                raise
    size = sum(os.stat(path).st_size for path in folder.iterdir())
    if as_json:
        render.print_json({"backup": path_to_json(bytes(folder)), "bytes": size})
    else:
        click.echo(f"Copied {render.format_size(size)} to {folder}")
    return ExitCode.DONE

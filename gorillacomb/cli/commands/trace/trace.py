"""`gorillacomb trace`: check, show, prove and export the record of every canonical file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import click

from gorillacomb.api.find.fate import trace_path
from gorillacomb.api.trace import VaultTrace
from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.find.fate import fate_lines
from gorillacomb.cli.commands.trace import adopt, verify
from gorillacomb.cli.commands.trace.entry_line import entry_line
from gorillacomb.cli.options import BytesPath, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode


@click.group()
def command() -> None:
    """Work with the VaultMesh trace: an append-only, hash-chained, signed record.

    `gorillacomb scan` adds to it; nothing is ever removed from it.
    """


command.add_command(verify.command, "verify")
command.add_command(adopt.command, "adopt")


@command.command(short_help="Show the last entries.")
@click.option(
    "-n",
    "--last",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="How many; 0 for all.",
)
@json_option
@vault_option
def log(last: int, as_json: bool, vault: Vault) -> ExitCode:
    """Show the last entries of the trace, oldest first."""
    entries = VaultTrace(vault).entries(last or None)
    if as_json:
        render.print_json({"entries": list(entries)})
    else:
        for entry in entries:
            click.echo(entry_line(entry))
    return ExitCode.DONE


@command.command(short_help="Show the history of one file.")
@click.argument("path", type=BytesPath())
@json_option
@vault_option
def show(path: bytes, as_json: bool, vault: Vault) -> ExitCode:
    """Show every entry about a file, including entries from when it was elsewhere."""
    fate = trace_path(vault, path)
    render.print_warnings(fate.warnings)
    if as_json:
        render.print_json(fate.to_dict())
        return ExitCode.DONE
    for entry in fate.entries:
        click.echo(entry_line(entry))
        for reason in cast(Sequence[str], entry.get("reasons", ())):
            click.echo(f"       because: {render.printable(reason)}")
    if fate.items or fate.kept_for:
        for line in fate_lines(fate):
            click.echo(line)
    if not fate.entries:
        click.echo("No entry is about it: only the canonical copy of a content is stamped.")
    return ExitCode.DONE


@command.command(short_help="Print the signed checkpoint, to be kept elsewhere.")
@vault_option
def checkpoint(vault: Vault) -> ExitCode:
    """Print the last checkpoint: a signed note with the size and root hash of the trace.

    Kept on another machine or on paper, it proves later, with `trace verify --checkpoint FILE`,
    that nothing before it was changed.
    """
    render.write_bytes(VaultTrace(vault).checkpoint())
    return ExitCode.DONE


@command.command(short_help="Prove that a file's stamp is in the trace.")
@click.argument("path", type=BytesPath())
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write the proof [default: stdout].",
)
@vault_option
def prove(path: bytes, output: Path | None, vault: Vault) -> ExitCode:
    """Write a proof that the stamp of a file, or of its content, is in the trace.

    For a missing file: its last stamp. The proof can be checked without the vault: gorillacomb
    trace verify --proof FILE.
    """
    proof = VaultTrace(vault).prove(path)
    if output is None:
        render.write_bytes(proof.data)
    else:
        proof.save(output)
    click.echo(f"Proof of entry {proof.seq:,}:", err=True)
    click.echo(entry_line(proof.entry), err=True)
    return ExitCode.DONE


@command.command(short_help="Write the exact entries and the checkpoint into a folder.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@vault_option
def export(folder: Path, vault: Vault) -> ExitCode:
    """Write entries.jsonl and checkpoint into a new folder.

    Thirty lines of code can recompute the signed root hash from them.
    """
    size = VaultTrace(vault).export(folder)
    click.echo(f"{render.format_count(size, 'entry', 'entries')} in {folder}", err=True)
    return ExitCode.DONE

"""`gorillacomb trace`: the record of every canonical file, checked, shown, proved, exported."""

from __future__ import annotations

from pathlib import Path

import click

from gorillacomb.api.lookup import PathLookup, look_up_path, unknown_path_error
from gorillacomb.cli.commands.find.fate import fate_lines, fate_object, fate_of
from gorillacomb.cli.commands.trace import adopt, verify
from gorillacomb.cli.commands.trace.reading import entry_line, open_trace
from gorillacomb.cli.options import BytesPath, drop_value, json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, UsageError, VaultRolledBack
from gorillacomb.fs.durable_files import create_file, sync_folder
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import relative_path
from gorillacomb.index import stamps
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import path_to_json
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import jcs, proof
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.history import path_history
from gorillacomb.vaultmesh.ledger import Ledger


@click.group(short_help="The signed record of every canonical file: check it, show it, prove it.")
def command() -> None:
    """The VaultMesh trace: an append-only, hash-chained, signed record.

    `gorillacomb scan` adds to it; nothing is ever taken out of it.
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
    """Show the last entries of the trace, the oldest of them first."""
    with open_trace(vault) as ledger:
        start = max(ledger.size - last, 0) if last else 0
        if as_json:
            render.print_json(
                {"entries": [jcs.parse_own(entry) for _, entry in ledger.entries(start)]}
            )
            return ExitCode.DONE
        for _, entry in ledger.entries(start):
            click.echo(entry_line(jcs.parse_own(entry)))
    return ExitCode.DONE


@command.command(short_help="Show the history of one file.")
@click.argument("path", type=BytesPath())
@json_option
@vault_option
def show(path: bytes, as_json: bool, vault: Vault) -> ExitCode:
    """Show every entry about a file, also from when it stood elsewhere."""
    with Index.read(vault) as index, translate_errors(vault):
        found = look_up_path(index, path)
        with translate_content_errors(vault.trace):
            fate = fate_of(index, found)
        if found.root is None and not fate.is_known:
            raise unknown_path_error(found)
    if as_json:
        render.print_json({**path_to_json(found.path), "trace": fate.entries, **fate_object(fate)})
        return ExitCode.DONE
    for entry in fate.entries:
        click.echo(entry_line(entry))
        for reason in entry.get("reasons", ()):
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
    """Print the last checkpoint: a signed note with size and root of the trace.

    Kept on another machine or on paper, it proves later, with `trace verify
    --checkpoint FILE`, that nothing before it was changed.
    """
    with open_trace(vault) as ledger:
        render.write_bytes(ledger.checkpoint())
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

    Of a file that is gone: the last stamp that it had. The proof can be checked
    without the vault: gorillacomb trace verify --proof FILE.
    """
    with Index.read(vault) as index, translate_errors(vault):
        found = look_up_path(index, path)
        if found.root is None:
            raise unknown_path_error(found)
        if found.folder is not None:
            raise UsageError(
                f"{render.printable_path(found.path)} is a folder.", "Name a file in it."
            )
        digest = None if found.file is None else found.file.digest
        stamp = None if digest is None else stamps.stamp_of(index.connection, digest)
    with open_trace(vault) as ledger:
        if stamp is None:
            seq = _last_stamp(ledger, found)
        elif digest is not None and digest.hex().encode() in ledger.entry(stamp.seq):
            seq = stamp.seq
        else:
            raise VaultRolledBack(
                f"Entry {stamp.seq:,} of the trace is not the one that the index knows.",
                "gorillacomb trace verify tells more.",
            )
        data = proof.make_proof(ledger, seq)
        entry = jcs.parse_own(ledger.entry(seq))
    if output is None:
        render.write_bytes(data)
    else:
        try:
            create_file(output, (data,))
            sync_folder(output.parent)
        except OSError as error:
            raise UsageError(
                f"{output} cannot be written: {os_error_text(error)}.",
                "Name a file that does not exist yet.",
            ) from error
    click.echo(f"Proof of entry {seq:,}:", err=True)
    click.echo(entry_line(entry), err=True)
    return ExitCode.DONE


def _last_stamp(ledger: Ledger, found: PathLookup) -> int:
    """The entry in which a file that is gone was stamped last."""
    assert found.root is not None
    past = path_history(ledger, found.root.uid, relative_path(found.path, found.root.path))
    seqs = [entry["seq"] for entry in past if "size" in entry]
    if not seqs:
        raise UsageError(
            f"{render.printable_path(found.path)} has no stamp in the trace.",
            "gorillacomb scan PATH stamps the canonical copy of a content; empty files have none.",
        )
    return int(seqs[-1])


@command.command(short_help="Write the exact entries and the checkpoint into a folder.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@vault_option
def export(folder: Path, vault: Vault) -> ExitCode:
    """Write entries.jsonl and checkpoint into a new folder.

    Thirty lines of anybody's code can recompute the signed root from them.
    """
    with open_trace(vault) as ledger:
        note, size = ledger.checkpoint(), ledger.size
        try:
            folder.mkdir(parents=True)
            try:
                lines = (entry + b"\n" for _, entry in ledger.entries())
                create_file(folder / "entries.jsonl", lines)
                create_file(folder / "checkpoint", (note,))
                sync_folder(folder)
                sync_folder(folder.parent)
            except BaseException:
                drop_value(folder, ("entries.jsonl", "checkpoint"))
                raise
        except OSError as error:
            raise UsageError(
                f"{folder} cannot be written: {os_error_text(error)}.",
                "Name a folder that does not exist yet, on a disk with room.",
            ) from error
    click.echo(f"{render.format_count(size, 'entry', 'entries')} in {folder}", err=True)
    return ExitCode.DONE

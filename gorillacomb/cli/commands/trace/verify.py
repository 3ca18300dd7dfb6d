"""`gorillacomb trace verify`: check the trace, or a proof from it, against what was signed."""

from __future__ import annotations

from pathlib import Path

import click

from gorillacomb.api.trace import TraceCheck, VaultTrace, verify_proof
from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.trace.entry_line import entry_line
from gorillacomb.cli.options import json_option, progress_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode

_MOST_BYTES = 4 << 20
"""Size limit of a checkpoint or proof; a longer one is refused."""
_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.command(short_help="Check chain, tree, signatures, anchor and index.")
@click.option(
    "--checkpoint",
    "kept",
    type=_FILE,
    metavar="FILE",
    help="Prove also that the trace extends this checkpoint, which you kept elsewhere; `-` is"
    " stdin, here and below.",
)
@click.option("--key", type=_FILE, metavar="FILE", help="Trust this public key only.")
@click.option(
    "--proof",
    "proof_file",
    type=_FILE,
    metavar="FILE",
    help="Check a proof made by `trace prove` instead; needs no vault.",
)
@progress_option
@json_option
@vault_option
def command(
    kept: Path | None,
    key: Path | None,
    proof_file: Path | None,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Check every entry of the trace against everything that was ever signed.

    Exit code 0 if everything is in order, 1 if something was changed: the first bad entry is named.
    The keys in the user's key folder are trusted, or --key alone.
    """
    if proof_file is not None:
        return _verify_proof(proof_file, key, as_json)
    check = VaultTrace(vault).verify(
        checkpoint=None if kept is None else _read(kept),
        key=key,
        progress=progress_for(progress),
    )
    render.print_result(check, _verdict(check), as_json)
    return ExitCode.DONE if check.ok else ExitCode.FOUND


def _verdict(check: TraceCheck) -> list[str]:
    result = check.report
    if result.reason is not None:
        where = "" if result.first_bad is None else f" from entry {result.first_bad:,} on"
        return [
            f"The trace is not as it was signed{where}: {result.reason}.",
            "Compare it with a backup. Only if you restored one yourself: trace adopt.",
        ]
    lines = [
        f"The trace is sound: {render.format_count(result.entries, 'entry', 'entries')}, signed."
    ]
    if result.anchor == "none":
        lines.append("This machine has no checkpoint of it outside the vault yet.")
    if check.with_checkpoint:
        lines.append("It extends the checkpoint that you kept.")
    if check.index_reason is not None:
        lines.append(f"But the index does not match it: {check.index_reason}.")
        lines.append("Move index.db away and scan again: the index is rebuilt from the trace.")
    return lines


def _verify_proof(path: Path, key: Path | None, as_json: bool) -> ExitCode:
    found = verify_proof(_read(path), key=key)
    if as_json:
        render.print_json(found.to_dict())
    else:
        click.echo(f"Proved: entry {found.seq:,} of {found.size:,} in {found.origin}")
        click.echo(entry_line(found.entry))
        for name in ("size", "blake3"):
            if name in found.entry:
                click.echo(f"{'':10}{name} {render.printable(str(found.entry[name]))}")
    return ExitCode.DONE


def _read(path: Path) -> bytes:
    with click.open_file(str(path), "rb") as file:
        data: bytes = file.read(_MOST_BYTES + 1)
        return data

"""`gorillacomb trace verify`: the trace, or a proof from it, checked against what was signed."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from gorillacomb.cli.commands.trace.reading import entry_line, index_synced_with_trace, open_trace
from gorillacomb.cli.options import json_option, progress_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode, UsageError
from gorillacomb.fs.bounded_read import is_standard_input
from gorillacomb.index.database import translate_errors
from gorillacomb.stamping.consistency import check_index
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import checkpoint as checkpoints
from gorillacomb.vaultmesh import jcs, proof
from gorillacomb.vaultmesh.audit import AuditReport, audit
from gorillacomb.vaultmesh.keys.keys import load_publics
from gorillacomb.vaultmesh.keys.mailed_text import parse_mailed
from gorillacomb.vaultmesh.open import key_store

_MOST_BYTES = 4 << 20
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
    """Check every entry of the trace against all that was ever signed.

    Exit code 0 when all is well, 1 when something was changed: the first bad
    entry is named. Trusted are the keys in the user's key folder, or --key.
    """
    trusted = None if key is None else _ed25519(key)
    if proof_file is not None:
        return _verify_proof(proof_file, trusted, as_json)
    note = None if kept is None else parse_mailed(_read(kept), _checkpoint)
    shown = progress_for(progress)
    with ExitStack() as opened:
        index = index_synced_with_trace(vault, opened)
        ledger = opened.enter_context(open_trace(vault))
        shown.stage("Checking the trace", ledger.size, 0)
        try:
            result = audit(ledger, note, trusted, lambda count: shown.advance(count, 0))
        finally:
            shown.close()
        apart = None
        if result.ok and index is not None:
            with translate_errors(vault):
                apart = check_index(index(), ledger)
    reason = result.reason or apart
    ok = reason is None
    if as_json:
        render.print_json(
            {
                "ok": ok,
                "entries": result.entries,
                "root": result.root.hex(),
                "first_bad": result.first_bad,
                "reason": reason,
                "anchor": result.anchor,
                "checkpoint": None if kept is None else ("consistent" if result.ok else "unknown"),
            }
        )
    else:
        with render.tolerate_closed_pipe():
            for line in _verdict(result, apart, kept is not None):
                click.echo(line)
    return ExitCode.DONE if ok else ExitCode.FOUND


def _verdict(result: AuditReport, apart: str | None, kept: bool) -> list[str]:
    if result.reason is not None:
        where = "" if result.first_bad is None else f" from entry {result.first_bad:,} on"
        return [
            f"The trace is not as it was signed{where}: {result.reason}.",
            "Compare it with a backup. Only where you put one back yourself: trace adopt.",
        ]
    lines = [
        f"The trace is sound: {render.format_count(result.entries, 'entry', 'entries')}, signed."
    ]
    if result.anchor == "none":
        lines.append("This machine has no checkpoint of it outside the vault yet.")
    if kept:
        lines.append("It extends the checkpoint that you kept.")
    if apart is not None:
        lines.append(f"But the index does not go with it: {apart}.")
        lines.append("Move index.db away and scan again: the index is made anew from the trace.")
    return lines


def _checkpoint(note: bytes) -> bytes:
    """The checkpoint that was kept, if it is one. Raises UntrustedInput."""
    checkpoints.parse_checkpoint(note, "The checkpoint that you kept")
    return note


def _verify_proof(path: Path, trusted: list[bytes] | None, as_json: bool) -> ExitCode:
    publics = key_store().publics() if trusted is None else trusted
    found, checkpoint = parse_mailed(_read(path), lambda data: proof.verify_proof(data, publics))
    entry = jcs.parse_strict(found.entry, "The proof's entry")
    if as_json:
        render.print_json({"ok": True, "seq": found.index, "size": checkpoint.size, "entry": entry})
    else:
        click.echo(f"Proved: entry {found.index:,} of {checkpoint.size:,} in {checkpoint.origin}")
        click.echo(entry_line(entry))
        for name in ("size", "blake3"):
            if name in entry:
                click.echo(f"{'':10}{name} {render.printable(str(entry[name]))}")
    return ExitCode.DONE


def _read(path: Path) -> bytes:
    if is_standard_input(path):
        return sys.stdin.buffer.read(_MOST_BYTES + 1)
    with open(path, "rb") as file:
        return file.read(_MOST_BYTES + 1)


def _ed25519(path: Path) -> list[bytes]:
    found = [key for key in load_publics(path) if isinstance(key, bytes)]
    if not found:
        raise UsageError(f"{path} is no Ed25519 key.", "`gorillacomb keys show` prints that key.")
    return found

"""`gorillacomb verify`: check a manifest against what is on disk."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from gorillacomb.cli.options import (
    BytesPath,
    json_option,
    progress_option,
    vault_option,
    workers_option,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode, KeyMissing, UsageError, VaultError
from gorillacomb.json_paths import path_to_json
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault, config_folder

if TYPE_CHECKING:
    from gorillacomb.manifest.envelope import SignatureCheck
    from gorillacomb.manifest.model import Manifest
    from gorillacomb.manifest.verify import PathDifference, VerificationReport
    from gorillacomb.vaultmesh.keys.keys import PublicKey

CheckpointStatus = Literal["consistent", "inconsistent", "unknown"]
_PROBES = 16
"""Names at the top of a manifest's folder by which it is known."""
_SHOWN = 20
"""Findings of a kind that text names."""
_LABEL = 11
"""Columns for the word before a finding."""


@click.command(short_help="Check a manifest against what is on disk.")
@click.argument("file", type=BytesPath(), metavar="FILE")
@click.option(
    "--root",
    type=BytesPath(),
    metavar="DIR",
    help="The folder to check [default: the one that FILE lies in, or the one beside"
    " FILE that bears the name in it].",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="PUB",
    help="Trust this public key alone (PEM, or a C2SP verifier key), and require its signature"
    " [default: your own keys].",
)
@click.option(
    "--require-signature", is_flag=True, help="A manifest that is not validly signed fails."
)
@click.option(
    "--digests",
    type=click.Choice(["auto", "both", "blake3"]),
    default="auto",
    show_default=True,
    help="What of each file is compared; auto: BLAKE3 where a valid signature vouches"
    " for the SHA-256 beside it, else both.",
)
@click.option("--all", "whole", is_flag=True, help="Name every finding, however many there are.")
@workers_option
@progress_option
@json_option
@vault_option
def command(
    file: bytes,
    root: bytes | None,
    key: Path | None,
    require_signature: bool,
    digests: str,
    whole: bool,
    workers: int | None,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Check the manifest FILE ('-' for stdin) against what is on disk, and its signature.

    Names what changed, was damaged (content changed, size and time did not;
    suspect where the file system may hide a change), is missing, extra or
    renamed, and whose mode changed. Needs no vault.

    \b
    Exit codes: 0 all is as FILE says; 1 it is not, or the signature is not
    valid; 2 FILE is refused, or its folder not found; 3 not all could be read.
    """
    from gorillacomb.manifest import io
    from gorillacomb.manifest.parse import parse_manifest
    from gorillacomb.manifest.verify import verify

    gc.disable()  # entries come by the 100,000 and hold no cycles: looking for them takes time
    data, envelope = io.read_manifest(file)
    signature = _signature(data, envelope, key)
    manifest = parse_manifest(data)
    del data, envelope
    root = default_root(file, manifest) if root is None else root
    both = digests == "both" or (digests == "auto" and signature.state != "valid")
    settings = load_settings()
    found = verify(
        manifest,
        root,
        both=both,
        ignored=io.paths_below(root, file),
        own=vault.own_files(),
        workers=settings.workers if workers is None else workers,
        progress=progress_for(progress),
    )
    checkpoint: CheckpointStatus = "unknown"
    if manifest.checkpoint is not None:
        checkpoint = _ledger_checkpoint(vault, manifest.checkpoint)
    required = require_signature or key is not None
    trusted = signature.state == "valid" or (signature.state != "invalid" and not required)
    failed = found.differs or not trusted or checkpoint == "inconsistent"
    code = ExitCode.of_check(found=failed, incomplete=found.incomplete)
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json(_report(found, root, signature, checkpoint, both))
        else:
            _tell(found, root, signature, checkpoint, required, None if whole else _SHOWN)
    return code


def _ledger_checkpoint(vault: Vault, note: str) -> CheckpointStatus:
    """How a manifest's checkpoint compares with the trace in the vault, if it is of that log."""
    from gorillacomb.vaultmesh import checkpoint as checkpoints
    from gorillacomb.vaultmesh.open import open_trace_for_reading

    made, _ = checkpoints.parse_checkpoint(note.encode(), "The manifest's checkpoint")
    if not vault.trace.exists():
        return "unknown"
    try:
        with open_trace_for_reading(vault) as ledger:
            if ledger.origin != made.origin:
                return "unknown"
            known = made.size <= ledger.size and ledger.root(made.size) == made.root
            return "consistent" if known else "inconsistent"
    except VaultError as error:
        click.echo(f"gorillacomb: {render.printable(error.message)}", err=True)
        return "unknown"


def own_signature(data: bytes, envelope: bytes | None) -> SignatureCheck:
    """What the user's own keys say of a manifest's signature."""
    return _signature(data, envelope, None)


def _signature(data: bytes, envelope: bytes | None, key: Path | None) -> SignatureCheck:
    from gorillacomb.manifest.envelope import check_signatures
    from gorillacomb.vaultmesh.keys.keys import load_publics

    if key is not None:
        return check_signatures(data, envelope, load_publics(key))
    return check_signatures(data, envelope, [] if envelope is None else _own_keys())


def _own_keys() -> list[PublicKey]:
    """The user's public keys; a key that does not open is told of, and not known."""
    from gorillacomb.vaultmesh.keys.key_store import KeyStore
    from gorillacomb.vaultmesh.keys.keys import RsaSigningKey

    store = KeyStore(config_folder() / "keys")
    found: list[PublicKey] = []
    try:
        found += store.publics()
        rsa = store.current("rsa")
        found += [rsa.private.public_key()] if isinstance(rsa, RsaSigningKey) else []
    except KeyMissing as error:
        click.echo(f"gorillacomb: {render.printable(error.message)}", err=True)
        click.echo("Signatures of your own keys may not be known here: use --key.", err=True)
    return found


def default_root(file: bytes, manifest: Manifest) -> bytes:
    """The folder that a manifest is likely to be of.

    The one that it lies in, unless only the folder of the manifest's name beside it has any of the
    first entries. Raises UsageFault when neither has: all of a strange folder would be read, and
    nothing be learnt.
    """
    here = os.path.dirname(os.path.abspath(file))
    names = _first_names(manifest)
    if not names or _has_any(here, names):
        return here
    beside = os.path.join(here, manifest.name)
    strange = b"/" in manifest.name or os.path.islink(beside) or not os.path.isdir(beside)
    if strange or not _has_any(beside, names):
        raise UsageError(
            f"Nothing that the manifest names first stands in {os.fsdecode(here)}.",
            "Name the folder to compare with: --root DIR",
        )
    return beside


def _first_names(manifest: Manifest) -> list[bytes]:
    """The names with which the first entries begin: those in one folder count once."""
    tops = groupby(entry.path.partition(b"/")[0] for entry in manifest.entries)
    return [name for name, _ in islice(tops, _PROBES)]


def _has_any(folder: bytes, names: Sequence[bytes]) -> bool:
    return any(os.path.lexists(os.path.join(folder, name)) for name in names)


def _report(
    found: VerificationReport, root: bytes, signature: SignatureCheck, checkpoint: str, both: bool
) -> dict[str, object]:
    """What was found, in JSON."""
    return {
        "root": path_to_json(os.path.realpath(root)),
        "ok": found.ok,
        "changed": _objects(found.changed),
        "damaged": _objects(found.damaged),
        "suspect": _objects(found.suspect),
        "missing": _objects(found.missing),
        "extra": _objects(found.extra),
        "renamed": [
            {
                "from": path_to_json(each.origin),
                "to": path_to_json(each.path),
                "cause": each.cause,
            }
            for each in found.renamed
        ],
        "mode": _objects(found.mode),
        "unreadable": _objects(found.unreadable),
        "unproven": _objects(found.unproven),
        "whole": found.whole,
        "modes_compared": found.modes,
        "digests": ["blake3", "sha256"] if both else ["blake3"],
        "signature": signature.state,
        "signature_cause": signature.cause,
        "key": signature.key,
        "checkpoint": checkpoint,
    }


def _objects(differences: Sequence[PathDifference]) -> list[dict[str, str]]:
    return [{**path_to_json(each.path), "cause": each.cause} for each in differences]


def _tell(
    found: VerificationReport,
    root: bytes,
    signature: SignatureCheck,
    checkpoint: str,
    required: bool,
    most: int | None,
) -> None:
    """What was found, for people: a line for each finding, ``most`` of a kind, and a summary."""
    room = render.terminal_width()
    groups = (
        ("changed", found.changed),
        ("damaged", found.damaged),
        ("suspect", found.suspect),
        ("missing", found.missing),
        ("extra", found.extra),
        ("mode", found.mode),
        ("unreadable", found.unreadable),
        ("unproven", found.unproven),
    )
    shown = [group for group in groups if found.whole or group[0] != "extra"]
    for label, differences in shown:
        for each in differences[:most]:
            _print_line(label, each.path, each.cause, room)
        _print_rest(differences, most)
    for pair in found.renamed[:most]:
        line = f"{render.printable_path(pair.origin)} → {render.printable_path(pair.path)}"
        click.echo(f"{'renamed':<{_LABEL}}{render.shorten_path(line, room and room - _LABEL)}")
        if pair.cause:
            click.echo(f"{'':<{_LABEL}}{pair.cause}")
    _print_rest(found.renamed, most)
    counts = [f"{len(each):,} {label}" for label, each in shown if each]
    counts += [f"{len(found.renamed):,} renamed"] if found.renamed else []
    summary = f": {found.ok:,} ok{''.join(f', {each}' for each in counts)}."
    where = render.path_from_here(os.path.realpath(root), room and room - len(summary))
    click.echo(f"{where}{summary}")
    if found.extra and not found.whole:
        others = render.format_count(len(found.extra), "other thing stands", "other things stand")
        click.echo(f"{others} there; the manifest is of a selection without them.")
    if not found.modes:
        click.echo("Modes were not compared: this file system keeps none.")
    fault = signature.state == "invalid" or (required and signature.state != "valid")
    word = "NOT VALID: " if fault else ""
    name = f" ({signature.key})" if signature.key else ""
    for line in render.wrapped_paragraph(f"Signature: {word}{signature.cause}{name}.", ""):
        click.echo(line)
    if signature.state == "unknown-key":
        click.echo("Anybody may have signed it. With the public key of who made it, you know:")
        click.echo("  gorillacomb verify FILE --key PUB")
    if checkpoint == "inconsistent":
        click.echo("Checkpoint: NOT CONSISTENT with the trace in the vault.")
    elif checkpoint == "consistent":
        click.echo("Checkpoint: consistent with the trace in the vault.")


def _print_rest(findings: Sequence[object], most: int | None) -> None:
    if most is not None and len(findings) > most:
        click.echo(f"{'':<{_LABEL}}and {len(findings) - most:,} more; --all names them")


def _print_line(label: str, path: bytes, cause: str, room: int | None) -> None:
    note = f": {render.printable(cause)}" if cause else ""
    space = None if room is None else max(room - _LABEL - len(note), 16)
    click.echo(f"{label:<{_LABEL}}{render.shorten_path(render.printable_path(path), space)}{note}")

"""`gorillacomb verify`: check a manifest against what is on disk."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from gorillacomb.api.next_step.upkeep import after_verify
from gorillacomb.api.vault import Vault
from gorillacomb.api.verify import ManifestCheck, verify_manifest
from gorillacomb.cli.options import (
    BytesPath,
    json_option,
    progress_option,
    vault_option,
    workers_option,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode

if TYPE_CHECKING:
    from gorillacomb.api.verify import VerificationReport

_SHOWN = 20
"""Findings of each kind that text output names."""
_LABEL = 11
"""Columns for the label before a finding."""


@click.command()
@click.argument("file", type=BytesPath(), metavar="FILE")
@click.option(
    "--root",
    type=BytesPath(),
    metavar="DIR",
    help="The folder to check [default: the one that contains FILE, or the one beside"
    " FILE with the name that it gives].",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="PUB",
    help="Trust this public key alone (PEM, or a C2SP verifier key), and require its signature"
    " [default: your own keys].",
)
@click.option(
    "--require-signature", is_flag=True, help="Fail if the manifest is not validly signed."
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
    digests: Literal["auto", "both", "blake3"],
    whole: bool,
    workers: int | None,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Check the manifest FILE ('-' for stdin) against what is on disk, and its signature.

    Names what changed, was damaged (content changed, size and time did not; suspect where
    the file system may hide a change), is missing, extra or renamed, and whose mode
    changed. Needs no vault.

    \b
    Exit codes: 0 everything is as FILE says; 1 it is not, or the signature is not
    valid; 2 FILE is refused, or its folder not found; 3 not all could be read.
    """
    gc.disable()  # there may be 100,000s of entries, without cycles: looking for those takes time
    check = verify_manifest(
        file,
        root,
        key=key,
        require_signature=require_signature,
        digests=digests,
        vault=vault,
        workers=workers,
        progress=progress_for(progress),
    )
    render.print_warnings(check.warnings)
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json(check.to_dict())
        else:
            _print(check, None if whole else _SHOWN)
            for line in render.next_lines(after_verify(check, file, vault), vault):
                click.echo(line)
    return ExitCode.of_check(found=check.failed, incomplete=check.report.incomplete)


def _print(check: ManifestCheck, most: int | None) -> None:
    """Print a line for each finding, at most ``most`` of a kind, and a summary."""
    room = render.terminal_width()
    _print_findings(check.report, check.root, most, room)
    signature = check.signature
    word = "" if check.is_trusted else "NOT VALID: "
    name = f" ({signature.key})" if signature.key else ""
    for line in render.wrapped_paragraph(f"Signature: {word}{signature.cause}{name}.", ""):
        click.echo(line)
    if signature.state == "unknown-key":
        click.echo(
            "Anyone may have signed it. To be sure, check with the public key of its author."
        )
    if check.checkpoint == "inconsistent":
        click.echo("Checkpoint: NOT CONSISTENT with the trace in the vault.")
    elif check.checkpoint == "consistent":
        click.echo("Checkpoint: consistent with the trace in the vault.")


def _print_findings(
    found: VerificationReport, root: bytes, most: int | None, room: int | None
) -> None:
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
    where = render.path_from_here(root, room and room - len(summary))
    click.echo(f"{where}{summary}")
    if found.extra and not found.whole:
        others = render.format_count(len(found.extra), "other thing exists", "other things exist")
        click.echo(f"{others} there; the manifest lists a selection without them.")
    if not found.modes:
        click.echo("Modes were not compared: this file system does not store them.")


def _print_rest(findings: Sequence[object], most: int | None) -> None:
    if most is not None and len(findings) > most:
        click.echo(f"{'':<{_LABEL}}and {len(findings) - most:,} more; --all names them")


def _print_line(label: str, path: bytes, cause: str, room: int | None) -> None:
    note = f": {render.printable(cause)}" if cause else ""
    space = None if room is None else max(room - _LABEL - len(note), 16)
    click.echo(f"{label:<{_LABEL}}{render.shorten_path(render.printable_path(path), space)}{note}")

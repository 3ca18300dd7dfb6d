"""`gorillacomb mesh witness`: the witness of this vault, which cosigns the logs of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from gorillacomb.api.mesh.witness import (
    CosignedLog,
    WitnessStatus,
    init_witness,
    recover_witness,
    trust_logs,
    untrust_logs,
    witness_status,
)
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode
from gorillacomb.model import SECOND


@click.group("witness")
def group() -> None:
    """Sign that the traces of others only grew: `gorillacomb serve --witness` answers them."""


@group.command(short_help="Create the witness of this vault.")
@click.option("--name", metavar="NAME", help="Its name, which no other witness has.")
@click.option(
    "--new-key", is_flag=True, help="Begin another one, with new keys, beside one that exists."
)
@json_option
@vault_option
def init(name: str | None, new_key: bool, as_json: bool, vault: Vault) -> ExitCode:
    """Create a witness with two keys of its own, and print the public ones, one a line.

    The first is an Ed25519 key, the second an ML-DSA-44 key: others need both, or the one that
    their program knows. Without --name, the name is a random one.
    """
    keys = init_witness(vault, name, new_key=new_key)
    if as_json:
        render.print_json(keys.to_dict())
        return ExitCode.DONE
    for vkey in keys.vkeys:
        click.echo(vkey)
    folder = render.printable_path(bytes(keys.folder))
    for line in (
        f"Created the witness {render.printable(keys.name)}; its private keys are in {folder}",
        "Give these two lines to the owners of the logs it is to cosign, and trust their keys:",
        "  gorillacomb mesh witness trust VKEY",
        "  gorillacomb serve --witness",
        "Do not copy the private keys to another machine: two that sign with one key can be played"
        " off against each other.",
    ):
        click.echo(line, err=True)
    return ExitCode.DONE


@group.command(short_help="Print its keys, and the logs that it cosigns.")
@json_option
@vault_option
def show(as_json: bool, vault: Vault) -> ExitCode:
    """Print the public keys, one a line, and how far each log was cosigned.

    Exit code 1 if a log cannot be cosigned now, or one was found to be forked.
    """
    status = witness_status(vault)
    render.print_result(status, _status_lines(status), as_json)
    return ExitCode.DONE if status.is_ready else ExitCode.FOUND


@group.command(short_help="Cosign a log.")
@click.argument("keys", nargs=-1, required=True, metavar="VKEY|FILE...")
@json_option
@vault_option
def trust(keys: tuple[str, ...], as_json: bool, vault: Vault) -> ExitCode:
    """Cosign the logs of verifier keys (name+id+base64), or of files with one a line.

    The owner of a log prints them with `gorillacomb keys show`. After a rotation, trust the new key
    once its owner has told you about it: it is not trusted because the old one signed beside it.
    """
    result = trust_logs(vault, keys)
    lines = [f"Trusted: {key.name}" for key in result.changed] or ["Trusted already."]
    render.print_result(result, map(render.printable, lines), as_json)
    return ExitCode.DONE


@group.command(short_help="Stop cosigning a log.")
@click.argument("names", nargs=-1, required=True, metavar="ORIGIN|VKEY...")
@json_option
@vault_option
def untrust(names: tuple[str, ...], as_json: bool, vault: Vault) -> ExitCode:
    """Stop cosigning logs, named by their origins, or trusting one key of them.

    What was cosigned stays on record, so that trusting the log again goes on from there.
    """
    result = untrust_logs(vault, names)
    lines = (f"Not trusted any more: {key}" for key in result.changed)
    render.print_result(result, map(render.printable, lines), as_json)
    return ExitCode.DONE


@group.command(short_help="Go on after a backup was restored.")
@click.option(
    "--from",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="The newest checkpoint of a log that has a cosignature of this witness.",
)
@json_option
@vault_option
def recover(files: tuple[Path, ...], as_json: bool, vault: Vault) -> ExitCode:
    """Let the witness go on whose record was set back, by what its peers have kept.

    Until then it answers 503 for the logs in question: it may have signed more than it knows. Ask
    the owner of each for the newest checkpoint that has a cosignature of this witness; an older
    one is refused. Without --from, say which logs need one; exit code 1 if any does. Where nobody
    has kept one, `mesh witness init --new-key` begins again.
    """
    result = recover_witness(vault, files)
    recovered = (f"Recovered: {render.printable(origin)}" for origin in result.recovered)
    render.print_result(result, (*recovered, *map(_log_line, result.status.logs)), as_json)
    in_trouble = any(log.trouble for log in result.status.logs)
    return ExitCode.FOUND if in_trouble else ExitCode.DONE


def _status_lines(status: WitnessStatus) -> Iterator[str]:
    yield from status.keys.vkeys
    yield f"private keys: {render.printable_path(bytes(status.keys.folder))}"
    if not status.logs:
        yield "No log is trusted yet: gorillacomb mesh witness trust VKEY"
    yield from map(_log_line, status.logs)


def _log_line(log: CosignedLog) -> str:
    origin = render.printable(log.origin or log.name)
    if log.size is None or log.seconds is None:
        text = f"{origin}: never cosigned"
    else:
        when = render.format_time(log.seconds * SECOND)
        text = f"{origin}: {render.format_count(log.size, 'entry', 'entries')}, cosigned {when}"
    if not log.trusted_keys:
        text += "; not trusted any more"
    if log.fork is not None:
        other = render.printable_path(bytes(log.fork))
        text += f"; FORKED: it signed another tree of one size, {other}"
    if log.trouble:
        text += f"; NOT COSIGNED: {render.printable(log.trouble)}"
    return text

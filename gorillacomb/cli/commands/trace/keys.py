"""`gorillacomb keys`: the keys that sign the trace and manifests."""

from __future__ import annotations

import os

import click

from gorillacomb.api.keys import make_key, public_keys, rotate_key, watcher_public_keys
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode


@click.group()
def command() -> None:
    """Manage the keys that sign the trace and manifests, in the user's config folder."""


@command.command(short_help="Create a key before it is needed.")
@click.option("--rsa", is_flag=True, help="An RSA-2048 key, for manifests only.")
@json_option
def init(rsa: bool, as_json: bool) -> ExitCode:
    """Create the key that signs; otherwise an Ed25519 key is created when it is first needed.

    With GORILLACOMB_PASSPHRASE set, the key file is encrypted with that passphrase.
    """
    key = make_key("rsa" if rsa else "ed25519")
    if as_json:
        render.print_json(key.to_dict())
    else:
        folder = render.printable_path(os.path.dirname(key.path))
        click.echo(f"Created the {key.kind} key {key.fingerprint} in {folder}")
        click.echo("Keep a backup of that folder apart from the vault.")
    return ExitCode.DONE


@command.command(short_help="Print the public keys.")
@click.option("--pem", is_flag=True, help="In PEM, as OpenSSL reads it, not as verifier keys.")
@click.option("--watcher", is_flag=True, help="The keys that sign the watcher's pulses.")
@vault_option
def show(pem: bool, watcher: bool, vault: Vault) -> ExitCode:
    """Print the public keys of the vault's trace, one per line, the current one last.

    They are C2SP verifier keys (name+id+base64), with which others check checkpoints and proofs.
    Without a trace: the key that signs now, in PEM.
    """
    for key in watcher_public_keys() if watcher else public_keys(vault):
        if pem or key.verifier is None:
            render.write_bytes(key.pem)
        else:
            click.echo(key.verifier)
    return ExitCode.DONE


@command.command(short_help="Switch to a new key.")
@json_option
@vault_option
def rotate(as_json: bool, vault: Vault) -> ExitCode:
    """Create a new Ed25519 key and switch to it; the trace records it.

    The checkpoint of that moment has both signatures. The old key stays in its folder, because it
    is needed to check what it signed.
    """
    key = rotate_key(vault)
    if as_json:
        render.print_json(key.to_dict())
    else:
        click.echo(key.verifier)
    return ExitCode.DONE

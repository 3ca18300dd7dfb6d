"""`gorillacomb keys`: the keys that sign the trace and manifests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from gorillacomb.api.keys import (
    UserKey,
    make_key,
    public_keys,
    rotate_key,
    watcher_public_keys,
)
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import json_option, vault_option, wait_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from gorillacomb.api.scrolls.key_steps import KeyStep


_bits_option = click.option(
    "--bits",
    type=click.Choice(["2048", "3072"]),
    help="The size of an RSA key [default: 2048, enough until 2030].",
)


def _rsa_bits(rsa: bool, bits: str | None) -> int:
    """Return the size of an RSA key. Raises UsageError for one that is given for another key."""
    if bits is not None and not rsa:
        raise UsageError("--bits is the size of an RSA key.", "Say --rsa, too.")
    return int(bits or "2048")


@click.group()
def command() -> None:
    """Manage the keys that sign the trace, manifests and scrolls, in the user's config folder."""


@command.command(short_help="Create a key before it is needed.")
@click.option("--rsa", is_flag=True, help="An RSA key, for scrolls and manifests.")
@_bits_option
@json_option
def init(rsa: bool, bits: str | None, as_json: bool) -> ExitCode:
    """Create the key that signs; otherwise an Ed25519 key is created when it is first needed.

    With GORILLACOMB_PASSPHRASE set, the key file is encrypted with that passphrase.
    """
    _print_made(make_key("rsa" if rsa else "ed25519", _rsa_bits(rsa, bits)), as_json)
    return ExitCode.DONE


def _print_made(key: UserKey, as_json: bool) -> None:
    if as_json:
        render.print_json(key.to_dict())
    else:
        folder = render.printable_path(os.path.dirname(key.path))
        click.echo(f"Created the {key.kind} key {key.fingerprint} in {folder}")
        click.echo("Keep a backup of that folder apart from the vault.")


@command.command(short_help="Print the public keys.")
@click.option("--pem", is_flag=True, help="In PEM, as OpenSSL reads it, not as verifier keys.")
@click.option("--watcher", is_flag=True, help="The keys that sign the watcher's pulses.")
@click.option("--scrolls", is_flag=True, help="All keys that sign scrolls, in PEM.")
@vault_option
def show(pem: bool, watcher: bool, scrolls: bool, vault: Vault) -> ExitCode:
    """Print the public keys of the vault's trace, one per line, the current one last.

    They are C2SP verifier keys (name+id+base64), with which others check checkpoints and proofs.
    Without a trace: the key that signs now, in PEM.
    """
    if scrolls:
        from gorillacomb.api.scrolls.key_steps import scroll_key_pems

        pems, compromised = scroll_key_pems(vault)
        render.write_bytes(b"".join(pems))
        render.print_warnings(f"The key {each} is omitted: compromised." for each in compromised)
        return ExitCode.DONE
    for key in watcher_public_keys() if watcher else public_keys(vault):
        if pem or key.verifier is None:
            render.write_bytes(key.pem)
        else:
            click.echo(key.verifier)
    return ExitCode.DONE


@command.command(short_help="Switch to a new key.")
@click.option("--rsa", is_flag=True, help="The RSA key, which signs scrolls.")
@_bits_option
@json_option
@vault_option
def rotate(rsa: bool, bits: str | None, as_json: bool, vault: Vault) -> ExitCode:
    """Create a new Ed25519 key, or RSA key, and switch to it; the trace records it.

    The checkpoint of that moment has the signatures of both Ed25519 keys. The old key stays in its
    folder, because it is needed to check what it signed.
    """
    size = _rsa_bits(rsa, bits)
    if rsa:
        from gorillacomb.api.scrolls.key_steps import rotate_rsa_key

        _print_made(rotate_rsa_key(vault, size), as_json)
        return ExitCode.DONE
    key = rotate_key(vault)
    if as_json:
        render.print_json(key.to_dict())
    else:
        click.echo(key.verifier)
    return ExitCode.DONE


@command.command(short_help="Record that a key signs no scrolls any more.")
@click.argument("key", metavar="ID")
@json_option
@wait_option()
@vault_option
def retire(key: str, as_json: bool, vault: Vault) -> ExitCode:
    """Record in the trace that the key with this fingerprint signs no scrolls from now on.

    What it has signed stays valid. `keys rotate` retires the key that it replaces.
    """
    from gorillacomb.api.scrolls.key_steps import retire_key

    _print_step(retire_key(vault, key), as_json)
    return ExitCode.DONE


@command.command(short_help="Record that others may have a key.")
@click.argument("key", metavar="ID")
@json_option
@wait_option()
@vault_option
def compromise(key: str, as_json: bool, vault: Vault) -> ExitCode:
    """Record in the trace that others may have the key with this fingerprint.

    No scroll that it has signed may be released any more, whenever it was signed. Its signatures
    can still be checked.
    """
    from gorillacomb.api.scrolls.key_steps import compromise_key

    _print_step(compromise_key(vault, key), as_json)
    return ExitCode.DONE


def _print_step(step: KeyStep, as_json: bool) -> None:
    if as_json:
        render.print_json(step.to_dict())
        return
    click.echo(f"The {step.kind} key {step.fingerprint} is {step.step}: entry {step.seq:,}.")
    if step.step == "compromised" and step.was_usable:
        words = "gorillacomb keys rotate" + (" --rsa" if step.kind == "rsa" else "")
        click.echo(f"Switch to another one: {words}")

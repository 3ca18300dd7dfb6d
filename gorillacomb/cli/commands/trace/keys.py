"""`gorillacomb keys`: the keys that sign the trace and manifests."""

from __future__ import annotations

import click

from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, UsageError
from gorillacomb.index.database import Index
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.keys.cosign import WATCHER
from gorillacomb.vaultmesh.keys.keys import KeyKind, fingerprint, public_pem
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.open import (
    key_store,
    open_trace_for_reading,
    open_trace_for_writing,
    watcher_keys,
)


@click.group(short_help="Create or rotate the keys that sign, show the public ones.")
def command() -> None:
    """The keys that sign the trace and manifests, in the user's config folder."""


@command.command(short_help="Create a key before it is needed.")
@click.option("--rsa", is_flag=True, help="An RSA-2048 key, for manifests only.")
@json_option
def init(rsa: bool, as_json: bool) -> ExitCode:
    """Create the key that signs; otherwise an Ed25519 key is created when it is first needed.

    With GORILLACOMB_PASSPHRASE set, the key file is encrypted with that passphrase.
    """
    kind: KeyKind = "rsa" if rsa else "ed25519"
    store = key_store()
    if store.current(kind) is not None:
        raise UsageError(
            f"There is an {kind} key already in {store.folder}.",
            "To make another RSA key, move that file away."
            if rsa
            else "To go over to a new one: gorillacomb keys rotate",
        )
    public = store.make(kind).public
    if as_json:
        render.print_json(
            {"kind": kind, "fingerprint": fingerprint(public), "folder": str(store.folder)}
        )
    else:
        click.echo(f"Made the {kind} key {fingerprint(public)} in {store.folder}")
        click.echo("Keep a backup of that folder apart from the vault.")
    return ExitCode.DONE


@command.command(short_help="Print the public keys.")
@click.option("--pem", is_flag=True, help="In PEM, as OpenSSL reads it, not as verifier keys.")
@click.option("--watcher", is_flag=True, help="The keys that sign the watcher's pulses.")
@vault_option
def show(pem: bool, watcher: bool, vault: Vault) -> ExitCode:
    """Print the public keys of the vault's trace, one a line, the current one last.

    The form is that of C2SP verifier keys (name+id+base64); others check
    checkpoints and proofs with it. Without a trace: the key that signs now, in PEM.
    """
    if watcher:
        publics, name = watcher_keys().publics(), WATCHER
        if not publics:
            raise UsageError("There is no key of a watcher yet.", "gorillacomb watch makes one.")
    elif vault.trace.exists():
        with open_trace_for_reading(vault) as ledger, translate_content_errors(vault.trace):
            publics, name = ledger.public_keys(), ledger.origin
    else:
        publics, name = [], ""
    for public in publics:
        if pem:
            render.write_bytes(public_pem(public))
        else:
            click.echo(str(VerifierKey(name, public)))
    if publics:
        return ExitCode.DONE
    found = key_store().publics()
    if not found:
        raise UsageError("There is no key yet.", "gorillacomb keys init makes one.")
    render.write_bytes(public_pem(found[0]))
    return ExitCode.DONE


@command.command(short_help="Switch to a new key.")
@json_option
@vault_option
def rotate(as_json: bool, vault: Vault) -> ExitCode:
    """Create a new Ed25519 key and switch to it; the trace records it.

    The checkpoint of that moment has both signatures. The old key stays in its folder,
    since it is needed to check what it signed.
    """
    vault.check()
    if not vault.trace.exists():  # one that is gone is not begun anew by the way
        raise UsageError(
            f"There is no trace {vault.trace} whose key could be changed.",
            "gorillacomb scan PATH begins one; trace adopt goes on after one that was lost.",
        )
    with Index.write(vault), open_trace_for_writing(vault) as ledger:
        new = ledger.rotate_key()
        key = str(VerifierKey(ledger.origin, new.public))
    if as_json:
        render.print_json({"key": key})
    else:
        click.echo(key)
    return ExitCode.DONE

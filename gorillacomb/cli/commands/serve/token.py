"""`gorillacomb token`: tokens with which programs use the API, and the keys that sign them."""

from __future__ import annotations

import sys

import click

from gorillacomb.api.tokens.keys import (
    TokenKeyFacts,
    list_token_keys,
    rotate_token_key,
    token_keys_document,
)
from gorillacomb.api.tokens.tokens import (
    MOST_SECONDS,
    SCOPES,
    create_token,
    list_tokens,
    revoke_token,
    tokens_document,
)
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import (
    BytesPath,
    DurationParam,
    json_option,
    vault_option,
    wait_option,
)
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, GorillaCombError
from gorillacomb.model import SECOND

_WAIT = 10
_MOST_INPUT = 1 << 14
"""Bytes: a token is shorter."""


@click.group()
def command() -> None:
    """Make tokens with which programs use the API of `gorillacomb serve`, and revoke them.

    A token is valid for at most 15 minutes, for the server of one vault, and allows only the scopes
    that it was made with.
    """


@command.command(short_help="Make a token and print it, once.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    metavar="SCOPE",
    help=f"What it allows; can be repeated: {', '.join(SCOPES)}.",
)
@click.option(
    "--ttl",
    type=DurationParam(),
    default=f"{MOST_SECONDS // 60}m",
    show_default=True,
    metavar="AGE",
    help="How long it is valid, at most 15m.",
)
@click.option("--subject", default="script", show_default=True, metavar="NAME", help="Whose it is.")
@click.option(
    "-o",
    "--output",
    type=BytesPath(),
    metavar="FILE",
    help="Write it to a new file that only you can read, not to stdout.",
)
@wait_option(_WAIT)
@json_option
@vault_option
def create(
    scopes: tuple[str, ...],
    ttl: int,
    subject: str,
    output: bytes | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Make a token; it is printed once and kept nowhere.

    No server has to run. The first token of a vault makes the keys that sign, which the trace
    records.
    """
    from gorillacomb.api.upkeep.files import check_output, write_file

    if output is not None:
        check_output(output)
    made = create_token(
        vault,
        scopes,
        seconds=-(-ttl // SECOND),
        subject=subject,
        made=_print_new_key,
    )
    document = made.to_dict()
    if output is not None:
        try:
            write_file(output, f"{document.pop('token')}\n".encode(), mode=0o600)
        except GorillaCombError:  # nobody has it
            revoke_token(vault, made.facts.id)
            raise
    if as_json:
        render.print_json(document)
    elif output is None:
        click.echo(made.token)
    else:
        click.echo(f"Wrote {click.format_filename(output)}.", err=True)
    return ExitCode.DONE


@command.command("list", short_help="List the tokens that have not expired.")
@json_option
@vault_option
def list_all(as_json: bool, vault: Vault) -> ExitCode:
    """List the tokens that have not expired: what they allow and until when, not the tokens."""
    tokens = list_tokens(vault)
    if as_json:
        render.print_json(tokens_document(tokens))
        return ExitCode.DONE
    for each in tokens:
        until = f"until {render.format_time(each.expires * SECOND)}"
        state = "revoked" if each.is_revoked else until
        click.echo(f"{each.id}  {state}  {each.subject}  {' '.join(each.scopes)}")
    if not tokens:
        click.echo("No token is valid now.")
    return ExitCode.DONE


@command.command(short_help="Let a token open nothing any more.")
@click.argument("jti", metavar="JTI")
@json_option
@vault_option
def revoke(jti: str, as_json: bool, vault: Vault) -> ExitCode:
    """Revoke a token by its JTI, which `token list` shows; '-' reads the token from stdin.

    A server that runs refuses it from its next request on.
    """
    if "." in jti:
        raise click.UsageError(
            "Others can read arguments, so a token is not given as one: give its jti, or '-' and"
            " the token on stdin."
        )
    if jti == "-":
        jti = sys.stdin.buffer.read(_MOST_INPUT).decode("utf-8", "replace")
    revoked = revoke_token(vault, jti)
    if as_json:
        render.print_json(revoked)
    else:
        click.echo(f"Revoked {revoked['jti']}.")
    return ExitCode.DONE


@command.group()
def key() -> None:
    """List the keys that sign tokens, or switch to the next one."""


@key.command("list", short_help="List the keys that sign tokens.")
@json_option
@vault_option
def list_keys(as_json: bool, vault: Vault) -> ExitCode:
    """List the active key, the next one and those retired last, by their thumbprints (RFC 7638)."""
    _show(list_token_keys(vault), as_json)
    return ExitCode.DONE


@key.command(short_help="Switch to the next key.")
@wait_option(_WAIT)
@json_option
@vault_option
def rotate(as_json: bool, vault: Vault) -> ExitCode:
    """Let the next key sign tokens, and make another one for later.

    The key that signed until now is deleted, and its tokens open nothing from now on: a program
    makes a new one. The trace records each step.
    """
    _show(rotate_token_key(vault), as_json)
    return ExitCode.DONE


def _show(keys: list[TokenKeyFacts], as_json: bool) -> None:
    if as_json:
        render.print_json(token_keys_document(keys))
        return
    for each in keys:
        click.echo(f"{each.kid}  {each.step:<7}  RSA {each.bits}")
    if not keys:
        click.echo("No keys yet: the first token makes them.")


def _print_new_key(made: TokenKeyFacts) -> None:
    click.echo(f"gorillacomb: Created the keys that sign tokens, {made.kid} first.", err=True)

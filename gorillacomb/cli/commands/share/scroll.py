"""`gorillacomb scroll`: sign under which licence a manifest may be released, and check that."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.share.keys import print_new_key
from gorillacomb.cli.options import (
    BytesPath,
    DurationParam,
    json_option,
    vault_option,
    wait_option,
)
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from gorillacomb.api.scrolls.create import NewScroll, ScrollKind
    from gorillacomb.api.scrolls.status import ReasonFound, ScrollStatement, ScrollStatus
    from gorillacomb.api.scrolls.verify import ScrollCheck

_age_option = click.option(
    "--max-age",
    type=DurationParam(),
    default="24h",
    show_default=True,
    metavar="AGE",
    help="How old the last checks of the manifest and of the trace may be.",
)


@click.group()
def command() -> None:
    """Sign under which licence and with what funding a manifest may be released, and until when.

    A scroll has two signatures, Ed25519 and RSA, and is an entry of the trace.
    """


@command.command(short_help="Sign a scroll about a manifest.")
@click.option("--manifest", type=BytesPath(), required=True, metavar="FILE", help="The manifest.")
@click.option(
    "--license",
    "expression",
    required=True,
    metavar="EXPR",
    help="An SPDX expression, such as 'MIT OR Apache-2.0'.",
)
@click.option(
    "--license-text",
    "texts",
    multiple=True,
    metavar="NAME=FILE",
    help="The text of a licence of your own, LicenseRef-NAME; its digest is signed.",
)
@click.option(
    "--kind",
    type=click.Choice(["treaty", "seal"]),
    required=True,
    help="A treaty has funding, a seal has none.",
)
@click.option(
    "--funding", metavar="AMOUNT", help="Of a treaty, at least 50000.00, with two decimals."
)
@click.option("--currency", metavar="CODE", help="Of the funding, in ISO 4217, such as USD.")
@click.option(
    "--valid-until",
    metavar="DATE",
    help="The last day, YYYY-MM-DD, or second, YYYY-MM-DDTHH:MM:SSZ, in UTC.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be signed, and sign nothing.")
@json_option
@wait_option()
@vault_option
def create(
    manifest: bytes,
    expression: str,
    texts: Sequence[str],
    kind: ScrollKind,
    funding: str | None,
    currency: str | None,
    valid_until: str | None,
    dry_run: bool,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Sign a scroll about the manifest FILE with both keys, and record it in the trace.

    It cannot be changed, only revoked. An RSA key is created if there is none.
    """
    from gorillacomb.api.scrolls.create import asked_scroll, create_scroll

    asked = asked_scroll(
        kind,
        expression,
        license_texts=_digests(texts),
        funding=funding,
        currency=currency,
        valid_until=valid_until,
    )
    made = create_scroll(asked, manifest, dry_run=dry_run, made=print_new_key, vault=vault)
    if as_json:
        render.print_json(made.to_dict())
        return ExitCode.DONE
    for line in _made_lines(made):
        click.echo(line)
    render.print_warnings(made.warnings)
    return ExitCode.DONE


def _digests(texts: Sequence[str]) -> dict[str, str]:
    from gorillacomb.api.scrolls.create import license_digest

    found = {}
    for each in texts:
        name, equals, file = each.partition("=")
        if not equals or not file:
            raise UsageError(
                f"--license-text {render.printable(each[:80])} is not NAME=FILE.",
                "Such as: --license-text LicenseRef-Ours=LICENSE",
            )
        if name in found:
            raise UsageError(f"--license-text names {render.printable(name[:80])} twice.")
        found[name] = license_digest(file)
    return found


def _made_lines(made: NewScroll) -> list[str]:
    what = made.statement
    funding = "" if what.funding is None else f", {what.funding.amount} {what.funding.currency}"
    until = "" if what.valid_until is None else f", valid until {what.valid_until}"
    about = f"a {what.kind} about {render.printable(what.manifest.name)}"
    tail = f"{about}: {what.license}{funding}{until}"
    if made.scroll_id is None:
        return [f"Would sign {tail}."]
    return [f"Signed {tail}.", f"It is entry {made.seq:,} of the trace:", made.scroll_id]


@command.command(short_help="Show one scroll, and whether it may be released.")
@click.argument("scroll", metavar="ID")
@click.option(
    "--proof",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the proof of its entry, a tlog-proof, to a new file.",
)
@click.option(
    "--revocation-proof",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the proof that it was revoked, for those who have a copy, to a new file.",
)
@_age_option
@json_option
@vault_option
def show(
    scroll: str,
    proof: Path | None,
    revocation_proof: Path | None,
    max_age: int,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Show a scroll, named by its id or its first 8 digits or more, and why it may not be released.

    Nothing is read again: it says what the last `gorillacomb verify` of its manifest and the last
    `gorillacomb trace verify` found, unless that is too long ago.

    \b
    Exit codes: 0 it may be released; 1 it may not.
    """
    from gorillacomb.api.scrolls.status import (
        read_revocation_proof,
        read_scroll_proof,
        scroll_status,
    )
    from gorillacomb.api.upkeep.files import write_file

    found = scroll_status(scroll, max_age_ns=max_age, vault=vault)
    if proof is not None:
        write_file(bytes(proof), read_scroll_proof(scroll, vault=vault), option="--proof")
    if revocation_proof is not None:
        data = read_revocation_proof(scroll, vault=vault)
        write_file(bytes(revocation_proof), data, option="--revocation-proof")
    if as_json:
        render.print_json(found.to_dict())
    else:
        for line in _status_lines(found):
            click.echo(line)
    return ExitCode.FOUND if found.reasons else ExitCode.DONE


def _status_lines(found: ScrollStatus) -> list[str]:
    what = found.statement
    lines = [
        *_head_lines(found.metadata.scroll_id, what),
        f"  entry {found.metadata.treaty_position:,} of {found.log}",
    ]
    if what.funding is not None:
        lines.append(f"  funded with {what.funding.amount} {what.funding.currency}")
    if what.valid_until is not None:
        lines.append(f"  valid until {what.valid_until}")
    if found.manifest is not None:
        folder = render.printable(found.manifest.root)
        when = render.format_time(found.manifest.as_of_ns)
        lines.append(f"  its manifest was last compared with {folder}, {when}")
    lines.append("May be released." if not found.reasons else "May not be released:")
    return lines + _reason_lines(found.reasons)


def _head_lines(scroll_id: str, what: ScrollStatement) -> list[str]:
    about = f"{what.kind} about {render.printable(what.manifest.name)}, under {what.license}"
    return [scroll_id, f"  {about}"]


def _reason_lines(reasons: Sequence[ReasonFound]) -> list[str]:
    lines: list[str] = []
    for each in reasons:
        lines += render.wrapped_paragraph(f"{each.reason}: {render.printable(each.detail)}", "  ")
    return lines


@command.command(short_help="Verify a scroll from a file.")
@click.argument("file", type=BytesPath(), metavar="FILE")
@click.option(
    "--key",
    "keys",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PUB",
    help="Trust the public keys in this file alone (PEM); an Ed25519 and an RSA key are needed"
    " [default: your own keys].",
)
@json_option
@vault_option
def verify(file: bytes, keys: Sequence[Path], as_json: bool, vault: Vault) -> ExitCode:
    """Verify the scroll FILE ('-' for stdin): both signatures, and whether it has expired.

    If its trace is in the vault, also whether it is recorded there, was revoked, and whether its
    keys were retired or are compromised. Needs no vault.

    \b
    Exit codes: 0 it is valid; 1 it is not; 2 FILE is refused.
    """
    from gorillacomb.api.scrolls.verify import read_scroll_file, verify_scroll

    found = verify_scroll(read_scroll_file(file), keys=keys, vault=vault)
    render.print_warnings(found.warnings)
    if as_json:
        render.print_json(found.to_dict())
    else:
        for line in _check_lines(found):
            click.echo(line)
    return ExitCode.DONE if found.ok else ExitCode.FOUND


def _check_lines(found: ScrollCheck) -> list[str]:
    from gorillacomb.api.scrolls.status import GateReason

    what = found.statement
    lines = [
        *_head_lines(found.scroll_id, what),
        f"  manifest.json: SHA-256 {what.manifest.sha256}",
    ]
    for each in found.signatures:
        lines.append(f"  {each.kind}: {render.printable(each.cause)}")
    if found.seq is not None:
        lines.append(f"  entry {found.seq:,} of {what.log}")
    elif all(each.reason is not GateReason.TRACE for each in found.reasons):
        lines.append(f"  recorded in {what.log}, which is not checked here")
    lines.append("Valid." if found.ok else "NOT VALID:")
    return lines + _reason_lines(found.reasons)


@command.command("list", short_help="List the scrolls, the latest first.")
@_age_option
@json_option
@vault_option
def list_all(max_age: int, as_json: bool, vault: Vault) -> ExitCode:
    """List the scrolls of the vault, the latest first, and what keeps each from being released."""
    from gorillacomb.api.scrolls.status import list_scrolls

    found = list_scrolls(max_age_ns=max_age, vault=vault)
    render.print_warnings(found.warnings)
    if as_json:
        render.print_json(found.to_dict())
        return ExitCode.DONE
    for each in found.scrolls:
        what = each.statement
        names = dict.fromkeys(reason.reason.value for reason in each.reasons)
        state = f"may not be released: {', '.join(names)}" if names else "may be released"
        click.echo(f"{each.metadata.scroll_id[:16]}  {what.kind:<6}  {what.license}  {state}")
    for name, cause in found.damaged:
        click.echo(f"{name[:16]}  {render.printable(cause)}")
    if not found.scrolls and not found.damaged:
        click.echo("There are no scrolls yet.")
    return ExitCode.DONE


@command.command(short_help="Revoke a scroll, for good.")
@click.argument("scroll", metavar="ID")
@json_option
@wait_option()
@vault_option
def revoke(scroll: str, as_json: bool, vault: Vault) -> ExitCode:
    """Record in the trace that a scroll may not be released any more, for good.

    It is named by its id or its first 8 digits or more. Who has a copy of it does not learn that by
    itself: send them the proof that `scroll show ID --revocation-proof FILE` writes.
    """
    from gorillacomb.api.scrolls.create import revoke_scroll

    found = revoke_scroll(scroll, vault=vault)
    if as_json:
        render.print_json(found.to_dict())
    else:
        click.echo(f"Revoked {found.scroll_id}: entry {found.seq:,} of the trace.")
    return ExitCode.DONE

"""`gorillacomb serve`: the API and the pages, for a browser or a program."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.serve.witness import chosen_witness, say_where, witness_options
from gorillacomb.cli.extras import require_extra
from gorillacomb.cli.options import is_typed, vault_option
from gorillacomb.errors import ExitCode

if TYPE_CHECKING:
    from gorillacomb.web.site import Site

_OF_PAGES = {"port", "open_page", "read_only", "public_url"}
"""The options that a witness alone has no use for."""
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(invoke_without_command=True, subcommand_metavar="[link]")
@click.option(
    "--bind",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; beyond this machine only with TLS.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=8765,
    show_default=True,
    help="0 takes a free one.",
)
@click.option("--open", "open_page", is_flag=True, help="Open the first page in the browser.")
@click.option("--read-only", is_flag=True, help="Answer questions only: nothing can be changed.")
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="Another name under which the server may be reached.",
)
@click.option("--tls-cert", type=_FILE, metavar="FILE", help="Use TLS with this certificate (PEM).")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="The private key of --tls-cert.")
@click.option("--make-cert", is_flag=True, help="Use TLS with a certificate of its own.")
@click.option(
    "--public-url",
    metavar="URL",
    help="The address of the proxy in front of it, which must be on this machine.",
)
@witness_options
@vault_option
@click.pass_context
def command(
    context: click.Context,
    bind: str,
    port: int,
    open_page: bool,
    read_only: bool,
    allow_host: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    make_cert: bool,
    public_url: str | None,
    witness: bool,
    witness_only: bool,
    witness_bind: str | None,
    vault: Vault,
) -> ExitCode | None:
    """Serve the vault to a browser, and to programs over HTTP, until Ctrl-C.

    Prints an address that logs in once, within ten minutes; `gorillacomb serve link` prints another
    one. There are no accounts. What runs as a job goes on when the server has ended.
    """
    if context.invoked_subcommand is not None:
        if any(is_typed(context, each) for each in context.command.params):
            raise click.UsageError("Options go after `link`: it takes --vault alone.")
        return None
    require_extra("web", "The server")
    from gorillacomb.web.server import ServerOptions, run_server

    if witness_only:
        _refuse_of_pages(context)
    chosen = chosen_witness(witness, witness_only, witness_bind)
    tls = _tls(vault, (bind, *allow_host, *chosen.names), tls_cert, tls_key, make_cert)
    server = chosen.open(vault, tls)
    if witness_only and server is not None:
        server.run_alone(lambda: say_where(vault, server))
        return ExitCode.DONE
    options = ServerOptions(bind, port, read_only, allow_host, public_url, tls)

    def started(site: Site) -> None:
        is_opened = None
        if open_page:
            from gorillacomb.web.opened import open_in_browser

            is_opened = open_in_browser(vault, site.login_address())
        for line in _first_lines(site, is_opened):
            click.echo(line, err=True)
        if server is not None:
            say_where(vault, server)

    run_server(vault, options, started, server)
    return ExitCode.DONE


@command.command("link")
@vault_option
def link(vault: Vault) -> ExitCode:
    """Print an address that logs in to the running server: once, within ten minutes."""
    from gorillacomb.web.control import ask_for_address

    click.echo(ask_for_address(vault))
    return ExitCode.DONE


def _refuse_of_pages(context: click.Context) -> None:
    """Refuse what would be passed over in silence where there are no pages."""
    for option in context.command.params:
        if option.name in _OF_PAGES and is_typed(context, option):
            raise click.UsageError(f"{option.opts[0]} and --witness-only cannot be combined.")


def _tls(
    vault: Vault, names: tuple[str, ...], cert: Path | None, key: Path | None, make: bool
) -> tuple[Path, Path] | None:
    if make:
        if cert or key:
            raise click.UsageError("--make-cert and --tls-cert cannot be combined: choose one.")
        from gorillacomb.api.server.certificate import make_certificate

        made = make_certificate(vault, names)
        click.echo(f"SHA-256 fingerprint of the certificate: {made.fingerprint}", err=True)
        click.echo(f"It is in {made.certificate}", err=True)
        return made.certificate, made.key
    if (cert is None) != (key is None):
        raise click.UsageError("--tls-cert and --tls-key belong together.")
    return None if cert is None or key is None else (cert, key)


def _first_lines(site: Site, is_opened: bool | None) -> list[str]:
    """Say where it is: with a token on a terminal alone, since other output may be kept.

    ``is_opened`` is whether a browser took the page; None if none was to. A browser that took it
    may still not show it, so that the address is printed all the same.
    """
    lines = []
    if is_opened is not None:
        done = "The page was given to the browser" if is_opened else "No browser could be started"
        lines.append(f"{done}. Ctrl-C ends the server.")
    if sys.stderr.isatty():
        lines.append("Open this address, which works once, within ten minutes:")
        return [*lines, f"  {site.login_address()}"]
    return [*lines, f"Listening on port {site.port}. `gorillacomb serve link` prints an address."]

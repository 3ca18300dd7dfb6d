"""`gorillacomb service`: run the watcher or the server at each login."""

from __future__ import annotations

import click

from gorillacomb.api.watch.service import WATCH, WEB
from gorillacomb.cli.commands.watch.install import install, uninstall
from gorillacomb.cli.options import typed_words
from gorillacomb.errors import ExitCode

_KINDS = {kind.name: kind for kind in (WATCH, WEB)}
_PASSED_ON = {"ignore_unknown_options": True}


@click.group()
def command() -> None:
    """Run the watcher or the server as a service of yours, started at each login.

    Under systemd (Linux) or launchd (macOS). Nothing is started by these commands: they print how.
    """


@command.group("install")
def install_group() -> None:
    """Write a service: `install watch PATH...` or `install web`, with the options it is to have."""


@install_group.command("watch", context_settings=_PASSED_ON)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="PATH... [OPTIONS]")
def install_watch(words: tuple[str, ...]) -> ExitCode:
    """Write a service that watches PATH.

    The options are those of `gorillacomb watch`, which its --help explains.
    """
    from gorillacomb.cli.commands.watch.watch import command as watch

    code: ExitCode = watch.main(
        ["--install", *words], prog_name="gorillacomb watch", standalone_mode=False
    )
    return code


@install_group.command("web", context_settings=_PASSED_ON)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS]")
def install_web(words: tuple[str, ...]) -> ExitCode:
    """Write a service that runs the server.

    The options are those of `gorillacomb serve`, which its --help explains.
    """
    from gorillacomb.cli.commands.serve.serve import command as serve

    context = serve.make_context("gorillacomb serve", list(words))
    if context.params["open_page"]:
        raise click.UsageError("A service opens no page: leave out --open.")
    names = context.params.keys() - {"vault"}
    install(WEB, context.params["vault"], ["serve", *typed_words(context, names)])
    return ExitCode.DONE


@command.command("remove")
@click.argument("name", type=click.Choice(list(_KINDS)))
def remove(name: str) -> ExitCode:
    """Remove the service of the watcher or of the server."""
    uninstall(_KINDS[name])
    return ExitCode.DONE

"""`gorillacomb service`: run the watcher or the server at each login."""

from __future__ import annotations

import os

import click
from click.core import ParameterSource

from gorillacomb.api.vault import Vault
from gorillacomb.api.watch.service import WATCH, WEB
from gorillacomb.cli.commands.watch.install import install, uninstall
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
    vault: Vault = context.params["vault"]
    install(WEB, vault, ["serve", *_typed(context)])
    return ExitCode.DONE


@command.command("remove")
@click.argument("name", type=click.Choice(list(_KINDS)))
def remove(name: str) -> ExitCode:
    """Remove the service of the watcher or of the server."""
    uninstall(_KINDS[name])
    return ExitCode.DONE


def _typed(context: click.Context) -> list[str]:
    """Return the options that were given, with whole paths, so that the service can repeat them."""
    words: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE or name == "vault":
            continue
        value = context.params[name]
        for each in value if isinstance(value, tuple) else (value,):
            words.append(parameter.opts[-1])
            if each is not True:
                words.append(os.path.abspath(each) if isinstance(each, os.PathLike) else str(each))
    return words

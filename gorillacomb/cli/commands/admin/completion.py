"""`gorillacomb completion`: a shell's completion script."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from gorillacomb.errors import ExitCode

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
def command(shell: str) -> ExitCode:
    """Print the completion script of a shell.

    \b
    bash: eval "$(gorillacomb completion bash)"  in ~/.bashrc
    zsh:  eval "$(gorillacomb completion zsh)"   in ~/.zshrc
    fish: gorillacomb completion fish
          > ~/.config/fish/completions/gorillacomb.fish
    """
    from gorillacomb.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "gorillacomb", "_GORILLACOMB_COMPLETE").source())
    return ExitCode.DONE

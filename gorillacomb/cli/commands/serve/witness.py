"""The options of `gorillacomb serve` that let it witness the traces of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gorillacomb.api.mesh.witness import witness_status
from gorillacomb.api.vault import Vault
from gorillacomb.cli.output import render

if TYPE_CHECKING:
    from gorillacomb.web.witness.server import WitnessServer

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class WitnessChoice:
    """What was asked for."""

    beside: bool
    alone: bool
    place: str | None
    """The address and the port; None for the default."""

    @property
    def is_on(self) -> bool:
        """Whether there is a witness at all."""
        return self.beside or self.alone

    @property
    def names(self) -> tuple[str, ...]:
        """The addresses that a certificate is to have because of it."""
        from gorillacomb.web.witness.server import WitnessOptions

        return (WitnessOptions.parse(self.place).bind,) if self.is_on else ()

    def open(self, vault: Vault, tls: tuple[Path, Path] | None) -> WitnessServer | None:
        """Let the witness listen; None if none was asked for."""
        from gorillacomb.web.witness.server import WitnessOptions, WitnessServer

        if not self.is_on:
            return None
        return WitnessServer(vault, WitnessOptions.parse(self.place, tls))


def witness_options(function: Function) -> Function:
    """Add ``--witness``, ``--witness-only`` and ``--witness-bind``."""
    for option in (
        click.option(
            "--witness-bind",
            metavar="ADDRESS:PORT",
            help="Where the witness listens [default: 127.0.0.1:8766].",
        ),
        click.option("--witness-only", is_flag=True, help="Only that: no pages and no API."),
        click.option("--witness", is_flag=True, help="Cosign the traces of others (see `mesh`)."),
    ):
        function = option(function)
    return function


def chosen_witness(beside: bool, alone: bool, place: str | None) -> WitnessChoice:
    """Return what was asked for. Raises a usage error for an address without a witness."""
    if place is not None and not (beside or alone):
        raise click.UsageError("--witness-bind needs --witness or --witness-only.")
    return WitnessChoice(beside, alone, place)


def say_where(vault: Vault, server: WitnessServer) -> None:
    """Say where a witness listens, who may read along, and what it cannot cosign."""
    click.echo(f"The witness listens at {server.address}", err=True)
    if server.options.is_open:
        click.echo(
            "  without TLS: what it signs is protected by its signatures, but others can see which"
            " logs it is asked about",
            err=True,
        )
    status = witness_status(vault)
    if not any(log.trusted_keys for log in status.logs):
        click.echo("  No log is trusted yet: gorillacomb mesh witness trust VKEY", err=True)
    for log in status.logs:
        if log.trouble:
            name = render.printable(log.origin or log.name)
            click.echo(f"  {name} is not cosigned: {render.printable(log.trouble)}", err=True)
            click.echo("  See: gorillacomb mesh witness recover", err=True)

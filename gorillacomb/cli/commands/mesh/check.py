"""`gorillacomb mesh check|dns`: compare what witnesses hold, and what DNS says of their names."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from gorillacomb.api.mesh.check import (
    DnsState,
    MeshCheck,
    MeshNames,
    NameLookup,
    check_mesh,
    look_up_nodes,
)
from gorillacomb.api.mesh.forks import fork_file
from gorillacomb.api.vault import Vault
from gorillacomb.cli.extras import require_extra
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode

_SERVER = re.compile(r"(?P<host>[0-9.]+|\[[0-9a-fA-F:.]+\])(:(?P<port>[0-9]{1,5}))?")


class _ServerParam(click.ParamType[tuple[str, int]]):
    """The address of a DNS server, with a port or without."""

    name = "server"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        match = _SERVER.fullmatch(str(value))
        port = int(match["port"] or 53) if match else 0
        if match is None or not 0 < port < 65536:
            self.fail("an address such as 192.0.2.53 or [2001:db8::53]:53 is needed", param, ctx)
        return match["host"].strip("[]"), port


@click.command("check", short_help="Compare what the witnesses of each log hold.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
@vault_option
def check_command(names: tuple[str, ...], as_json: bool, vault: Vault) -> ExitCode:
    """Ask each node which checkpoints it holds, and check that those of a log are of one log.

    That is our own log, and each node's whose --log-vkey is known here. Between checkpoints of
    different sizes, the owner of the log has to prove that it only grew. Exit code 1 if a log
    forked, or its owner did not prove that it only grew; 3 if a node could not be asked.
    """
    require_extra("mesh", "The mesh")
    result = check_mesh(vault, names)
    render.print_result(result, _check_lines(result), as_json)
    return ExitCode.of_check(found=result.is_wrong, incomplete=result.is_incomplete)


@click.command("dns", short_help="Look the names of the nodes up.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--resolver",
    type=_ServerParam(),
    metavar="ADDRESS[:PORT]",
    help="The DNS server to ask [default: the system's].",
)
@json_option
@vault_option
def dns_command(
    names: tuple[str, ...], resolver: tuple[str, int] | None, as_json: bool, vault: Vault
) -> ExitCode:
    """Ask DNS for the addresses in the nodes' URLs, and say which changed since the last time.

    Exit code 1 if an address changed, or a name is gone; 3 if there was no answer.
    """
    require_extra("mesh", "The mesh")
    found = look_up_nodes(vault, names, resolver=resolver)
    render.print_result(MeshNames(tuple(found)), map(_dns_line, found), as_json)
    states = {each.state for each in found}
    return ExitCode.of_check(
        found=bool(states & {DnsState.CHANGED, DnsState.MISSING}),
        incomplete=DnsState.FAILED in states,
    )


COMMANDS = (check_command, dns_command)


def _check_lines(result: MeshCheck) -> Iterator[str]:
    for each in result.logs:
        state = each.state.value.upper() if each.reason else each.state.value
        text = f"{render.printable(each.origin)}: {state}"
        yield from render.wrapped_paragraph(
            text if each.reason is None else f"{text}: {render.printable(each.reason)}", ""
        )
        for held in each.heads:
            entries = render.format_count(held.head.size, "entry", "entries")
            yield f"  {held.holder}: {entries}, {held.head.root.hex()[:16]}…"
        for name, cause in each.troubles:
            yield from render.wrapped_paragraph(f"{name}: {render.printable(cause)}", "  ")
        fork = fork_file(each.origin)
        if fork is not None:
            yield f"  Both checkpoints are kept in {render.printable(fork)}"


def _dns_line(found: NameLookup) -> str:
    text = f"{found.node}: {render.printable(found.host)} {found.state.value}"
    if found.addresses:
        text += f": {', '.join(found.addresses)}"
    if found.state in (DnsState.CHANGED, DnsState.MISSING) and found.before:
        text += f" (before: {', '.join(found.before)})"
    return text if found.reason is None else f"{text}: {render.printable(found.reason)}"

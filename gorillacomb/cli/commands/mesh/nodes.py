"""`gorillacomb mesh add|list|remove`: the nodes that are known here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from gorillacomb.api.mesh.nodes import MeshNodes, add_node, read_mesh, remove_node
from gorillacomb.api.vault import Vault
from gorillacomb.cli.extras import require_extra
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode
from gorillacomb.model import SECOND


@click.command(short_help="Add a node whose witness is to cosign our trace.")
@click.argument("name")
@click.option("--url", required=True, metavar="URL", help="Where its witness takes checkpoints.")
@click.option("--monitor", metavar="URL", help="Where it shows them [default: the same place].")
@click.option(
    "--vkey",
    "vkeys",
    multiple=True,
    required=True,
    metavar="VKEY",
    help="A verifier key of its witness; once for each of its keys.",
)
@click.option(
    "--log-vkey",
    "log_vkeys",
    multiple=True,
    metavar="VKEY",
    help="The key of its own log: `mesh check` compares it, and our witness cosigns it.",
)
@click.option(
    "--ca",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Certificates, in PEM, to check its TLS certificate with.",
)
@click.option("--replace", is_flag=True, help="Replace the node of that name.")
@json_option
@vault_option
def add(
    name: str,
    url: str,
    monitor: str | None,
    vkeys: tuple[str, ...],
    log_vkeys: tuple[str, ...],
    ca: Path | None,
    replace: bool,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Add a node under a name of your own.

    Its operator prints the keys with `gorillacomb mesh witness show` and `gorillacomb keys show`.
    Take them by a way that you trust: anyone who gives you other keys can pass for that node.
    """
    require_extra("mesh", "The mesh")
    node = add_node(
        vault,
        name,
        url=url,
        monitor=monitor,
        vkeys=vkeys,
        log_vkeys=log_vkeys,
        ca=ca,
        replace=replace,
    )
    lines = [
        f"Added {name}. To have it cosign: gorillacomb mesh sync {name}",
        "It first has to trust the key of your log (gorillacomb keys show); its owner types",
        "gorillacomb mesh witness trust KEY",
    ]
    render.print_result(node, lines, as_json)
    return ExitCode.DONE


@click.command("list", short_help="List the nodes, and what was last seen of each.")
@json_option
@vault_option
def list_command(as_json: bool, vault: Vault) -> ExitCode:
    """List the nodes: what each cosigned, its clock, its watcher, its names, its certificate.

    Nothing is asked over the network: `mesh sync` and `mesh dns` do that. Exit code 1 if a fork is
    on record.
    """
    mesh = read_mesh(vault)
    render.print_result(mesh, _lines(mesh), as_json)
    return ExitCode.FOUND if mesh.open_forks else ExitCode.DONE


@click.command(short_help="Remove a node.")
@click.argument("name")
@json_option
@vault_option
def remove(name: str, as_json: bool, vault: Vault) -> ExitCode:
    """Remove a node, and what was seen of it. Its cosignatures are kept."""
    removed = remove_node(vault, name)
    lines = [f"Removed {name}."]
    if removed.is_in_policy:
        lines.append("The policy still counts it; to make it again: mesh policy --quorum N")
    render.print_result(removed, lines, as_json)
    return ExitCode.DONE


COMMANDS = (add, list_command, remove)


def _lines(mesh: MeshNodes) -> Iterator[str]:
    for fork in mesh.forks:
        sizes = " and ".join(f"{head.size:,}" for head in fork.heads)
        word = "FORKED" if fork in mesh.open_forks else "forked, before"
        yield f"{word}: {render.printable(fork.origin)}, {sizes} entries:"
        text = f"{render.printable(fork.why)} (seen at {render.printable(fork.source)})"
        yield from render.wrapped_paragraph(text, "  ")
    if not mesh.nodes:
        yield "No nodes yet: gorillacomb mesh add NAME --url URL --vkey VKEY"
    for each in mesh.nodes:
        seen = each.seen
        yield f"{each.node.name}  {each.node.url}"
        if seen.cosigned_at:
            when = render.format_time(seen.cosigned_at * SECOND)
            yield f"  cosigned {render.format_count(seen.size, 'entry', 'entries')}, {when}"
            if abs(seen.skew or 0) > 1:
                way = "ahead of" if (seen.skew or 0) > 0 else "behind"
                yield f"  its clock is {abs(seen.skew or 0):,} s {way} ours"
        else:
            yield "  never cosigned"
        if seen.trouble is not None:
            yield from render.wrapped_paragraph(render.printable(seen.trouble), "  ")
        if seen.pulse is not None:
            yield f"  its watcher: {seen.pulse}"
        if seen.addresses:
            yield f"  addresses: {', '.join(seen.addresses)}"
        if seen.tls_expires_at is not None:
            yield f"  certificate until {render.format_time(seen.tls_expires_at * SECOND)}"

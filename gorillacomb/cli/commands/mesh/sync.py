"""`gorillacomb mesh sync`: have the nodes cosign the trace's newest checkpoint."""

from __future__ import annotations

from collections.abc import Iterator

import click

from gorillacomb.api.mesh.sync import MeshSync, SyncState, sync_mesh
from gorillacomb.api.vault import Vault
from gorillacomb.cli.extras import require_extra
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode


@click.command("sync", short_help="Have the nodes cosign the newest checkpoint.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
@vault_option
def command(names: tuple[str, ...], as_json: bool, vault: Vault) -> ExitCode:
    """Show the trace's newest checkpoint to each node, and keep what they sign.

    A node that has cosigned this size within a day is not asked again. Exit code 1 if a node holds
    a checkpoint that contradicts the trace (a fork), or is at fault itself; 3 if one could not be
    reached, or refused, or too few cosigned for the policy. A running watcher does this by itself
    when the trace has grown.
    """
    require_extra("mesh", "The mesh")
    result = sync_mesh(vault, names)
    render.print_result(result, _lines(result), as_json)
    return ExitCode.of_check(found=result.is_wrong, incomplete=result.is_incomplete)


def _lines(result: MeshSync) -> Iterator[str]:
    for each in result.nodes:
        state = each.state.value
        if each.state in (SyncState.COSIGNED, SyncState.CURRENT):
            state += f" {render.format_count(each.size, 'entry', 'entries')}"
        text = f"{each.node}: {state}"
        yield from render.wrapped_paragraph(
            text if each.reason is None else f"{text}: {render.printable(each.reason)}", ""
        )
    entries = render.format_count(result.size, "entry", "entries")
    nodes = render.format_count(result.cosigned, "node")
    yield f"{nodes} cosigned the checkpoint over {entries}."
    if result.has_quorum is None:
        yield "There is no policy that says how many are enough: gorillacomb mesh policy --quorum N"
    elif result.policy_trouble is not None:
        yield from render.wrapped_paragraph(
            f"The policy does not fit the trace any more: {render.printable(result.policy_trouble)}"
            " Make it again: gorillacomb mesh policy --quorum N",
            "",
        )
    elif result.has_quorum:
        yield "That is enough for the policy."
    else:
        yield (
            "That is not enough for the policy; the newest that was enough covers"
            f" {render.format_count(result.synced_size, 'entry', 'entries')}."
        )
    if result.fork is not None:
        yield "THE TRACE HAS FORKED: two checkpoints that it signed contradict each other."
        yield f"Both are kept in {render.printable(result.fork)}"
        yield "Nothing is appended to it any more. Find out who restored or copied the vault; then"
        yield "gorillacomb trace adopt begins a new log, which names this one."

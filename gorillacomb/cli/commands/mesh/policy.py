"""`gorillacomb mesh policy`: whose cosignatures are enough."""

from __future__ import annotations

from pathlib import Path

import click

from gorillacomb.api.mesh.given_files import read_given_file
from gorillacomb.api.mesh.policy import make_policy, read_policy, set_policy
from gorillacomb.api.vault import Vault
from gorillacomb.cli.extras import require_extra
from gorillacomb.cli.options import json_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, UsageError


@click.command("policy", short_help="Say whose cosignatures are enough.")
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@click.option(
    "--quorum",
    type=click.IntRange(min=1),
    metavar="N",
    help="Make a policy by which N of the known nodes are enough.",
)
@json_option
@vault_option
def command(file: Path | None, quorum: int | None, as_json: bool, vault: Vault) -> ExitCode:
    """Put a policy in force: FILE in the format of C2SP tlog-policy, or one of the known nodes.

    Without FILE and --quorum, print the one in force; others can check proofs of this vault with
    it. Any two quorums have an honest node in common only if twice the quorum is more than the
    number of nodes and of those that may be dishonest together.
    """
    require_extra("mesh", "The mesh")
    if file is None and quorum is None:
        found = read_policy(vault)
        if found is None:
            raise UsageError(
                "There is no policy.", "gorillacomb mesh policy --quorum N makes one of the nodes."
            )
        if as_json:
            render.print_json(found.to_dict())
        else:
            render.write_bytes(found.data)
        return ExitCode.DONE
    if file is not None and quorum is not None:
        raise click.UsageError("FILE and --quorum cannot be combined: choose one.")
    data = read_given_file(file) if file is not None else make_policy(vault, quorum or 0)
    policy = set_policy(vault, data)
    keys = render.format_count(policy.quorum, "cosignature")
    lines = [f"The policy is in force. The least that can be enough is {keys}."]
    render.print_result(policy, lines, as_json)
    return ExitCode.DONE

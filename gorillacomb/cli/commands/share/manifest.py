"""`gorillacomb manifest`: write a signed list of what a folder contains."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gorillacomb.api.manifest import SavedManifest, create_manifest, refuse_to_replace
from gorillacomb.api.next_step.upkeep import after_manifest
from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.share.keys import print_new_key
from gorillacomb.cli.options import (
    BytesPath,
    json_option,
    progress_option,
    vault_option,
    workers_option,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode

if TYPE_CHECKING:
    from gorillacomb.api.keys import KeyKind
    from gorillacomb.api.manifest import OmittedPath

_SHOWN = 20
"""Omitted paths that text output names."""
_ODDITIES = {
    "fifo": "a FIFO",
    "socket": "a socket",
    "device": "a device",
    "mount": "another file system",
}


@click.command()
@click.argument("path", required=False, type=BytesPath(), metavar="[PATH]")
@click.option(
    "-o",
    "--output",
    type=BytesPath(),
    required=True,
    metavar="FILE",
    help="Where to write it; its signature is written beside it, to FILE.dsse."
    " '-' writes it to stdout, unsigned.",
)
@click.option(
    "--key-type",
    type=click.Choice(["ed25519", "rsa"]),
    default="ed25519",
    show_default=True,
    help="Which of your keys signs it; created when it is first needed.",
)
@click.option("--no-sign", is_flag=True, help="Write it without a signature.")
@click.option(
    "--allow-missing", is_flag=True, help="Write it even if not every file could be read."
)
@click.option("--force", is_flag=True, help="Overwrite an existing manifest.")
@workers_option
@progress_option
@json_option
@vault_option
def command(
    path: bytes | None,
    output: bytes,
    key_type: KeyKind,
    no_sign: bool,
    allow_missing: bool,
    force: bool,
    workers: int | None,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """List what the folder PATH contains: every file with its digests and mode, every link and
    empty folder, signed.

    All content is read again. Without PATH: the canonical files of the one root that was scanned.
    `gorillacomb verify FILE` checks a folder against it.
    """
    to_stdout = output == b"-"
    if to_stdout and as_json:
        raise click.UsageError("--json reports what -o wrote: name a file.")
    if not (to_stdout or force):
        refuse_to_replace(output, signed=not no_sign)
    gc.disable()  # there may be 100,000s of entries, without cycles: looking for those takes time
    manifest = create_manifest(
        path,
        output=None if to_stdout else output,
        vault=vault,
        workers=workers,
        progress=progress_for(progress),
    )
    saved = SavedManifest(manifest, None, None)
    written = allow_missing or not manifest.lacks
    if written and to_stdout:
        render.write_bytes(manifest.to_bytes())
    elif written:
        saved = manifest.save(
            output,
            sign=None if no_sign else key_type,
            replace=force,
            allow_missing=True,
            made=print_new_key,
        )
    if as_json:
        render.print_json(saved.to_dict())
    else:
        _print(saved, output, written)
        if written and not to_stdout:
            for line in render.next_lines(after_manifest(output, manifest.root), vault):
                click.echo(line)
    return ExitCode.INCOMPLETE if manifest.lacks else ExitCode.DONE


def _print(saved: SavedManifest, output: bytes, written: bool) -> None:
    """Print what was done; what was omitted is printed on stderr."""
    manifest = saved.manifest
    odd = [each for each in manifest.left_out if not each.is_lack]
    _name("not part of a manifest", odd)
    _name("unreadable, and missing from it", manifest.lacks)
    if not written:
        click.echo(
            "gorillacomb: No manifest was written: it would lack the entries above.", err=True
        )
        click.echo("Make them readable, or write it without them: --allow-missing.", err=True)
        return
    if output == b"-":
        return
    found = manifest.counts
    parts = [render.format_count(found["files"], "file")]
    parts += [render.format_count(found["links"], "link")] if found["links"] else []
    parts += [render.format_count(found["dirs"], "empty folder")] if found["dirs"] else []
    size = render.format_size(found["bytes"])
    click.echo(f"Wrote {render.printable_path(output)}: {', '.join(parts)}, {size}.")
    if saved.key is not None:
        click.echo(f"Signed by your key {saved.key}, in {render.printable_path(output)}.dsse.")


def _name(what: str, left_out: Sequence[OmittedPath]) -> None:
    if not left_out:
        return
    those = render.format_count(len(left_out), "thing is", "things are")
    click.echo(f"gorillacomb: {those} {what}:", err=True)
    for each in left_out[:_SHOWN]:
        cause = each.cause or _ODDITIES.get(each.kind, "")
        click.echo(f"  {render.printable_path(each.path)}: {cause}", err=True)
    if len(left_out) > _SHOWN:
        click.echo(f"  and {len(left_out) - _SHOWN:,} more; --json names them all", err=True)

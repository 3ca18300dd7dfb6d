"""`gorillacomb export`: convert a manifest to the formats of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gorillacomb.api.export import FORMATS, ExportFormat, ManifestExport, export_manifest
from gorillacomb.cli.commands.share.keys import print_new_key
from gorillacomb.cli.options import BytesPath, json_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode

if TYPE_CHECKING:
    from gorillacomb.api.export import OmittedEntry, UserKey

_SHOWN = 20
"""Omitted names that text output shows."""


@click.command()
@click.argument("file", type=BytesPath(), metavar="FILE")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    required=True,
    help="What to write; see below.",
)
@click.option(
    "-o",
    "--output",
    type=BytesPath(),
    metavar="FILE|DIR",
    help="Where to write it [default: stdout; a bag needs a new folder].",
)
@click.option(
    "--root",
    type=BytesPath(),
    metavar="DIR",
    help="bagit: the folder with the files [default: the one that contains FILE, or the one"
    " beside FILE with the name that it gives].",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@json_option
def command(
    file: bytes,
    form: ExportFormat,
    output: bytes | None,
    root: bytes | None,
    force: bool,
    as_json: bool,
) -> ExitCode:
    """Write the manifest FILE ('-' for stdin) in a format that other tools read.

    \b
    sha256sum  a list of digests for `sha256sum -c`
    b3sum      a list of digests for `b3sum --check`
    mtree      a specification for `mtree -f LIST -p DIR`
    csv        a table of everything in the manifest
    oms        an OpenSSF model signature for `model_signing verify key`
    bagit      a copy of the files as a BagIt bag, in a new folder

    Paths in lists are relative to the manifest's folder. Entries that a format cannot carry are
    named, and the exit code is then 3; model_signing then needs --ignore_unsigned_files. A
    signature only repeats what FILE says: verify FILE first.

    oms needs an elliptic curve key (ECDSA, P-256). Yours is created when it is first
    needed; stderr, or --json, names it with its public key.
    """
    if as_json and output is None:
        raise click.UsageError("--json reports what -o wrote: give both.")
    if form == "bagit":
        _check_bag_options(file, output, root, force)
    elif root is not None:
        raise click.UsageError("--root is for --format bagit.")
    done = export_manifest(file, form, output, root=root, replace=force, made=print_new_key)
    if output is None:
        render.write_bytes(done.data)
    if as_json:
        render.print_json(done.to_dict())
    if done.failed:
        those = render.format_count(len(done.failed), "file differs", "files differ")
        _name(f"{those} from the manifest, so no bag was created", done.failed)
        return ExitCode.FOUND
    if not as_json:
        _print(done, output)
    if done.lacks:
        those = render.format_count(done.lacks, "thing")
        click.echo(f"gorillacomb: The manifest itself lacks {those} of its folder.", err=True)
    if done.left_out:
        those = render.format_count(len(done.left_out), "entry", "entries")
        _name(f"{those} omitted: {form} cannot represent them", done.left_out)
    return ExitCode.INCOMPLETE if done.left_out else ExitCode.DONE


def _check_bag_options(file: bytes, output: bytes | None, root: bytes | None, force: bool) -> None:
    if output is None:
        raise click.UsageError("A bag is a folder: name a new one with -o.")
    if force:
        raise click.UsageError("--force is for single files: a bag never replaces a folder.")
    if root is None and file == b"-":
        raise click.UsageError("With a manifest from stdin, name the folder with --root.")


def _print(done: ManifestExport, output: bytes | None) -> None:
    if done.key is not None:
        _name_key(done.key)
    if output is not None:
        entries = render.format_count(done.entries, "entry", "entries")
        click.echo(f"Wrote {render.printable_path(output)}: {entries}, as {done.form}.")


def _name_key(key: UserKey) -> None:
    """Say which key signed, and print the public key that others check with."""
    click.echo(f"gorillacomb: Signed by your key {key.fingerprint},", err=True)
    path = render.short_path(key.path, None)
    click.echo(f"  {path}. The public key to check it with:", err=True)
    click.echo(key.public_pem, err=True, nl=False)


def _name(what: str, entries: Sequence[OmittedEntry]) -> None:
    click.echo(f"gorillacomb: {what}:", err=True)
    for each in entries[:_SHOWN]:
        click.echo(f"  {render.printable_path(each.path)}: {each.cause}", err=True)
    if len(entries) > _SHOWN:
        click.echo(f"  and {len(entries) - _SHOWN:,} more; --json names them all", err=True)

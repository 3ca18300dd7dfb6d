"""`gorillacomb export`: a manifest in the formats of other people's tools."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gorillacomb.cli.options import BytesPath, json_option
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, RefusedForSafety, UntrustedInput
from gorillacomb.json_paths import path_to_json

if TYPE_CHECKING:
    from gorillacomb.manifest.export.bagit import BagResult
    from gorillacomb.manifest.export.result import ExportResult, OmittedEntry
    from gorillacomb.manifest.model import Manifest
    from gorillacomb.vaultmesh.keys.keys import EcdsaSigningKey

FORMATS = ("sha256sum", "b3sum", "bagit", "mtree", "oms", "csv")
_SHOWN = 20
"""Names that text shows of those left out."""


@click.command(short_help="Write a manifest as sha256sum, b3sum, bagit, mtree, oms or csv.")
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
    help="bagit: the folder with the files [default: the one that FILE lies in, or the one"
    " beside FILE that bears the name in it].",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
def command(
    file: bytes,
    form: str,
    output: bytes | None,
    root: bytes | None,
    force: bool,
    as_json: bool,
) -> int:
    """Write the manifest FILE ('-' for stdin) in a format that other tools read.

    \b
    sha256sum  a list of digests for `sha256sum -c`
    b3sum      a list of digests for `b3sum --check`
    mtree      a specification for `mtree -f LIST -p DIR`
    csv        a table of all that the manifest says
    oms        an OpenSSF model signature for `model_signing verify key`
    bagit      a copy of the files as a BagIt bag, in a new folder

    Paths in lists are relative to the manifest's folder. Entries that a format cannot carry are
    named, and the exit code is then 3; model_signing then needs --ignore_unsigned_files. A
    signature says what FILE says: verify that first.

    oms wants an elliptic curve key (ECDSA, P-256): yours is made at first need; stderr, or --json,
    names it with its public key.
    """
    if as_json and output is None:
        raise click.UsageError("--json is a report on what -o wrote: give both.")
    if form != "bagit":
        if root is not None:
            raise click.UsageError("--root is for --format bagit.")
        return _write_one(file, form, output, force, as_json)
    if output is None:
        raise click.UsageError("A bag is a folder: name a new one with -o.")
    if force:
        raise click.UsageError("--force is for single files: a bag takes no other folder's place.")
    if root is None and file == b"-":
        raise click.UsageError("With a manifest from stdin, name the folder with --root.")
    return _write_bag(file, root, output, as_json)


def _write_one(file: bytes, form: str, output: bytes | None, force: bool, as_json: bool) -> int:
    from gorillacomb.fs.output_file import write_file

    if output is not None and _is_same(file, output):
        raise RefusedForSafety(
            "The manifest would be written over itself.", "Name another file with -o."
        )
    manifest = _read(file)
    exported, key = _exported(manifest, form)
    if output is None:
        render.write_bytes(exported.data)
    else:
        write_file(output, exported.data, replace=force)
    report: dict[str, object] = {}
    if key is not None:
        from gorillacomb.vaultmesh.keys.keys import fingerprint

        report["key"] = fingerprint(key.public)
        report["public_key"] = key.public_pem.decode("ascii")
    return _tell(form, output, exported.entries, report, manifest, exported.left_out, as_json)


def _exported(manifest: Manifest, form: str) -> tuple[ExportResult, EcdsaSigningKey | None]:
    """The manifest in a format of one file; with a signature, the key that signed."""
    if form in ("sha256sum", "b3sum"):
        from gorillacomb.manifest.export import sums

        return (sums.sha256sum if form == "sha256sum" else sums.b3sum)(manifest), None
    if form == "mtree":
        from gorillacomb.manifest.export.mtree import specification

        return specification(manifest), None
    if form == "csv":
        from gorillacomb.manifest.export.csv_table import table

        return table(manifest), None
    from gorillacomb.api.keys import user_key
    from gorillacomb.cli.commands.share.keys import print_new_key
    from gorillacomb.manifest.export.oms import bundle
    from gorillacomb.vaultmesh.keys.keys import EcdsaSigningKey

    key = user_key("ecdsa", print_new_key).signing
    assert isinstance(key, EcdsaSigningKey)
    return bundle(manifest, key), key


def _write_bag(file: bytes, root: bytes | None, output: bytes, as_json: bool) -> ExitCode:
    from gorillacomb.api.verify import default_root
    from gorillacomb.manifest.export.bagit import make_bag

    manifest = _read(file)
    source = default_root(file, manifest) if root is None else root
    done = make_bag(manifest, source, output, time.time_ns())
    report: dict[str, object] = {"failed": [_object(each) for each in done.failed]}
    if not done.failed:
        return _tell("bagit", output, done.entries, report, manifest, done.left_out, as_json)
    if as_json:
        head = {"format": "bagit", "written": None, "entries": done.entries}
        render.print_json({**head, **report, **_left(done)})
    those = render.format_count(len(done.failed), "file is", "files are")
    _name(f"{those} not as the manifest says, so no bag was made", done.failed)
    return ExitCode.FOUND


def _left(done: BagResult) -> dict[str, object]:
    return {"left_out": [_object(each) for each in done.left_out]}


def _tell(
    form: str,
    output: bytes | None,
    carried: int,
    report: dict[str, object],
    manifest: Manifest,
    left_out: Sequence[OmittedEntry],
    as_json: bool,
) -> ExitCode:
    """Say what was written and what was not; returns the exit code."""
    if as_json:
        assert output is not None
        render.print_json(
            {
                "format": form,
                "written": path_to_json(os.path.abspath(output)),
                "entries": carried,
                **report,
                "left_out": [_object(each) for each in left_out],
            }
        )
    else:
        if "public_key" in report:
            _name_key(report)
        if output is not None:
            entries = render.format_count(carried, "entry", "entries")
            click.echo(f"Wrote {render.printable_path(output)}: {entries}, as {form}.")
    if manifest.lacks:
        those = render.format_count(len(manifest.lacks), "thing")
        click.echo(f"gorillacomb: The manifest itself lacks {those} of its folder.", err=True)
    if left_out:
        those = render.format_count(len(left_out), "entry", "entries")
        _name(f"{those} left out, which {form} cannot carry", left_out)
    return ExitCode.INCOMPLETE if left_out else ExitCode.DONE


def _name_key(report: dict[str, object]) -> None:
    """Which key signed, and the public one by which others check that."""
    from gorillacomb.api.keys import user_key

    path = render.short_path(user_key("ecdsa").path, None)
    click.echo(f"gorillacomb: Signed by your key {report['key']},", err=True)
    click.echo(f"  {path}. The public key to check it by:", err=True)
    click.echo(report["public_key"], err=True, nl=False)


def _name(what: str, entries: Sequence[OmittedEntry]) -> None:
    click.echo(f"gorillacomb: {what}:", err=True)
    for each in entries[:_SHOWN]:
        click.echo(f"  {render.printable_path(each.path)}: {each.cause}", err=True)
    if len(entries) > _SHOWN:
        click.echo(f"  and {len(entries) - _SHOWN:,} more; --json names them all", err=True)


def _object(each: OmittedEntry) -> dict[str, str]:
    return {**path_to_json(each.path), "cause": each.cause}


def _is_same(one: bytes, other: bytes) -> bool:
    try:
        return one != b"-" and os.path.samefile(one, other)
    except OSError:
        return False


def _read(file: bytes) -> Manifest:
    """The manifest in a file or on stdin. Raises UsageFault, Untrusted."""
    from gorillacomb.manifest import io
    from gorillacomb.manifest.envelope import check_signatures
    from gorillacomb.manifest.parse import parse_manifest

    data, envelope = io.read_manifest(file)
    # Whether the key is to be trusted is for `verify` to say; but another manifest's signature
    # beside this one means that it was edited.
    outcome = check_signatures(data, envelope, ())
    if outcome.state == "invalid":
        raise UntrustedInput(
            f"{os.fsdecode(file)} is refused: {outcome.cause}.",
            "Bring back the manifest that was signed.",
        )
    return parse_manifest(data)

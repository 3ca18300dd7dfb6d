"""`gorillacomb manifest`: write down what stands in a folder, signed."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gorillacomb.cli.options import (
    BytesPath,
    json_option,
    progress_option,
    vault_option,
    workers_option,
)
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode, UsageError
from gorillacomb.json_paths import path_to_json
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault, config_folder

if TYPE_CHECKING:
    from gorillacomb.manifest.builder import TraceSeqLookup
    from gorillacomb.manifest.model import Manifest, OmittedPath
    from gorillacomb.vaultmesh.keys.key_store import KeyStore
    from gorillacomb.vaultmesh.keys.keys import AnySigningKey, KeyKind

_SHOWN = 20
"""Paths that text names of those left out."""
_ODDITIES = {
    "fifo": "a FIFO",
    "socket": "a socket",
    "device": "a device",
    "mount": "another file system",
}
SelectedPaths = list[tuple[bytes, int | None]]


@click.command(short_help="Write down, signed, what stands in a folder.")
@click.argument("path", required=False, type=BytesPath(), metavar="[PATH]")
@click.option(
    "-o",
    "--output",
    type=BytesPath(),
    required=True,
    metavar="FILE",
    help="Where to write it; its signature goes beside it, into FILE.dsse."
    " '-' writes it to stdout, unsigned.",
)
@click.option(
    "--key-type",
    type=click.Choice(["ed25519", "rsa"]),
    default="ed25519",
    show_default=True,
    help="Which of your keys signs it; made at first need.",
)
@click.option("--no-sign", is_flag=True, help="Write it without a signature.")
@click.option(
    "--allow-missing", is_flag=True, help="Write it even if not every file could be read."
)
@click.option("--force", is_flag=True, help="Write over a manifest that is there.")
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
    """Write down what stands in the folder PATH: every file with its digests and
    mode, every link and empty folder, signed.

    All content is read anew. Without PATH: the canonical files of the one root
    that was scanned. `gorillacomb verify FILE` checks a folder against it.
    """
    from gorillacomb.manifest import io
    from gorillacomb.manifest.builder import build
    from gorillacomb.manifest.serialize import to_json

    to_stdout = output == b"-"
    if to_stdout and as_json:
        raise click.UsageError("--json is a report on what -o wrote: name a file.")
    signed = not (no_sign or to_stdout)
    if not (to_stdout or force):
        io.refuse_to_replace(output, signed)
    gc.disable()  # entries come by the 100,000 and hold no cycles: looking for them takes time
    root, selection = (path, None) if path is not None else _canonical_files(vault)
    checkpoint, seq_of = _trace(vault, root)
    settings = load_settings()
    manifest = build(
        root,
        time.time_ns(),
        selection=selection,
        checkpoint=checkpoint,
        seq_of=seq_of,
        ignored=frozenset() if to_stdout else io.paths_below(root, output),
        own=vault.own_files(),
        workers=settings.workers if workers is None else workers,
        progress=progress_for(progress),
    )
    written = allow_missing or not manifest.lacks
    key = None
    if written:
        data = to_json(manifest)
        if to_stdout:
            render.write_bytes(data)
        else:
            envelope, key = _signed(data, key_type) if signed else (None, None)
            io.write_manifest(output, data, envelope, force)
    if as_json:
        render.print_json(_report(manifest, output if written else None, key))
    else:
        _tell(manifest, output, written, key)
    return ExitCode.INCOMPLETE if manifest.lacks else ExitCode.DONE


def _canonical_files(vault: Vault) -> tuple[bytes, SelectedPaths]:
    """The path of the one root, and its canonical files below it with the seqs of their stamps."""
    from gorillacomb.fs.paths import join, relative_path
    from gorillacomb.index import stamps
    from gorillacomb.index.database import Index, translate_errors
    from gorillacomb.index.roots import all_roots, folder_paths

    with Index.read(vault) as index, translate_errors(vault):
        roots = all_roots(index.connection)
        if len(roots) != 1:
            raise UsageError(
                f"There are {len(roots)} roots in the vault, and a manifest is of one folder.",
                "Name it: gorillacomb manifest PATH -o FILE",
            )
        top = roots[0].path
        paths = folder_paths(index.connection)
        later = stamps.deferred_folders(index.connection)
        if later:
            raise UsageError(
                f"What is new in {render.format_count(len(later), 'machine-made folder')} "
                "is not stamped"
                " yet: the watcher waits until it is quiet there.",
                f"Stamp it now: gorillacomb scan {render.printable_path(top)}",
            )
        found: SelectedPaths = []
        for _, stamp in stamps.all_stamps(index.connection):
            place = paths.place(stamp.folder)
            if place is not None:
                found.append((relative_path(join(place[1], stamp.name), top), stamp.seq))
    return top, found


def _trace(vault: Vault, root: bytes) -> tuple[str | None, TraceSeqLookup]:
    """The checkpoint of the vault's trace, and the seq of a canonical file's stamp in it."""
    from gorillacomb.fs.paths import is_below, join
    from gorillacomb.index import stamps
    from gorillacomb.index.database import Index, translate_errors
    from gorillacomb.index.roots import folder_paths
    from gorillacomb.vaultmesh.open import open_trace_for_reading

    if not (vault.trace.exists() and vault.index.exists()):
        return None, lambda path, digest: None
    with open_trace_for_reading(vault) as ledger:
        checkpoint = ledger.checkpoint().decode()
    top = os.path.realpath(root)
    found: dict[tuple[bytes, bytes], int] = {}
    with Index.read(vault) as index, translate_errors(vault):
        paths = folder_paths(index.connection)
        for digest, stamp in stamps.all_stamps(index.connection):
            place = paths.place(stamp.folder)
            if place is not None and is_below(place[1], top):
                found[join(place[1], stamp.name), digest] = stamp.seq
    return checkpoint, lambda path, digest: found.get((path, digest))


def _signed(data: bytes, kind: KeyKind) -> tuple[bytes, str]:
    """The envelope of a manifest, and the fingerprint of the user's key that signed it."""
    from gorillacomb.manifest.envelope import sign_payload
    from gorillacomb.vaultmesh.keys.key_store import KeyStore
    from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey, RsaSigningKey, fingerprint

    key = signing_key(KeyStore(config_folder() / "keys"), kind)
    assert isinstance(key, Ed25519SigningKey | RsaSigningKey)
    return sign_payload(data, [key]), fingerprint(key.public)


def signing_key(store: KeyStore, kind: KeyKind) -> AnySigningKey:
    """The user's key of a kind. One that has to be made is told of on stderr.

    Nobody trusts it yet; and where there was one before, that one has been lost.
    """
    from gorillacomb.vaultmesh.keys.keys import fingerprint

    key = store.current(kind)
    if key is None:
        key = store.make(kind)
        click.echo(
            f"gorillacomb: Made a new key, {fingerprint(key.public)}, since there was none:",
            err=True,
        )
        click.echo(f"  {key_path(store, kind)}", err=True)
    return key


def key_path(store: KeyStore, kind: KeyKind) -> str:
    """Where the user's key of a kind stands, for people."""
    return render.short_path(os.fsencode(store.folder / f"{kind}.pem"), None)


def _report(manifest: Manifest, written: bytes | None, key: str | None) -> dict[str, object]:
    """What was done, in JSON."""
    from gorillacomb.manifest.serialize import entry_counts

    return {
        "written": None if written is None else path_to_json(os.path.abspath(written)),
        "key": key,
        **entry_counts(manifest.entries),
        "whole": manifest.whole,
        "left_out": [
            {**path_to_json(each.path), "kind": each.kind, "cause": each.cause}
            for each in manifest.left_out
        ],
    }


def _tell(manifest: Manifest, output: bytes, written: bool, key: str | None) -> None:
    """What was done, for people; what was left out goes to stderr."""
    from gorillacomb.manifest.serialize import entry_counts

    odd = [each for each in manifest.left_out if not each.is_lack]
    _name("no part of a manifest", odd)
    _name("not readable, and lacking in it", manifest.lacks)
    if not written:
        click.echo(
            "gorillacomb: No manifest was written: it would lack what is named above.", err=True
        )
        click.echo("Make that readable, or write it without: --allow-missing.", err=True)
        return
    if output == b"-":
        return
    found = entry_counts(manifest.entries)
    parts = [render.format_count(found["files"], "file")]
    parts += [render.format_count(found["links"], "link")] if found["links"] else []
    parts += [render.format_count(found["dirs"], "empty folder")] if found["dirs"] else []
    size = render.format_size(found["bytes"])
    click.echo(f"Wrote {render.printable_path(output)}: {', '.join(parts)}, {size}.")
    if key is not None:
        click.echo(f"Signed by your key {key}, in {render.printable_path(output)}.dsse.")


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

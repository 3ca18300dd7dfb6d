"""`gorillacomb trace`: the record of every canonical file, checked, shown, proved, exported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from gorillacomb import sqlite
from gorillacomb.bytepaths import below
from gorillacomb.cli import render
from gorillacomb.cli.lookup import Found, find, unknown
from gorillacomb.cli.options import BytesPath, discard, json_option, progress_option, vault_option
from gorillacomb.cli.progress import progress_for
from gorillacomb.dedupe.record import anchors, check_index, key_store, read_trace
from gorillacomb.errors import (
    KeyMissing,
    Refused,
    Untrusted,
    UsageFault,
    VaultError,
    VaultRolledBack,
)
from gorillacomb.index import stamps
from gorillacomb.index.database import Index, explaining
from gorillacomb.index.vault import Vault
from gorillacomb.openat import cause_of
from gorillacomb.vaultmesh import adopt as adoption
from gorillacomb.vaultmesh import checkpoint as checkpoints
from gorillacomb.vaultmesh import jcs, proof
from gorillacomb.vaultmesh.audit import Audit, audit
from gorillacomb.vaultmesh.entries import path_of
from gorillacomb.vaultmesh.failures import explaining_content
from gorillacomb.vaultmesh.history import history
from gorillacomb.vaultmesh.keys import load_publics
from gorillacomb.vaultmesh.ledger import Ledger

_MOST_BYTES = 4 << 20
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(short_help="The signed record of every canonical file: check it, show it, prove it.")
def command() -> None:
    """The VaultMesh trace: an append-only, hash-chained, signed record.

    `gorillacomb scan` adds to it; nothing is ever taken out of it.
    """


@command.command(short_help="Check chain, tree, signatures, anchor and index.")
@click.option(
    "--checkpoint",
    "kept",
    type=_FILE,
    metavar="FILE",
    help="Prove also that the trace extends this checkpoint, which you kept elsewhere.",
)
@click.option("--key", type=_FILE, metavar="FILE", help="Trust this public key only.")
@click.option(
    "--proof",
    "proof_file",
    type=_FILE,
    metavar="FILE",
    help="Check a proof made by `trace prove` instead; needs no vault.",
)
@progress_option
@json_option
@vault_option
def verify(
    kept: Path | None,
    key: Path | None,
    proof_file: Path | None,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> int:
    """Check every entry of the trace against all that was ever signed.

    Exit code 0 when all is well, 1 when something was changed: the first bad
    entry is named. Trusted are the keys in the user's key folder, or --key.
    """
    trusted = None if key is None else _ed25519(key)
    if proof_file is not None:
        return _verify_proof(proof_file, trusted, as_json)
    note = None if kept is None else _read(kept)
    if note is not None:
        checkpoints.parse(note, "The checkpoint that you kept")
    shown = progress_for(progress)
    with ExitStack() as opened:
        index = _index_as_of_now(vault, opened)
        ledger = opened.enter_context(_trace(vault))
        shown.stage("Checking the trace", ledger.size, 0)
        try:
            result = audit(ledger, note, trusted, lambda count: shown.advance(count, 0))
        finally:
            shown.close()
        apart = None
        if result.ok and index is not None:
            with explaining(vault):
                apart = check_index(index(), ledger)
    reason = result.reason or apart
    ok = reason is None
    if as_json:
        render.print_json(
            {
                "ok": ok,
                "entries": result.entries,
                "root": result.root.hex(),
                "first_bad": result.first_bad,
                "reason": reason,
                "anchor": result.anchor,
                "checkpoint": None if kept is None else ("consistent" if result.ok else "unknown"),
            }
        )
    else:
        with render.reader_may_leave():
            for line in _verdict(result, apart, kept is not None):
                click.echo(line)
    return 0 if ok else 1


def _index_as_of_now(vault: Vault, opened: ExitStack) -> Callable[[], Index] | None:
    """The index, held as it is before the trace is opened: it is then never ahead of the trace.

    One that cannot be read says so only when it is asked for: the trace does without it.
    """
    if not vault.index.exists():
        return None
    try:
        index = opened.enter_context(Index.read(vault))
        with explaining(vault):
            sqlite.hold_still(index.connection)
    except VaultError as error:
        return partial(_raise, error)
    return lambda: index


def _raise(error: VaultError) -> NoReturn:
    raise error


@contextmanager
def _trace(vault: Vault) -> Iterator[Ledger]:
    """The trace for reading; entries that a forger wrote are refused in words."""
    with read_trace(vault) as ledger, explaining_content(vault.trace):
        yield ledger


def _verdict(result: Audit, apart: str | None, kept: bool) -> list[str]:
    if result.reason is not None:
        where = "" if result.first_bad is None else f" from entry {result.first_bad:,} on"
        return [
            f"The trace is not as it was signed{where}: {result.reason}.",
            "Compare it with a backup. Only where you put one back yourself: trace adopt.",
        ]
    lines = [f"The trace is sound: {render.count(result.entries, 'entry', 'entries')}, signed."]
    if result.anchor == "none":
        lines.append("This machine has no checkpoint of it outside the vault yet.")
    if kept:
        lines.append("It extends the checkpoint that you kept.")
    if apart is not None:
        lines.append(f"But the index does not go with it: {apart}.")
        lines.append("Move index.db away and scan again: the index is made anew from the trace.")
    return lines


def _verify_proof(path: Path, trusted: list[bytes] | None, as_json: bool) -> int:
    found, checkpoint = proof.verified(
        _read(path), key_store().publics() if trusted is None else trusted
    )
    entry = jcs.parse(found.entry, "The proof's entry")
    if as_json:
        render.print_json({"ok": True, "seq": found.index, "size": checkpoint.size, "entry": entry})
    else:
        click.echo(f"Proved: entry {found.index:,} of {checkpoint.size:,} in {checkpoint.origin}")
        click.echo(_line(entry))
        for name in ("size", "blake3"):
            if name in entry:
                click.echo(f"{'':10}{name} {render.printable(str(entry[name]))}")
    return 0


@command.command(short_help="Show the last entries.")
@click.option(
    "-n",
    "--last",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    metavar="N",
    help="How many; 0 for all.",
)
@json_option
@vault_option
def log(last: int, as_json: bool, vault: Vault) -> int:
    """Show the last entries of the trace, the oldest of them first."""
    with _trace(vault) as ledger:
        start = max(ledger.size - last, 0) if last else 0
        if as_json:
            render.print_json({"entries": [jcs.load(entry) for _, entry in ledger.entries(start)]})
            return 0
        for _, entry in ledger.entries(start):
            click.echo(_line(jcs.load(entry)))
    return 0


@command.command(short_help="Show the history of one file.")
@click.argument("path", type=BytesPath())
@json_option
@vault_option
def show(path: bytes, as_json: bool, vault: Vault) -> int:
    """Show every entry about a file, also from when it stood elsewhere."""
    with Index.read(vault) as index, explaining(vault):
        found = find(index, path)
        if found.root is None:
            raise unknown(found)
        relative = below(found.path, found.root.path)
    with _trace(vault) as ledger:
        entries = history(ledger, found.root.uid, relative)
    if as_json:
        render.print_json({**render.path_object(found.path), "trace": entries})
        return 0
    for entry in entries:
        click.echo(_line(entry))
        for reason in entry.get("reasons", ()):
            click.echo(f"       because: {render.printable(reason)}")
    if not entries:
        click.echo("No entry is about it: only the canonical copy of a content is stamped.")
    return 0


@command.command(short_help="Print the signed checkpoint, to be kept elsewhere.")
@vault_option
def checkpoint(vault: Vault) -> int:
    """Print the last checkpoint: a signed note with size and root of the trace.

    Kept on another machine or on paper, it proves later, with `trace verify
    --checkpoint FILE`, that nothing before it was changed.
    """
    with _trace(vault) as ledger:
        render.write_bytes(ledger.checkpoint())
    return 0


@command.command(short_help="Prove that a file's stamp is in the trace.")
@click.argument("path", type=BytesPath())
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write the proof [default: stdout].",
)
@vault_option
def prove(path: bytes, output: Path | None, vault: Vault) -> int:
    """Write a proof that the stamp of a file, or of its content, is in the trace.

    Of a file that is gone: the last stamp that it had. The proof can be checked
    without the vault: gorillacomb trace verify --proof FILE.
    """
    with Index.read(vault) as index, explaining(vault):
        found = find(index, path)
        if found.root is None:
            raise unknown(found)
        if found.folder is not None:
            raise UsageFault(f"{render.path_text(found.path)} is a folder.", "Name a file in it.")
        digest = None if found.file is None else found.file.digest
        stamp = None if digest is None else stamps.stamp_of(index.connection, digest)
    with _trace(vault) as ledger:
        if stamp is None:
            seq = _last_stamp(ledger, found)
        elif digest is not None and digest.hex().encode() in ledger.entry(stamp.seq):
            seq = stamp.seq
        else:
            raise VaultRolledBack(
                f"Entry {stamp.seq:,} of the trace is not the one that the index knows.",
                "gorillacomb trace verify tells more.",
            )
        data = proof.prove(ledger, seq)
        entry = jcs.load(ledger.entry(seq))
    if output is None:
        render.write_bytes(data)
    else:
        try:
            with open(output, "xb") as file:
                file.write(data)
        except OSError as error:
            raise UsageFault(
                f"{output} cannot be written: {cause_of(error)}.",
                "Name a file that does not exist yet.",
            ) from error
    click.echo(f"Proof of entry {seq:,}:", err=True)
    click.echo(_line(entry), err=True)
    return 0


def _last_stamp(ledger: Ledger, found: Found) -> int:
    """The entry in which a file that is gone was stamped last."""
    assert found.root is not None
    past = history(ledger, found.root.uid, below(found.path, found.root.path))
    seqs = [entry["seq"] for entry in past if "size" in entry]
    if not seqs:
        raise UsageFault(
            f"{render.path_text(found.path)} has no stamp in the trace.",
            "gorillacomb scan PATH stamps the canonical copy of a content; empty files have none.",
        )
    return int(seqs[-1])


@command.command(short_help="Write the exact entries and the checkpoint into a folder.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@vault_option
def export(folder: Path, vault: Vault) -> int:
    """Write entries.jsonl and checkpoint into a new folder.

    Thirty lines of anybody's code can recompute the signed root from them.
    """
    with _trace(vault) as ledger:
        note, size = ledger.checkpoint(), ledger.size
        try:
            folder.mkdir(parents=True)
            try:
                with open(folder / "entries.jsonl", "xb") as file:
                    for _, entry in ledger.entries():
                        file.write(entry + b"\n")
                (folder / "checkpoint").write_bytes(note)
            except BaseException:
                discard(folder, ("entries.jsonl", "checkpoint"))
                raise
        except OSError as error:
            raise UsageFault(
                f"{folder} cannot be written: {cause_of(error)}.",
                "Name a folder that does not exist yet, on a disk with room.",
            ) from error
    click.echo(f"{render.count(size, 'entry', 'entries')} in {folder}", err=True)
    return 0


@command.command(short_help="Begin a new log after a restored backup or a lost key.")
@click.option("--force", is_flag=True, help="Leave a log also that is sound.")
@json_option
@vault_option
def adopt(force: bool, as_json: bool, vault: Vault) -> int:
    """Begin a new log whose first entry names the old one.

    For a vault that was put back from a backup, or whose key is lost: the old
    trace is kept beside it, and the next scan stamps everything in the new one.
    A sound log is not left (exit code 5), unless --force is given.
    """
    vault.check()
    if not force and _is_sound(vault):
        raise Refused(
            f"The trace {vault.trace} is sound, and its key is there: there is nothing to adopt.",
            "To leave it all the same, which breaks its history in two: --force",
        )
    with Index.write(vault) as index, explaining(vault):
        adopted = adoption.adopt(vault.trace, key_store(), anchors())
        with index.atomic():
            stamps.clear(index.connection)
        index.commit()
    old = adopted.old
    if as_json:
        render.print_json(
            {
                "log": adopted.new,
                "adopts": None if old is None else old.log,
                "entries": None if old is None else old.size,
                "kept": None if adopted.kept is None else render.path_object(bytes(adopted.kept)),
            }
        )
        return 0
    known = (
        "an old one that cannot be read" if old is None else f"{old.log} at {old.size:,} entries"
    )
    click.echo(f"Log {adopted.new} goes on after {known}.")
    if adopted.kept is not None:
        click.echo(f"The old trace is kept: {render.path_text(bytes(adopted.kept))}")
    click.echo("Next: gorillacomb scan PATH stamps what stands now.")
    return 0


def _is_sound(vault: Vault) -> bool:
    """Whether the next scan can just go on with the trace."""
    try:
        with ExitStack() as opened:
            index = _index_as_of_now(vault, opened)
            ledger = opened.enter_context(_trace(vault))
            ledger.check_head()
            with explaining(vault):
                state = None if index is None else stamps.reflected(index().connection)
            # One that the index does not go with yet was begun by an adopt that was cut short.
            fits = state is None or (state[0] == ledger.log and state[1] <= ledger.size)
            return fits and audit(ledger).ok
    except (VaultError, KeyMissing, Untrusted):
        return False


def _line(entry: Mapping[str, Any]) -> str:
    """An entry on one line; on a terminal its paths are shortened to fit."""
    when = render.moment(int(entry["time_ns"]))
    head = f"{entry['seq']:>8}  {when}  {render.printable(str(entry['event'])):<10} "
    tail = ""
    if "files" in entry:
        tail += f" ({render.count(entry['files'], 'canonical file')})"
    if "log" in entry:
        tail += f"log {entry['log']}"
    if entry.get("adopts"):
        tail += f", goes on after {entry['adopts']} at {entry['adopts_size']:,} entries"
    names = [
        render.path_text(path_of(entry, name)) or "(the whole root)"
        for name in ("path", "from")
        if name in entry or f"{name}_b64" in entry
    ]
    width = render.width()
    if width is not None and names:
        room = max(width - len(head) - len(tail) - (6 if len(names) > 1 else 0), 16)
        names = [render.fit(name, room // len(names)) for name in names]
    return head + " from ".join(names) + tail


def _read(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(_MOST_BYTES + 1)


def _ed25519(path: Path) -> list[bytes]:
    found = [key for key in load_publics(path) if isinstance(key, bytes)]
    if not found:
        raise UsageFault(f"{path} is no Ed25519 key.", "`gorillacomb keys show` prints that key.")
    return found

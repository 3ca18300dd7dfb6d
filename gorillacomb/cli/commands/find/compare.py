"""`gorillacomb compare`: two folders, entry by entry."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from gorillacomb.api.lookup import look_up_path
from gorillacomb.cli.options import BytesPath, json_option, progress_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.errors import ExitCode, UsageError
from gorillacomb.folders.diff import FolderDiff, diff_folders_in_index
from gorillacomb.folders.tree import TreeFolder, load_tree
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.mounts import mount_of
from gorillacomb.fs.paths import spelling_difference
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import is_online, keeps_modes
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import Root
from gorillacomb.scan.scanner import scan
from gorillacomb.vault.vault import Vault

_MOST_TEXT = 1 << 20
"""Bytes; larger files are not shown as text."""
_SHOWN = 20


@click.command(short_help="Compare two folders: same, changed, moved, only in one.")
@click.argument("a", type=BytesPath())
@click.argument("b", type=BytesPath())
@click.option("--diff", is_flag=True, help="Show how text files differ.")
@click.option("--all", "whole", is_flag=True, help="Name every entry, however many there are.")
@progress_option
@json_option
@vault_option
def command(
    a: bytes,
    b: bytes,
    diff: bool,
    whole: bool,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> ExitCode:
    """Compare the folders A and B: what is the same, changed, moved, only in one.

    Folders that were scanned are compared as of their last scan, without
    reading them again; of others all is read. Names, contents, links and
    executable bits count; other modes and times do not. Exit code 0 when they
    are the same, 1 when not, 3 when something was not read.
    """
    for path in (a, b):
        if not os.path.isdir(path) and not _is_known(vault, path):
            raise UsageError(
                f"{render.printable_path(path)} is no folder that is there, or that was scanned.",
                "Name two folders.",
            )
    if real_path(a) == real_path(b):
        render.print_warnings(["A and B are one folder: it is compared with itself."])
    compared = _compare_known(vault, a, b)
    if compared is None:
        # Not in the vault: a scan of a folder that the user did not ask to remember is not kept.
        with tempfile.TemporaryDirectory(prefix="gorillacomb-") as folder:
            own = Vault(Path(folder, "vault"))
            scan(own, [real_path(a), real_path(b)], progress=progress_for(progress))
            compared = _compare_known(own, a, b)
    assert compared is not None
    found, modes = compared
    with render.tolerate_closed_pipe():
        if as_json:
            render.print_json(_object(found, modes))
        else:
            _tell(found, a, b, None if whole else _SHOWN)
            if not modes:
                click.echo("Executable bits were not compared: one of the file systems keeps none.")
            for line in _differences(found, a, b) if diff else ():
                click.echo(render.printable(line))
    same = not (found.changed or found.moved or found.only_a or found.only_b)
    return ExitCode.of_check(found=not same, incomplete=bool(found.unknown))


def _is_known(vault: Vault, path: bytes) -> bool:
    if not vault.index.exists():
        return False
    with Index.read(vault) as index, translate_errors(vault):
        return look_up_path(index, path).folder is not None


def _keeps_modes(root: Root) -> bool:
    source = mount_of(root.path).source if is_online(root) else None
    return keeps_modes(root.volume_type, source)


def _compare_known(vault: Vault, a: bytes, b: bytes) -> tuple[FolderDiff, bool] | None:
    """Compare two folders by the index; None when it does not know both.

    Returns also whether both file systems keep modes, so that executable bits were compared.
    """
    if not vault.index.exists():
        return None
    with Index.read(vault) as index, translate_errors(vault):
        found = [look_up_path(index, path).folder for path in (a, b)]
        forest = load_tree(index)
        sides: list[TreeFolder] = [
            forest.folders[number] for number in found if number in forest.folders
        ]
        if len(sides) < 2:
            return None
        roots = {root.id: root for root in all_roots(index.connection)}
        modes = all(_keeps_modes(roots[side.root]) for side in sides)
        return diff_folders_in_index(index, forest, sides[0], sides[1], modes=modes), modes


def _object(found: FolderDiff, modes: bool) -> dict[str, object]:
    return {
        "same": found.same,
        "changed": [path_to_json(path) for path in found.changed],
        "moved": [
            {
                "from": path_to_json(pair[0]),
                "to": path_to_json(pair[1]),
                "cause": _cause(found, pair[0]),
            }
            for pair in found.moved
        ],
        "respelled": [
            {"from": path_to_json(path), "to": path_to_json(other)}
            for path, other in sorted(found.respelled.items())
        ],
        "modes_compared": modes,
        "only_a": [path_to_json(path) for path in found.only_a],
        "only_b": [path_to_json(path) for path in found.only_b],
        "unknown": [path_to_json(path) for path in found.unknown],
    }


def _tell(found: FolderDiff, a: bytes, b: bytes, shown: int | None) -> None:
    room = render.terminal_width()
    for label, paths in (
        ("changed", found.changed),
        ("only in A", found.only_a),
        ("only in B", found.only_b),
        ("not read", found.unknown),
    ):
        for path in paths[:shown]:
            click.echo(
                f"{label:<11}{render.shorten_path(render.printable_path(path), room and room - 11)}"
            )
            _tell_spelling(found, path)
        if shown is not None and len(paths) > shown:
            click.echo(f"{'':<11}and {len(paths) - shown:,} more; --all names them")
    for pair in found.moved[:shown]:
        line = f"{render.printable_path(pair[0])} → {render.printable_path(pair[1])}"
        click.echo(f"{'moved':<11}{render.shorten_path(line, room and room - 11)}")
        _tell_spelling(found, pair[0])
    if shown is not None and len(found.moved) > shown:
        click.echo(f"{'':<11}and {len(found.moved) - shown:,} more; --all names them")
    click.echo(f"A: {render.short_path(os.path.abspath(a), room and room - 3)}")
    click.echo(f"B: {render.short_path(os.path.abspath(b), room and room - 3)}")
    click.echo(
        f"{render.format_count(found.same, 'entry is', 'entries are')} the same,"
        f" {len(found.changed):,} changed, {len(found.moved):,} moved,"
        f" {len(found.only_a):,} only in A, {len(found.only_b):,} only in B"
        + (f", {len(found.unknown):,} not read" if found.unknown else "")
        + "."
    )


def _cause(found: FolderDiff, path: bytes) -> str:
    """How B spells a path of A otherwise; empty where it does not."""
    other = found.respelled.get(path)
    return "" if other is None else spelling_difference(path, other)


def _tell_spelling(found: FolderDiff, path: bytes) -> None:
    if cause := _cause(found, path):
        click.echo(f"{'':<11}{cause}")


def _differences(found: FolderDiff, a: bytes, b: bytes) -> Iterator[str]:
    """Unified diffs of the text files that changed."""
    import difflib

    for path in found.changed:
        sides = ((a, path), (b, found.respelled.get(path, path)))
        texts = [_text(os.path.join(*side)) for side in sides]
        name = render.printable_path(path)
        if texts[0] is None or texts[1] is None:
            yield f"{name}: not text, or too large to show"
            continue
        lines = difflib.unified_diff(
            texts[0].splitlines(), texts[1].splitlines(), f"A/{name}", f"B/{name}", lineterm=""
        )
        yield from lines


def _text(path: bytes) -> str | None:
    """A text file as it is now; None for one that is none, is too large, or is a link."""
    try:
        data = read_bounded(path, _MOST_TEXT)
    except OSError:
        return None
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None

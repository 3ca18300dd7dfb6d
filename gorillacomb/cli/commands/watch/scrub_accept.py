"""`gorillacomb scrub --accept`: taking a damaged file as it is."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from gorillacomb.api.lookup import look_up_path, unknown_path_error
from gorillacomb.api.rescan import rescan
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, UsageError
from gorillacomb.index.database import Index
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import DAMAGE, READ, IndexedFile
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault


def accept(vault: Vault, paths: Sequence[bytes], as_json: bool) -> ExitCode:
    """Take damaged files as they are; what the digest of their good content was is forgotten."""
    with Index.read(vault) as index:
        files = {file.path: file for file in (_damaged(index, path) for path in paths)}
        roots = {
            root.path for path in files if (root := look_up_path(index, path).root) is not None
        }
    known = tuple((file.folder, os.path.basename(path)) for path, file in files.items())
    rescan(vault, sorted(roots), load_settings(), again=known, accept=True)
    with Index.read(vault) as index:
        now = {path: look_up_path(index, path).file for path in files}
    taken = [path for path, file in now.items() if file is not None and file.state in READ]
    if as_json:
        render.print_json({"accepted": [path_to_json(path) for path in taken]})
    else:
        click.echo(f"Taken as now on disk: {render.format_count(len(taken), 'file')}")
        for path in sorted(files.keys() - set(taken)):
            click.echo(f"Not there, or not to be read: {render.printable_path(path)}")
    return ExitCode.DONE if len(taken) == len(files) else ExitCode.INCOMPLETE


def _damaged(index: Index, path: bytes) -> IndexedFile:
    """A file that is said to be damaged, and that stands there to be read. Raises UsageFault."""
    known = look_up_path(index, path)
    if known.folder is not None:
        raise UsageError(
            f"{render.printable_path(known.path)} is a folder.", "Name the file itself."
        )
    if known.file is None:
        raise unknown_path_error(known)
    shown = render.printable_path(known.path)
    if known.file.state not in DAMAGE:
        raise UsageError(f"{shown} is not said to be damaged.")
    return known.file

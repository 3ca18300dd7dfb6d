"""The trace as its commands open it, the index beside it, and an entry on one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, NoReturn

from gorillacomb import sqlite
from gorillacomb.cli.output import render
from gorillacomb.errors import VaultError
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.json_paths import has_path
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.entries import entry_path
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import open_trace_for_reading


def index_synced_with_trace(vault: Vault, opened: ExitStack) -> Callable[[], Index] | None:
    """The index, held as it is before the trace is opened: it is then never ahead of the trace.

    One that cannot be read says so only when it is asked for: the trace does without it.
    """
    if not vault.index.exists():
        return None
    try:
        index = opened.enter_context(Index.read(vault))
        with translate_errors(vault):
            sqlite.begin_snapshot(index.connection)
    except VaultError as error:
        return partial(_raise, error)
    return lambda: index


def _raise(error: VaultError) -> NoReturn:
    raise error


@contextmanager
def open_trace(vault: Vault) -> Iterator[Ledger]:
    """The trace for reading; entries that a forger wrote are refused in words."""
    with open_trace_for_reading(vault) as ledger, translate_content_errors(vault.trace):
        yield ledger


def entry_line(entry: Mapping[str, Any]) -> str:
    """An entry on one line; on a terminal its paths are shortened to fit."""
    when = render.format_time(int(entry["time_ns"]))
    head = f"{entry['seq']:>8}  {when}  {render.printable(str(entry['event'])):<10} "
    tail = ""
    if entry.get("from_root", entry.get("root")) != entry.get("root"):
        tail += " in another root"
    if "files" in entry:
        what = "file" if "run" in entry else "canonical file"
        tail += f" ({render.format_count(entry['files'], what)})"
    if "log" in entry:
        tail += f"log {entry['log']}"
    if entry.get("adopts"):
        tail += f", goes on after {entry['adopts']} at {entry['adopts_size']:,} entries"
    names = [
        render.printable_path(entry_path(entry, name)) or "(the whole root)"
        for name in ("path", "from")
        if has_path(entry, name)
    ] or [render.printable_path(entry_path(each)) for each in entry.get("repaired", ())[:1]]
    width = render.terminal_width()
    if width is not None and names:
        room = max(width - len(head) - len(tail) - (6 if len(names) > 1 else 0), 16)
        names = [render.shorten_path(name, room // len(names)) for name in names]
    return head + " from ".join(names) + tail

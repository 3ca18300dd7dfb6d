"""Format an entry of the trace as one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gorillacomb.api.paths import has_path
from gorillacomb.api.trace import entry_path
from gorillacomb.cli.output import render


def entry_line(entry: Mapping[str, Any]) -> str:
    """Format an entry; on a terminal, its paths are shortened to fit."""
    when = render.format_time(int(entry["time_ns"]))
    head = f"{entry['seq']:>8}  {when}  {render.printable(str(entry['event'])):<10} "
    tail = ""
    if entry.get("from_root", entry.get("root")) != entry.get("root"):
        tail += " in another root"
    if "files" in entry:
        what = "file" if "run" in entry else "canonical file"
        tail += f" ({render.format_count(entry['files'], what)})"
    if "mark" in entry:
        tail += f" ({render.printable(str(entry['mark']))})"
    if "log" in entry:
        tail += f"log {entry['log']}"
    if entry.get("adopts"):
        tail += f", continues {entry['adopts']} at {entry['adopts_size']:,} entries"
    if "scroll_id" in entry:
        tail += render.printable(str(entry["scroll_id"]))
    if "key_id" in entry:
        words = (str(entry.get(name)) for name in ("use", "step", "key_id"))
        tail += render.printable(" ".join(words))
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

"""How values look to people and to scripts: sizes, counts, paths, columns, JSON."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import click

from gorillacomb.api.text import format_count as format_count
from gorillacomb.api.text import format_size as format_size
from gorillacomb.api.text import format_time as format_time
from gorillacomb.fs.paths import is_below, relative_path
from gorillacomb.json_paths import path_to_json
from gorillacomb.model import DuplicateGroup, UnreadablePath

DEFAULT_WIDTH = 80


def printable_path(path: bytes) -> str:
    """A path on one line that cannot play tricks on a terminal.

    Bytes that are not UTF-8, control characters and line ends are written as escapes.
    """
    return printable(path.decode("utf-8", "backslashreplace"))


def printable(text: str) -> str:
    """A text without anything that a terminal would obey, be it from a name or an error."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def terminal_width() -> int | None:
    """Columns of the terminal; None where output goes to a file or a pipe: nothing is cut there."""
    if not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns


def display_width(text: str) -> int:
    """How many terminal columns a text takes."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def shorten_path(text: str, room: int | None) -> str:
    """Shorten a path in its middle to so many columns; None leaves it whole."""
    if room is None or display_width(text) <= room:
        return text
    room = max(room, 8)
    tail_room = (room - 1) * 2 // 3
    tail = text
    while display_width(tail) > tail_room:
        tail = tail[1:]
    head = text
    while display_width(head) > room - 1 - display_width(tail):
        head = head[:-1]
    return f"{head}…{tail}"


def path_from_here(path: bytes, room: int | None) -> str:
    """As `short_path`, but from the current folder for what lies in it."""
    try:
        here = os.getcwdb()
    except OSError:
        return short_path(path, room)  # the current folder has been removed
    if path != here and here != b"/" and is_below(path, here):
        return shorten_path(printable_path(relative_path(path, here)), room)
    return short_path(path, room)


def short_path(path: bytes, room: int | None) -> str:
    """A path for a summary: from home as ``~``, fitted to the room on a terminal."""
    home = os.fsencode(os.path.expanduser("~"))
    if home != b"/" and path.startswith(home + b"/"):
        path = b"~" + path[len(home) :]
    return shorten_path(printable_path(path), room)


def styled(text: str, **styles: bool | str) -> str:
    """Colour, where stdout is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return click.style(text, **styles)  # type: ignore[arg-type]


def wrapped_paragraph(text: str, indent: str) -> list[str]:
    """Words as lines of 80 columns, the second and later ones further in."""
    return textwrap.wrap(
        printable(text),
        DEFAULT_WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def unreadable_object(failure: UnreadablePath) -> dict[str, object]:
    """A failure in JSON."""
    kind = "folder" if failure.folder else "file"
    return {**path_to_json(failure.path), "kind": kind, "cause": failure.cause}


def group_object(group: DuplicateGroup) -> dict[str, object]:
    """A group in JSON."""
    return {
        "blake3": group.summary.digest.hex(),
        "size": group.summary.size,
        "copies": group.summary.copies,
        "reclaimable": group.summary.reclaimable,
        "reasons": list(group.choice.reasons),
        "files": [copy_object(group, place) for place in range(len(group.copies))],
    }


def copy_object(group: DuplicateGroup, place: int) -> dict[str, object]:
    """One file of a group in JSON."""
    copy = group.copies[place]
    link = group.hardlink_of[place]
    return {
        **path_to_json(copy.path),
        "canonical": place == group.choice.winner,
        "hardlink_of": None if link is None else path_to_json(group.copies[link].path),
        "online": copy.online,
    }


def print_warnings(warnings: Iterable[str]) -> None:
    """Write what may not be meant so to stderr, a line each."""
    for each in warnings:
        click.echo(f"gorillacomb: warning: {printable(each)}", err=True)


def print_json(document: object) -> None:
    """The one JSON document of a command."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    write_bytes(text.encode("utf-8", "backslashreplace") + b"\n")


def print_json_with_list(
    document: Mapping[str, object], name: str, items: Iterable[object]
) -> None:
    """As `print_json`, with a list as the last member that is written as it is found."""
    head = json.dumps({**document, name: []}, ensure_ascii=False, indent=2).removesuffix("]\n}")
    write_bytes(head.encode("utf-8", "backslashreplace"))
    before = "\n"
    for each in items:
        text = textwrap.indent(json.dumps(each, ensure_ascii=False, indent=2), "    ")
        write_bytes((before + text).encode("utf-8", "backslashreplace"))
        before = ",\n"
    write_bytes(b"]\n}\n" if before == "\n" else b"\n  ]\n}\n")


def write_bytes(data: bytes) -> None:
    """Raw bytes on stdout: paths for scripts, as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@contextmanager
def tolerate_closed_pipe() -> Iterator[None]:
    """Print inside of this what tells of an exit code that is known by then.

    When the reader of stdout goes meanwhile, as `head` does, the rest is for nobody: it goes to
    the null device, and the command ends as it would have, not with the 0 of a mere broken pipe.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)  # what is still in a buffer goes there when Python ends
        os.close(null)


def copy_notes(group: DuplicateGroup, place: int) -> str:
    """What is to be said of one copy, after its path."""
    notes = []
    link = group.hardlink_of[place]
    if link is not None:
        notes.append("hard link of " + printable_path(os.path.basename(group.copies[link].path)))
    if not group.copies[place].online:
        notes.append("offline")
    elif not os.path.lexists(group.copies[place].path):
        notes.append("gone since it was scanned")
    return f"  ({', '.join(notes)})" if notes else ""

"""Format values for people and scripts: sizes, counts, paths, columns, JSON."""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from gorillacomb.api.paths import is_below, relative_path
from gorillacomb.api.paths import printable as printable
from gorillacomb.api.paths import printable_path as printable_path
from gorillacomb.api.text import format_count as format_count
from gorillacomb.api.text import format_size as format_size
from gorillacomb.api.text import format_time as format_time

if TYPE_CHECKING:
    from gorillacomb.api.duplicates import GroupedFile
    from gorillacomb.api.next_step.step import NextStep
    from gorillacomb.api.vault import Vault

DEFAULT_WIDTH = 80


def terminal_width() -> int | None:
    """Return the columns of the terminal; None for a file or pipe, where nothing is truncated."""
    if not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns


def display_width(text: str) -> int:
    """Return how many terminal columns a text takes."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


def shorten_path(text: str, room: int | None) -> str:
    """Shorten a path in its middle to this many columns; None leaves it whole."""
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
    """Like `short_path`, but relative to the current folder for paths in it."""
    try:
        here = os.getcwdb()
    except OSError:
        return short_path(path, room)  # the current folder has been removed
    if path != here and here != b"/" and is_below(path, here):
        return shorten_path(printable_path(relative_path(path, here)), room)
    return short_path(path, room)


def short_path(path: bytes, room: int | None) -> str:
    """Return a path for a summary: with ``~`` for home, shortened to fit on a terminal."""
    home = os.fsencode(os.path.expanduser("~"))
    if home != b"/" and path.startswith(home + b"/"):
        path = b"~" + path[len(home) :]
    return shorten_path(printable_path(path), room)


_PLACES = 3
"""Folders that are named where only the largest few matter."""


def place_lines(places: Sequence[tuple[bytes, int]]) -> Iterator[str]:
    """Name the few folders that contain most of some files; each is given with their number."""
    width = terminal_width()
    for path, files in places[:_PLACES]:
        label = f"  {format_count(files, 'file'):>12}  "
        yield label + path_from_here(path, width and width - len(label))
    if len(places) > _PLACES:
        rest = sum(files for _, files in places[_PLACES:])
        more = format_count(len(places) - _PLACES, "more place")
        yield f"  {format_count(rest, 'file'):>12}  in {more}"


def object_note(oid: bytes) -> str:
    """Return a note about the git object that has the content of a file; empty without one."""
    return f" (git object {oid.decode()[:12]})" if oid else ""


def name_note(name: str | None) -> str:
    """Return the name that the user gave to a root, printed after its path; empty if none."""
    return "" if name is None else f"  ({printable(name)})"


def styled(text: str, **styles: bool | str) -> str:
    """Apply a colour, if stdout is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return click.style(text, **styles)  # type: ignore[arg-type]


def wrapped_paragraph(text: str, indent: str) -> list[str]:
    """Wrap words into lines of 80 columns, with a hanging indent."""
    import textwrap  # compiles patterns when it is imported, and few commands wrap anything

    return textwrap.wrap(
        printable(text),
        DEFAULT_WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def next_lines(steps: Iterable[NextStep], vault: Vault) -> Iterator[str]:
    """Say how to go on: a command a line, each with what it is for.

    A command is never shortened, so that it can be pasted: on a terminal without room for both, it
    is shown alone.
    """
    told = [(each.command(vault), each.purpose) for each in steps]
    width = terminal_width()
    room = (width or DEFAULT_WIDTH) - len("Next:    ")
    fitting = [command for command, purpose in told if len(command) + len(purpose) <= room]
    column = max(map(len, fitting), default=0)
    if any(max(column, len(command)) + len(purpose) > room for command, purpose in told):
        column = 0
    for number, (command, purpose) in enumerate(told):
        line = f"{'     ' if number else 'Next:'} {command:<{column}}"
        fits = width is None or display_width(line) + len(purpose) + 3 <= width
        yield f"{line}   {purpose}" if fits else line


def print_warnings(warnings: Iterable[str]) -> None:
    """Write each warning as a line on stderr."""
    for each in warnings:
        click.echo(f"gorillacomb: warning: {printable(each)}", err=True)


def print_json(document: object) -> None:
    """Print the single JSON document of a command."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    write_bytes(text.encode("utf-8", "backslashreplace") + b"\n")


def print_json_with_list(
    document: Mapping[str, object], name: str, items: Iterable[object]
) -> None:
    """Like `print_json`, with a list as the last member, written item by item as it arrives."""
    head = json.dumps({**document, name: []}, ensure_ascii=False, indent=2).removesuffix("]\n}")
    write_bytes(head.encode("utf-8", "backslashreplace"))
    before = "\n"
    for each in items:
        text = json.dumps(each, ensure_ascii=False, indent=2).replace("\n", "\n    ")
        write_bytes((f"{before}    {text}").encode("utf-8", "backslashreplace"))
        before = ",\n"
    write_bytes(b"]\n}\n" if before == "\n" else b"\n  ]\n}\n")


def write_bytes(data: bytes) -> None:
    """Write raw bytes to stdout: paths for scripts, unchanged."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@contextmanager
def tolerate_closed_pipe() -> Iterator[None]:
    """Keep the exit code of a command, already known, if the reader closes the pipe.

    When the reader of stdout exits early, as `head` does, the rest of the output is sent to the
    null device, and the command ends with its own exit code, not with the 0 of a mere broken pipe.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()


def discard_stdout() -> None:
    """Send the rest of the output to the null device, where Python flushes its buffers at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def counted(*numbers: tuple[int, str]) -> list[str]:
    """Format numbers with their words, without those that are 0: 2 new, 1,000 changed."""
    return [f"{number:,} {word}" for number, word in numbers if number]


class Documented(Protocol):
    """A result that has a JSON document."""

    def to_dict(self) -> object:
        """Return the document."""


def print_result(result: Documented, lines: Iterable[str], as_json: bool) -> None:
    """Print a result as its document or as lines; a reader that closes the pipe is tolerated."""
    with tolerate_closed_pipe():
        if as_json:
            print_json(result.to_dict())
        else:
            for line in lines:
                click.echo(line)


def copy_notes(file: GroupedFile) -> str:
    """Return the notes on one copy, printed after its path."""
    notes = []
    if file.hard_link_of is not None:
        name = os.path.basename(file.hard_link_of)
        is_ambiguous = name == os.path.basename(file.path)
        notes.append(f"hard link of {printable_path(file.hard_link_of if is_ambiguous else name)}")
    if not file.is_online:
        notes.append("offline")
    elif not os.path.lexists(file.path):
        notes.append("removed since it was scanned")
    return f"  ({', '.join(notes)})" if notes else ""

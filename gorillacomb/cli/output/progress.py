"""Progress on the terminal, drawn by tqdm on stderr."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, Never

import click

from gorillacomb.cli.options import EVENTS
from gorillacomb.cli.output.render import DEFAULT_WIDTH, format_size
from gorillacomb.progress import NullProgress, Progress

if TYPE_CHECKING:
    from tqdm import tqdm

_SIZED = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"
_UNSIZED = "{desc}: {n_fmt} [{elapsed}, {rate_fmt}]"
_LISTED = "{desc}: {percentage:3.0f}%|{bar}| SIZE [{elapsed}<{remaining}]"
_COUNTED = "{desc} [{elapsed}]"


def _room() -> dict[str, Any]:
    """Return how wide tqdm may draw: where a terminal has no size, it would draw nothing."""
    try:
        if os.get_terminal_size(sys.stderr.fileno()).columns:
            return {"dynamic_ncols": True}
    except OSError:
        pass  # not a terminal
    size = shutil.get_terminal_size((DEFAULT_WIDTH, 24))  # COLUMNS, if it is set
    return {"ncols": size.columns, "nrows": size.lines}


class ProgressBar:
    """One bar at a time: how much is done, and the time left at the speed so far."""

    def __init__(self) -> None:
        self._bar: tqdm[Never] | None = None
        self._name = ""
        self._files = self._size = 0
        self._total_files: int | None = None
        self._by_files = False

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        # Imported only when used: it costs 65 ms, which a scan in a script does not need to spend.
        from tqdm import tqdm

        self.close()
        self._name, self._files, self._size = name, 0, 0
        self._total_files = files
        self._bar = tqdm(
            desc=self._label(),
            total=files if size is None else size,
            unit="B",
            unit_scale=True,
            leave=False,
            **_room(),
            file=sys.stderr,
            bar_format=self._format(files, size),
            miniters=1,
            mininterval=0.2,
            smoothing=0,
        )

    def total(self, files: int | None, size: int | None) -> None:
        if self._bar is None:
            return
        self._total_files = files
        self._bar.bar_format = self._format(files, size)
        self._bar.total = files if self._by_files else size
        done = self._files if self._by_files else self._size
        if self._bar.n != done:  # it counted the other of the two
            self._bar.n = self._bar.last_print_n = done

    def _format(self, files: int | None, size: int | None) -> str:
        """Return the format of a stage, and decide what the time left is judged by.

        With 0 bytes nothing is read, so only files are counted. If only the total of the files is
        known, it is judged by them.
        """
        self._by_files = size is None and bool(files)
        if self._by_files:
            return _LISTED.replace("SIZE", format_size(self._size))
        if size is None:
            return _UNSIZED if self._size else _COUNTED
        return _SIZED if size else _COUNTED

    def advance(self, files: int, size: int) -> None:
        if self._bar is None:
            return
        if size and not self._size and self._bar.total is None:
            self._bar.bar_format = _UNSIZED
        self._files += files
        self._size += size
        if files:
            self._bar.set_description_str(self._label(), refresh=False)
        if self._by_files:
            self._bar.bar_format = _LISTED.replace("SIZE", format_size(self._size))
        self._bar.update(files if self._by_files else size)

    def _label(self) -> str:
        # Bytes are compared before the first file is done.
        if not self._files and self._total_files is None:
            return self._name
        of = "" if self._total_files is None else f"/{self._total_files:,}"
        total = self._files if self._total_files is None else self._total_files
        return f"{self._name}, {self._files:,}{of} {'file' if total == 1 else 'files'}"

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _ProgressOfTwo:
    """Passes progress on to two others."""

    def __init__(self, first: Progress, second: Progress) -> None:
        self._both = first, second

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        for each in self._both:
            each.stage(name, files, size)

    def total(self, files: int | None, size: int | None) -> None:
        for each in self._both:
            each.total(files, size)

    def advance(self, files: int, size: int) -> None:
        for each in self._both:
            each.advance(files, size)

    def close(self) -> None:
        for each in self._both:
            each.close()


def progress_for(wanted: bool | None) -> Progress:
    """Return a bar on a terminal or if requested, else the null progress.

    With ``--events``, the progress is written to that file as well.
    """
    shown = sys.stderr.isatty() if wanted is None else wanted
    bar: Progress = ProgressBar() if shown else NullProgress()
    context = click.get_current_context(silent=True)
    events = None if context is None else context.meta.get(EVENTS)
    if events is None:
        return bar
    return _ProgressOfTwo(bar, events) if shown else events

"""Progress on the terminal, drawn by tqdm on stderr."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any, Never

from gorillacomb.cli.output.render import DEFAULT_WIDTH
from gorillacomb.progress import NullProgress, Progress

if TYPE_CHECKING:
    from tqdm import tqdm

_SIZED = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"
_UNSIZED = "{desc}: {n_fmt} [{elapsed}, {rate_fmt}]"
_COUNTED = "{desc} [{elapsed}]"


def _format(size: int | None) -> str:
    """Return the format of a stage: with 0 bytes it reads nothing, so only files are counted."""
    return _SIZED if size else _UNSIZED if size is None else _COUNTED


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
    """One bar at a time: bytes, rate and time left, with the number of files in its name."""

    def __init__(self) -> None:
        self._bar: tqdm[Never] | None = None
        self._name = ""
        self._files = 0
        self._total_files: int | None = None

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        # Imported only when used: it costs 65 ms, which a scan in a script does not need to spend.
        from tqdm import tqdm

        self.close()
        self._name, self._files, self._total_files = name, 0, files
        self._bar = tqdm(
            desc=name,
            total=size,
            unit="B",
            unit_scale=True,
            leave=False,
            **_room(),
            file=sys.stderr,
            bar_format=_format(size),
            miniters=1,
            mininterval=0.2,
        )
        self._label()

    def total(self, files: int | None, size: int | None) -> None:
        if self._bar is not None:
            self._total_files = files
            self._bar.total = size
            self._bar.bar_format = _format(size)

    def advance(self, files: int, size: int) -> None:
        if self._bar is None:
            return
        self._files += files
        if files:
            self._label()
        self._bar.update(size)

    def _label(self) -> None:
        assert self._bar is not None
        of = "" if self._total_files is None else f"/{self._total_files:,}"
        self._bar.set_description_str(f"{self._name}, {self._files:,}{of} files", refresh=False)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def progress_for(wanted: bool | None) -> Progress:
    """Return a bar on a terminal or if requested, else the null progress."""
    shown = sys.stderr.isatty() if wanted is None else wanted
    return ProgressBar() if shown else NullProgress()

"""The watcher's log: one line per event, as text or JSON."""

from __future__ import annotations

import errno
import json
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from gorillacomb.api.next_step.step import NextStep
from gorillacomb.api.paths import path_to_json
from gorillacomb.api.vault import Vault
from gorillacomb.api.watch.watch import DamageReport, VerificationReport, pulse_folder
from gorillacomb.cli.output import render
from gorillacomb.model import ScanReport

_PATIENCE = 5.0
"""Seconds that a reader has to take earlier output."""
_SHOWN = 3
"""Watched folders that the first line names."""
_AT_ONCE = 512
"""Bytes that a pipe accepts without blocking, once it accepts any (POSIX, PIPE_BUF)."""


class WatchLog:
    """Reports what the watcher does, one line per event; a line that no one reads is dropped."""

    def __init__(self, as_json: bool) -> None:
        self.written: Callable[[OSError | None], None] = lambda error: None
        """Called after each line with None if it was written, else with the error."""
        self._as_json = as_json
        self._lock = threading.Lock()
        self._failing = self._cut = False

    def started(self, paths: Sequence[bytes], vault: Vault) -> None:
        """Say what is watched, how to ask for its state, and how it is stopped; in text only."""
        if not self._as_json:
            shown = [render.printable_path(os.path.abspath(path)) for path in paths[:_SHOWN]]
            more = f" and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
            asked = NextStep(("pulse",), "").command(vault)
            pulses = render.printable_path(os.fsencode(pulse_folder(vault)))
            self._say(
                f"watching {', '.join(shown)}{more}; Ctrl-C or SIGTERM stops it;"
                f" `{asked}` says whether it is alive, by its pulse in {pulses}"
            )

    def scanned(self, report: ScanReport, folders: Sequence[bytes] | None) -> None:
        changes, stamps = report.changes, report.stamps
        if self._as_json:
            self._tell(
                {
                    "event": "scanned",
                    "time_ns": str(time.time_ns()),
                    "folders": None if folders is None else len(folders),
                    "files": report.files,
                    "new": changes.new,
                    "changed": changes.changed,
                    "moved": changes.moved,
                    "gone": changes.gone,
                    "folders_moved": changes.folders_moved,
                    "stamped": stamps.stamped,
                    "restamped": stamps.restamped,
                    "moved_stamps": stamps.moved,
                    "retired": stamps.retired,
                    "seconds": round(report.seconds, 3),
                }
            )
            return
        counts = {
            "new": changes.new,
            "changed": changes.changed,
            "moved": changes.moved,
            "gone": changes.gone,
            "stamped": stamps.stamped + stamps.restamped,
            "retired": stamps.retired,
        }
        told = [f"{number:,} {word}" for word, number in counts.items() if number]
        if changes.folders_moved:
            told.insert(0, f"{render.format_count(changes.folders_moved, 'folder')} moved")
        if told or folders is None:
            self._say(f"scanned {_what(report, folders)}: {', '.join(told) or 'nothing new'}")

    def damaged(self, files: Sequence[DamageReport]) -> None:
        for each in files:
            word = "suspect" if each.is_suspect else "damaged"
            if self._as_json:
                found = {"event": word, "time_ns": str(time.time_ns())}
                good = [path_to_json(path) for path in each.good]
                self._tell({**found, **path_to_json(each.path), "good": good})
            else:
                many = render.format_count(len(each.good), "good copy", "good copies")
                self._say(f"{word}: {render.printable_path(each.path)} ({many})")

    def broken(self, manifest: bytes, root: bytes, found: VerificationReport) -> None:
        if self._as_json:  # in text, `troubled` reports it
            self._tell(
                {
                    "event": "manifest-broken",
                    "time_ns": str(time.time_ns()),
                    "manifest": path_to_json(manifest),
                    "root": path_to_json(root),
                    **{kind: len(each) for kind, each in found.kinds().items()},
                }
            )

    def back(self, root: bytes) -> None:
        if self._as_json:
            found = {"event": "back", "time_ns": str(time.time_ns()), **path_to_json(root)}
            self._tell(found)
        else:
            self._say(f"{render.printable_path(root)} is back")

    def followed(self, named: bytes, root: bytes) -> None:
        if self._as_json:
            event = {"event": "followed", "time_ns": str(time.time_ns())}
            self._tell({**event, **path_to_json(named), **path_to_json(root, "root")})
        else:
            paths = map(render.printable_path, (named, root))
            self._say(" leads to another folder now: ".join(paths))

    def troubled(self, cause: str) -> None:
        self._say_cause("degraded", "degraded", cause)

    def recovered(self, cause: str) -> None:
        self._say_cause("recovered", "over", cause)

    def ended(self) -> None:
        """Write the last line, after an orderly shutdown."""
        if self._as_json:
            self._tell({"event": "ended", "time_ns": str(time.time_ns())})
        else:
            self._say("ended")

    def _say_cause(self, event: str, word: str, cause: str) -> None:
        if self._as_json:
            self._tell({"event": event, "time_ns": str(time.time_ns()), "cause": cause})
        else:
            self._say(f"{word}: {cause}")

    def _say(self, line: str) -> None:
        self._write(f"{render.format_time(time.time_ns())}  {render.printable(line)}")

    def _tell(self, document: Mapping[str, object]) -> None:
        self._write(json.dumps(document, ensure_ascii=False))

    def _write(self, line: str) -> None:
        """Write a line, from any thread; never raises."""
        failed: OSError | None = None
        with self._lock:
            try:
                self._put(line.encode("utf-8", "backslashreplace") + b"\n")
            except OSError as error:
                failed = error
            self._failing = failed is not None
        self.written(failed)

    def _put(self, data: bytes) -> None:
        """Write past Python's buffers, which would keep refused output. Raises OSError."""
        number = sys.stdout.fileno()
        if self._cut:
            data = b"\n" + data
        while data:
            wait = 0 if self._failing else _PATIENCE
            if not select.select([], [number], [], wait)[1]:
                raise TimeoutError(errno.ETIMEDOUT, "nobody reads them")
            data = data[os.write(number, data[:_AT_ONCE]) :]
            self._cut = bool(data)


def _what(report: ScanReport, folders: Sequence[bytes] | None) -> str:
    """Summarize what was scanned."""
    if folders is not None and len(folders) == 1:
        return render.short_path(folders[0], None)
    tops = [render.short_path(each.root.path, None) for each in report.roots]
    if folders is None:
        return f"{', '.join(tops)}: {render.format_count(report.files, 'file')}"
    where = f" in {tops[0]}" if len(tops) == 1 else ""
    return render.format_count(len(folders), "folder") + where

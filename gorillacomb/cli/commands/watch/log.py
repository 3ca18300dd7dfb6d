"""What the watcher tells of what it does: a line for each thing, for people or in JSON."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click

from gorillacomb.cli.output import render
from gorillacomb.json_paths import path_to_json
from gorillacomb.manifest.verify import VerificationReport
from gorillacomb.model import ScanReport
from gorillacomb.watch.options import DamageReport


class WatchLog:
    """Tells what the watcher does, a line for each thing."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def scanned(self, report: ScanReport, folders: Sequence[bytes] | None) -> None:
        changes, stamps = report.changes, report.stamps
        if self._as_json:
            render.print_json_line(
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
                render.print_json_line({**found, **path_to_json(each.path), "good": good})
            else:
                many = render.format_count(len(each.good), "good copy", "good copies")
                self._say(f"{word}: {render.printable_path(each.path)} ({many})")

    def broken(self, manifest: bytes, root: bytes, found: VerificationReport) -> None:
        if self._as_json:  # for people `troubled` says it
            render.print_json_line(
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
            render.print_json_line(found)
        else:
            self._say(f"{render.printable_path(root)} is there again")

    def followed(self, named: bytes, root: bytes) -> None:
        if self._as_json:
            event = {"event": "followed", "time_ns": str(time.time_ns())}
            render.print_json_line({**event, **path_to_json(named), **path_to_json(root, "root")})
        else:
            paths = map(render.printable_path, (named, root))
            self._say(" leads to another folder now: ".join(paths))

    def troubled(self, cause: str) -> None:
        self._say_cause("degraded", "degraded", cause)

    def recovered(self, cause: str) -> None:
        self._say_cause("recovered", "over", cause)

    def ended(self) -> None:
        """The last line, when it was ended in good order."""
        if self._as_json:
            render.print_json_line({"event": "ended", "time_ns": str(time.time_ns())})
        else:
            self._say("ended")

    def _say_cause(self, event: str, word: str, cause: str) -> None:
        if self._as_json:
            render.print_json_line({"event": event, "time_ns": str(time.time_ns()), "cause": cause})
        else:
            self._say(f"{word}: {cause}")

    def _say(self, line: str) -> None:
        click.echo(f"{render.format_time(time.time_ns())}  {render.printable(line)}")
        sys.stdout.flush()


def _what(report: ScanReport, folders: Sequence[bytes] | None) -> str:
    """What was scanned, in a few words."""
    if folders is not None and len(folders) == 1:
        return render.short_path(folders[0], None)
    tops = [render.short_path(each.root.path, None) for each in report.roots]
    if folders is None:
        return f"{', '.join(tops)}: {render.format_count(report.files, 'file')}"
    where = f" in {tops[0]}" if len(tops) == 1 else ""
    return render.format_count(len(folders), "folder") + where

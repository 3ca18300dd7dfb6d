"""Commands and webhooks that receive the watcher's events: one JSON document per event."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gorillacomb.fs.paths import join
from gorillacomb.index import content_queries
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots, folder_paths
from gorillacomb.json_paths import path_to_json
from gorillacomb.manifest.verify import PathDifference, RenamedPath, VerificationReport
from gorillacomb.model import ScanReport
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.entries import entry_path
from gorillacomb.vaultmesh.open import open_trace_for_reading
from gorillacomb.watch.options import DamageReport, WatchListener

_SECONDS = 60.0
"""Time limit for a command."""
_ANSWER_SECONDS = 10.0
"""Time limit for a webhook's response."""
_MOST_WAITING = 100
_MOST_NAMED = 100
_FAREWELL = 1.0
"""Seconds in which queued triggers may still run when the watcher ends."""


class TriggerEvent(StrEnum):
    """The events that can trigger something."""

    DUPLICATE = "duplicate"
    """New copies of other files."""
    DAMAGED = "damaged"
    """Files whose content changed while size and time did not."""
    MISSING = "missing"
    """Contents without any copy left."""
    DEGRADED = "degraded"
    """The watcher cannot do everything that it should."""
    MANIFEST_BROKEN = "manifest-broken"
    """A guarded folder differs from its manifest."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A command or webhook for an event."""

    event: TriggerEvent
    words: tuple[str, ...] = ()
    """The command; it gets the document on stdin."""
    url: str = ""
    """Or the URL to which the document is posted."""

    def __str__(self) -> str:
        return self.url or " ".join(self.words)


class TriggerRunner:
    """A listener that forwards everything to another one, and runs triggers in order.

    They run in their own thread: scans never wait for them.
    """

    def __init__(self, vault: Vault, triggers: Sequence[Trigger], listener: WatchListener) -> None:
        self.failed: Callable[[str, str | None], bool] = lambda what, cause: cause is not None
        """Called with a trigger and why it failed, None if it did not; returns whether that is
        new."""
        self._vault = vault
        self._triggers = triggers
        self._wanted = {each.event for each in triggers}
        self._listener = listener
        self._waiting: queue.Queue[tuple[Trigger, bytes] | None] = queue.Queue(_MOST_WAITING)
        self._ended = False
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="triggers", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Run the queued triggers if they finish soon, and end the rest."""
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(_FAREWELL)
        self._ended = True
        if (process := self._process) is not None:
            _end(process)

    # Calls from the watcher.

    def scanned(self, report: ScanReport, folders: Sequence[bytes] | None) -> None:
        self._listener.scanned(report, folders)
        changes = report.changes
        first = any(root.first for root in report.roots)
        if (
            TriggerEvent.DUPLICATE in self._wanted
            and (changes.new or changes.changed)
            and not first
        ):
            self._tell(TriggerEvent.DUPLICATE, self._copies(report))
        if TriggerEvent.MISSING in self._wanted and report.stamps.retired > 0:
            self._tell(TriggerEvent.MISSING, self._retired(report))

    def damaged(self, files: Sequence[DamageReport]) -> None:
        self._listener.damaged(files)
        self._tell(
            TriggerEvent.DAMAGED,
            [
                {
                    **path_to_json(each.path),
                    "state": "suspect" if each.is_suspect else "damaged",
                    "good": [path_to_json(path) for path in each.good],
                }
                for each in files
            ],
        )

    def broken(self, manifest: bytes, root: bytes, found: VerificationReport) -> None:
        self._listener.broken(manifest, root, found)
        kinds = found.kinds()
        self._post(
            TriggerEvent.MANIFEST_BROKEN,
            {
                **path_to_json(manifest, "manifest"),
                **path_to_json(root, "root"),
                **{
                    kind: list(map(_difference, each[:_MOST_NAMED])) for kind, each in kinds.items()
                },
                "counts": {kind: len(each) for kind, each in kinds.items()},
            },
        )

    def back(self, root: bytes) -> None:
        self._listener.back(root)

    def followed(self, named: bytes, root: bytes) -> None:
        self._listener.followed(named, root)

    def recovered(self, cause: str) -> None:
        self._listener.recovered(cause)

    def troubled(self, cause: str) -> None:
        self._listener.troubled(cause)
        self._post(TriggerEvent.DEGRADED, {"cause": cause})

    # Documents of events.

    def _copies(self, report: ScanReport) -> list[dict[str, Any]]:
        """Return the files that a scan read and that have copies."""
        with Index.read(self._vault) as index:
            paths = folder_paths(index.connection)
            found = content_queries.copies_seen_by_scan(
                index.connection, paths, report.scan, time.time_ns(), report.read_again_young
            )
            return [
                {**path_to_json(path), "bytes": size, "copies": copies}
                for path, size, copies in found
            ]

    def _retired(self, report: ScanReport) -> list[dict[str, Any]]:
        """Return what a scan retired: files with their digests, folders with their file counts."""
        with Index.read(self._vault) as index:
            roots = {root.uid: root.path for root in all_roots(index.connection)}
        with open_trace_for_reading(self._vault) as ledger:
            return [
                {
                    **path_to_json(join(roots.get(entry["root"], b""), entry_path(entry))),
                    **{name: entry[name] for name in ("blake3", "files") if name in entry},
                }
                for entry in _entries_of(ledger.entries_backward(), report.scan)
                if entry["event"] == "retire"
            ]

    def _tell(self, event: TriggerEvent, files: list[dict[str, Any]]) -> None:
        if files:
            self._post(event, {"count": len(files), "files": files[:_MOST_NAMED]})

    def _post(self, event: TriggerEvent, document: dict[str, Any]) -> None:
        data = json.dumps(
            {
                "event": str(event),
                "time_ns": str(time.time_ns()),
                **path_to_json(os.fsencode(self._vault.folder), "vault"),
                **document,
            }
        ).encode()
        for each in self._triggers:
            if each.event is event:
                try:
                    self._waiting.put_nowait((each, data))
                except queue.Full:
                    self._fail(each, "is slower than events come, and misses some")

    # Running triggers.

    def _run(self) -> None:
        while (job := self._waiting.get()) is not None and not self._ended:
            trigger, data = job
            cause = _post_to(trigger.url, data) if trigger.url else self._carry(trigger.words, data)
            self._fail(trigger, cause)

    def _fail(self, trigger: Trigger, cause: str | None) -> None:
        what = f"for {trigger.event}: {trigger}"
        told = cause and f"{what} {cause}"
        # Not to the triggers themselves, or a failing one would trigger itself forever.
        if self.failed(what, told) and told is not None:
            self._listener.troubled(told)

    def _carry(self, words: tuple[str, ...], data: bytes) -> str | None:
        """Run a command, never through a shell; return why it failed, or None."""
        null = subprocess.DEVNULL
        try:
            self._process = process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=null, stderr=null, start_new_session=True
            )
        except OSError as error:
            return f"could not be run: {error.strerror}"
        try:
            process.communicate(data, timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            _end(process)
            process.communicate()
            return f"took longer than {_SECONDS:.0f} s"
        finally:
            self._process = None
        return f"ended with exit code {process.returncode}" if process.returncode else None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command with everything that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # it leads its own process group


def _difference(each: PathDifference | RenamedPath) -> dict[str, str]:
    if isinstance(each, RenamedPath):
        return {**path_to_json(each.origin, "from"), **path_to_json(each.path, "to")}
    return path_to_json(each.path)


def _entries_of(entries: Iterator[tuple[int, bytes]], scan: int) -> Iterator[dict[str, Any]]:
    """Yield the entries that a scan appended, newest first."""
    for _, entry in entries:
        fields = jcs.parse_own(entry)
        if fields.get("scan") != scan:
            return
        yield fields


def _post_to(url: str, data: bytes) -> str | None:
    """Post a document; return why it failed, or None."""
    from urllib.request import Request, urlopen  # takes 40 ms to load

    request = Request(url, data, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=_ANSWER_SECONDS):
            return None
    except (OSError, ValueError) as error:
        return f"could not be told: {getattr(error, 'reason', error)}"

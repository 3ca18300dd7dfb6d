"""The watcher from Python: how it is, what is checked before it begins, and that it runs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

import gorillacomb
from gorillacomb.api.vault import find_vault
from gorillacomb.api.watch.watch import (
    DamageReport,
    VerificationReport,
    Watcher,
    WatchOptions,
    parse_trigger,
    request_watch,
    watch_folders,
)
from gorillacomb.model import SECOND, ScanReport
from tests.support.run import run
from tests.support.trees import make_tree
from tests.watch.daemon import Daemon


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "drive", {"a": "a" * 100, "b": "b" * 100})


def test_no_watcher_has_run(vault: Path) -> None:
    result = gorillacomb.open_vault(vault).pulse()
    assert not result.is_alive
    assert (result.state, result.age_ns, result.pulse) == ("dead", None, None)
    assert result.to_dict() == run("pulse", "--json", vault=vault).json()
    assert not vault.exists()


def test_a_watcher_that_runs_and_one_that_was_ended(drive: Path, vault: Path) -> None:
    opened = gorillacomb.open_vault(vault)
    daemon = Daemon(vault, drive)
    try:
        daemon.settle()
        seen = opened.pulse()

        def is_fresh() -> bool:  # on a slow machine a pulse may be late
            nonlocal seen
            seen = opened.pulse()
            return seen.state != "dead" and seen.to_dict()["size"] is not None

        daemon.until(is_fresh)
        daemon.stop()
        ended = opened.pulse()
    finally:
        daemon.end()
    document = seen.to_dict()
    assert document["state"] == document["life"]
    assert document["size"] == len(list(opened.trace.entries()))
    assert document["age_ns"] is not None
    assert document["age_seconds"] == pytest.approx(int(document["age_ns"]) / 1e9)
    assert (ended.state, ended.causes[0]) == ("dead", "it was ended")
    ours, theirs = ended.to_dict(), run("pulse", "--json", vault=vault).json()
    assert ours.keys() == theirs.keys()
    for name in ours.keys() - {"age_ns", "age_seconds"}:
        assert ours[name] == theirs[name]  # type: ignore[literal-required]


class Heard:
    """A listener that keeps what it is told of scans, and ends the watcher after the first."""

    def __init__(self) -> None:
        self.watcher: Watcher | None = None
        self.reports: list[ScanReport] = []
        self.troubles: list[str] = []

    def started(self, watcher: Watcher) -> None:
        self.watcher = watcher

    def scanned(self, report: ScanReport, folders: Sequence[bytes] | None) -> None:
        self.reports.append(report)
        assert self.watcher is not None
        self.watcher.stop()

    def damaged(self, files: Sequence[DamageReport]) -> None: ...

    def broken(self, manifest: bytes, root: bytes, found: VerificationReport) -> None: ...

    def back(self, root: bytes) -> None: ...

    def followed(self, named: bytes, root: bytes) -> None: ...

    def troubled(self, cause: str) -> None:
        self.troubles.append(cause)

    def recovered(self, cause: str) -> None: ...


def test_a_watcher_runs_in_a_python_program(drive: Path, vault: Path) -> None:
    heard = Heard()
    options = WatchOptions(quiet_ns=0, poll_ns=SECOND, poll_all=True)

    def watch() -> None:
        request = request_watch([str(drive)])
        watch_folders(find_vault(vault), request, options, heard, started=heard.started)

    running = threading.Thread(target=watch)  # which makes its thread a nice one
    running.start()
    running.join()
    assert [report.files for report in heard.reports] == [2]
    assert heard.troubles == []
    opened = gorillacomb.open_vault(vault)
    assert opened.pulse().causes[0] == "it was ended"
    assert opened.trace.verify().ok


def test_what_cannot_be_watched(drive: Path, tmp_path: Path, vault: Path) -> None:
    with pytest.raises(gorillacomb.UsageError, match="is a file, not a folder"):
        request_watch([drive / "a"])
    with pytest.raises(gorillacomb.UsageError, match="does not exist"):
        request_watch([drive, drive / "none"])
    gorillacomb.create_manifest(drive, vault=vault).save(tmp_path / "m.json")
    (guarded,) = request_watch([tmp_path], manifests=[tmp_path / "m.json"]).guarded
    assert (guarded.place, guarded.is_signed) == (bytes(drive), True)
    (tmp_path / "other").mkdir()
    with pytest.raises(gorillacomb.UsageError, match="is not in a watched folder"):
        request_watch([tmp_path / "other"], manifests=[tmp_path / "m.json"])
    (tmp_path / "m.json").write_text((tmp_path / "m.json").read_text().replace("drive", "drivf"))
    with pytest.raises(gorillacomb.UntrustedInput):
        request_watch([drive], manifests=[tmp_path / "m.json"])


@pytest.mark.parametrize(
    ("command", "word"),
    [("no-such-program-anywhere x", "was not found"), ("", "it is empty"), ("'x", "Parsing")],
)
def test_a_trigger_that_cannot_run(command: str, word: str) -> None:
    with pytest.raises(gorillacomb.UsageError, match=word):
        parse_trigger("damaged", command)


def test_triggers() -> None:
    assert parse_trigger("damaged", "https://example.org/x").url == "https://example.org/x"
    assert parse_trigger("missing", "cat 'a b'").words == ("cat", "a b")

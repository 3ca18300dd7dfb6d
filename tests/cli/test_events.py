"""``--events FILE``: progress for programs, bounded whatever happens."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import pytest

from gorillacomb.cli.event_file import EventFile
from gorillacomb.errors import UsageError
from gorillacomb.progress import ProgressEvent
from tests.support.run import run
from tests.support.trees import make_tree


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_scan_writes_its_stages_and_its_end(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"a": "x" * 50, "b": "x" * 50})
    file = tmp_path / "events"
    file.write_bytes(b'{"event": "before"}\n')
    assert run("scan", tree, "--events", file, vault=vault).code == 0
    found = lines(file)
    assert found[0] == {"event": "before"}, "it is appended to"
    assert found[-1]["event"] == "end"
    assert {line["event"] for line in found[1:-1]} == {"progress"}
    assert "Combing" in {line["stage"] for line in found[1:-1]}
    times = [int(str(line["time_ns"])) for line in found[1:]]
    assert times == sorted(times)


def test_a_command_that_fails_ends_it_too(tmp_path: Path, vault: Path) -> None:
    file = tmp_path / "events"
    assert run("scan", tmp_path / "missing", "--events", file, vault=vault).code == 2
    assert [line["event"] for line in lines(file)] == ["end"]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_only_a_regular_file_is_written_to(tmp_path: Path, vault: Path, kind: str) -> None:
    place = tmp_path / "events"
    if kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(tmp_path / "other")
    ran = run("scan", tmp_path, "--events", place, vault=vault)
    assert ran.code == 2 and "--events" in ran.err
    assert not (tmp_path / "other").exists()


def test_it_stays_below_a_mebibyte_and_still_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days of work, whose clock goes as fast as the test wants."""
    now = [0.0]
    monkeypatch.setattr("gorillacomb.progress.time.monotonic", lambda: now[0])
    file = tmp_path / "events"
    events = EventFile(file)
    events.stage("Reading", 10**9, 10**15)
    written = []
    for _ in range(200_000):
        now[0] += 0.3
        events.advance(1, 10**6)
        written.append(file.stat().st_size)
    events.end()
    found = lines(file)
    assert file.stat().st_size <= 1 << 20
    assert found[-1]["event"] == "end"
    assert written[1000] > written[100], "in the first minutes every move is written"
    assert len(set(written[-150_000:])) > 20, "and after hours some still are"


def test_a_full_disk_ends_no_work(tmp_path: Path) -> None:
    """What cannot be written is an error of the system, here as by a limit on sizes."""
    file = tmp_path / "events"
    events = EventFile(file)
    events.stage("Reading", 3, None)
    before = file.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before), limits[1]))
    try:
        with pytest.raises(OSError), file.open("ab") as other:
            other.write(b"x")
            other.flush()
        events.stage("Comparing", 3, None)
        events.advance(1, 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    events.end()
    assert file.read_bytes() == before


def test_a_device_is_not_written_to() -> None:
    with pytest.raises(UsageError, match="not a regular file"):
        EventFile("/dev/full")


def test_events_are_cumulative(tmp_path: Path) -> None:
    events = EventFile(tmp_path / "events")
    events.stage("Reading", 3, None)
    events.advance(1, 10)
    events._write_progress(ProgressEvent("Comparing", 1, 2, None, None))
    events.end()
    found = lines(tmp_path / "events")
    assert [line.get("stage") for line in found] == ["Reading", "Comparing", None]
    assert found[1]["bytes"] == 2

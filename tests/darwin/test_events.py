"""FSEvents: whatever it merges, delays or drops, each folder that changed is queued."""

from __future__ import annotations

import os
import random
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from gorillacomb.fs.darwin import figures
from gorillacomb.watch.debounce import ChangeQueue
from tests.darwin.events import IS_DIR, MODIFIED, Kernel
from tests.support.run import until
from tests.support.trees import make_tree
from tests.watch.load import Load

FILE = figures.FSEVENT_ITEM_IS_FILE
Hear = Callable[..., None]


class _Stream:
    """A stream that says what it is told to, in the thread that a test calls it in."""

    refused: set[str] = set()  # noqa: RUF012

    def __init__(self, paths: list[str], latency: float) -> None:
        self.paths = paths

    def run(self, callback: Callable[..., object], started: Callable[[], object]) -> None:
        if self.refused.intersection(self.paths):
            raise SystemError("Cannot start fsevents stream.")
        started()
        self.callback = callback
        until(lambda: hasattr(self, "stopped"))

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An `FSEventsWatcher`; the folder ``left out`` is excluded."""
    fake = ModuleType("_watchdog_fsevents")
    vars(fake).update(Stream=_Stream, NativeEvent=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "_watchdog_fsevents", fake)
    monkeypatch.setattr(_Stream, "refused", set())
    # The kernel here knows no F_GETPATH, so names stay as they were given.
    monkeypatch.setattr(os, "O_EVTONLY", 0, raising=False)
    monkeypatch.setattr(os, "O_SYMLINK", os.O_PATH | os.O_NOFOLLOW, raising=False)
    from gorillacomb.watch.fsevents import FSEventsWatcher

    made = FSEventsWatcher(ChangeQueue(0), lambda path: path.endswith(b"/left out"))
    yield made
    made.close()


def queued(watcher: Any) -> set[Path]:
    """The folders that were queued since the last call."""
    watcher.look_at_mounts([])
    return {Path(os.fsdecode(each)) for each in watcher._pending.take()}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "drive", {"a": {"b": {"c": {"x": "1"}}}, "left out": {"in": {}}})


@pytest.fixture
def hear(watcher: Any, top: Path) -> Hear:
    assert watcher.add(os.fsencode(top)) is None

    def say(*events: tuple[Path | str, int]) -> None:
        stream = watcher._streams[os.fsencode(top)]
        assert until(lambda: hasattr(stream._stream, "callback"))
        paths, flags = [str(path) for path, _ in events], [flag for _, flag in events]
        stream._stream.callback(paths, [1] * len(paths), flags, [1] * len(paths))

    return say


def test_a_file_tells_its_folder_and_a_folder_itself_too(
    watcher: Any, hear: Hear, top: Path
) -> None:
    hear((top / "a/b/y", FILE | MODIFIED))
    assert queued(watcher) == {top / "a/b"}
    hear((top / "a/b", IS_DIR | MODIFIED))
    assert queued(watcher) == {top / "a", top / "a/b"}
    hear((top / "a/b", 0), (top, IS_DIR))
    assert queued(watcher) == {top, top / "a", top / "a/b"}, "nothing is said of its kind"
    assert watcher.failed_roots() == {}


@pytest.mark.parametrize(
    "flag",
    [
        figures.FSEVENT_ITEM_RENAMED,
        figures.FSEVENT_ITEM_CREATED,
        figures.FSEVENT_ITEM_CLONED,
        figures.FSEVENT_MUST_SCAN_SUB_DIRS,
        figures.FSEVENT_UNMOUNT,
    ],
)
def test_what_came_with_a_folder_is_queued(watcher: Any, hear: Hear, top: Path, flag: int) -> None:
    hear((top / "a", IS_DIR | flag))
    assert queued(watcher) == {top, top / "a", top / "a/b", top / "a/b/c"}


def test_excluded_folders_are_never_queued(watcher: Any, hear: Hear, top: Path) -> None:
    every = figures.FSEVENT_ITEM_RENAMED | figures.FSEVENT_MUST_SCAN_SUB_DIRS
    hear((top / "left out/in/x", FILE), (top / "left out/in", IS_DIR | every))
    assert queued(watcher) == set()


@pytest.mark.parametrize("path", ["/", "", "{top}", "{top}/..", "\ufffd"])
def test_events_of_the_whole_root_or_more_scan_it_again(
    watcher: Any, hear: Hear, top: Path, path: str
) -> None:
    hear((os.path.normpath(path.format(top=top)) if path else "", 1))
    assert watcher.unsure_roots() == {os.fsencode(top)}
    assert watcher.unsure_roots() == set() and watcher.failed_roots() == {}


@pytest.mark.parametrize("flag", [figures.FSEVENT_USER_DROPPED, figures.FSEVENT_KERNEL_DROPPED])
def test_dropped_events_are_lost_events(watcher: Any, hear: Hear, top: Path, flag: int) -> None:
    hear(("/", flag | figures.FSEVENT_MUST_SCAN_SUB_DIRS))
    assert watcher.unsure_roots() == {os.fsencode(top)}


def test_a_renamed_root_is_looked_for(watcher: Any, hear: Hear, top: Path) -> None:
    top.rename(top.with_name("elsewhere"))
    hear((top, figures.FSEVENT_ROOT_CHANGED))
    assert watcher.failed_roots() == {os.fsencode(top): None}
    assert queued(watcher) == set()


def test_the_end_of_the_history_says_nothing(watcher: Any, hear: Hear, top: Path) -> None:
    hear(("/", figures.FSEVENT_HISTORY_DONE), (top / "a/x", FILE | figures.FSEVENT_HISTORY_DONE))
    assert queued(watcher) == set() and watcher.unsure_roots() == set()


def test_another_spelling_of_the_root_is_the_root(watcher: Any, hear: Hear, top: Path) -> None:
    hear((str(top).upper() + "/a/b/x", FILE))
    assert queued(watcher) == {top / "a/b"}


def test_a_stream_that_cannot_start_says_why(watcher: Any, top: Path) -> None:
    _Stream.refused.add(str(top))
    assert watcher.add(os.fsencode(top)) == "cannot start fsevents stream"
    assert "utf-8" in watcher.add(os.fsencode(top) + b"\xff")
    assert watcher.watched() == {}


def test_a_stream_that_ended_is_not_trusted(watcher: Any, hear: Hear, top: Path) -> None:
    watcher._streams[os.fsencode(top)].stop()
    watcher._streams[os.fsencode(top)].join()
    assert watcher.failed_roots() == {os.fsencode(top): "nobody reads the events any more"}
    watcher.drop(os.fsencode(top))
    assert watcher.failed_roots() == {}


def listings(top: Path) -> dict[Path, dict[str, tuple[int, ...]]]:
    """What a scan would read of each folder."""
    found: dict[Path, dict[str, tuple[int, ...]]] = {}
    for folder, _, _ in os.walk(top):
        with os.scandir(folder) as entries:
            facts = {each.name: each.stat(follow_symlinks=False) for each in entries}
        found[Path(folder)] = {
            name: (each.st_ino, each.st_mode)
            if stat.S_ISDIR(each.st_mode)
            else (each.st_ino, each.st_mode, each.st_size, each.st_mtime_ns)
            for name, each in facts.items()
        }
    return found


DEEP = [pytest.param(number, marks=pytest.mark.deep) for number in range(4, 40)]


@pytest.mark.parametrize("seed", [*range(4), *DEEP])
def test_each_folder_that_changed_is_queued(
    watcher: Any, hear: Hear, tmp_path: Path, top: Path, seed: int
) -> None:
    shutil.rmtree(top / "left out")
    load, kernel = Load(top, seed), Kernel(top, tmp_path / "events", seed)
    dice = random.Random(seed)
    before, count = listings(top), 0
    for _ in range(60):
        load.work(dice.choice([1, 1, 2, 5, 20]))
        events = kernel.tell_roughly() if dice.random() < 0.2 else kernel.tell()
        hear(*((path, flags) for path, flags, _ in events))
        after, told = listings(top), queued(watcher)
        again = watcher.unsure_roots()
        assert again in (set(), {os.fsencode(top)})
        wrong = {folder for folder, names in after.items() if before.get(folder) != names}
        wrong |= {folder.parent for folder in before.keys() - after.keys()} & after.keys()
        assert again or wrong <= told, wrong - told
        before, count = after, count + len(wrong)
    assert count > 100


def test_a_hundred_thousand_changes(watcher: Any, hear: Hear, top: Path) -> None:
    """As many as a copy of a large project makes, in the batches in which they come."""
    folders = [top / "many" / f"{number % 100}" / f"{number}" for number in range(2_000)]
    events = [
        (folders[number % 2_000] / f"file {number}", FILE | MODIFIED) for number in range(100_000)
    ]
    for start in range(0, len(events), 4_096):
        hear(*events[start : start + 4_096])
    assert queued(watcher) == set(folders)

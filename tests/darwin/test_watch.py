"""The watcher on a made-up Mac: what it does with the events that a test gives it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gorillacomb.fs.darwin import figures
from tests.darwin.events import Kernel
from tests.darwin.mac import SITE, Mac
from tests.support.run import REPOSITORY
from tests.support.trees import Tree, make_tree, rows_in_index
from tests.watch.conftest import no_watcher_stays
from tests.watch.daemon import Daemon, check_index
from tests.watch.load import Load

__all__ = ["no_watcher_stays"]

PATH = f"{REPOSITORY}{os.pathsep}{SITE}"
TREE: Tree = {"a": {"x": "1", "in": {"y": "2"}}, "b": {"z": "3"}}


@pytest.fixture
def top(mac: Mac) -> Path:
    mac.machine.events = str(mac.folder / "events")
    return make_tree(mac.volume("Drive") / "top", TREE)


@pytest.fixture
def kernel(mac: Mac, top: Path) -> Kernel:
    return Kernel(top, mac.folder / "events")


def watch(mac: Mac, *tops: Path, options: tuple[str, ...] = ()) -> Daemon:
    """Start a watcher that would hear of nothing for a day if it did not for events."""
    file = mac.folder / "machine.json"
    mac.machine.write(file)
    words = (b"env", b"FAKE_DARWIN=" + os.fsencode(file), os.fsencode(f"PYTHONPATH={PATH}"))
    daemon = Daemon(mac.vault, *tops, options=("--poll-remote", "90000", *options), words=words)
    daemon.settle()
    return daemon


def health(daemon: Daemon) -> dict[str, str]:
    return {each["path"]: each["health"] for each in daemon.statement()["roots"]}


def is_known(mac: Mac, path: Path) -> bool:
    return os.fsencode(path) in rows_in_index(mac.vault)


def check(mac: Mac, top: Path) -> None:
    """The index is what a fresh scan finds, and the trace agrees with it."""
    check_index(mac.vault, mac.folder / "fresh", top)
    assert mac.run("vault", "check").code == 0


def test_what_changes_is_known_at_once(mac: Mac, top: Path, kernel: Kernel) -> None:
    daemon = watch(mac, top)
    assert health(daemon) == {str(top): "watched"}
    make_tree(top / "a/new", {"deep": {"v": "4"}, "w": "5"})
    (top / "b/z").write_text("three")
    (top / "a/in").rename(top / "b/moved")
    kernel.tell()
    daemon.until(lambda: is_known(mac, top / "a/new/deep/v"))
    daemon.until(lambda: is_known(mac, top / "b/moved/y"))
    daemon.settle()
    assert daemon.stop().code == 0
    check(mac, top)


@pytest.mark.parametrize("operations", [1_000, pytest.param(5_000, marks=pytest.mark.deep)])
def test_under_load(mac: Mac, top: Path, operations: int) -> None:
    """Events that are merged, late, of earlier times, or of a whole subtree."""
    load = Load(top, 7)
    load.work(300)
    kernel = Kernel(top, mac.folder / "events", 7)
    mac.machine.history = 100
    daemon = watch(mac, top)
    for number in range(operations // 50):
        load.work(50)
        if number % 5 == 4:
            kernel.tell_roughly()
        else:
            kernel.tell()
        kernel.tell_late()
    # A link that came and went is told of by no event here, or by a day's whole scan.
    kernel.write([(str(top), figures.FSEVENT_MUST_SCAN_SUB_DIRS, 0)])
    daemon.settle()
    if causes := daemon.statement()["degraded"]:  # most of it went while it was scanned
        assert len(causes) == 1 and "may not be what it was" in causes[0], causes
        assert mac.run("scan", top, "--accept-loss").code == 0
    ran = daemon.stop()
    assert ran.code == 0, ran.err
    check(mac, top)


def test_dropped_events_are_told_and_all_is_scanned(mac: Mac, top: Path, kernel: Kernel) -> None:
    daemon = watch(mac, top)
    make_tree(top / "b/new", {"v": "4"})
    dropped = figures.FSEVENT_MUST_SCAN_SUB_DIRS | figures.FSEVENT_KERNEL_DROPPED
    kernel.write([("/", dropped, 0)])
    daemon.until(lambda: is_known(mac, top / "b/new/v"))
    daemon.settle()
    assert health(daemon) == {str(top): "watched"} and daemon.statement()["degraded"] == []
    assert "the system lost events; everything is scanned again" in daemon.stop().out


def test_events_of_before_it_began_make_one_more_scan(mac: Mac, top: Path, kernel: Kernel) -> None:
    """macOS may deliver them to each new stream: one that ends for them would begin for ever."""
    lost = figures.FSEVENT_MUST_SCAN_SUB_DIRS
    kernel.write([(str(top), lost, 0), ("/", lost | figures.FSEVENT_KERNEL_DROPPED, 0)])
    mac.machine.history = 5
    daemon = watch(mac, top)
    daemon.settle()
    daemon.settle()
    said = [json.loads(line) for line in daemon.stop().out.splitlines()]
    scans = [each for each in said if each["event"] == "scanned"]
    assert 1 <= len(scans) <= 2 and all(each["folders"] is None for each in scans), scans


def test_a_root_that_is_renamed_is_away_until_it_is_back(
    mac: Mac, top: Path, kernel: Kernel
) -> None:
    daemon = watch(mac, top)
    other = top.rename(top.with_name("elsewhere"))
    kernel.write([(str(top), figures.FSEVENT_ROOT_CHANGED, 0)])
    daemon.until(lambda: health(daemon) == {str(top): "away"})
    (other / "b/meanwhile").write_text("4")
    other.rename(top)
    daemon.until(lambda: is_known(mac, top / "b/meanwhile"))
    (top / "b/later").write_text("5")
    kernel.tell()
    daemon.until(lambda: is_known(mac, top / "b/later"))
    daemon.settle()
    daemon.stop()
    check(mac, top)


def test_its_own_vault_in_a_root_is_no_change(mac: Mac, top: Path, kernel: Kernel) -> None:
    mac.vault = top / "Library/vault"
    daemon = watch(mac, top)
    before = daemon.statement()["last_change_ns"]
    (mac.vault / "index.db-wal").touch()
    kernel.write([(str(mac.vault / "index.db-wal"), figures.FSEVENT_ITEM_IS_FILE | 0x1000, 0)])
    daemon.settle()
    assert daemon.statement()["last_change_ns"] == before
    daemon.stop()


@pytest.mark.parametrize("why", ["no module", "no stream", "a driver", "asked for"])
def test_without_events_all_is_scanned_at_intervals(
    mac: Mac, top: Path, kernel: Kernel, why: str
) -> None:
    options = ("--poll-remote", "1")
    if why == "no module":
        mac.machine.events = None
    elif why == "no stream":
        mac.machine.silent = [str(top)]
    elif why == "a driver":
        mac.volume("Drive", type="macfuse")
    else:
        options = ("--poll", "1")
    daemon = watch(mac, top, options=options)
    assert health(daemon) == {str(top): "polled"}
    causes = daemon.statement()["degraded"]
    assert bool(causes) == (why in ("no module", "no stream")), causes
    assert all("no FSEvents" in each or "cannot start fsevents" in each for each in causes)
    (top / "b/new").write_text("4")
    daemon.until(lambda: is_known(mac, top / "b/new"))
    daemon.stop()


def test_a_pulse_of_before_the_last_start_is_dead(mac: Mac, top: Path, kernel: Kernel) -> None:
    daemon = watch(mac, top)
    assert daemon.statement()["boot_id"] == mac.machine.boot
    assert mac.run("pulse").code == 0
    mac.machine.boot = "6F0B2A5E-0000-4000-8000-000000000002"
    daemon.kill()
    ran = mac.run("pulse")
    assert ran.code == 1 and "the machine was started anew since its last pulse" in ran.out


@pytest.mark.deep
def test_a_hundred_thousand_files(mac: Mac, top: Path, kernel: Kernel) -> None:
    daemon = watch(mac, top)
    for number in range(100):
        folder = top / "many" / str(number)
        folder.mkdir(parents=True)
        for file in range(1_000):
            (folder / str(file)).write_bytes(b"%d" % (number * 1_000 + file))
    assert len(kernel.tell()) > 0
    daemon.settle()
    daemon.stop()
    check(mac, top)

"""Pulses come in time, anybody can check them, and what is wrong is told."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api.rescan import rescan
from gorillacomb.cli.commands.watch.log import WatchLog
from gorillacomb.model import SECOND, ScanReport
from gorillacomb.progress import Progress
from gorillacomb.vault.settings import Settings
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.vaultmesh.open import watcher_keys
from gorillacomb.watch.health import CosignedHead, WatcherHealth, WatcherState
from gorillacomb.watch.manifest_guard import GuardedFolder
from gorillacomb.watch.options import WatchOptions
from gorillacomb.watch.pulse import LATEST, Clocks, PulseWriter, pulse_folder
from gorillacomb.watch.pulse_check import PulseState, PulseStatus, check_pulse
from gorillacomb.watch.watcher import Watcher
from tests.support.run import command, environment, refused, run
from tests.support.trees import make_tree
from tests.watch.daemon import PULSE, Daemon, accept_losses, check_truth
from tests.watch.load import Load


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "drive", {"a": {"x": "1"}, "b": {"y": "2"}})


def watcher_key() -> str:
    return run("keys", "show", "--watcher").out.strip()


def ring(vault: Path) -> list[Path]:
    """The files of the ring."""
    return [each for each in pulse_folder(Vault(vault)).iterdir() if each.name.isdecimal()]


def keep(files: Iterable[Path], aside: Path) -> None:
    """Copy files as they are now, each content once."""
    aside.mkdir(exist_ok=True)
    for data in [each.read_bytes() for each in files]:
        (aside / hashlib.sha256(data).hexdigest()).write_bytes(data)


def beats(vault: Path, files: Iterable[Path]) -> list[dict[str, Any]]:
    """The pulses in some files, each checked by a program that knows nothing of ours."""
    keys = [watcher_key(), *run("keys", "show", vault=vault).out.splitlines()]
    check = Path(__file__).with_name("check_pulse.py")
    found = {}
    for path in files:
        words: list[str] = [sys.executable, str(check), str(path), *keys]
        ran = subprocess.run(words, capture_output=True, check=True, timeout=30)
        beat = json.loads(ran.stdout)
        found[int(beat["seq"])] = beat
    return [found[number] for number in sorted(found)]


def test_each_beat_is_signed_and_in_its_turn(top: Path, vault: Path) -> None:
    daemon = Daemon(vault, top)
    daemon.until(lambda: daemon.statement()["seq"] > 20)
    (top / "new").write_text("new")
    daemon.settle()
    daemon.stop()
    found = beats(vault, ring(vault))
    assert len(found) > 20
    assert all(other["seq"] == one["seq"] + 1 for one, other in pairwise(found))
    sizes = [each["ledger"]["size"] for each in found if each["ledger"]]
    assert sizes == sorted(sizes)
    assert (4 in sizes, sizes[-1]) == (True, 5)


def test_the_first_scan_carries_the_checkpoint(top: Path, vault: Path) -> None:
    """Also of a trace that it begins: it may take hours."""
    seen: list[CosignedHead | None] = []

    def scan_once(
        roots: Sequence[bytes],
        changed: tuple[bytes, ...] | None = None,
        again: tuple[tuple[int, bytes], ...] | None = None,
        progress: Progress | None = None,
    ) -> ScanReport:
        report = rescan(Vault(vault), roots, Settings(), progress=progress)
        seen.append(watcher.health.trace)
        watcher.stop()
        return report

    watcher = Watcher(
        Vault(vault),
        [os.fsencode(top)],
        WatchOptions(quiet_ns=0, poll_ns=SECOND, poll_all=True),
        lambda: (),
        scan_once,
        WatchLog(as_json=True),
        watcher_keys().ed25519(),
        [],
        never_read,
    )
    running = threading.Thread(target=watcher.run)  # which makes its thread a nice one
    running.start()
    running.join()
    assert [head and head.head.size for head in seen] == [1], "that of the genesis alone"


def never_read(file: bytes) -> GuardedFolder:
    raise AssertionError(file)


@pytest.mark.deep
@pytest.mark.parametrize(("seconds", "interval"), [(600, 1), (135, 9)])
def test_no_beat_is_late_under_load(
    tmp_path: Path, vault: Path, seconds: float, interval: float
) -> None:
    top = tmp_path / "drive"
    top.mkdir()
    load = Load(top, 3)
    load.work(300)
    daemon = Daemon(vault, top, options=("--pulse", str(interval)))
    seen = tmp_path / "seen"
    looked = time.monotonic()
    end = looked + seconds
    while time.monotonic() < end:
        load.work(50)
        time.sleep(0.01)
        if time.monotonic() > looked + 5 * interval:  # long before the first are overwritten
            looked = time.monotonic()
            keep(ring(vault), seen)
    keep(ring(vault), seen)
    daemon.stop()
    found = beats(vault, seen.iterdir())
    assert len(found) >= seconds / interval
    for one, other in pairwise(found):
        assert other["seq"] == one["seq"] + 1
        gap = int(other["uptime_ns"]) - int(one["uptime_ns"])
        assert gap <= 1.5 * interval * SECOND
    print(f"{len(found)} pulses {interval} s apart, each signed, none late")


def test_a_changed_pulse_is_noticed(top: Path, vault: Path) -> None:
    daemon = Daemon(vault, top)
    daemon.settle()
    assert run("pulse", vault=vault).code == 0
    daemon.stop()
    path = pulse_folder(Vault(vault)) / LATEST
    path.write_bytes(path.read_bytes().replace(b'"queue":0', b'"queue":1'))
    ran = run("pulse", "--json", vault=vault)
    assert (ran.code, ran.json()["life"]) == (1, "dead")
    assert "not valid" in ran.json()["causes"][0]


def test_alive_and_ended(top: Path, vault: Path) -> None:
    ran = run("pulse", vault=vault)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.startswith("dead\n  no watcher has run")
    daemon = Daemon(vault, top)
    daemon.settle()
    ran = run("pulse", "--json", vault=vault)
    assert (ran.code, ran.json()["life"], ran.json()["causes"]) == (0, "alive", [])
    assert ran.json()["pulse"]["ledger"]["size"] == 4
    assert ran.json()["pulse"]["roots"] == [{"health": "watched", "path": str(top)}]
    refused(run("watch", top, vault=vault), 5, "Another watcher")
    daemon.process.send_signal(signal.SIGSTOP)
    time.sleep(2 * PULSE)
    ran = run("pulse", vault=vault)
    assert (ran.code, "no pulse for" in ran.out) == (1, True)
    daemon.process.send_signal(signal.SIGCONT)
    daemon.settle()
    daemon.kill()
    ran = run("pulse", vault=vault)
    assert ran.code == 1
    assert "its process is not running" in ran.out or "no pulse for" in ran.out
    daemon.restart()
    daemon.stop()
    assert "it was ended" in run("pulse", vault=vault).out


@pytest.mark.deep
def test_it_ends_within_two_seconds(tmp_path: Path, vault: Path) -> None:
    """Whatever it is at: the first scan, a batch, nothing."""
    top, dice = tmp_path / "drive", random.Random(4)
    top.mkdir()
    load = Load(top, 4)
    load.work(3000)
    daemon = Daemon(vault, top)
    for number in range(50):
        load.work(dice.randrange(300))
        time.sleep(dice.random() * 0.5)
        before = time.monotonic()
        ran = daemon.stop()
        assert (ran.code, ran.err) == (0, "")
        assert time.monotonic() - before < 2, number
        daemon.restart()
    daemon.settle()
    accept_losses(daemon, tmp_path / "held back")
    daemon.stop()
    check_truth(vault, tmp_path / "fresh", top)


def test_a_trace_that_was_put_back(top: Path, vault: Path, tmp_path: Path) -> None:
    daemon = Daemon(vault, top)
    daemon.settle()
    shutil.copytree(vault, tmp_path / "before")
    (top / "new").write_text("new")
    daemon.settle()
    daemon.kill()
    daemon.restart()
    daemon.settle()
    for path in vault.glob("trace.db*"):
        path.unlink()
    for path in (tmp_path / "before").glob("trace.db*"):
        shutil.copy2(path, vault / path.name)
    ran = run("pulse", "--json", vault=vault)
    assert (ran.code, ran.json()["life"]) == (1, "degraded")
    assert "rewound" in ran.json()["causes"][-1]
    daemon.until(lambda: daemon.statement()["degraded"])
    daemon.stop()


def test_a_clock_that_is_set_back(top: Path, vault: Path) -> None:
    """Not of the machine: the one that asks lives two hours earlier (libfaketime)."""
    if shutil.which("faketime") is None:
        pytest.skip("faketime is missing: apt install faketime")
    daemon = Daemon(vault, top)
    daemon.settle()
    words = [b"faketime", b"-f", b"-2h", *command("pulse", "--json")]
    env = environment(vault, FAKETIME_DONT_FAKE_MONOTONIC="1")
    ran = run(words=words, env=env)
    daemon.stop()
    assert (ran.code, ran.json()["life"]) == (1, "degraded")
    assert "set back by 7,200 s" in ran.json()["causes"][0] or "7,199" in ran.json()["causes"][0]


class Time:
    """Clocks that are set by hand, ns."""

    def __init__(self) -> None:
        self.wall, self.uptime, self.boot = 10**18, 10**12, "first"

    def clocks(self) -> Clocks:
        return Clocks(lambda: self.wall, lambda: self.uptime, lambda: self.boot)

    def later(self, seconds: float) -> None:
        self.wall += int(seconds * SECOND)
        self.uptime += int(seconds * SECOND)


@pytest.fixture
def clock() -> Time:
    return Time()


class Patient:
    """A heart that beats when it is told to."""

    def __init__(self, folder: Path, clock: Time) -> None:
        key = watcher_keys().ed25519()
        assert isinstance(key, Ed25519SigningKey)
        self.health, self.clock, self.folder = WatcherHealth(WatcherState.WATCHING), clock, folder
        self._heart = PulseWriter(
            folder, key, 9 * SECOND, self.health, lambda: (0, None), clock.clocks()
        )

    def beat(self) -> None:
        self._heart.write()

    def verdict(self) -> PulseStatus:
        return check_pulse(self.folder, watcher_keys().publics(), self.clock.clocks())


@pytest.fixture
def patient(tmp_path: Path, clock: Time) -> Patient:
    return Patient(tmp_path / "pulses", clock)


def test_a_steady_pulse(patient: Patient, clock: Time) -> None:
    for _ in range(100):
        patient.beat()
        assert patient.verdict().life is PulseState.ALIVE
        clock.later(9)
    assert len(os.listdir(patient.folder)) == 41


@pytest.mark.parametrize(
    ("seconds", "life"), [(13, PulseState.ALIVE), (14, PulseState.DEAD), (86_400, PulseState.DEAD)]
)
def test_how_old_the_last_one_is(
    patient: Patient, clock: Time, seconds: float, life: PulseState
) -> None:
    patient.beat()
    clock.later(seconds)
    assert patient.verdict().life is life


def test_what_is_odd_between_pulses(patient: Patient, clock: Time) -> None:
    patient.beat()
    clock.later(27)
    patient.beat()
    assert patient.verdict().causes == ("a pulse came 27.0 s after the one before it",)
    clock.later(9)
    clock.wall -= 3600 * SECOND
    patient.beat()
    assert patient.verdict().causes[1:] == ("the clock was set back by 3,600 s",)
    assert patient.verdict().life is PulseState.DEGRADED
    for _ in range(40):
        clock.later(9)
        patient.beat()
    assert patient.verdict().life is PulseState.ALIVE


def test_a_clock_set_forward_or_a_sleep_is_nothing_odd(patient: Patient, clock: Time) -> None:
    patient.beat()
    clock.later(9)
    clock.wall += 3600 * SECOND
    patient.beat()
    assert patient.verdict().life is PulseState.ALIVE


def test_another_boot(patient: Patient, clock: Time) -> None:
    patient.beat()
    clock.boot = "second"
    assert patient.verdict().causes == ("the machine was started anew since its last pulse",)
    assert patient.verdict().life is PulseState.DEAD


def test_degraded_is_told(patient: Patient) -> None:
    patient.health.set_root_problem("root", "a drive is not there")
    patient.beat()
    assert patient.verdict().life is PulseState.DEGRADED
    assert patient.verdict().causes == ("a drive is not there",)

"""Killed at any moment, nothing that was acknowledged is lost; the next run goes on from there."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh import ledger as ledgers
from gorillacomb.vaultmesh.audit import audit
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import anchor_store, key_store, open_trace_for_reading
from tests.stamping.trace import check_trace, contents_on_disk, events, stamping_scan
from tests.support.run import environment, run
from tests.support.trees import Tree, make_tree, settle
from tests.vaultmesh import dying

FILES = 2000
BATCH = 40


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Some thousand small files, a third of them copies."""
    tree: Tree = {
        f"folder {number:02}": {
            f"{file:03}": f"{number * 100 + file if file % 3 else file}" for file in range(100)
        }
        for number in range(FILES // 100)
    }
    make_tree(tmp_path / "Drive", tree)
    settle(tmp_path / "Drive")
    return tmp_path / "Drive"


def killed_while_stamping(vault: Path, drive: Path, moment: float) -> tuple[int, bool]:
    """Kill a scan when a part of the trace is written, ``moment`` of it and a little more.

    Returns the size acknowledged last, and whether it was killed before it ended.
    """
    ours, theirs = os.pipe()
    process = scanning(vault, drive, theirs)
    os.close(theirs)
    acknowledged, until = 0, moment * FILES * 0.7
    with open(ours, "rb") as pipe:
        for line in pipe:
            acknowledged = int(line)
            if acknowledged >= until:
                break
        time.sleep(moment * 7919 % 0.004)  # somewhere between one transaction and the next
        os.kill(process, signal.SIGKILL)
        for line in pipe:
            acknowledged = int(line)
    status = os.waitpid(process, 0)[1]
    return acknowledged, os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def scanning(vault: Path, drive: Path, told: int) -> int:
    """Scan in a process of its own, in small transactions; returns its id.

    It writes a line for each of them, with the size of the trace that was acknowledged.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # processes of xdist ignore it
        tell_sizes(told)
        stamping_scan(vault, drive)
        code = 0
    finally:
        os._exit(code)


def tell_sizes(told: int) -> None:
    ledgers._BATCH = BATCH
    append = Ledger.append

    def telling(self: Ledger, bodies: Any, done: Callable[[int], None] | None = None) -> None:
        def tell(size: int) -> None:
            os.write(told, b"%d\n" % size)
            if done is not None:
                done(size)

        append(self, bodies, tell)

    Ledger.append = telling  # type: ignore[method-assign]


@pytest.mark.parametrize("kills", [9, pytest.param(200, marks=pytest.mark.deep)])
def test_killed_while_stamping(
    drive: Path, tmp_path: Path, kills: int, record_property: Callable[[str, object], None]
) -> None:
    moments = random.Random(kills)
    died = 0
    for number in range(kills):
        vault = tmp_path / f"vault {number}"
        # Twice in a row now and then: the second scan goes on after the first, and dies too.
        for _ in range(1 + number % 4 // 3):
            acknowledged, killed = killed_while_stamping(vault, drive, moments.random() * 1.1)
            died += killed
            if (vault / "trace.db").exists() and acknowledged:
                with open_trace_for_reading(Vault(vault)) as trace:
                    found = audit(trace)
                assert found.ok, (number, found)
                assert found.entries >= acknowledged
        stamping_scan(vault, drive)
        check_trace(vault, drive)
        size = len(events(vault))
        # Genesis, root, and each content once: nothing was told twice.
        assert size == 2 + len(contents_on_disk(drive))
        stamping_scan(vault, drive)
        assert len(events(vault)) == size
        shutil.rmtree(vault)
    record_property("kills", died)
    print(f"{died} scans killed")
    assert died > kills * 0.6


@pytest.mark.parametrize("signals", [signal.SIGKILL, signal.SIGINT])
def test_killed_at_the_very_start(drive: Path, tmp_path: Path, signals: signal.Signals) -> None:
    """Before the trace is anything at all, or as it is begun."""
    for number in range(4):
        vault = tmp_path / f"vault {number}"
        with open(os.devnull, "wb") as nobody:
            process = scanning(vault, drive, nobody.fileno())
        ended = running = (0, 0)
        while not (vault / "trace.db").exists() and ended == running:
            ended = os.waitpid(process, os.WNOHANG)
            time.sleep(0.0005)
        if ended == running:
            time.sleep(number * 0.003)
            os.kill(process, signals)
            os.waitpid(process, 0)
        stamping_scan(vault, drive)
        check_trace(vault, drive)


# Commands that make files or change their names: killed before each call that the system sees.

STRIDES = [4, pytest.param(1, marks=pytest.mark.deep)]


def killed_at(step: int, *arguments: str | Path) -> bool:
    """Run a command that kills itself before such a call; says whether it got so far."""
    ran = run(*arguments, before=(dying.__name__, str(step)))
    assert ran.code in (0, -signal.SIGKILL), ran
    return ran.code == -signal.SIGKILL


@pytest.mark.parametrize("stride", STRIDES)
def test_killed_as_the_trace_is_begun(own_home: Path, tmp_path: Path, stride: int) -> None:
    """There is a trace then, or none; the next scan makes it, and nothing stays beside it."""
    drive = make_tree(tmp_path / "Drive", {"a": "1", "b": {"c": "2", "d": "1"}})
    settle(drive)
    step, without = 0, 0
    while True:
        home = tmp_path / f"home {step}"
        home.mkdir()
        vault = home / "vault"
        with at_home(home):
            if not killed_at(step, "scan", drive, "--workers", "0", "--vault", vault):
                break
            if (vault / "trace.db").exists():
                assert run("trace", "verify", vault=vault).code == 0, step
            else:
                without += (vault / "index.db").exists()
            assert run("scan", drive, vault=vault).code == 0, step
            check_trace(vault, drive)
            assert not [*vault.glob("trace-*")], step
        shutil.rmtree(home)
        step += stride
    assert step > 20
    assert without


@pytest.fixture
def scanned(tmp_path: Path, own_home: Path) -> tuple[Path, Path]:
    """A small drive and its vault in a home."""
    drive = make_tree(tmp_path / "Drive", {"a": "1", "b": {"c": "2", "d": "3"}})
    settle(drive)
    vault = own_home / "vault"
    stamping_scan(vault, drive)
    return drive, vault


@pytest.mark.parametrize("folded", [True, False], ids=["", "with a log"])
@pytest.mark.parametrize("stride", STRIDES)
def test_killed_in_adopt(
    scanned: tuple[Path, Path], own_home: Path, tmp_path: Path, folded: bool, stride: int
) -> None:
    """The old log or the new one stands; adopting again goes on; no entry is lost."""
    drive, vault = scanned
    if not folded:
        leave_a_log(vault, drive)
    before = events(vault)
    step = int(folded)
    while True:
        home = tmp_path / f"home {step}"
        shutil.copytree(own_home, home)
        with at_home(home):
            if not killed_at(step, "trace", "adopt", "--force", "--vault", home / "vault"):
                break
            after_a_killed_adopt(home / "vault", drive, before)
        shutil.rmtree(home)
        step += stride
    assert step > 10


def leave_a_log(vault: Path, drive: Path) -> None:
    """Let a scan die that has committed, so that a write-ahead log is left."""
    make_tree(drive, {"e": "5"})
    settle(drive)
    script = (
        "import os, sys; from pathlib import Path; from tests.stamping.trace import *;"
        "from gorillacomb.vaultmesh.open import open_trace_for_writing;"
        "from gorillacomb.vaultmesh import *;"
        "stamping_scan(Path(sys.argv[1]), Path(sys.argv[2]));"
        "t = open_trace_for_writing(Vault(Path(sys.argv[1]))); t.rotate_key(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, vault, drive], env=environment(), check=True)
    assert (vault / "trace.db-wal").stat().st_size


class at_home:  # noqa: N801
    """Another home for a while."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __enter__(self) -> None:
        self.before = os.environ["HOME"]
        os.environ["HOME"] = str(self.home)

    def __exit__(self, *error: object) -> None:
        os.environ["HOME"] = self.before


def after_a_killed_adopt(vault: Path, drive: Path, before: list[dict[str, object]]) -> None:
    assert (vault / "trace.db").exists()
    with open_trace_for_reading(Vault(vault)) as trace:
        found = audit(trace)
        assert found.ok, found
    ran = run("scan", drive, vault=vault)
    if ran.code:  # adopted, but the index does not know yet: it says what to do
        assert ran.code == 4
        assert "trace adopt" in ran.err
        assert run("trace", "adopt", vault=vault).code == 0
        assert run("scan", drive, vault=vault).code == 0
    assert run("trace", "verify", vault=vault).code == 0
    check_trace(vault, drive)
    # The old entries are all there: in the trace, or in one that was set aside.
    assert before in [
        events_of(path)[: len(before)]
        for path in vault.glob("trace*.db")
        if not path.name.startswith("trace-new-")  # a beginning that was never put in place
    ]


def events_of(path: Path) -> list[dict[str, object]]:
    with Ledger.read(path, key_store(), anchor_store()) as trace:
        assert audit(trace).ok
        return [jcs.parse_own(entry) for _, entry in trace.entries()]


def test_a_log_that_is_left_of_a_lost_trace_is_not_taken_into_the_next(
    scanned: tuple[Path, Path],
) -> None:
    """Whoever deletes trace.db by hand leaves what SQLite keeps beside it after a kill."""
    drive, vault = scanned
    leave_a_log(vault, drive)
    left = (vault / "trace.db-wal").read_bytes()
    for path in (*vault.glob("index.db*"), vault / "trace.db"):
        path.unlink()
    assert run("scan", drive, vault=vault).code == 0
    check_trace(vault, drive)
    assert run("trace", "verify", vault=vault).code == 0
    [kept] = vault.glob("trace-*.db-wal")
    assert kept.read_bytes() == left


@pytest.mark.parametrize("stride", STRIDES)
def test_killed_in_rotate(
    scanned: tuple[Path, Path], own_home: Path, tmp_path: Path, stride: int
) -> None:
    drive, vault = scanned
    before = events(vault)
    step = 0
    while True:
        home = tmp_path / f"home {step}"
        shutil.copytree(own_home, home)
        vault = home / "vault"
        with at_home(home):
            if not killed_at(step, "keys", "rotate", "--vault", vault):
                break
            make_tree(drive, {f"more {step}": f"more {step}"})
            settle(drive)
            stamping_scan(vault, drive)
            check_trace(vault, drive)
            assert run("keys", "rotate", vault=vault).code == 0, step
            stamping_scan(vault, drive)
            check_trace(vault, drive)
            assert events(vault)[: len(before)] == before
        shutil.rmtree(home)
        step += stride
    assert step > 10


def test_an_adopt_that_fails_leaves_the_old_trace(
    scanned: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without hard links, and where a name cannot be changed at all."""
    drive, vault = scanned
    before = events(vault)

    def no(*arguments: object, **options: object) -> None:
        raise OSError(1, "Operation not permitted")

    from gorillacomb.errors import VaultUnwritable
    from gorillacomb.vaultmesh import adopt as adoption

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", no)
        patched.setattr(os, "rename", no)
        with pytest.raises(VaultUnwritable):
            adoption.adopt(vault / "trace.db", key_store(), anchor_store())
    assert events(vault) == before
    assert [path.name for path in vault.glob("trace*.db")] == ["trace.db"]
    with monkeypatch.context() as patched:
        patched.setattr(os, "link", no)
        adopted = adoption.adopt(vault / "trace.db", key_store(), anchor_store())
    assert adopted.kept is not None
    assert events_of(adopted.kept) == before
    assert run("trace", "adopt", vault=vault).code == 0  # the index does not go with it yet
    assert run("scan", drive, vault=vault).code == 0
    assert run("vault", "check", vault=vault).code == 0

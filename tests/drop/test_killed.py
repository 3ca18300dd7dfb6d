"""Killed anywhere, or on a disk that is full: nothing is lost, and nothing is there in part."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gorillacomb.api.drop.drop import drop
from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.errors import GorillaCombError
from gorillacomb.vault.vault import Vault
from tests.dedupe.drives import killed
from tests.drop.bench import Bench, contents, everything
from tests.support.mounts import fill, remount, tmpfs
from tests.support.run import command, environment
from tests.support.trees import Tree, make_tree

DROPPED: Tree = {
    "known": "k" * 500,
    "a": {"new": "n" * 500, "b": {"large": "l" * 300_000}},
    "c": {"second": "s" * 700},
}


def tree_of(files: dict[str, str]) -> Tree:
    return {name: text for name, text in files.items()}  # noqa: C416  # of another type


class Case:
    """A root, and something to drop into it, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.root, self.dropped, self.folder = folder / "root", folder / "in", folder
        make_tree(self.root, {"known": "k" * 500})
        make_tree(self.dropped, DROPPED)
        self.vault = Vault(folder / "vault")
        OpenVault(self.vault).scan(self.root)
        self.before = contents(self.root), everything(self.root)
        self.wanted = {
            f"in/{each}": data for each, data in contents(self.dropped).items() if each != "known"
        }

    def keep(self) -> None:
        drop(self.vault, self.dropped, into=self.root)

    def added(self) -> dict[str, bytes]:
        """What is in the folders of drops, by paths in those."""
        top = self.root / "Omnidrop"
        found = contents(top) if top.exists() else {}
        return {each.partition("/")[2]: data for each, data in found.items()}

    def nothing_half(self) -> None:
        """What is there is whole, and what was there is unchanged."""
        now = contents(self.root)
        assert {each: now.get(each) for each in self.before[0]} == self.before[0]
        for name, data in self.added().items():
            assert self.wanted[name] == data, name
        assert contents(self.dropped).keys() - {"known"} == {each[3:] for each in self.wanted}

    def runs(self) -> list[str]:
        folders = self.root.glob(".gorillacomb/quarantine/*/journal.jsonl")
        return sorted(each.parent.name for each in folders if each.stat().st_size)

    def leftovers(self) -> list[Path]:
        usual = ("journal.jsonl", ".purging-when-the-disk-is-full")
        found = self.root.glob(".gorillacomb/quarantine/*/*")
        return [each for each in found if each.name not in usual]

    def undo_all(self) -> None:
        for run in reversed(self.runs()):
            try:
                result = OpenVault(self.vault).undo(run)
            except GorillaCombError as nothing:
                assert "nothing" in nothing.message or "no run" in nothing.message
            else:
                assert not result.failed, result.failed
        assert (contents(self.root), everything(self.root)) == self.before
        assert self.leftovers() == []


def everywhere(
    tmp_path: Path, work: Callable[[Case], object], first: Callable[[Case], object]
) -> int:
    """Kill something at each change that it makes; returns at how many points."""
    number, died = 0, True
    while died:
        number += 1
        case = Case(tmp_path / f"{number}")
        first(case)
        died = killed(lambda case=case: work(case), number)  # type: ignore[misc]
        case.nothing_half()
        if number % 2:
            case.keep()
            case.nothing_half()
            assert case.leftovers() == []
            assert case.added() == case.wanted, f"killed at {number}"
        case.undo_all()
        shutil.rmtree(case.folder)
    return number - 1


def test_keep(tmp_path: Path) -> None:
    assert everywhere(tmp_path, Case.keep, lambda case: None) > 25


def undo(case: Case) -> None:
    OpenVault(case.vault).undo(case.runs()[-1])


def test_undo(tmp_path: Path) -> None:
    assert everywhere(tmp_path, undo, Case.keep) > 20


@pytest.mark.parametrize("seed", range(6))
def test_killed_by_a_signal_at_any_moment(tmp_path: Path, vault: Path, seed: int) -> None:
    """The command as users run it, with more files than fit into one batch."""
    dropped = {f"{number}": f"{number:05}" * 2000 for number in range(300)}
    bench = Bench(tmp_path, vault, {"x": "x"}, tree_of(dropped))
    words = command("drop", bench.dropped, "--into", bench.root)
    process = subprocess.Popen(
        words, env=environment(vault), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 30
    wanted = 1 + seed * 45
    while len(contents(bench.root)) < wanted and process.poll() is None:
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGKILL)
    process.communicate()
    top = bench.root / "Omnidrop"
    for name, data in (contents(top) if top.exists() else {}).items():
        assert data == dropped[name.rpartition("/")[2]].encode(), name
    found = bench.drop(into=bench.root, code=0)
    files = contents(bench.root / "Omnidrop")
    assert sorted(each.rpartition("/")[2] for each in files) == sorted(dropped)
    assert bench.leftovers() == []
    assert found["new"]["files"] + found["have"]["files"] == 300
    for run in reversed(bench.runs):
        bench.run("dedupe", "--undo", run)
    assert everything(bench.root) == {"x"}


def test_interrupted_by_ctrl_c(tmp_path: Path, vault: Path) -> None:
    dropped: Tree = {f"{number}": f"{number:05}" * 20_000 for number in range(400)}
    bench = Bench(tmp_path, vault, {"x": "x"}, dropped)
    words = command("drop", bench.dropped, "--into", bench.root)
    process = subprocess.Popen(
        words, env=environment(vault), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while len(contents(bench.root)) < 3:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Interrupted: run" in said and "--undo" in said
    assert bench.leftovers() == []
    kept = len(contents(bench.root)) - 1
    assert f"kept {kept:,} file" in said
    history = json.loads(bench.run("dedupe", "--history", "--json").stdout)["runs"]
    assert [(each["event"], each["files"]) for each in history] == [("dropped", kept)]


def test_a_disk_without_room_is_refused_before_anything_is_done(
    tmp_path: Path, vault: Path
) -> None:
    with tmpfs(tmp_path / "root", "2m"):
        bench = Bench(tmp_path, vault, {"x": "x"}, {"f": "f" * 3_000_000, "g": "g" * 99})
        ran = bench.run("drop", bench.dropped, "--into", bench.root)
        assert ran.code == 5, ran
        assert "free" in ran.err
        assert everything(bench.root) == {"x"}


@pytest.mark.parametrize("room", [0, 4096, 20_000, 60_000, 300_000])
def test_a_disk_that_fills_up_meanwhile(
    tmp_path: Path, vault: Path, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else writes to it: what fits is kept, the rest is told, and nothing is half."""
    from gorillacomb.drop import keep

    monkeypatch.setattr(keep, "_refuse_unfit", lambda *given: None)
    dropped = {f"{number}": f"{number:05}" * 5000 for number in range(40)}
    with tmpfs(tmp_path / "root", "4m") as disk:
        bench = Bench(tmp_path, vault, {"x": "x"}, tree_of(dropped))
        fill(disk, room)
        before = everything(bench.root)
        try:
            result = drop(Vault(vault), bench.dropped, into=bench.root)
        except GorillaCombError as error:
            assert "no space" in str(error)
        else:
            assert result.kept is not None
            assert len(result.kept.kept) + len(result.kept.problems) == 40
            assert "no space left" in result.kept.problems[-1].cause
        top = bench.root / "Omnidrop"
        for name, data in (contents(top) if top.exists() else {}).items():
            assert data == dropped[name.rpartition("/")[2]].encode()
        (disk / "filler").unlink()
        remount(disk, "size=16m")
        result = drop(Vault(vault), bench.dropped, into=bench.root)
        assert result.is_complete
        assert len(contents(top)) == 40
        assert bench.leftovers() == []
        for run in reversed(bench.runs):
            bench.run("dedupe", "--undo", run)
        assert everything(bench.root) == before - {"filler"}

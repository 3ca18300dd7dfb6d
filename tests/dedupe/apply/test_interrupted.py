"""Ctrl-C names the run, what was done until then, and how to go on or to take it back."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api.dedupe import purge
from gorillacomb.cli.commands.dedupe.dedupe import command as dedupe
from gorillacomb.dedupe.apply import transaction
from gorillacomb.errors import Interrupted
from gorillacomb.fs import mutations
from gorillacomb.scan.walk import ScanWalk
from tests.dedupe.acting import slots
from tests.dedupe.plans import Bench
from tests.support.run import complained, end_of, environment, start, until
from tests.support.trees import Tree, make_tree

FILES: Tree = {f"{number:02}": {"f": f"content {number}; " * 99} for number in range(40)}


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    """A drive with forty files in two folders, in more than one batch."""
    tree: Tree = {"data": {**FILES, "own": "1"}, "Backup": FILES}
    made = Bench(make_tree(tmp_path / "drive", tree), vault)
    made.scan(made.folder)
    return made


def interrupted(bench: Bench, *options: str | Path) -> tuple[str, str]:
    """What is said at the end of a command that is interrupted: both lines."""
    words = [str(each) for each in (*options, "--vault", bench.vault)]
    with pytest.raises(Interrupted) as stopped:
        dedupe.main(words, standalone_mode=False, prog_name="gorillacomb")
    return stopped.value.message, stopped.value.hint


class AtCall:
    """Stands for a function, and for Ctrl-C at its n-th call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, of: Any, name: str, number: int) -> None:
        self._really = getattr(of, name)
        self._left = number
        monkeypatch.setattr(of, name, self._call)

    def _call(self, *arguments: Any, **options: Any) -> Any:
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt
        return self._really(*arguments, **options)


def test_apply(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = bench.plan("--files-only").file
    with monkeypatch.context() as patch:
        AtCall(patch, transaction, "verify_unchanged", 36)
        message, hint = interrupted(bench, "--apply", plan)
    [run] = os.listdir(bench.folder / ".gorillacomb/quarantine")
    assert message == f"Interrupted: run {run} did 35 files in 35 steps, of 40; that is kept."
    assert f"gorillacomb dedupe --apply {plan}" in hint
    assert f"gorillacomb dedupe --undo {run}" in hint
    assert bench.dedupe_json("--apply", plan)[1]["done"] == 5


def test_apply_before_anything_was_done(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = bench.plan("--files-only").file
    AtCall(monkeypatch, transaction, "verify_unchanged", 1)
    assert interrupted(bench, "--apply", plan)[0] == "Interrupted: nothing was done."
    assert not slots(bench.folder)


@pytest.mark.parametrize("options", [("--apply",), ("--undo",)])
def test_in_the_scan_afterwards(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """All was done; the index is behind."""
    plan = bench.plan("--files-only").file
    if options == ("--undo",):
        bench.dedupe("--apply", plan)
    else:
        options = ("--apply", str(plan))
    AtCall(monkeypatch, ScanWalk, "finish", 1)
    message, hint = interrupted(bench, *options)
    assert "40 files in 40 steps" in message
    [run] = os.listdir(bench.folder / ".gorillacomb/quarantine")
    assert run in message
    assert "gorillacomb dedupe" in hint


def test_undo(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _, done = bench.dedupe_json("--apply", bench.plan("--files-only").file)
    with monkeypatch.context() as patch:
        AtCall(patch, mutations, "rename_no_replace", 70)
        message, hint = interrupted(bench, "--undo")
    back = len(list((bench.folder / "Backup").rglob("f")))
    assert 0 < back < 40
    assert message == (
        f"Interrupted: of run {done['run']}, {back} files in {back} steps were put back."
    )
    assert f"gorillacomb dedupe --undo {done['run']}" in hint
    assert bench.dedupe_json("--undo")[1]["done"] == 40 - back


def test_purge(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _, done = bench.dedupe_json("--apply", bench.plan("--files-only").file)
    with monkeypatch.context() as patch:
        AtCall(patch, mutations, "remove", 11)
        message, hint = interrupted(bench, "--empty-quarantine", "--yes")
    assert message.startswith(
        f"Interrupted: of run {done['run']}, 10 files in 10 steps were deleted for good (41.0 kB)"
    )
    assert "gorillacomb dedupe --empty-quarantine" in hint
    assert f"gorillacomb dedupe --undo {done['run']}" in hint
    assert bench.dedupe_json("--undo")[1]["done"] == 30


def test_purge_before_anything_was_deleted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.dedupe("--apply", bench.plan("--files-only").file)
    AtCall(monkeypatch, purge, "quarantined_runs", 1)
    message, _ = interrupted(bench, "--empty-quarantine", "--yes")
    assert message == "Interrupted: nothing was deleted."


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_signal_itself(bench: Bench, number: signal.Signals) -> None:
    """In a process of its own: the exit code, and two lines on stderr."""
    plan = bench.plan("--files-only").file
    process = start("dedupe", "--apply", plan, env=environment(bench.vault))
    quarantine = bench.folder / ".gorillacomb/quarantine"
    assert until(lambda: len(list(quarantine.glob("*/s*"))) > 3)
    process.send_signal(number)
    ran = end_of(process)
    [run] = os.listdir(quarantine)
    complained(ran, 130, "Interrupted", run)

"""The watcher from Python: how it is."""

from __future__ import annotations

from pathlib import Path

import pytest

import gorillacomb
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

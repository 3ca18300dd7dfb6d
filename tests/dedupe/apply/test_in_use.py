"""What a program has open for writing is left alone, and deleted only where that is known."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from gorillacomb import clock
from gorillacomb.dedupe.apply.runs import purge_runs
from gorillacomb.dedupe.compare import entry_compare, snapshot
from gorillacomb.dedupe.model import DedupeAction, PlanStep, RunOutcome
from gorillacomb.dedupe.quarantine.inventory import quarantined_runs
from gorillacomb.fs import mutations
from gorillacomb.fs.lease import IN_USE
from tests.dedupe.acting import Ground, Quiet, contents, live, of_leases, slots, step, told
from tests.support.trees import Tree, make_tree, settle

pytestmark = of_leases

FOLDER: Tree = {"in": {"report": "the same in both"}, "more": "of it"}
PATHS = {"victim": "copy/in/report", "survivor": "kept/in/report"}
HOUR_NS = 3600 * 1_000_000_000


@pytest.fixture
def top(tmp_path: Path) -> Path:
    made = make_tree(tmp_path.resolve() / "top", {"copy": FOLDER, "kept": FOLDER})
    settle(made)
    return made


def the_step(top: Path, kind: str) -> PlanStep:
    if kind == "folder":
        return step("s1", top / "copy", top / "kept")
    return step("s1", top / PATHS["victim"], top / PATHS["survivor"])


@pytest.fixture(params=["open", "mapped"])
def writing(request: pytest.FixtureRequest, top: Path) -> Iterator[str]:
    """Have one side open for writing while the test runs."""
    side = request.getfixturevalue("side")
    with open(top / PATHS[side], "r+b") as writer:
        mapped = mmap.mmap(writer.fileno(), 0) if request.param == "mapped" else None
        if mapped is not None:
            writer.close()
        yield side
        if mapped is not None:
            mapped.close()


@pytest.mark.parametrize("action", [DedupeAction.QUARANTINE, DedupeAction.DELETE])
@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("side", PATHS)
def test_what_is_open_stays(
    top: Path, writing: str, side: str, kind: str, action: DedupeAction
) -> None:
    outcome = Ground(live(top)).apply(the_step(top, kind), action=action)
    assert told([outcome]) == [IN_USE]
    assert not slots(top)


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("side", PATHS)
def test_a_writer_that_comes_before_the_rename_is_seen_after_it(
    top: Path, side: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    rename = mutations.rename_no_replace

    def late(*arguments: object) -> None:
        if not opened:
            opened.append(os.open(top / PATHS[side], os.O_WRONLY))
        rename(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(mutations, "rename_no_replace", late)
    with monkeypatch.context() as patch:
        patch.setattr(entry_compare, "is_open_for_writing", lambda file: False)
        outcome = Ground(live(top)).apply(the_step(top, kind))
    for descriptor in opened:
        os.close(descriptor)
    assert not outcome.done
    assert IN_USE in told([outcome])
    assert not slots(top)


def emptied(ground: Ground, age_ns: int) -> RunOutcome:
    """Empty the quarantine so long after the run began."""
    [run] = quarantined_runs(ground.roots)
    found: list[RunOutcome] = []
    later = clock.since_boot_ns() + age_ns
    with mock.patch.object(clock, "since_boot_ns", lambda: later):
        purge_runs([(run.base, run.run)], ground.roots, ground.witness, 0, Quiet(), found.append)
    return found[0]


def test_what_was_opened_before_it_was_set_aside_is_not_deleted(top: Path) -> None:
    ground, before = Ground(live(top)), set(contents(top))
    assert ground.apply(the_step(top, "folder")).done
    [slot] = slots(top)
    with open(slot / "in/report", "r+b"):
        for age in (HOUR_NS, 30 * 24 * HOUR_NS):
            assert told([emptied(ground, age)]) == [IN_USE]
        assert set(contents(top)) == before
    assert emptied(ground, HOUR_NS).done


def test_where_nobody_can_tell_age_has_to_do(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (snapshot, entry_compare):
        monkeypatch.setattr(module, "is_open_for_writing", lambda file: None)
    ground = Ground(live(top))
    outcome = ground.apply(the_step(top, "folder"))
    assert outcome.done
    assert outcome.unknown_use == 2
    [cause] = told([emptied(ground, 23 * HOUR_NS)])
    assert "24 h" in cause
    assert slots(top)
    assert emptied(ground, 25 * HOUR_NS).done
    assert not slots(top)


def test_deleting_at_once_needs_to_know(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (snapshot, entry_compare):
        monkeypatch.setattr(module, "is_open_for_writing", lambda file: None)
    outcome = Ground(live(top)).apply(the_step(top, "file"), action=DedupeAction.DELETE)
    assert not outcome.done
    assert "set aside, but not deleted: may be in use" in told([outcome])[0]
    assert [path.read_bytes() for path in slots(top)] == [b"the same in both"]


def test_what_cannot_be_opened_is_unknown(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        assert not snapshot.refuse_in_use(folder, b"missing", b"/missing")
    finally:
        os.close(folder)

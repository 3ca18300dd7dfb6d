"""Folders that nobody may list, as macOS makes them on each drive: they stay where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.stranger import give, ground, run_as_stranger
from tests.support.trees import Tree, make_tree, settle

PICTURES: Tree = {f"{number}.jpg": f"picture {number}" * 99 for number in range(6)}
CLOSED = ".Trashes"


def drive(home: Path) -> Path:
    album: Tree = {**PICTURES, "in": {"x": "y" * 99}}
    top = make_tree(
        home / "Drive",
        {"A": {**album, CLOSED: {"t": "only here"}}, "B": {**album, CLOSED: {"t": "other"}}},
    )
    give(top)
    return top


@pytest.mark.parametrize("closed", ["B", "AB"])
@pytest.mark.parametrize("is_scanned_before", [False, True])
@pytest.mark.parametrize("is_open_again", [False, True])
def test_no_step_takes_one_along(closed: str, is_scanned_before: bool, is_open_again: bool) -> None:
    """Whether or not it was seen from within before, and is again when the steps are done."""
    with ground() as home:
        top, plan = drive(home), home / "plan"
        settle(top)
        if is_scanned_before:
            assert run_as_stranger("scan", top, home=home).code == 0
        for name in closed:
            (top / name / CLOSED).chmod(0)
        assert run_as_stranger("scan", top, home=home).code == 0
        assert run_as_stranger("unique", top / "B", home=home).code == 1
        assert run_as_stranger("dedupe", "--plan", "-o", plan, home=home).code == 0
        if is_open_again:
            for name in closed:
                (top / name / CLOSED).chmod(0o700)
        assert run_as_stranger("dedupe", "--apply", plan, home=home).code == 0
        assert [each.name for each in (top / "B").iterdir()] == [CLOSED], "all else has left"
        held = {name: (top / name / CLOSED / "t").read_text() for name in "AB"}
        assert held == {"A": "only here", "B": "other"}

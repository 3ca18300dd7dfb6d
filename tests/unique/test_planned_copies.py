"""What `unique` says of copies that are chosen to go, and of quarantines in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.cli.commands.find.unique import command as unique
from tests.dedupe.plans import Bench
from tests.support.trees import Tree, make_tree

NAMES = [f"p{number}.jpg" for number in range(3)]
PHOTOS: Tree = {name: f"{name}; " * 99 for name in NAMES}


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    tree: Tree = {"data": PHOTOS, "Backup": {**PHOTOS, "more": "only here"}}
    made = Bench(make_tree(tmp_path / "drive", tree), vault)
    make_tree(tmp_path / "other", tree)
    made.scan(made.folder)
    return made


def asked(bench: Bench, path: Path, *options: str | Path) -> tuple[int, Any]:
    code = bench.call(unique, path, "--json", *options)
    return code, json.loads(bench.printed)


def test_a_folder_that_holds_the_copies_to_keep_says_so(bench: Bench) -> None:
    code, document = asked(bench, bench.folder / "data")
    assert (code, document["to_keep"]) == (0, 3)
    assert bench.call(unique, bench.folder / "data") == 0
    assert "For 3 files, the copy to keep is here" in bench.printed
    assert asked(bench, bench.folder / "Backup")[1]["to_keep"] == 0


def test_what_a_plan_has_go_does_not_count(bench: Bench) -> None:
    plan = bench.plan()
    code, document = asked(bench, bench.folder / "data", "--plan", plan.file)
    assert code == 1
    gone = [str(bench.folder / "Backup" / name) for name in NAMES]
    assert [each["path"] for each in document["planned_to_go"]] == gone
    assert [each["cause"] for each in document["unique"]] == [f"planned to go: {it}" for it in gone]
    code, document = asked(bench, bench.folder / "Backup", "--plan", plan.file)
    assert [Path(each["path"]).name for each in document["unique"]] == ["more"]
    assert document["planned_to_go"] == []


def test_a_folder_that_a_plan_has_go_does_not_count_for_what_is_in_it(
    tmp_path: Path, vault: Path
) -> None:
    bench = Bench(
        make_tree(tmp_path / "drive", {"a": {"x": PHOTOS}, "Backup": {"x": PHOTOS}}), vault
    )
    bench.scan(bench.folder)
    plan = bench.plan()
    assert [step["kind"] for step in plan.steps] == ["folder"]
    code, document = asked(bench, bench.folder / "a", "--plan", plan.file)
    assert (code, len(document["unique"])) == (1, 3)


def test_our_own_folder_is_not_unproven(bench: Bench) -> None:
    other = bench.folder.parent / "other"
    bench.scan(bench.folder, other)
    assert bench.dedupe("--apply", bench.plan("--within", bench.folder).file) == 0
    code, document = asked(bench, bench.folder)
    assert (code, document["unproven"]) == (0, [])
    assert document["quarantined_files"] == 3  # "more" stays: the other tree is the lesser copy
    bench.scan(bench.folder, other)
    assert asked(bench, bench.folder)[0] == 0


def test_a_file_whose_other_copy_waits_in_a_quarantine_is_not_covered(bench: Bench) -> None:
    assert bench.dedupe("--apply", bench.plan().file) == 0
    code, document = asked(bench, bench.folder / "data")
    assert (code, len(document["unique"])) == (1, 3)


def test_what_has_its_last_copy_in_a_quarantine_would_be_lost(bench: Bench) -> None:
    assert bench.dedupe("--apply", bench.plan().file) == 0
    kept = bench.folder / "data/p1.jpg"
    kept.unlink()
    bench.scan(bench.folder)
    _, document = asked(bench, bench.folder)
    [lost] = document["unproven"]
    assert lost["path"] == str(bench.folder / "Backup/p1.jpg")
    assert str(kept) in lost["cause"]

"""On macOS, where nothing was ever run, what could lose files is refused unless it is asked for."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from gorillacomb.cli.commands.dedupe.dedupe import command as dedupe
from gorillacomb.cli.commands.find.unique import command as unique
from gorillacomb.cli.commands.watch.scrub import command as scrub
from tests.dedupe.plans import Bench
from tests.support.trees import make_tree


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    bench = Bench(tmp_path / "drive", vault)
    make_tree(bench.folder, {"a": {"f": "one " * 50, "o": "own"}, "Copy of a": {"f": "one " * 50}})
    bench.scan(bench.folder)
    return bench


@pytest.fixture
def on_macos(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gorillacomb.fs.darwin.untested.sys", SimpleNamespace(platform="darwin"))
    # The kernel here knows no F_GETPATH, so names stay as they were given.
    monkeypatch.setattr(os, "O_EVTONLY", 0, raising=False)
    monkeypatch.setattr(os, "O_SYMLINK", os.O_PATH | os.O_NOFOLLOW, raising=False)


REFUSED: list[tuple[click.Command, tuple[str, ...], str]] = [
    (dedupe, ("--apply", "@plan"), "Applying a plan"),
    (dedupe, ("--empty-quarantine", "--yes"), "Emptying the quarantine"),
    (dedupe, ("--plan", "-o", "@new", "--action", "hardlink"), "Replacing files with hard links"),
    (unique, ("@drive", "--count-offline"), "Counting copies on a drive that is not connected"),
    (scrub, ("--repair",), "Repairing files"),
]


def words(bench: Bench, given: tuple[str, ...], plan: Path) -> list[str]:
    places = {"@plan": plan, "@drive": bench.folder, "@new": plan.with_suffix(".new")}
    return [str(places.get(each, each)) for each in given]


@pytest.mark.parametrize(("command", "given", "what"), REFUSED, ids=lambda each: str(each)[:30])
def test_it_is_refused_in_a_line_unless_it_is_asked_for(
    bench: Bench,
    command: click.Command,
    given: tuple[str, ...],
    what: str,
    request: pytest.FixtureRequest,
) -> None:
    plan = bench.plan()
    assert plan.steps
    given = tuple(words(bench, given, plan.file))
    request.getfixturevalue("on_macos")
    assert bench.call(command, *given) == 5
    assert bench.printed.startswith(f"{what} was never tried on macOS")
    assert "\n" not in bench.printed
    assert (bench.folder / "Copy of a/f").exists() and not plan.file.with_suffix(".new").exists()
    assert bench.call(command, *given, "--untested-macos") in (0, 1), bench.printed


@pytest.mark.parametrize(("command", "given", "what"), REFUSED, ids=lambda each: str(each)[:30])
def test_elsewhere_it_is_not(
    bench: Bench, command: click.Command, given: tuple[str, ...], what: str
) -> None:
    assert bench.call(command, *words(bench, given, bench.plan().file)) in (0, 1), bench.printed


@pytest.mark.usefixtures("on_macos")
def test_what_changes_nothing_is_not_refused(bench: Bench) -> None:
    plan = bench.plan()
    assert bench.dedupe("--apply", plan.file, "--dry-run") == 0
    assert bench.call(unique, bench.folder) == 1
    assert bench.call(scrub) == 0

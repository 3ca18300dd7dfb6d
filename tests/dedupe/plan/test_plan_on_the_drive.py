"""The default plan on the messy drive: what it takes, what it leaves, and that all still starts."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fixtures import Drive, build_drive, remove_drive
from fixtures.startup import startup_check
from fixtures.survey import Entries, below, plain, survey
from tests.support.run import Ran, environment, run
from tests.support.trees import settle

REDUNDANT = 0.95
"""Of the bytes in whole copies which the rules allow to go, so much at the least goes."""


@dataclass(frozen=True)
class Site:
    """A drive that is scanned, with the home of its user."""

    drive: Drive
    home: Path

    def run(self, *arguments: str | Path) -> Ran:
        return run(*arguments, env=environment(self.home / "vault", HOME=str(self.home)))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A drive that these tests change; each leaves it as it was."""
    site = Site(
        build_drive(tmp_path_factory.mktemp("dedupe") / "drive"), tmp_path_factory.mktemp("user")
    )
    settle(site.drive.root)
    assert site.run("scan", site.drive.root).code in (0, 3)
    yield site
    remove_drive(site.drive.root)


def made(site: Site, file: Path, *options: str | Path) -> list[dict[str, Any]]:
    """The lines of a plan, its header first."""
    ran = site.run("dedupe", "--plan", "-o", file, *options)
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def path_of(document: dict[str, Any]) -> bytes:
    text: str | None = document.get("path")
    return os.fsencode(document["path_b64"] if text is None else text)


def entries_of(drive: Drive) -> Entries:
    """The drive as it stands, without what is ours."""
    found = survey(drive.root)
    return {path: each for path, each in found.items() if b".gorillacomb" not in path.split(b"/")}


def test_whole_copies_go_and_everything_starts(site: Site, tmp_path: Path) -> None:
    drive = site.drive
    before, checks = entries_of(drive), _checks(drive)
    file = tmp_path / "plan.jsonl"
    header, *steps = made(site, file)

    assert not [step for step in steps if b".git" in path_of(step).split(b"/")]
    gone = [path_of(step) for step in steps]
    asked = wanted = 0
    for name, copy in drive.copies.items():
        if name == "living" or copy.only_here or copy.edited or name in ("part",):
            continue
        size = _on_disk(before, copy.path)
        if drive.path(copy.path) in _linked(header):
            continue  # a link from the desktop leads there
        asked += size
        if any(drive.path(copy.path).startswith(each) for each in gone):
            wanted += size
    assert asked and wanted >= REDUNDANT * asked

    ran = site.run("dedupe", "--apply", file, "--json")
    assert ran.code == 0, ran.out
    assert ran.json()["done"] == len(steps)
    assert ran.json()["bytes_set_aside"] == sum(step["bytes"] for step in steps)
    after = entries_of(drive)
    assert after.keys() < before.keys()
    for name, (code, said) in checks.items():
        place = drive.place(name)
        if place.is_dir():
            assert startup_check(place) == (code, said)
    contents = {each.content for each in after.values() if each.kind == "file"}
    noise = {
        each.content
        for path, each in before.items()
        if path.endswith((b".DS_Store", b".git/index"))  # git's cache: its entries stand
    }
    lost = {each.content for each in before.values() if each.kind == "file"} - contents - noise
    assert not lost

    assert site.run("dedupe", "--undo").code == 0
    assert _timeless(entries_of(drive)) == _timeless(before)


def _timeless(entries: Entries) -> Entries:
    """Without the number of names of folders, which `.gorillacomb` in one makes one more."""
    return {
        path: replace(each, names=0) if each.kind == "folder" else each
        for path, each in entries.items()
    }


def _checks(drive: Drive) -> dict[str, tuple[int, str]]:
    return {
        name: startup_check(drive.place(name))
        for name, copy in drive.copies.items()
        if copy.starts is not None
    }


def _on_disk(entries: Entries, folder: bytes) -> int:
    return sum(each.blocks * 512 for each in below(entries, folder).values() if each.names == 1)


def _linked(header: dict[str, Any]) -> set[bytes]:
    return {path_of(each) for each in header["left_alone"] if each["rule"] == "linked"}


@pytest.mark.parametrize("name", ["older", "drifted", "injected"])
def test_a_copy_that_drifted_is_retired_but_for_what_is_its_own(
    site: Site, tmp_path: Path, name: str
) -> None:
    drive = site.drive
    before = entries_of(drive)
    copy, place = drive.copies[name], drive.place(name)
    file = tmp_path / "plan.jsonl"
    _, *steps = made(site, file, "--retire", place, "--within", place)
    assert steps
    ran = site.run("dedupe", "--apply", file, "--json")
    assert ran.code == 0, ran.out

    left = {path for path in plain(entries_of(drive), copy.path) if not path.startswith(b".git/")}
    outside = {
        entry.content
        for path, entry in before.items()
        if not path.startswith(copy.path + b"/") and b".Trash" not in path.split(b"/")
    }
    for path, entry in below(before, copy.path).items():
        if entry.kind != "file" or path.startswith((b".git/", b"node_modules/")) or not entry.size:
            continue
        assert (path in left) == (entry.content not in outside or path.endswith(b".DS_Store"))
    living = drive.copies["living"].path
    assert plain(entries_of(drive), living) == plain(before, living)

    assert site.run("dedupe", "--undo").code == 0
    assert _timeless(entries_of(drive)) == _timeless(before)


def test_what_has_no_copy_any_more_stays_in_the_quarantine(site: Site, tmp_path: Path) -> None:
    drive = site.drive
    before = entries_of(drive)
    file = tmp_path / "plan.jsonl"
    _, *steps = made(site, file, "--files-only", "--min-size", "1MB")
    (step,) = [each for each in steps if "Interview" in each["path"]]
    assert site.run("dedupe", "--apply", file).code == 0
    kept = Path(step["keep"])
    held = shutil.copy2(kept, tmp_path / "held")
    kept.write_bytes(b"another film")

    refused = site.run("dedupe", "--empty-quarantine")
    assert refused.code == 5
    assert "--yes" in refused.err
    ran: Ran = site.run("dedupe", "--empty-quarantine", "--yes", "--json")
    assert ran.code == 3
    assert [each["path"] for each in ran.json()["skipped"]] == [step["path"]]

    shutil.copy2(held, kept)
    assert site.run("dedupe", "--undo").code in (0, 3)
    changed = {path for path, each in entries_of(drive).items() if before.get(path) != each}
    assert all(before[path].kind == "folder" or path.endswith(b".mov") for path in changed)

"""What settings and options name: found under every spelling, or refused, or warned of."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from tests.dedupe.plans import Bench
from tests.support.homes import config_folder
from tests.support.run import run
from tests.support.trees import Tree, make_tree

PHOTOS: Tree = {"a.jpg": "a" * 200, "b.jpg": "b" * 200}


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    """Two folders with the same photographs, and something of its own in each."""
    bench = Bench(tmp_path / "drive", vault)
    make_tree(bench.folder, {"Backup": {**PHOTOS, "o": "own"}, "data": {**PHOTOS, "p": "other"}})
    bench.scan(bench.folder)
    return bench


def settings(home: Path, text: str) -> None:
    folder = config_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(text)


def goes(bench: Bench, *options: str | Path) -> set[str]:
    return set(bench.plan(*options).goes)


FROM_BACKUP = {"Backup/a.jpg", "Backup/b.jpg"}
FROM_DATA = {"data/a.jpg", "data/b.jpg"}


@pytest.mark.parametrize("option", ["--protect", "--prefer", "--within", "--retire"])
@pytest.mark.parametrize("way", ["link to it", "link above", "case"])
def test_an_option_means_what_its_path_leads_to(
    bench: Bench, own_home: Path, option: str, way: str
) -> None:
    (own_home / "drive").symlink_to(bench.folder)
    (own_home / "Pictures").symlink_to(bench.folder / "Backup")
    path = {
        "link to it": own_home / "Pictures",
        "link above": own_home / "drive" / "Backup",
        "case": own_home / "drive" / "data" / ".." / "Backup",
    }[way]
    expected = {"--protect": set(), "--prefer": FROM_DATA}.get(option, FROM_BACKUP)
    assert goes(bench, option, path) == expected


@pytest.mark.parametrize("text", ["~/Pictures", "~/Pictures/*.jpg", "~/drive/Backup", "~/drive/B*"])
@pytest.mark.parametrize("setting", ["protect", "prefer"])
def test_a_setting_means_what_its_path_leads_to(
    bench: Bench, own_home: Path, setting: str, text: str
) -> None:
    (own_home / "drive").symlink_to(bench.folder)
    (own_home / "Pictures").symlink_to(bench.folder / "Backup")
    settings(own_home, f'{setting} = ["{text}"]\n')
    assert goes(bench) == (FROM_DATA if setting == "prefer" else set())


@pytest.mark.parametrize(
    ("path", "words", "advice"),
    [
        ("{drive}/Backpu", "{drive}/Backpu does not exist", "Did you mean {drive}/Backup?"),
        ("{drive}/Backpu/o", "does not exist", "Did you mean {drive}/Backup/o?"),
        ("{drive}/Backpu/none", "does not exist", "Did you mean {drive}/Backup?"),
        ("{drive}/Backpu/*.jpg", "{drive}/Backpu does not exist", "Did you mean {drive}/Backup?"),
        ("{drive}/zzz", "does not exist", "Check the spelling."),
        ("{other}", "{other} is in no folder that was scanned", "Scan it first"),
        ("/nowhere/at/all", "does not exist", "Check the spelling."),
    ],
)
@pytest.mark.parametrize("option", ["protect", "prefer", "--protect", "--prefer", "--within"])
def test_what_would_protect_nothing_stops_the_plan(
    bench: Bench, own_home: Path, path: str, words: str, advice: str, option: str
) -> None:
    if option == "--within" and "*" in path:
        return  # it takes no patterns
    names = {"drive": bench.folder, "other": own_home}
    text = path.format(**names)
    given = [option, text] if option.startswith("-") else []
    if not given:
        settings(own_home, f'{option} = ["{text}"]\n')
    ran = run("dedupe", "--plan", "-o", own_home / "plan", *given, vault=bench.vault)
    called = option if given else f"{option} in config.toml"
    assert ran.code == 2
    assert f"{called}: " in ran.err and words.format(**names) in ran.err
    assert advice.format(**names) in ran.err
    assert not (own_home / "plan").exists()


def test_a_path_that_is_not_whole_stops_the_plan(bench: Bench, own_home: Path) -> None:
    settings(own_home, 'protect = ["Backup"]\n')
    assert bench.dedupe() == 2
    assert "protect in config.toml: Backup names nothing" in bench.printed


def test_what_is_around_a_scanned_folder_protects_all_of_it(bench: Bench) -> None:
    assert goes(bench, "--protect", bench.folder.parent) == set()


@pytest.mark.parametrize("pattern", ["*/nothing/*", "{drive}/*.tiff", "/*.tiff"])
def test_a_pattern_without_a_hit_is_warned_of(bench: Bench, own_home: Path, pattern: str) -> None:
    text = pattern.format(drive=bench.folder)
    ran = run("dedupe", "--json", "--protect", text, vault=bench.vault)
    warning = f"--protect: {text} matches nothing that was scanned."
    assert (ran.code, ran.json()["warnings"]) == (0, [warning])
    assert warning in ran.err
    ran = run(
        "dedupe", "--plan", "-o", own_home / "p", "--json", "--prefer", text, vault=bench.vault
    )
    assert ran.json()["warnings"] == [warning.replace("protect", "prefer")]
    assert "warnings" not in json.loads((own_home / "p").read_bytes().splitlines()[0])


@pytest.mark.parametrize("pattern", ["*/Backup", "*.jpg", "{drive}/*/o", "{drive}/Back*"])
def test_a_pattern_with_a_hit_is_not(bench: Bench, pattern: str) -> None:
    text = pattern.format(drive=bench.folder)
    ran = run("dedupe", "--json", "--protect", text, vault=bench.vault)
    assert (ran.code, ran.json()["warnings"], ran.err) == (0, [], "")


def test_a_bracket_in_a_name_is_no_pattern(bench: Bench) -> None:
    (bench.folder / "Backup").rename(bench.folder / "Back [up]")
    bench.scan(bench.folder)
    ran = run("dedupe", "--json", "--prefer", bench.folder / "Back [up]", vault=bench.vault)
    assert ran.json()["warnings"] == []
    gone = {os.path.relpath(it["path"], bench.folder) for it in ran.json()["step_list"]}
    assert gone == FROM_DATA


def test_a_path_on_a_drive_that_is_away_is_known(bench: Bench, tmp_path: Path) -> None:
    make_tree(tmp_path / "stick", PHOTOS)
    bench.scan(tmp_path / "stick")
    shutil.move(tmp_path / "stick", tmp_path / "away")
    for text in (tmp_path / "stick/a.jpg", f"{tmp_path}/stick/*.jpg"):
        plan = bench.plan("--protect", text)
        assert str(text) in plan.header["protect"]


def test_a_root_whose_path_leads_through_a_link_by_now(bench: Bench) -> None:
    moved = bench.folder.with_name("moved")
    bench.folder.rename(moved)
    bench.folder.symlink_to(moved)
    plan = bench.plan("--protect", moved / "Backup")
    assert str(bench.folder / "Backup") in plan.header["protect"]
    assert not any(path.startswith("Backup") for path in plan.goes)


def test_what_the_settings_protect_by_now_stays_when_a_plan_is_carried_out(
    bench: Bench, own_home: Path
) -> None:
    plan = bench.plan("--prefer", bench.folder / "data")
    assert set(plan.goes) == FROM_BACKUP
    (own_home / "Pictures").symlink_to(bench.folder / "Backup")
    settings(own_home, 'protect = ["~/Pictures"]\n')
    code, done = bench.dedupe_json("--apply", plan.file)
    assert (code, done["done"]) == (3, 0)
    assert all("is protected by" in it["cause"] for it in done["skipped"])


def test_a_repair_is_stopped_too(bench: Bench, own_home: Path) -> None:
    settings(own_home, f'protect = ["{bench.folder}/Backpu"]\n')
    ran = run("scrub", "--repair", vault=bench.vault)
    assert ran.code == 2 and "Did you mean" in ran.err


def test_no_pattern_takes_long(tmp_path: Path, vault: Path) -> None:
    bench = Bench(tmp_path / "drive", vault)
    make_tree(bench.folder, {"a" * 200: {f"{number} " + "a" * 200: "x" for number in range(100)}})
    bench.scan(bench.folder)
    started = time.process_time()
    bench.plan("--protect", "*a" * 10 + "b")
    assert time.process_time() - started < 10

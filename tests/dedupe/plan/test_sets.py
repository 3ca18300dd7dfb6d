"""What belongs together by its names, folders among it, leaves together or stays, also in apply."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from tests.dedupe.plans import Bench, Planned, planned
from tests.support.homes import config_folder

Folder = dict[Any, Any]
PAGE: Folder = {"page.html": "<html>" * 99, "page_files": {"a.js": "a" * 99, "b.css": "b" * 99}}
FILM: Folder = {"Film.mkv": "film " * 99, "Subs": {"2_English.srt": "words " * 99}}
SONG: Folder = {"s.aup": "<project>" * 99, "s_data": {"e00": {"x.au": "sound " * 99}}}


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    return Bench(tmp_path / "drive", vault)


def edited(plan: Planned, *pairs: tuple[str, str]) -> Path:
    """A plan with steps that somebody wrote into it."""
    file = plan.file.with_name("edited")
    lines: list[Any] = [{**plan.header, "steps": len(pairs)}]
    for at, (path, keep) in enumerate(pairs):
        kind = "folder" if (plan.top / path).is_dir() else "file"
        paths = {"path": f"{plan.top}/{path}", "keep": f"{plan.top}/{keep}"}
        lines.append({"id": f"s{at}", "kind": kind, "files": 1, "bytes": 1, "reasons": [], **paths})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.mark.parametrize("what", [PAGE, FILM, SONG], ids=["page", "film", "song"])
@pytest.mark.parametrize("folder", [False, True])
def test_a_file_and_its_folder_are_one(bench: Bench, what: Folder, folder: bool) -> None:
    """Of what has a folder beside it nothing leaves but with all that is around."""
    main, data = what
    loose: Folder = {data: what[data]} if folder else {main: what[main]}
    tree: Folder = {
        "keep": {**what, "own.txt": "own " * 99},
        "x": {**what, "other.txt": "other " * 99},
        "loose": {**loose, "third.txt": "third " * 99},
        "keep - Copy": {**what, "own.txt": "own " * 99},
    }
    plan = planned(bench, tree, "--prefer", "@/keep")
    assert not [path for path in plan.goes if path.startswith("x/")], plan.goes
    assert "keep - Copy" in plan.goes
    assert ("x", "sidecar") in {(path, rule) for path, rule, _ in plan.left} or folder
    inner = next(iter(what[data]))
    steps = [(f"x/{each}", f"keep/{each}") for each in (main, data, f"{data}/{inner}")]
    _, done = bench.dedupe_json("--apply", edited(plan, *steps))
    assert done["done"] == 0
    assert len(done["skipped"]) == 3
    assert all("sidecar" in each["cause"] for each in done["skipped"]), done["skipped"]
    assert bench.dedupe_json("--apply", plan.file)[0] == 0


def test_links_may_take_the_place_of_parts_of_a_page(bench: Bench) -> None:
    tree: Folder = {"keep": {**PAGE, "own.txt": "own " * 99}, "x": {**PAGE, "y.txt": "y " * 99}}
    plan = planned(bench, tree, "--prefer", "@/keep", "--action", "hardlink")
    assert "x/page_files/a.js" in plan.goes


def test_a_project_that_somebody_put_into_the_folder_of_a_page_is_no_part_of_it(
    bench: Bench,
) -> None:
    project = {"package.json": '{"name": "x"}' * 9, "index.js": "x()" * 99}
    inside = {**PAGE["page_files"], "New Folder With Items": {"App": project}}
    plan = planned(bench, {"App": project, "x": {**PAGE, "page_files": inside}})
    assert plan.goes == {"x/page_files/New Folder With Items/App": "App"}
    assert bench.dedupe_json("--apply", plan.file)[0] == 0


SUBTITLE = "Amélie.srt"


@pytest.mark.parametrize(
    "subtitle",
    [
        unicodedata.normalize("NFC", SUBTITLE).encode(),
        unicodedata.normalize("NFD", SUBTITLE).encode(),
        SUBTITLE.encode("latin-1"),
    ],
)
def test_names_in_two_encodings_are_one_set(bench: Bench, subtitle: bytes) -> None:
    film = "Amélie.mkv".encode()
    both: Folder = {film: "film " * 99, subtitle: "words " * 99}
    tree: Folder = {
        "keep": {film: "film " * 99, "own.txt": "own " * 99},
        "x": {**both, "other.txt": "other " * 99},
    }
    plan = planned(bench, tree, "--prefer", "@/keep")
    assert plan.goes == {}
    assert plan.left == {("x", "sidecar", 1)}
    step = edited(plan, ("x/Amélie.mkv", "keep/Amélie.mkv"))
    _, done = bench.dedupe_json("--apply", step)
    assert (done["done"], "sidecar" in done["skipped"][0]["cause"]) == (0, True)


def test_a_users_own_set_is_known_when_a_plan_is_carried_out(bench: Bench, own_home: Path) -> None:
    config = config_folder(own_home) / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('companions = [["{stem}.gpx", "{stem}.waypoints"]]\n')
    tree: Folder = {
        "a": {"t.gpx": "track " * 99, "o": "o " * 99},
        "b": {"t.gpx": "track " * 99, "t.waypoints": "points " * 99, "p": "p " * 99},
    }
    plan = planned(bench, tree, "--prefer", "@/a")
    _, done = bench.dedupe_json("--apply", edited(plan, ("b/t.gpx", "a/t.gpx")))
    assert (done["done"], "sidecar" in done["skipped"][0]["cause"]) == (0, True)


@pytest.mark.parametrize("disc", ["dvd", "avchd"])
def test_a_disc_is_entered_by_no_step(bench: Bench, disc: str) -> None:
    clip = "moving " * 999
    trees: dict[str, Folder] = {
        "dvd": {"VIDEO_TS": {"VIDEO_TS.IFO": "i" * 99, "VTS_01_1.VOB": clip}},
        "avchd": {
            "BDMV": {
                "STREAM": {"00001.MTS": clip},
                "CLIPINF": {"00001.CPI": "c" * 99},
                "PLAYLIST": {"00001.MPL": "p" * 99},
            }
        },
    }
    whole = {**trees[disc], "x.txt": "x" * 99}
    tree: Folder = {"Disc": whole, "Films": {"it.mpg": clip}, "Disc (1)": whole}
    plan = planned(bench, tree, "--prefer", "@/Films")
    assert plan.goes == {"Disc (1)": "Disc"}

"""`gorillacomb folders` and `unique` on the messy drive: the story of the six places."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures import Drive
from tests.support.run import (
    Argument,
    Ran,
    environment,
    lines_on_screen,
    on_terminal,
    run,
    width_of,
)
from tests.support.trees import Tree, make_tree, settle

GOLDEN = Path(__file__).parents[2] / "fixtures/golden/folders.txt"
LOSERS = ("exact", "older", "part", "nested", "injected", "reset", "drifted")
_NOISE = {b".DS_Store"}


@dataclass(frozen=True)
class Combed:
    """The messy drive after a scan, with the home that its keys are in."""

    drive: Drive
    vault: Path
    home: Path

    def run(self, *arguments: Argument, **options: Any) -> Ran:
        return run(*arguments, env=environment(self.vault, HOME=str(self.home)), **options)

    def place(self, name: str) -> str:
        return os.fsdecode(self.drive.path(self.drive.copies[name].path))


@pytest.fixture(scope="module")
def combed(drive: Drive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Combed]:
    folder = tmp_path_factory.mktemp("combed")
    (folder / "home").mkdir()
    found = Combed(drive, folder / "vault", folder / "home")
    assert found.run("scan", drive.root).code in (0, 3)
    yield found


def masked(text: str, drive: Drive) -> str:
    """Without what differs from machine to machine: git's own files, and where the drive stands."""
    text = text.replace(str(drive.root), "DRIVE")
    text = re.sub(r"keep: \d+ files, [\d.]+ kB", "keep: N files, N kB", text)
    text = re.sub(r" \d{4}-\d\d-\d\d ", " DATE ", text)
    return re.sub(r"lacks \d+", "lacks N", text)


def test_the_story_of_the_six_places(combed: Combed) -> None:
    ran = combed.run("folders", cwd=combed.drive.root)
    assert ran.code == 0 and not ran.err
    lines = ran.out.splitlines()
    assert len(lines) < 25
    told = [re.sub(r" +", " ", line) for line in masked(ran.out, combed.drive).splitlines()]
    end = next(at for at, line in enumerate(told) if line.startswith("and "))
    assert told[:end] == [
        re.sub(r" +", " ", line) for line in GOLDEN.read_text("utf-8").splitlines()
    ]


def test_the_story_fits_a_terminal(combed: Combed) -> None:
    ran = on_terminal("folders", env=environment(combed.vault, HOME=str(combed.home)))
    lines = lines_on_screen(ran.stdout)
    told = lines[: next(at for at, line in enumerate(lines) if line.startswith("Next:"))]
    assert len(lines) < 25 and max(map(width_of, told)) <= 80


def family(combed: Combed) -> dict[str, Any]:
    document = combed.run("folders", "--json").json()
    found: dict[str, Any] = document["families"][0]
    return found


def test_each_copy_is_called_what_it_is(combed: Combed) -> None:
    found = family(combed)
    assert found["keep"] == {"path": combed.place("living")}
    assert int(found["last_work_ns"]) > 0 and re.fullmatch(r"[0-9a-f]{32}", found["root"])
    assert {each["root"] for each in found["others"]} == {found["root"]}
    assert [each["via"] for each in found["others"]] == [None] * 7
    assert all(each["own"] <= each["only_a"] for each in found["others"])
    others = {each["path"]: each for each in found["others"]}
    assert others.keys() == {combed.place(name) for name in LOSERS}
    copies = combed.drive.copies
    for name in LOSERS:
        copy, other = copies[name], others[combed.place(name)]
        only = {os.fsencode(each["path"]) for each in other["only_a_paths"]}
        changed = {os.fsencode(each["path"]) for each in other["changed_paths"]}
        moved = {
            (os.fsencode(each["from"]["path"]), os.fsencode(each["to"]["path"]))
            for each in other["moved_paths"]
        }
        assert outside_git(only) == set(copy.only_here) - _NOISE
        assert outside_git(changed) == set(copy.edited)
        assert {(there, here) for here, there in moved} == set(copy.moved)
        same = not (copy.only_here or copy.edited or copy.moved)
        lacks = bool(copy.missing or copy.left_out)
        if same and copy.git in ("same", "none"):
            assert other["relation"] == ("contained" if lacks else "identical")
        else:
            assert other["relation"] == "overlapping"


def outside_git(paths: set[bytes]) -> set[bytes]:
    return {path for path in paths if not path.startswith(b".git/")}


def test_a_manifest_of_the_winner_is_of_one_tree(combed: Combed, tmp_path: Path) -> None:
    """All that is canonical of the tree stands in it: nothing is stitched together."""
    winner = combed.place("living")
    manifest = tmp_path / "manifest.json"
    assert combed.run("manifest", winner, "-o", manifest).code == 0
    assert combed.run("verify", manifest, "--root", winner).code == 0
    assert combed.run("trace", "export", tmp_path / "trace").code == 0
    lines = (tmp_path / "trace/entries.jsonl").read_bytes().strip().split(b"\n")
    entries = map(json.loads, lines)
    stamped = {
        each["blake3"]: os.path.join(combed.drive.root, each["path"])
        for each in entries
        if each["event"] == "stamp" and "path" in each
    }
    document = combed.run("export", manifest, "--format", "csv", "-o", tmp_path / "out.csv")
    assert document.code == 0
    for row in csv.DictReader((tmp_path / "out.csv").read_text("utf-8").splitlines()):
        if row["type"] == "file" and row["size"] != "0":
            assert stamped[row["blake3"]].startswith(winner + "/"), row


@pytest.mark.parametrize("name", LOSERS)
def test_what_would_be_lost_with_each_loser_is_what_was_planted(combed: Combed, name: str) -> None:
    """With the other losers gone too: then nothing but the winner vouches."""
    copy = combed.drive.copies[name]
    others = [
        combed.place(each)
        for each in LOSERS
        if each != name
        and not combed.place(each).startswith(combed.place(name) + "/")
        and not combed.place(name).startswith(combed.place(each) + "/")
    ]
    excepts = [word for each in others for word in ("--except", each)]
    ran = combed.run("unique", combed.place(name), *excepts, "--json")
    document = ran.json()
    assert document["unproven"] == []
    found = {
        os.path.relpath(os.fsencode(each["path"]), os.fsencode(combed.place(name)))
        for each in document["unique"]
    }
    planted = (set(copy.only_here) | set(copy.edited)) - _NOISE
    inner = tuple(each + b"/" for each in copy.inner)
    assert {path for path in outside_git(found) if not path.startswith(inner or b"\0")} == planted
    if copy.git in ("same", "none") and not inner:
        assert found == planted
        assert ran.code == (1 if planted else 0)


def test_explain_tells_of_the_family(combed: Combed) -> None:
    document = combed.run("explain", combed.place("reset"), "--json").json()
    assert document["canonical"] == {"path": combed.place("living")}
    assert document["reasons"]
    assert {each["path"] for each in document["copies"]} >= {combed.place("exact")}
    inside = combed.run("explain", os.path.join(combed.place("older"), "client"))
    assert "  in one of 8 copies of HealthTrack; at the same path in them:\nclient: " in inside.out


def test_only_what_concerns_a_path(combed: Combed) -> None:
    ran = combed.run("folders", combed.drive.root / "Pictures")
    assert "HealthTrack" not in ran.out
    assert "Lisbon" in ran.out
    ran = combed.run("folders", combed.place("older"))
    assert ran.out.startswith("HealthTrack: 8 places")


def test_explain_says_why_a_file_was_stamped(tmp_path: Path, vault: Path) -> None:
    """It lies in the fuller folder, though deeper than its copy."""
    make_tree(tmp_path / "top/Album", {"a": "1", "b": "22", "c": "333", "d": "4444"})
    shutil.copytree(tmp_path / "top/Album", tmp_path / "top/deeper/still/Album")
    (tmp_path / "top/deeper/still/Album/more").write_text("55555")
    settle(tmp_path)
    assert run("scan", tmp_path / "top", vault=vault).code == 0
    document = run("explain", tmp_path / "top/Album/a", "--json", vault=vault).json()
    assert document["canonical"] == {"path": str(tmp_path / "top/deeper/still/Album/a")}
    assert document["reasons"] == ["among more files of its kind"]


def test_a_damaged_file_does_not_change_which_copy_to_keep(tmp_path: Path, vault: Path) -> None:
    files: Tree = {f"{number}": f"content {number}" for number in range(9)}
    top = make_tree(tmp_path / "top", {"more": {**files, "own": "own"}, "zzz less": files})
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    (before,) = run("folders", "--json", vault=vault).json()["families"]
    path = top / "more/3"
    facts = path.stat()
    path.write_text("CONTENT 3")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert run("scan", top, vault=vault).code == 1
    (after,) = run("folders", "--json", vault=vault).json()["families"]
    assert after["keep"] == before["keep"] == {"path": str(top / "more")}
    assert "or damaged" in run("explain", top / "more", vault=vault).out


def test_a_folder_with_its_copy_inside_is_kept_for_that(vault: Path, tmp_path: Path) -> None:
    """That it is a project, or less deep, is true, too, but not why."""
    same: Tree = {f"{number}": f"{number}" * 900 for number in range(9)}
    app: Tree = {**same, "package.json": "{}" * 99}
    trees: Tree = {"app": {**app, "x": {"app": app}}, "plain": {**same, "more": "more" * 99}}
    inner: Tree = {f"n{number}": f"n{number}" * 900 for number in range(9)}
    trees = {**trees, "outer": {**inner, "deep": {"outer": inner}}}
    top = make_tree(tmp_path / "top", trees)
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    families = run("folders", "--all", "--json", vault=vault).json()["families"]
    why = {Path(each["keep"]["path"]).name: each["reasons"] for each in families}
    assert why["outer"] == ["it contains the other one"]
    assert why["app"] != ["it contains the other one"], "one is elsewhere"
    steps = run("dedupe", "--json", vault=vault).json()["step_list"]
    told = {str(Path(each["path"]).relative_to(top)): each["reasons"] for each in steps}
    assert told["app/x/app"] == told["outer/deep/outer"] == ["it contains the other one"]


PACKAGES: Tree = {
    f"{name} {version}": {
        "package": {
            "version": f"{version}",
            **{f"{number}.js": f"{name} {number}" for number in range(8)},
        }
    }
    for name in ("ms", "debug")
    for version in (1, 2)
}


def test_families_of_one_name_are_told_apart(tmp_path: Path, vault: Path) -> None:
    tree: Tree = {
        **PACKAGES,
        "single": {f"{number}": f"single {number}" for number in range(6)},
        "old": {"single": {f"{number}": f"single {number}" for number in range(5)}},
    }
    assert run("scan", make_tree(tmp_path / "top", tree), vault=vault).code == 0
    for words in (("folders",), ("folders", "--all"), ("overview",)):
        shown = run(*words, vault=vault).out
        heads = re.findall(r"^ *(.*): 2 places", shown, re.M)
        assert sorted(heads) == ["debug 1/package", "ms 1/package", "single"], shown


def test_what_only_the_kept_folder_has_is_counted(tmp_path: Path, vault: Path) -> None:
    files: Tree = {f"{number}": f"content {number}" for number in range(9)}
    less = {name: text for name, text in files.items() if name not in ("7", "8")}
    tree: Tree = {
        "docs": {**files, "node_modules": {"x": {"a.js": "made", "b.js": "made too"}}},
        "docs (1)": {**less, "own": "own"},
        "docs (2)": {**files, "3": "edited"},
    }
    assert run("scan", make_tree(tmp_path / "top", tree), vault=vault).code == 0
    (family,) = run("folders", "--json", vault=vault).json()["families"]
    more = {Path(each["path"]).name: each["kept_more"] for each in family["others"]}
    assert more == {"docs (1)": 2, "docs (2)": 0}
    shown = run("folders", vault=vault).out
    assert re.findall(r"^    .*the kept one has .*", shown, re.M) == [
        "    own; the kept one has 2 more"
    ]


COPIED_INTO_ITSELF: Tree = {
    "Pictures": {f"{number}.jpg": f"picture {number}" for number in range(7)},
    "Texts": {f"{number}.txt": f"text {number}" for number in range(7)},
    "Phone": {"own.jpg": "own"},
    "Backup": {
        "Pictures": {f"{number}.jpg": f"picture {number}" for number in range(6)},
        "Texts": {f"{number}.txt": f"text {number}" for number in range(7)},
    },
}


def test_a_folder_in_a_copy_is_explained_by_what_is_at_its_path(
    tmp_path: Path, vault: Path
) -> None:
    top = make_tree(tmp_path / "top", COPIED_INTO_ITSELF)
    assert run("scan", top, vault=vault).code == 0
    tree = f"in one of 2 copies of {top}; "
    block = ["Pictures: 2 places in", "keep: 7 files", "contained, lacks 1"]
    for path in ("Pictures", "Backup/Pictures"):
        for word in ("explain", "folders"):
            shown = run(word, top / path, vault=vault).out
            assert f"{tree}at the same path in them:\nPictures: 2 places in" in shown
            assert all(each in shown for each in block)
            assert "top: 2 places" not in shown and f"{top}: 2 places" not in shown
        there = run("explain", top / path, "--json", vault=vault).json()["same_path"]
        assert there["keep"] == {"path": str(top / "Pictures")}
        assert [each["path"] for each in there["others"]] == [str(top / "Backup/Pictures")]
    for word in ("explain", "folders"):
        shown = run(word, top / "Phone", vault=vault).out
        assert f"{tree}the others have nothing at its path\n" in shown
        assert f"{top}: 2 places" not in shown
    shown = run("folders", top / "Backup", vault=vault).out
    assert shown.startswith(f"{top}: 2 places in")
    assert "one of several copies:" in run("explain", top / "Backup", vault=vault).out
    assert run("explain", top / "Backup", "--json", vault=vault).json()["same_path"] is None

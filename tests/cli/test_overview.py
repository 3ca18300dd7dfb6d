"""`gorillacomb overview`: the figures are those of the drive, and they fit on one page."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gorillacomb
from fixtures import Drive
from gorillacomb import SafetyRule
from gorillacomb.cli.output import render
from gorillacomb.cli.output.summed_size import SummedSize
from gorillacomb.index import content_queries
from gorillacomb.index.database import Index
from gorillacomb.vault.vault import Vault
from tests.folders.forests import forests
from tests.support.memory import in_memory
from tests.support.run import lines_on_screen, on_terminal, run, width_of
from tests.support.trees import HardLink, Tree, make_tree, scan


def test_one_page_for_everything(vault: Path, tmp_path: Path) -> None:
    """A drive that has all parts at once, and more in each of them than there is room for."""
    tops = []
    for drive in range(7):
        families: Tree = {
            f"tree {family}": {
                **{f"{file}.txt": f"{family} {file}" * 99 for file in range(20)},
                **({f"own {drive}": f"{drive} {family}" * 40} if drive % 2 else {}),
                **({"package.json": "{}" * 99} if family < 2 else {}),
            }
            for family in range(6)
        }
        kinds: Tree = {
            f"{drive}.{ending}": f"{ending} {drive}" * 99
            for ending in ("jpg", "mp4", "mp3", "pdf", "zip", "exe", "eml", "odd")
        }
        tops.append(make_tree(tmp_path / f"drive {drive}", {**families, **kinds}))
    assert run("scan", *tops, "--exclude", "0.jpg", vault=vault).code == 0
    lines = run("overview", vault=vault).out.splitlines()
    assert len(lines) <= 40
    for part in ("Twice", "Copied folders", "can be removed now", "decision", "Not known"):
        assert any(line.startswith(part) or part in line for line in lines), part
    assert "and 4 more" in "\n".join(lines)
    assert any(line.startswith("Drive by drive") for line in lines)
    assert any(line.startswith("Kinds of files") for line in lines)


def test_what_is_in_quarantine_is_said(vault: Path, tmp_path: Path) -> None:
    top = make_tree(tmp_path / "top", {"a": "a" * 9000, "b": {"a": "a" * 9000}})
    assert run("scan", top, vault=vault).code == 0
    assert "Quarantine" not in run("overview", vault=vault).out
    plan = tmp_path / "plan"
    assert run("dedupe", "--plan", "-o", plan, vault=vault).code == 0
    assert run("dedupe", "--apply", plan, vault=vault).code == 0
    lines = run("overview", vault=vault).out.splitlines()
    (at,) = (number for number, line in enumerate(lines) if line.startswith("Quarantine: 1 file"))
    assert lines[at + 1].startswith("  -> gorillacomb dedupe --history")
    (waiting,) = run("overview", "--json", vault=vault).json()["quarantine"]
    assert (waiting["files"], waiting["run"]) == (1, Path(waiting["path"]).name)


def test_copies_with_files_of_their_own_are_named(vault: Path, tmp_path: Path) -> None:
    same: Tree = {f"{number}": f"{number}" * 900 for number in range(9)}
    same = {**same, "package.json": "{}"}
    top = make_tree(tmp_path / "top", {"a": {**same, "x": "x"}, "Copy of a": {**same, "y": "y"}})
    assert run("scan", top, vault=vault).code == 0
    copy = f"'{top}/Copy of a'"
    assert f"dedupe --within {copy} --retire {copy}" in run("overview", vault=vault).out


def test_an_album_with_a_picture_of_its_own_waits_for_a_decision(
    vault: Path, tmp_path: Path
) -> None:
    """What the suggested command frees is what the overview says of that folder."""
    pictures = [f"picture {number}" * 900 for number in range(40)]
    dump: Tree = {f"IMG_{number} 2.jpg": pictures[number] for number in range(20)}
    tree: Tree = {
        "Pictures": {f"IMG_{number}.jpg": each for number, each in enumerate(pictures)},
        "Phone": {**dump, **{f"IMG_{number}.jpg": f"own {number}" for number in range(60, 75)}},
    }
    top = make_tree(tmp_path / "top", tree)
    assert run("scan", top, vault=vault).code == 0
    found = run("overview", "--json", vault=vault).json()
    parts = {each["fate"]: each for each in found["surplus"]}
    assert [each["rule"] for each in parts["decision"]["reasons"]] == ["album"]
    assert all(isinstance(one["rule"], str) for each in found["surplus"] for one in each["reasons"])
    shown = run("overview", vault=vault).out
    (line,) = (each for each in shown.splitlines() if " of these are in " in each)
    folder = line.rpartition(" of these are in ")[2]
    assert line.startswith("      20 files, ") and folder == str(top / "Phone")
    command = f"dedupe --within {folder} --retire {folder}"
    assert f"  -> gorillacomb {command}" in shown
    assert "  20 of 35 files of " in run(*command.split(), vault=vault).out
    assert f"dedupe --within {folder} --retire {folder}" in run("dedupe", vault=vault).out


def test_it_fits_on_a_terminal(drive: Drive, vault: Path) -> None:
    assert run("scan", drive.root, vault=vault).code in (0, 3)
    lines = lines_on_screen(on_terminal("overview", vault=vault).stdout)
    told = [line for line in lines if "->" not in line]  # a command is never shortened
    assert len(told) > 12 and max(map(width_of, told)) <= 80


def test_without_a_command(vault: Path, tmp_path: Path) -> None:
    ran = run(vault=vault)
    assert (ran.code, ran.out) == (2, "") and "Usage: gorillacomb" in ran.err
    top = make_tree(tmp_path / "top", {"a": "a" * 100, "b": "a" * 100})
    assert run("scan", top, vault=vault).code == 0
    ran = run(vault=vault)
    assert ran.code == 0
    assert ran.out == run("overview", vault=vault).out != ""


def test_overlaps_are_those_of_the_files(vault: Path, tmp_path: Path) -> None:
    def tree(first: int, last: int, copies: int) -> Tree:
        files: dict[str | bytes, str] = {"empty": ""}
        for number in range(first, last):
            for copy in range(copies):
                files[f"{number} {copy}"] = f"{number}" * (50 + number)
        return files

    trees = {"a": tree(0, 30, 2), "b": tree(20, 50, 3), "c": tree(45, 90, 1)}
    tops = {make_tree(tmp_path / name, each): each for name, each in trees.items()}
    scan(vault, *tops)
    with gorillacomb.open_vault(vault) as opened:
        overview = opened.overview()
    assert len(overview.overlaps) == 6
    for each in overview.overlaps:
        ours, theirs = (tops[Path(os.fsdecode(one.path))] for one in (each.root, each.other))
        filled = [str(text) for text in ours.values() if text]
        shared = [text for text in filled if text in theirs.values()]
        assert (each.files, each.bytes) == (len(filled), sum(map(len, filled)))
        assert (each.shared_files, each.shared_bytes) == (len(shared), sum(map(len, shared)))


@st.composite
def cluttered(draw: st.DrawFn) -> Tree:
    """A forest with copies, in which some folders are projects and some files have two names."""
    tree: dict[Any, Any] = dict(draw(forests()))
    folders = [tree]
    for folder in folders:
        folders += [each for each in folder.values() if isinstance(each, dict)]
    for folder in draw(st.lists(st.sampled_from(folders), max_size=3)):
        folder["package.json"] = "{}" * 40
    files = [name for name, each in tree["one"].items() if isinstance(each, str) and each]
    links = draw(st.lists(st.sampled_from(files), max_size=2)) if files else []
    last = {f"link {at}": HardLink(f"one/{name}") for at, name in enumerate(links)}
    return {**tree, "zz": {**last, "last": "last"}}


@given(cluttered())
def test_the_parts_of_what_is_there_twice_add_up_to_it(tree: Tree) -> None:
    """By a walk of the disk: all copies but one of each content, and those that a plan removes."""
    with tempfile.TemporaryDirectory() as name, in_memory() as memory:
        top = make_tree(Path(name).resolve() / "top", tree)
        scan(memory / "vault", top)
        with gorillacomb.open_vault(memory / "vault") as opened:
            overview = opened.overview()
        surplus, going = surplus_on_disk(top, {each.path for each in overview.plan.steps})
        removable, *_ = parts = overview.surplus
        assert [each.fate for each in parts] == list(gorillacomb.SurplusFate)
        assert sum(each.files for each in parts) == overview.status.totals.redundant_files
        assert sum(each.bytes for each in parts) == overview.status.totals.redundant_bytes
        assert sum(each.files for each in parts) == surplus
        assert removable.files == going
        for part in parts[1:]:
            assert sum(each.files for each in part.reasons) == part.files
            assert sum(each.bytes for each in part.reasons) == part.bytes
        told = {each.rule: each for part in parts for each in part.reasons}
        told.pop(None, None)  # no rule keeps those
        assert {rule: (each.files, each.bytes) for rule, each in told.items()} == {
            each.rule: (each.files, each.bytes) for each in overview.left_alone if each.files
        }


def test_the_reasons_are_those_of_the_plan(vault: Path, tmp_path: Path) -> None:
    """Of copies inside projects, too, which a plan counts by folder."""
    same: Tree = {f"{number}": f"{number}" * 900 for number in range(9)}
    own: Tree = {"package.json": "1" * 99, "src": {"s": "s" * 900, "t": "s" * 900}}
    trees: Tree = {
        "a": {**own, "x": "x" * 900},
        "b": {"package.json": "2" * 99, "lib": {"z": "x" * 900}},
        "tree": {**same, "package.json": "3" * 99, "tree": "4" * 99},
        "Copy of tree": {**same, "package.json": "3" * 99, "copy": "5" * 99},
    }
    scan(vault, make_tree(tmp_path / "top", trees))
    with gorillacomb.open_vault(vault) as opened:
        overview = opened.overview()
    told = {
        reason.rule: (reason.files, reason.bytes)
        for part in overview.surplus
        for reason in part.reasons
    }
    assert told == {each.rule: (each.files, each.bytes) for each in overview.left_alone}
    assert {rule: files for rule, (files, _) in told.items()} == {
        SafetyRule.UNIQUE: 10,
        SafetyRule.PROJECT: 1,
        SafetyRule.STRUCTURAL: 1,
    }


def surplus_on_disk(top: Path, steps: set[bytes]) -> tuple[int, int]:
    """Count the files beyond one of each content, and those whose every name a step removes."""
    contents: dict[bytes, dict[int, list[Path]]] = {}
    for path in sorted(top.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.stat().st_size:
            names = contents.setdefault(path.read_bytes(), {})
            names.setdefault(path.stat().st_ino, []).append(path)
    going = sum(
        all(any(os.fsencode(at) in steps for at in (each, *each.parents)) for each in names)
        for copies in contents.values()
        for names in copies.values()
        if len(copies) > 1
    )
    return sum(len(copies) - 1 for copies in contents.values()), going


@given(st.integers(0, 10**13), st.lists(st.integers(0, 10**12), min_size=1, max_size=6))
def test_the_sizes_of_parts_add_up_as_they_are_shown(first: int, rest: list[int]) -> None:
    sizes = [first, *rest]
    whole = SummedSize.of(sum(sizes))
    assert whole.text == render.format_size(sum(sizes))
    parts = whole.parts(sizes)
    assert sum(each.figure for each in parts) == whole.figure
    for part, size in zip(parts, sizes, strict=True):
        assert part.text.endswith(f" {whole.unit}")
        assert part.text.startswith("<") == (size > 0 and not part.figure)
        exact = whole.figure * size / max(sum(sizes), 1)
        assert abs(part.figure - exact) < 1


def test_all_figures_are_of_one_moment(vault: Path, tmp_path: Path) -> None:
    """Somebody scans more copies while the overview is being made."""
    pair: Tree = {"a": "a" * 9000, "b": {"a": "a" * 9000}}
    top = make_tree(tmp_path / "top", pair)
    assert run("scan", top, vault=vault).code == 0
    stages: list[str] = []

    def write(event: gorillacomb.ProgressEvent) -> None:
        if event.stage == "Planning" and event.stage not in stages:
            make_tree(top, {"more": {f"{number}": "a" * 9000 for number in range(5)}})
            make_tree(tmp_path / "other", pair)
            assert run("scan", top, tmp_path / "other", vault=vault).code == 0
        stages.append(event.stage)

    with gorillacomb.open_vault(vault) as opened:
        then, now = opened.overview(progress=write), opened.overview()
    assert "Planning" in stages
    for overview, files, roots in ((then, 1, 1), (now, 8, 2)):
        totals = overview.status.totals
        assert len(overview.status.roots) == roots
        assert totals.redundant_files == sum(each.files for each in overview.surplus) == files
        assert totals.redundant_bytes == sum(each.bytes for each in overview.surplus)
        held = sum(root.facts.bytes for root in overview.status.roots)
        assert sum(each.bytes for each in overview.kinds) == held
        assert len(overview.overlaps) == roots * (roots - 1)


def test_the_folders_are_analysed_once(vault: Path, tmp_path: Path) -> None:
    """Where nothing can be removed: else the index without what goes is analysed too."""
    trees: Tree = {
        name: {"same": "same" * 900, name: name * 900, "package.json": name} for name in ("a", "b")
    }
    top = make_tree(tmp_path / "top", trees)
    assert run("scan", top, vault=vault).code == 0
    seen: Counter[str] = Counter()

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            seen[frame.f_code.co_name] += 1

    with gorillacomb.open_vault(vault) as opened:
        opened.overview()
        sys.setprofile(watch)
        try:
            overview = opened.overview()
        finally:
            sys.setprofile(None)
    assert not overview.plan.steps
    assert seen["load_analysis"] == seen["load_tree"] == 1


@pytest.mark.parametrize("name", ["a.b.JPG", ".hidden", "a.", "plain", "x.y", ".a.jpg", "é.É"])
def test_the_ending_of_a_name(name: str, vault: Path, tmp_path: Path) -> None:
    top = make_tree(tmp_path / "top", {name: "text"})
    long_ago = time.mktime((2001, 6, 1, 0, 0, 0, 0, 0, -1))
    os.utime(top / name, (long_ago, long_ago))
    scan(vault, top)
    stem, dot, ending = name.lstrip(".").rpartition(".")
    with Index.read(Vault(vault)) as index:
        (found,) = content_queries.totals_by_ending(index.connection)
    expected = ending if stem and dot else ""
    assert found.ending.casefold() == expected.casefold()
    assert (found.year, found.files, found.bytes) == (2001, 1, 4)


def test_kinds_add_up_to_what_the_drive_has(drive: Drive, vault: Path) -> None:
    run("scan", drive.root, vault=vault)
    with gorillacomb.open_vault(vault) as opened:
        overview = opened.overview()
        totals = opened.status().totals
        (root,) = opened.roots()
    files: Counter[int] = Counter()
    for kind in overview.kinds:
        for year, (number, _) in kind.years.items():
            files[year] += number
        assert sum(number for number, _ in kind.years.values()) == kind.files
        assert sum(size for _, size in kind.years.values()) == kind.bytes
    assert sum(each.bytes for each in overview.kinds) == root.facts.bytes
    for kind in overview.kinds:
        assert kind.redundant_bytes <= kind.disk_bytes
    surplus = sum(each.redundant_bytes for each in overview.kinds)
    assert abs(surplus - totals.redundant_bytes) < 1000


def test_it_is_what_the_command_prints(drive: Drive, vault: Path) -> None:
    run("scan", drive.root, vault=vault)
    with gorillacomb.open_vault(vault) as opened:
        assert opened.overview().to_dict() == run("overview", "--json", vault=vault).json()


def test_kinds_of_files_are_measured_on_the_disk(vault: Path, tmp_path: Path) -> None:
    """As what is there twice is: a kind with large holes or tiny files is not mixed up."""
    tree: Tree = {f"{number}.py": "small and the same" for number in range(9)}
    top = make_tree(tmp_path / "top", {**tree, "linked": {"0.py": HardLink("0.py")}})
    with open(top / "holes.jpg", "wb") as file:
        file.truncate(50_000_000)
    scan(vault, top)
    files = {each.stat().st_ino: each.stat().st_blocks * 512 for each in top.glob("*.py")}
    assert sum(files.values()) > 9 * len("small and the same"), "their blocks are larger"
    with gorillacomb.open_vault(vault) as opened:
        kinds = {each.kind: each for each in opened.overview().kinds}
    code, pictures = kinds[gorillacomb.ContentKind.CODE], kinds[gorillacomb.ContentKind.PICTURES]
    assert (code.files, code.disk_bytes) == (10, sum(files.values()))
    assert code.redundant_bytes == sum(files.values()) * 8 // 9
    assert pictures.disk_bytes == (top / "holes.jpg").stat().st_blocks * 512 < pictures.bytes
    lines = run("overview", vault=vault).out.splitlines()
    [at] = [number for number, line in enumerate(lines) if line.startswith("Kinds of files")]
    assert lines[at].endswith("on disk:")
    surplus, held = (render.format_size(it) for it in (code.redundant_bytes, code.disk_bytes))
    assert lines[at + 1].startswith(f"  code: 10 files, {held}, {surplus} of it copies")


def test_modules_in_typescript_are_no_films(vault: Path, tmp_path: Path) -> None:
    top = make_tree(tmp_path / "top", {"esm.d.mts": "export {}"})
    scan(vault, top)
    with gorillacomb.open_vault(vault) as opened:
        assert [each.kind for each in opened.overview().kinds] == [gorillacomb.ContentKind.CODE]
        with open(top / "00001.MTS", "wb") as film:
            film.truncate(1 << 30)
        (top / "esm.d.mts").unlink()
        opened.scan([top])
        assert [each.kind for each in opened.overview().kinds] == [gorillacomb.ContentKind.VIDEO]

"""`gorillacomb overview`: the figures are those of the drive, and they fit on one page."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest

import gorillacomb
from fixtures import Drive
from gorillacomb.index import content_queries
from gorillacomb.index.database import Index
from gorillacomb.vault.vault import Vault
from tests.support.run import lines_on_screen, on_terminal, run, width_of
from tests.support.trees import Tree, make_tree, scan


def test_one_page_for_everything(vault: Path, tmp_path: Path) -> None:
    """A drive that has all parts at once, and more in each of them than there is room for."""
    tops = []
    for drive in range(7):
        families: Tree = {
            f"tree {family}": {
                **{f"{file}.txt": f"{family} {file}" * 99 for file in range(20)},
                **({f"own {drive}": f"{drive} {family}" * 40} if drive % 2 else {}),
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
    for part in ("Twice", "Copied folders", "Can be removed now", "decision", "Not known"):
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
    assert f"compare '{top}/Copy of a' {top}/a" in run("overview", vault=vault).out


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
    surplus = sum(each.redundant_bytes for each in overview.kinds)
    assert abs(surplus - totals.redundant_bytes) < 1000


def test_it_is_what_the_command_prints(drive: Drive, vault: Path) -> None:
    run("scan", drive.root, vault=vault)
    with gorillacomb.open_vault(vault) as opened:
        assert opened.overview().to_dict() == run("overview", "--json", vault=vault).json()


def test_the_statements_do_not_grow_with_the_files(vault: Path, tmp_path: Path) -> None:
    for number in (10, 200):
        top = make_tree(
            tmp_path / f"top {number}",
            {f"{file}.txt": f"{file // 2} {number}" * 20 for file in range(number)},
        )
        scan(vault, top)
    seen: list[str] = []
    with Index.read(Vault(vault)) as index:
        index.connection.set_trace_callback(seen.append)
        list(content_queries.totals_by_ending(index.connection))
        list(content_queries.copies_by_root(index.connection))
        content_queries.contents_by_root(index.connection)
    assert len(seen) == 3

"""`gorillacomb scrub --repair`: a good copy takes the place of a damaged file, and can leave it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.index.vault import config_folder
from tests.cli.run import Argument, Ran, run
from tests.dedupe.faults import Bench, Point, contents, look
from tests.dedupe.test_killed_apply import killed, some, told_clearly, tried
from tests.dedupe.trace import events
from tests.trees import Tree, make_tree, settle

GOOD, BAD = "a good picture", b"a bad picture!"
TREE: Tree = {
    "a": {"picture": GOOD, "alone": "nothing like it"},
    "b": {"copy": GOOD, "other": "something else"},
}


def tamper(path: Path, content: bytes = BAD) -> None:
    """Other content, of the same length, with the old times."""
    facts = path.stat()
    assert len(content) == facts.st_size
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    """A drive with one damaged file."""
    top = make_tree(tmp_path / "drive", TREE)
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    (top / "a/picture").chmod(0o640)
    tamper(top / "a/picture")
    assert run("scan", top, vault=vault).code == 1
    return top


def repaired(vault: Path, *paths: Argument) -> tuple[int, Any]:
    ran = run("scrub", "--repair", *paths, "--json", vault=vault)
    return ran.code, ran.json()


def test_repaired_and_taken_back(top: Path, vault: Path) -> None:
    path = top / "a/picture"
    os.setxattr(path, "user.note", b"kept")
    before = look(top)
    mtime = path.stat().st_mtime_ns
    code, document = repaired(vault, path)
    assert (code, document["done"], document["skipped"]) == (0, 1, [])
    facts = path.stat()
    assert (path.read_text(), facts.st_mtime_ns, facts.st_mode & 0o777) == (GOOD, mtime, 0o640)
    assert os.getxattr(path, "user.note") == b"kept"
    assert run("scrub", vault=vault).code == 0
    assert {"damaged", "repaired"} < {entry["event"] for entry in events(vault)}
    assert run("trace", "verify", vault=vault).code == 0
    assert "repaired 1 file" in run("dedupe", "--history", vault=vault).out

    assert run("dedupe", "--undo", vault=vault).code == 0
    assert look(top) == before
    assert run("scrub", vault=vault).code == 1


def test_the_damaged_one_is_deleted_only_while_the_good_one_stands(top: Path, vault: Path) -> None:
    assert repaired(vault, top / "a/picture")[0] == 0
    (top / "a/picture").write_text("edited since")
    ran = run("dedupe", "--empty-quarantine", "--yes", vault=vault)
    assert "not what the good copy is any more" in flat(ran)
    assert BAD in {each.read_bytes() for each in top.rglob("*") if each.is_file()}
    (top / "a/picture").write_text(GOOD)
    ran = run("dedupe", "--empty-quarantine", "--yes", vault=vault)
    assert ran.code == 0
    assert BAD not in {each.read_bytes() for each in top.rglob("*") if each.is_file()}
    assert (top / "a/picture").read_text() == GOOD


def test_an_edit_after_the_repair_is_not_undone(top: Path, vault: Path) -> None:
    assert repaired(vault, top / "a/picture")[0] == 0
    (top / "a/picture").write_text("edited since")
    ran = run("dedupe", "--undo", vault=vault)
    assert (ran.code, "something else stands there now" in flat(ran)) == (3, True)
    assert (top / "a/picture").read_text() == "edited since"
    (top / "a/picture").unlink()
    assert run("dedupe", "--undo", vault=vault).code == 0
    assert (top / "a/picture").read_bytes() == BAD


def flat(ran: Ran) -> str:
    """What a command printed, without its line breaks."""
    return " ".join(ran.out.split())


def cause(document: Any) -> str:
    [skipped] = document["skipped"] or document["failed"]
    return str(skipped["cause"])


def test_what_is_not_repaired(top: Path, vault: Path) -> None:
    path, before = top / "a/picture", look(top)
    assert repaired(vault)[1]["done"] == 0, "a suspect is repaired only when it is named"
    assert look(top) == before
    tamper(top / "b/copy", b"no good either")
    code, document = repaired(vault, path)
    assert (code, "no copy with the good content" in cause(document)) == (5, True)
    (top / "b/copy").write_text(GOOD)
    os.link(path, top / "second name")
    assert "2 names" in cause(repaired(vault, path)[1])
    (top / "second name").unlink()
    (config_folder() / "config.toml").write_text(f'protect = ["{top}/a"]\n')
    assert "protected" in cause(repaired(vault, path)[1])
    (config_folder() / "config.toml").unlink()
    path.write_text("edited by hand")
    assert "edited" in cause(repaired(vault, path)[1])
    assert path.read_text() == "edited by hand"
    ran = run("scrub", "--repair", top / "b/other", vault=vault)
    assert (ran.code, "not said to be damaged" in ran.err) == (2, True)


class Hurt(Bench):
    """A small drive on which one file is damaged."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        path = self.drive / "letters/report.txt"
        self.fine("scan", self.drive)
        tamper(path, b"a rapord")
        assert self.run("scan", self.drive).code == 1
        self.repair: Sequence[Argument] = ("scrub", "--repair", path)
        self.path = path
        self.at_first = look(self.drive)
        self.contents = set(contents(self.drive))
        self.save()


@some(12)
@pytest.mark.parametrize("then", ["repaired", "taken back"])
def test_killed(tmp_path: Path, then: str, most: int | None) -> None:
    bench = Hurt(tmp_path)

    def at(point: Point) -> None:
        killed(bench, point, *bench.repair)
        if then == "repaired":
            ran = bench.run(*bench.repair)
            assert ran.code in (0, 2, 5), ran
            assert bench.path.read_text() == "a report"
            assert not [each for each in bench.set_aside() if each.name.endswith(".new")]
        bench.take_all_back()
        bench.nothing_waits()

    tried(f"a repair killed, {then}", bench, bench.points(*bench.repair), most, at)


@some(8)
@pytest.mark.parametrize("fault", ["error=EIO", "error=ENOSPC+"])
def test_denied(tmp_path: Path, fault: str, most: int | None) -> None:
    bench = Hurt(tmp_path)

    def at(point: Point) -> None:
        told_clearly(bench.faulty(point, fault, *bench.repair))
        bench.nothing_lost()
        assert bench.path.read_text() in ("a report", "a rapord")
        bench.take_all_back()

    tried(f"a repair with {fault}", bench, bench.points(*bench.repair), most, at)

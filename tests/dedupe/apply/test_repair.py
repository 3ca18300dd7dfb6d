"""`gorillacomb scrub --repair`: a good copy takes the place of a damaged file, and can leave it."""

from __future__ import annotations

import json
import os
import stat
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.vault.vault import config_folder
from tests.dedupe.acting import of_leases, slots
from tests.dedupe.apply.test_killed_apply import killed, some, told_clearly, tried
from tests.dedupe.faults import Bench, Point, by_strace, contents, look
from tests.stamping.trace import events
from tests.support.attributes import get_attribute, set_attribute
from tests.support.run import Argument, Ran, run
from tests.support.trees import Tree, make_tree, settle

GOOD, BAD = "a good picture", b"a bad picture!"
TREE: Tree = {
    "a": {"picture": GOOD, "alone": "nothing like it"},
    "b": {"copy": GOOD, "other": "something else"},
}
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"


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
    set_attribute(top / "a/picture", "user.note", b"kept")
    (top / "a/picture").chmod(0o640)
    tamper(top / "a/picture")
    assert run("scan", top, vault=vault).code == 1
    return top


def repaired(vault: Path, *paths: Argument) -> tuple[int, Any]:
    ran = run("scrub", "--repair", *paths, "--json", vault=vault)
    return ran.code, ran.json()


def flat(ran: Ran) -> str:
    """What a command printed, without its line breaks."""
    return " ".join(ran.out.split())


def cause(document: Any) -> str:
    [skipped] = document["skipped"] or document["failed"]
    return str(skipped["cause"])


def times(*folders: Path) -> list[int]:
    return [folder.stat().st_mtime_ns for folder in folders]


@of_leases
def test_repaired_and_taken_back(top: Path, vault: Path) -> None:
    path, folders = top / "a/picture", (top, top / "a", top / "b")
    before, mtimes = look(top), times(*folders)
    mtime = path.stat().st_mtime_ns
    code, document = repaired(vault, path)
    assert (code, document["done"], document["skipped"]) == (0, 1, [])
    facts = path.stat()
    assert (path.read_text(), facts.st_mtime_ns, facts.st_mode & 0o777) == (GOOD, mtime, 0o640)
    assert get_attribute(path, "user.note") == b"kept"
    assert run("scrub", vault=vault).code == 0
    told = {entry["event"] for entry in events(vault)}
    assert "repaired" in told and "damaged" not in told, "a suspicion is not"
    [entry] = [entry for entry in events(vault) if entry["event"] == "repaired"]
    files: Any = entry["repaired"]
    assert (entry["path"], [each["path"] for each in files]) == (
        "a/picture",
        ["a/picture"],
    )
    trace = json.loads(run("explain", path, "--json", vault=vault).out)["trace"]
    assert "repaired" in {each["event"] for each in trace}
    assert "a/picture" in run("trace", "log", vault=vault).out
    assert run("trace", "verify", vault=vault).code == 0
    history = run("dedupe", "--history", vault=vault).out
    assert "repaired 1 file" in history and "still in quarantine: 1 file" in history
    code, document = repaired(vault)
    assert (code, document["done"], document["skipped"]) == (0, 0, []), "nothing is left to do"

    assert run("dedupe", "--undo", vault=vault).code == 0
    assert (look(top), times(*folders), slots(top)) == (before, mtimes, [])
    assert run("scrub", vault=vault).code == 1
    assert repaired(vault, path)[0] == 0
    assert run("trace", "verify", vault=vault).code == 0


@of_leases
def test_what_is_damaged_is_deleted_only_while_the_good_content_stands(
    top: Path, vault: Path
) -> None:
    path, copy = top / "a/picture", top / "b/copy"
    assert repaired(vault, path)[0] == 0
    path.write_text("edited since")
    copy.write_text("this one too")
    ran = run("dedupe", "--empty-quarantine", "--yes", vault=vault)
    assert (ran.code, "its good content stands nowhere" in flat(ran)) == (3, True)
    [slot] = slots(top)
    assert slot.read_bytes() == BAD
    slot.write_bytes(BAD[::-1])
    copy.write_text(GOOD)
    ran = run("dedupe", "--empty-quarantine", "--yes", vault=vault)
    assert (ran.code, "was written to since" in flat(ran)) == (3, True)
    slot.write_bytes(BAD)
    with slot.open("r+b"):
        ran = run("dedupe", "--empty-quarantine", "--yes", vault=vault)
    assert (ran.code, "open in a program" in flat(ran)) == (3, True)
    assert run("dedupe", "--empty-quarantine", "--yes", vault=vault).code == 0
    assert slots(top) == []
    assert (path.read_text(), copy.read_text()) == ("edited since", GOOD)


@of_leases
def test_what_was_done_since_the_repair_is_not_undone(top: Path, vault: Path) -> None:
    path = top / "a/picture"
    assert repaired(vault, path)[0] == 0
    facts, note = path.stat(), get_attribute(path, "user.note")

    def refused(why: str) -> None:
        now = look(top)
        ran = run("dedupe", "--undo", vault=vault)
        assert (ran.code, why in flat(ran)) == (3, True), ran
        assert look(top) == now
        assert [each.read_bytes() for each in slots(top)] == [BAD]

    set_attribute(path, "user.note", b"another")
    refused("was changed since")
    set_attribute(path, "user.note", note)
    path.chmod(0o600)
    refused("was changed since")
    path.chmod(0o640)
    os.utime(path, ns=(1, 1))
    refused("was changed since")
    os.utime(path, ns=(1, facts.st_mtime_ns))
    with path.open("r+b"):
        refused("open in a program")
    tamper(path, b"hidden change.")
    refused("was changed since")
    path.write_text("edited since")
    refused("was changed since")
    path.unlink()
    path.mkdir()
    refused("was changed since")
    path.rmdir()
    (top / "a").rename(top / "a moved")
    assert run("dedupe", "--undo", vault=vault).code == 0
    assert path.read_bytes() == BAD, "the folder around it is made again"


@of_leases
def test_what_is_not_repaired(top: Path, vault: Path) -> None:
    path, before = top / "a/picture", look(top)
    told = run("explain", path, vault=vault).out
    assert "suspect (perhaps damaged)" in told and f"good copy  {top}/b/copy" in told
    code, document = repaired(vault)
    assert (code, document["done"]) == (3, 0), "a suspect is repaired only when it is asked for"
    assert document["suspects"] == [{"path": str(path)}]
    assert look(top) == before
    with path.open("r+b"):
        assert "open in a program" in cause(repaired(vault, path)[1])
    tamper(top / "b/copy", b"no good either")
    code, document = repaired(vault, path)
    assert (code, "no copy with the good content" in cause(document)) == (3, True)
    assert not any(entry["event"] == "repaired" for entry in events(vault)), "nothing was done"
    (top / "b/copy").write_text(GOOD)
    (config_folder() / "config.toml").write_text(f'protect = ["{top}/a"]\n')
    assert "protected" in cause(repaired(vault, path)[1])
    (config_folder() / "config.toml").unlink()
    os.link(path, top / "second name")
    assert "changed since" in cause(repaired(vault, path)[1]), "a link moves the ctime"
    run("scan", top, vault=vault)
    assert "2 names" in cause(repaired(vault, path)[1])
    (top / "second name").unlink()
    path.write_text("edited by hand")
    assert "changed since" in cause(repaired(vault, path)[1])
    assert path.read_text() == "edited by hand"
    ran = run("scrub", "--repair", top / "b/other", vault=vault)
    assert (ran.code, "not known to be damaged" in ran.err) == (2, True)
    ran = run("scrub", "--repair", "--rate", "1MB/s", vault=vault)
    assert (ran.code, "--repair does not search" in ran.err) == (2, True)
    assert slots(top) == []


def test_all_suspects_at_once(top: Path, vault: Path) -> None:
    code, document = repaired(vault, "--suspects", top / "b")
    assert (code, document["done"]) == (0, 0)
    told = run("scrub", "--repair", vault=vault).out
    assert "1 suspect, 1 with a good copy" in told and str(top / "a/picture") in told
    code, document = repaired(vault, "--suspects")
    assert (code, document["done"], document["suspects"]) == (0, 1, [])
    assert run("scrub", "--suspects", vault=vault).code == 2


def test_what_is_good_by_now_is_scanned(top: Path, vault: Path) -> None:
    path = top / "a/picture"
    tamper(path, GOOD.encode())
    code, document = repaired(vault, path)
    assert (code, document["done_before"], document["done"]) == (0, 1, 0)
    assert run("scrub", vault=vault).code == 0


@pytest.mark.linux("POSIX ACLs")
def test_holes_and_rights_are_what_they_were(tmp_path: Path, vault: Path) -> None:
    """A folder that gives an ACL to what is made in it gives none to a copy that takes a place."""
    top = make_tree(tmp_path / "drive", {"a": {}, "b": {}})
    entries = ((1, 7), (2, 7, 4242), (4, 5), (16, 7), (32, 5))
    acl = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, bits, *(who or [0xFFFFFFFF])) for tag, bits, *who in entries
    )
    for folder in (top, top / "a"):
        os.setxattr(folder, DEFAULT, acl)
    for name in ("a/image", "b/image"):
        with open(top / name, "wb") as file:
            file.seek(40 << 20)
            file.write(b"the end of it")
    path = top / "a/image"
    os.removexattr(path, ACCESS)
    path.chmod(0o4711)
    os.chown(path, 4242, 4243)
    path.chmod(0o4711)
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    facts = path.stat()
    with open(path, "r+b") as file:
        file.seek(40 << 20)
        file.write(b"the END of it")
    path.chmod(0o4711)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    run("scan", top, vault=vault)
    assert repaired(vault, path)[0] == 0
    now = path.stat()
    assert path.read_bytes() == (top / "b/image").read_bytes()
    assert (now.st_mode, now.st_uid, now.st_gid) == (stat.S_IFREG | 0o4711, 4242, 4243)
    assert now.st_blocks < 1000 and ACCESS not in os.listxattr(path)
    assert run("dedupe", "--undo", vault=vault).code == 0
    assert path.read_bytes().endswith(b"the END of it")


@of_leases
def test_a_copy_of_the_drive_can_be_undone(top: Path, vault: Path, tmp_path: Path) -> None:
    """It has other inodes; the journal in it is enough, with no vault."""
    before = look(top)
    assert repaired(vault, top / "a/picture")[0] == 0
    copy = tmp_path / "copy"
    os.system(f"cp -a '{top}' '{copy}'")
    ran = run("dedupe", "--undo", *slots(copy)[0].parents[:1], vault=tmp_path / "no vault")
    assert ran.code == 0, ran
    assert (look(copy), slots(copy)) == (before, [])


@pytest.mark.parametrize("spoil", ["good", "size", "damaged"])
def test_a_journal_that_is_none_changes_nothing(top: Path, vault: Path, spoil: str) -> None:
    assert repaired(vault, top / "a/picture")[0] == 0
    [slot] = slots(top)
    journal, before = slot.with_name("journal.jsonl"), look(top)
    lines = [json.loads(line) for line in journal.read_bytes().splitlines()]
    for line in lines[1:]:
        for move in line.get("moves", ()):
            move[spoil] = "x" if spoil == "size" else move["good"][2:]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    ran = run("dedupe", "--undo", slot.parent, vault=vault)
    assert (ran.code, "is not a valid journal" in ran.err) == (2, True), ran
    assert look(top) == before


class Hurt(Bench):
    """A small drive on which one file is damaged."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = self.drive / "letters/report.txt"
        self.repair: Sequence[Argument] = ("scrub", "--repair", self.path)
        self.is_repaired = False
        self.restore()
        self.at_first = look(self.drive)
        self.contents = set(contents(self.drive))

    def restore(self) -> None:
        """As it was, with other inodes: so the damage is done anew, under eyes that know it."""
        super().restore()
        if not self.is_repaired:
            settle(self.drive)
            self.fine("scan", self.drive)
            tamper(self.path, b"a rapord")
            assert self.run("scan", self.drive).code == 1

    def be_repaired(self) -> None:
        """Be from now on as after a repair."""
        self.fine(*self.repair)
        self.is_repaired = True
        self.save()
        self.restore()


@by_strace
@some(4)
@pytest.mark.parametrize("then", ["repaired", "taken back"])
def test_killed(tmp_path: Path, then: str, most: int | None) -> None:
    bench = Hurt(tmp_path)

    def at(point: Point) -> None:
        killed(bench, point, *bench.repair)
        assert bench.path.read_text() in ("a report", "a rapord")
        if then == "repaired":
            ran = bench.run(*bench.repair)
            assert ran.code in (0, 2), ran
            assert bench.path.read_text() == "a report"
            assert bench.run("scrub").code == 0
        bench.take_all_back()
        bench.nothing_waits()

    tried(f"a repair killed, {then}", bench, bench.points(*bench.repair), most, at)


@by_strace
@some(3)
@pytest.mark.parametrize("of", ["undo", "emptying"])
def test_killed_afterwards(tmp_path: Path, of: str, most: int | None) -> None:
    bench = Hurt(tmp_path)
    bench.be_repaired()
    words: Sequence[Argument] = (
        ("dedupe", "--undo") if of == "undo" else ("dedupe", "--empty-quarantine", "--yes")
    )
    if of == "emptying":
        bench.contents = set(contents(bench.drive / "desk"))

    def at(point: Point) -> None:
        killed(bench, point, *words)
        if of == "undo":
            bench.take_all_back()
        else:
            ran = bench.run(*words)
            assert ran.code in (0, 2), ran
            assert bench.path.read_text() == "a report"
            assert bench.set_aside() == []
        bench.nothing_waits()

    tried(f"an {of} of a repair killed", bench, bench.points(*words), most, at)


@by_strace
@some(3)
@pytest.mark.parametrize("fault", ["error=EIO", "error=ENOSPC+"])
def test_denied(tmp_path: Path, fault: str, most: int | None) -> None:
    bench = Hurt(tmp_path)

    def at(point: Point) -> None:
        told_clearly(bench.faulty(point, fault, *bench.repair))
        bench.nothing_lost()
        assert bench.path.read_text() in ("a report", "a rapord")
        bench.take_all_back()

    tried(f"a repair with {fault}", bench, bench.points(*bench.repair), most, at)

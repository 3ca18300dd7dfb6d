"""`gorillacomb scrub`: rot is found below the system's cache, and told from edits."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.index.database import Index
from gorillacomb.model import EntryState
from gorillacomb.vault.vault import Vault
from tests.dedupe.acting import OURS, of_leases
from tests.stamping.trace import check_trace, events
from tests.support.disks import MIB, Disks
from tests.support.run import TIMEOUT, Ran, command, environment, run
from tests.support.trees import age_digests, make_tree, rows_in_index, settle
from tests.watch.daemon import Daemon, check_truth
from tests.watch.load import Load


def scrubbed(vault: Path, *options: str | Path) -> tuple[int, Any]:
    ran = run("scrub", *options, "--json", vault=vault)
    return ran.code, ran.json()


def damaged(document: Any) -> dict[str, str]:
    return {each["path"]: each["state"] for each in document["damaged"] + document["suspect"]}


def tamper(path: Path, content: str) -> None:
    """Other content, of the same length, with the old times: only the ctime tells."""
    facts = path.stat()
    path.write_text(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    top = make_tree(tmp_path / "drive", {"a": {"x": "111", "y": "2" * 300}, "b": {"z": "111"}})
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    age_digests(vault)
    return top


def test_rot_on_the_disk_is_found_and_told_from_edits(disks: Disks, vault: Path) -> None:
    """Bits that flip in an image below a mounted file system, of which the system knows nothing."""
    dice = random.Random(4)
    image = disks.image("ext4", size=96 * MIB)
    point = disks.plug("ext4", image, disks.point("mnt"))
    files = {
        f"{folder}/{number}": dice.randbytes(size)
        for number, size in enumerate([100, 4096, 5000, 300_000, 2 * MIB] * 4)
        for folder in ("one", "two")
    }
    for name, content in files.items():
        path = point / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    os.sync()
    whole = image.read_bytes()
    rotten = {"one/0", *dice.sample(sorted(files), 12)}
    for name in sorted(rotten)[::2]:
        copy = point / "copies" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(files[name])
    settle(point)
    assert run("scan", point, vault=vault).code == 0
    assert scrubbed(vault)[0] == 0
    age_digests(vault)

    with image.open("r+b") as raw:
        for name in sorted(rotten):
            content = (point / name).read_bytes()  # and the system has it in its cache now
            [block] = [
                at for at in range(0, len(whole), 1024) if whole[at : at + 64] == content[:64]
            ]
            at = block + dice.randrange(min(len(content), 1024))
            raw.seek(at)
            raw.write(bytes([whole[at] ^ 1]))
        os.fsync(raw.fileno())
    edited = sorted(files.keys() - rotten)[:5]
    for name in edited:
        (point / name).write_bytes(dice.randbytes(len(files[name])))

    code, document = scrubbed(vault)
    assert damaged(document) == {str(point / name): "damaged" for name in rotten}
    assert (code, document["changed"]) == (1, len(edited))
    good = {each["path"]: each["good"] for each in document["damaged"]}
    assert good[str(point / "one/0")] == [{"path": str(point / "copies/one/0")}]
    told = [entry for entry in events(vault) if entry["event"] == "damaged"]
    assert {entry["path"] for entry in told} == rotten
    assert not any(entry["suspect"] for entry in told)
    assert scrubbed(vault)[0] == 1
    assert [entry for entry in events(vault) if entry["event"] == "damaged"] == told

    has_copy = {name for name in rotten if good[str(point / name)]}
    assert has_copy
    code, document = scrubbed(vault, "--repair")
    assert (code, document["done"], len(document["skipped"])) == (
        3 if has_copy < rotten else 0,
        len(has_copy),
        len(rotten - has_copy),
    )
    for name in sorted(rotten):
        is_good = (point / name).read_bytes() == files[name]
        assert is_good == (name in has_copy), name
    assert run("dedupe", "--empty-quarantine", "--yes", vault=vault).code == 0
    shutil.rmtree(point / OURS)  # nothing is in it but the journal
    for name in rotten - has_copy:  # from a backup, with the times that it had
        facts = (point / name).stat()
        (point / name).write_bytes(files[name])
        os.utime(point / name, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    code, document = scrubbed(vault)
    assert (code, document["damaged"]) == (0, [])
    check_trace(vault, point)


def test_what_is_suspect_is_accepted_on_demand(top: Path, vault: Path) -> None:
    tamper(top / "a/x", "333")
    code, document = scrubbed(vault)
    assert (code, damaged(document)) == (1, {str(top / "a/x"): "suspect"})
    assert document["suspect"][0]["good"] == [{"path": str(top / "b/z")}]
    assert document["damaged"] == document["in_use"] == []
    assert not [each for each in events(vault) if each["event"] == "damaged"], "a suspicion alone"
    ran = run("scrub", vault=vault)
    assert (ran.code, f"good copy  {top}/b/z" in ran.out, "--accept" in ran.out) == (1, True, True)
    assert "replace this file, which may be damaged, with its good copy" in ran.out
    away = top.rename(top.with_name("away"))
    assert run("scrub", "--accept", top / "a/x", vault=vault).code == 2
    away.rename(top)
    code, document = scrubbed(vault)
    assert (code, damaged(document)) == (1, {str(top / "a/x"): "suspect"})
    twice = top / "a/../a/x"
    ran = run("scrub", "--accept", top / "a/x", "--accept", twice, vault=vault)
    assert (ran.code, ran.out) == (0, "Accepted as now on disk: 1 file\n")
    assert scrubbed(vault)[0] == 0
    check_trace(vault, top)
    ran = run("scrub", "--accept", top / "a/x", vault=vault)
    assert (ran.code, "is not known to be damaged" in ran.err) == (2, True)


@of_leases
def test_what_a_program_has_open_for_writing_is_in_use(top: Path, vault: Path) -> None:
    with sqlite3.connect(vault / "index.db") as database:
        database.execute("UPDATE files SET digest = randomblob(32) WHERE name IN (x'79', x'7a')")
    database.close()
    with open(top / "a/y", "r+b"):
        code, document = scrubbed(vault)
    assert (code, damaged(document)) == (1, {str(top / "b/z"): "damaged"})
    assert document["in_use"] == [{"path": str(top / "a/y")}]
    ran = run("scrub", "--older-than", "1d", vault=vault)
    assert f"in use      {top}/a/y" in ran.out
    told = " ".join(ran.out.split())
    assert "in your backups" in told and "Keep the damaged file too" in told
    assert run("scan", top, vault=vault).code == 1
    assert damaged(scrubbed(vault)[1]) == {str(top / "b/z"): "damaged"}


def test_the_oldest_check_comes_first(top: Path, vault: Path) -> None:
    with Index.write(Vault(vault)) as index:
        with index.atomic():
            for age, name in enumerate((b"y", b"z", b"x")):
                index.connection.execute(
                    "UPDATE files SET checked_ns = ? WHERE name = ?", (10**18 + age, name)
                )
        index.commit()
    words = command("scrub", "--rate", "1B/s")
    ran = interrupted_after(words, vault, lambda: checked(vault, top / "a/y") > 10**18 + 2)
    assert (ran.code, "not read yet: 2" in ran.out) == (130, True), ran
    assert checked(vault, top / "b/z") == 10**18 + 1
    assert scrubbed(vault, "--older-than", "1d")[1]["files"] == 2
    assert scrubbed(vault, "--older-than", "1d")[1]["files"] == 0


def interrupted_after(words: list[bytes], vault: Path, is_so: Callable[[], bool]) -> Ran:
    """Run a command until something is so, and end it as Ctrl-C does."""
    process = subprocess.Popen(words, env=environment(vault), stdout=-1, stderr=-1)
    try:
        end = time.monotonic() + TIMEOUT
        while not is_so():
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT)
        return Ran(process.returncode, out, err)
    finally:
        process.kill()
        process.wait()


def checked(vault: Path, path: Path) -> int:
    """When a file was read last, by the index."""
    with Index.read(Vault(vault)) as index:
        [[found]] = index.connection.execute(
            "SELECT checked_ns FROM files WHERE name = ?", (os.fsencode(path.name),)
        )
    return int(found)


def test_a_part_alone_and_what_is_gone(top: Path, vault: Path) -> None:
    assert scrubbed(vault, top / "b")[1]["files"] == 1
    (top / "a/x").unlink()
    code, document = scrubbed(vault, top / "a")
    assert (code, document["due"], document["files"]) == (0, 2, 1)
    check_trace(vault, top)
    (top / "b").rename(top / "c")
    assert "moved, missing or unreadable: 1 (" in run("scrub", vault=vault).out
    assert run("scrub", top / "a/y", vault=vault).code == 2
    assert run("scrub", top / "nowhere", vault=vault).code == 2
    assert run("scrub", "--rate", "0", vault=vault).code == 2


@pytest.mark.linux("of real changes nothing tells on the made-up Mac: a scan finds most files gone")
@pytest.mark.parametrize("operations", [2_000, pytest.param(100_000, marks=pytest.mark.deep)])
def test_no_false_alarm(tmp_path: Path, vault: Path, operations: int) -> None:
    """While files are edited at full speed, a watcher reads all of them again and again."""
    top = tmp_path / "drive"
    top.mkdir()
    load = Load(top, 7)
    load.work(500)
    daemon = Daemon(vault, top, options=("--scrub-every", "0s", "--scrub-rate", "1GB/s"))
    read = 0
    for _ in range(operations // 500):
        load.work(500)
        statement = daemon.statement()
        assert not [cause for cause in statement["degraded"] if "damaged" in cause]
        read = max(read, statement["scrub"]["files"])
        time.sleep(0.1)
    assert read > 0
    daemon.settle()
    ran = daemon.stop()
    assert (ran.code, ran.err, ran.out.count("damaged")) == (0, "", 0)
    # A name that came and went again within the quiet span leaves the ctime of the other one old,
    # of which nobody tells: a whole scan finds it.
    assert run("scan", top, vault=vault).code == 0
    assert not [entry for entry in events(vault) if entry["event"] == "damaged"]
    check_truth(vault, tmp_path / "fresh", top)
    print(f"{load.count:,} operations, up to {read:,} files read again in a pass")


def test_the_watcher_finds_rot(top: Path, vault: Path) -> None:
    daemon = Daemon(vault, top, options=("--scrub-every", "0s"))
    daemon.settle()
    daemon.until(lambda: daemon.statement()["scrub"]["files"] == 3)
    with Index.write(Vault(vault)) as index:
        with index.atomic():
            index.connection.execute("UPDATE files SET digest = randomblob(32) WHERE name = x'79'")
        index.commit()
    age_digests(vault)
    daemon.until(lambda: "may be damaged: 1 " in " ".join(daemon.statement()["degraded"]))
    daemon.stop()
    assert [e["path"] for e in events(vault) if e["event"] == "damaged"] == ["a/y"]
    assert rows_in_index(vault)[os.fsencode(top / "a/y")][0] == EntryState.DAMAGED


def test_of_damage_nothing_is_said_where_there_is_none(top: Path, vault: Path) -> None:
    """A file that cannot be read is another matter."""
    with sqlite3.connect(vault / "index.db") as database:
        database.execute(
            "UPDATE files SET state = ?, cause = 'permission denied' WHERE name = ?",
            (EntryState.UNREADABLE, b"x"),
        )
    database.close()
    ran = run("scrub", "--older-than", "9d", vault=vault)
    assert (ran.code, "unreadable" in ran.out, "In all" in ran.out) == (3, True, False)

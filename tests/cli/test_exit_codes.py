"""Each exit code, once: 0 done, 1 found something, 2 wrong usage, 3 not all read, 4 vault, 130."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.run import complained, end_of, refused, run, start, until
from tests.support.stranger import STRANGER, give, ground, run_as_stranger
from tests.support.trees import make_tree, rows_in_index, settle


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = make_tree(tmp_path / "tree", {"a": "one", "b": "one", "in": {"c": "two" * 500_000}})
    settle(tree)
    return tree


def test_0_done(tree: Path, vault: Path) -> None:
    for arguments in (
        ("scan", tree),
        ("scan", tree),
        ("status",),
        ("dupes",),
        ("explain", tree),
        ("roots", "list"),
        ("completion", "bash"),
        ("--version",),
        ("--help",),
        ("scan", "--help"),
        ("-h",),
    ):
        ran = run(*arguments, vault=vault)
        assert (ran.code, ran.stderr) == (0, b""), arguments
        assert ran.stdout != b""


def rot(file: Path) -> None:
    """Change a byte, and put the time of the last change back."""
    facts = file.stat()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.mark.parametrize("name", ["a", "in/c"])
def test_1_a_file_was_damaged(name: str, tree: Path, vault: Path) -> None:
    run("scan", tree, vault=vault)
    file = tree / name
    good, data = rows_in_index(vault)[os.fsencode(file)], file.read_bytes()
    rot(file)
    settle(tree)
    for _ in range(2):  # it is not forgotten by the next scan
        ran = run("scan", tree, vault=vault)
        complained(ran, 1, str(file), "damaged")
        assert ran.out.startswith("Combed ")
        ran = run("scan", tree, "--json", vault=vault)
        assert ran.code == 1
        (damaged,) = ran.json()["suspect"]
        assert (damaged["path"], damaged["state"]) == (str(file), "suspect")
    assert rows_in_index(vault)[os.fsencode(file)][3] == good[3], "the good digest was given up"
    assert "suspect (perhaps damaged)" in run("status", vault=vault).out
    facts = file.stat()
    file.write_bytes(data)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    settle(tree)
    assert run("scan", tree, vault=vault).code == 0, "it was put right again"
    assert rows_in_index(vault)[os.fsencode(file)] == good


def test_1_outside_of_the_folder_that_was_scanned_does_not_count(tree: Path, vault: Path) -> None:
    run("scan", tree, vault=vault)
    rot(tree / "a")
    assert run("scan", tree, vault=vault).code == 1
    assert run("scan", tree / "in", vault=vault).code == 0


def test_2_wrong_usage(tree: Path, vault: Path) -> None:
    assert run(vault=vault).code == 2
    assert run("trace", vault=vault).code == 2
    assert run("scan", tree / "nix", vault=vault).code == 2


def test_3_something_could_not_be_read() -> None:
    with ground() as home:
        tree = make_tree(home / "tree", {"open": "x", "closed": "x", "in": {"a": "x"}, "b": "x"})
        give(tree)
        for name in ("closed", "in"):
            os.chown(tree / name, 0, 0)
            (tree / name).chmod(0o700)
        settle(tree)
        for _ in range(2):
            ran = run_as_stranger("scan", tree, home=home)
            assert ran.code == 3
            assert ran.out.startswith("Combed ")
            told = [line for line in ran.err.splitlines() if line.startswith("gorillacomb: ")]
            assert sorted(told) == [
                f"gorillacomb: {tree}/closed could not be read: permission denied",
                f"gorillacomb: {tree}/in could not be read: permission denied",
            ]
            assert "1 file unreadable; 1 folder unreadable" in ran.out
        ran = run_as_stranger("scan", tree, "--json", home=home)
        assert ran.code == 3
        assert [
            (each["path"], each["kind"], each["cause"]) for each in ran.json()["unreadable"]
        ] == [
            (f"{tree}/in", "folder", "permission denied"),
            (f"{tree}/closed", "file", "permission denied"),
        ]
        assert ran.json()["groups"] == 1, "the others are compared all the same"
        give(tree)
        assert run_as_stranger("scan", tree, home=home).code == 0


def test_3_what_was_known_of_a_folder_that_is_closed_now_is_kept() -> None:
    with ground() as home:
        tree = make_tree(home / "tree", {"in": {"a": "x", "deep": {"b": "y"}}, "c": "x"})
        give(tree)
        settle(tree)
        assert run_as_stranger("scan", tree, home=home).code == 0
        os.chown(tree / "in", 0, 0)
        (tree / "in").chmod(0o700)
        ran = run_as_stranger("scan", tree, "--json", home=home)
        assert (ran.code, ran.json()["gone"]) == (3, 0)
        status = run_as_stranger("status", "--json", home=home).json()
        assert status["groups"] == 1
        os.chown(tree / "in", STRANGER, STRANGER)
        document = run_as_stranger("scan", tree, "--json", home=home).json()
        # Written just now, the files are read again, and known all the same.
        assert document["hashed_files"] == document["read_again_young"] == document["files"] == 3
        assert document["new"] == document["changed"] == 0


def test_4_no_vault(vault: Path) -> None:
    refused(run("status", vault=vault), 4, str(vault))


def test_130_interrupted(tree: Path, vault: Path) -> None:
    with open(tree / "large", "wb") as file:
        file.truncate(8 << 30)
    process = start("scan", tree, vault=vault)
    assert until((vault / "lock").exists)
    process.terminate()
    ran = end_of(process)
    assert ran.code in (130, -2)  # a shell sees 130 in both cases
    assert "nterrupted" in ran.err
    assert ran.err.count("\n") <= 3

"""Folders synced with the cloud, and files that are only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from gorillacomb.cli.main import COMMANDS
from tests.darwin.mac import Mac
from tests.support.run import Argument
from tests.support.trees import Tree, make_tree

DRIVE = "CloudStorage/GoogleDrive-anna@example.com/My Drive"
ACCOUNT = "CloudStorage/GoogleDrive-anna@example.com"
LEVELS = [".", "CloudStorage", ACCOUNT, DRIVE, f"{DRIVE}/Photos"]


@pytest.mark.parametrize("level", LEVELS)
def test_from_each_level_the_plan_warns_and_the_quarantine_stays_inside(
    mac: Mac, level: str
) -> None:
    library = mac.volume("Library")
    tree: Tree = {"sun.jpg": "sun" * 90, "sun copy.jpg": "sun" * 90}
    photos = make_tree(library / DRIVE / "Photos", tree)
    mac.scan(library / level)
    plan = mac.folder / "plan"
    ran = mac.run("dedupe", "--plan", "-o", plan, "--json")
    assert any("is synced with the cloud" in note for note in ran.json()["notes"]), ran
    assert mac.run("dedupe", "--apply", plan, "--untested-macos").code == 0
    assert not (photos / "sun copy.jpg").exists()
    (run,) = library.rglob(".gorillacomb/quarantine/*")
    assert run.is_relative_to(library / DRIVE)


CLOUDY = ("gone/sun.jpg", "gone/own.txt", "gone/big", "repo/.git/HEAD", "repo/.git/index")


@pytest.fixture
def evicted(mac: Mac) -> Path:
    """A scanned drive; some of its files, and a folder, are only in the cloud since."""
    drive = mac.volume("Drive")
    tree: Tree = {
        "here": {"sun.jpg": "sun" * 90, "sun copy.jpg": "sun" * 90, "big": b"big" * 900_000},
        "gone": {"sun.jpg": "sun" * 90, "own.txt": "own" * 90, "big": b"big" * 900_000},
        "repo": {".git": {"HEAD": "ref: refs/heads/main", "config": "[core]", "index": "DIRC"}},
        "folder": {"a.txt": "a" * 90, "inner": {"b.txt": "b" * 90}},
    }
    make_tree(drive, tree)
    mac.scan(drive)
    mac.forget_log()
    assert mac.run("manifest", drive, "-o", mac.folder / "m.json").code == 0
    assert mac.run("dedupe", "--plan", "-o", mac.folder / "plan").code == 0
    mac.forget_log()
    mac.machine.dataless = [str(drive / name) for name in (*CLOUDY, "folder")]
    return drive


def test_after_eviction_a_scan_counts_them_and_loses_nothing(mac: Mac, evicted: Path) -> None:
    found = mac.scan(evicted)
    assert found["placeholders"] == len(CLOUDY)
    cloudy = [line for line in mac.log if line.startswith(("opened", "listed", "downloaded"))]
    assert cloudy == [f"listed {evicted / 'folder'}"], "which fails, and so downloads nothing"
    assert [(Path(it["path"]).name, it["cause"]) for it in found["unreadable"]] == [
        ("folder", "only in the cloud")
    ]
    events = [each["event"] for each in mac.run("trace", "log", "--json").json()["entries"]]
    assert "retire" not in events and "damaged" not in events
    mac.machine.dataless = []
    found = mac.scan(evicted)
    assert found["placeholders"] == 0 and found["unreadable"] == []


def test_asked_for_they_are_downloaded(mac: Mac, evicted: Path) -> None:
    found = mac.scan(evicted, options=("--hydrate", "--hydrate-limit", "1MB"))
    assert found["placeholders"] == 1, "the large one"
    assert f"downloaded {evicted / 'gone/own.txt'}" in mac.log or any(
        line.startswith("downloaded") for line in mac.log
    )


# fmt: off
USES: dict[str, list[tuple[str, ...]]] = {
    "scan": [("@",), ("@", "--rehash"), ("@", "--quick")],
    "overview": [()],
    "map": [(), ("@/gone",)],
    "status": [()],
    "dupes": [()],
    "explain": [("@/gone/own.txt",), ("@/gone",)],
    "folders": [()],
    "compare": [("@/here", "@/gone", *more) for more in ((), ("--diff",), ("--contents",))],
    "unique": [("@/gone",), ("@",)],
    "drop": [("@/gone",), ("%/m.json", "--into", "@", "--untested-macos")],
    "dedupe": [(), ("--plan", "-o", "%/new"), ("--apply", "%/plan", "--untested-macos"),
               ("--history",), ("--undo",), ("--empty-quarantine", "--yes", "--untested-macos")],
    "mark": [("list",)],
    "manifest": [("@", "-o", "%/m2.json")],
    "verify": [("%/m.json", "--root", "@")],
    "export": [("%/m.json", "--format", "bagit", "-o", "%/bag", "--root", "@")],
    "scroll": [("list",)],
    "trace": [("verify",), ("log",), ("prove", "@/gone/own.txt")],
    "keys": [("show",)],
    "scrub": [(), ("@",), ("--repair", "--untested-macos")],
    "watch": [("@", "--poll", "1")],
    "mesh": [("witness", "init"), ("witness", "show")],
    "serve": [("--help",)],  # its jobs are the commands of this table
    "token": [("create", "--scope", "plan"), ("list",), ("key", "rotate")],
    "service": [("install", "web"), ("remove", "web")],
    "pulse": [()],
    "roots": [("list",)],
    "vault": [("check",)],
    "doctor": [("@",)],
    "completion": [("zsh",)],
    "help": [()],
}
# fmt: on
"""How each command is used on a drive (``@``), with other files in ``%``."""


def test_no_command_opens_what_is_only_in_the_cloud(mac: Mac, evicted: Path) -> None:
    assert USES.keys() == COMMANDS.keys(), "a new command belongs here"
    opened = {}
    for name, uses in USES.items():
        for words in uses:
            mac.forget_log()
            said: list[Argument] = [
                word.replace("@", str(evicted)).replace("%", str(mac.folder)) for word in words
            ]
            if name == "watch":
                assert '"event"' in mac.watch(*said)
            else:
                ran = mac.run(name, *said)
                assert ran.code in (0, 1, 3, 5) or words == ("--undo",), ran
            lines = [line for line in mac.log if line.startswith(("opened", "downloaded"))]
            if lines:
                opened[" ".join((name, *words))] = lines
    assert opened == {}

"""How much a question asks of the index does not depend on how many files there are.

Nor, for most, on how many folders: few statements are left that are about a folder by itself.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import gorillacomb
from gorillacomb import DedupePlan, OpenVault
from tests.support.memory import in_memory
from tests.support.trees import HardLink, Tree, make_tree, settle

CONTENTS = (1_000, 10_000)


def drive(contents: int) -> Tree:
    """Projects, documents, pictures with companions, letters; most of them twice, some linked."""
    numbers = range(contents // 5)

    def some(what: str, end: str) -> dict[str | bytes, Any]:
        return {f"{number}.{end}": f"{what} {number} " * 10 for number in numbers}

    code, letters = some("code", "ts"), some("letter", "txt")
    pictures = {**some("picture", "jpg"), **some("settings", "xmp")}
    project: dict[str | bytes, Any] = {"package.json": "{}", ".gitignore": "out", "src": code}
    documents = some("document", "pdf")
    return {
        "project": project,
        "Copy of project": {**project, "src": {**code, "0.ts": "other"}},
        "Documents": documents,
        "Pictures": {"2019": pictures},
        "Downloads": {
            **{f"Copy of {name!s}": text for name, text in documents.items()},
            **pictures,
            ".env": "own",
        },
        "Letters": letters,
        "Linked": {name: HardLink(f"Letters/{name!s}") for name in letters},
        "Old": {"Letters": letters},
    }


FOLDERS = (10, 100)
"""Folders of each kind."""


def drive_of_folders(folders: int) -> Tree:
    """The same kinds of files, four in each of a number of folders."""

    def some(what: str, *ends: str) -> dict[str | bytes, Any]:
        return {
            f"{what} {at}": {
                f"{number}.{end}": f"{what} {at} {number} {end} " * 10
                for number in range(4)
                for end in ends
            }
            for at in range(folders)
        }

    code, letters, documents = some("code", "ts"), some("letter", "txt"), some("document", "pdf")
    pictures = some("picture", "jpg", "xmp")
    project: dict[str | bytes, Any] = {"package.json": "{}", "src": code}
    return {
        "project": project,
        "Copy of project": {**project, "src": {**code, "code 0": {"0.ts": "other"}}},
        "Documents": documents,
        "Pictures": {"2019": pictures},
        "Downloads": {
            **{
                at: {f"Copy of {name!s}": text for name, text in files.items()}
                for at, files in documents.items()
            },
            **pictures,
            ".env": "own",
        },
        "Letters": letters,
        "Linked": {
            at: {name: HardLink(f"Letters/{at!s}/{name!s}") for name in files}
            for at, files in letters.items()
        },
        "Old": {"Letters": letters},
    }


@pytest.fixture(scope="module")
def drives() -> Iterator[list[tuple[OpenVault, Path]]]:
    """Drives with few and with many contents, each with the vault that knows it.

    In memory: what the index is asked does not hang on a file system.
    """
    yield from scanned(map(drive, CONTENTS))


@pytest.fixture(scope="module")
def drives_of_folders() -> Iterator[list[tuple[OpenVault, Path]]]:
    """The same with few and with many folders."""
    yield from scanned(map(drive_of_folders, FOLDERS))


def scanned(trees: Iterable[Tree]) -> Iterator[list[tuple[OpenVault, Path]]]:
    with in_memory() as tops, in_memory() as vaults:
        found = []
        for number, tree in enumerate(trees):
            top = make_tree(tops / f"{number}", tree)
            settle(top)
            vault = gorillacomb.open_vault(vaults / f"{number}")
            vault.scan(top, workers=0)
            found.append((vault, top))
        yield found
        PLANS.clear()


def whole(found: Any) -> Any:
    with found:
        return found.to_dict()


PLANS: dict[Path, DedupePlan] = {}
"""The plan of each drive, where it was asked for; making one takes seconds."""
QUESTIONS: dict[str, Callable[[OpenVault, Path], Any]] = {
    "status": lambda vault, top: vault.status().to_dict(),
    "overview": lambda vault, top: vault.overview().to_dict(),
    "map": lambda vault, top: vault.space_map().to_dict(),
    "dupes": lambda vault, top: whole(vault.duplicates()),
    "dupes of a folder": lambda vault, top: whole(vault.duplicates(top / "Downloads")),
    "folders": lambda vault, top: whole(vault.folders()),
    "unique": lambda vault, top: vault.unique(top / "Downloads").to_dict(),
    "compare": lambda vault, top: vault.compare(top / "Pictures", top / "Downloads").to_dict(),
    "compare contents": lambda vault, top: whole(
        vault.compare_contents(top / "Pictures", top / "Downloads")
    ),
    "plan": lambda vault, top: PLANS.setdefault(top, vault.plan()).to_dict(),
    "unique without others": lambda vault, top: vault.unique(
        top / "Downloads", excepts=[top / "Pictures"], plan=PLANS.get(top) or vault.plan()
    ).to_dict(),
    "plan for two copies": lambda vault, top: vault.plan(keep=2).to_dict(),
    "plan of links": lambda vault, top: vault.plan(action="hardlink").to_dict(),
    "plan with a pattern": lambda vault, top: vault.plan(protect=["*.doc"]).to_dict(),
    "plan for one place": lambda vault, top: vault.plan(prefer=[top / "Downloads"]).to_dict(),
    "retire": lambda vault, top: vault.plan(retire=[top / "Downloads"]).to_dict(),
}


PER_FOLDER = {
    **dict.fromkeys(("plan", "plan with a pattern", "retire"), 2),
    **dict.fromkeys(("overview", "dupes"), 2),
    "compare": 3,
}
"""Statements for each further folder of each kind, where there are any. A plan asks for the size of
each folder that is removed, and for the files in it that are looked at on the disk; two folders are
compared entry by entry; and how many files of a kind a folder has is asked of each with copies."""


@pytest.mark.parametrize("question", QUESTIONS)
def test_statements_do_not_grow_with_files(
    question: str, drives: list[tuple[OpenVault, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = statements(question, drives, monkeypatch)
    assert few == many > 0


@pytest.mark.parametrize("question", QUESTIONS)
def test_statements_for_folders(
    question: str, drives_of_folders: list[tuple[OpenVault, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = statements(question, drives_of_folders, monkeypatch)
    assert many - few == (FOLDERS[1] - FOLDERS[0]) * PER_FOLDER.get(question, 0)


def statements(
    question: str, drives: list[tuple[OpenVault, Path]], monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Return how many statements answer a question, for each drive."""
    asked: list[str] = []
    connect = sqlite3.connect

    def traced(name: str | bytes, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(name, **options)
        if name == "" or "index.db" in os.fsdecode(name):  # or a private copy of it
            connection.set_trace_callback(asked.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    numbers = []
    for vault, top in drives:
        asked.clear()
        assert QUESTIONS[question](vault, top)
        numbers.append(len(asked))
    return numbers

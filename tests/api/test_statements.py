"""How much a question asks of the index does not depend on how many files there are."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="module")
def drives() -> Iterator[list[tuple[OpenVault, Path]]]:
    """Drives with few and with many contents, each with the vault that knows it.

    In memory: what the index is asked does not hang on a file system.
    """
    with in_memory() as tops, in_memory() as vaults:
        found = []
        for contents in CONTENTS:
            top = make_tree(tops / f"{contents}", drive(contents))
            settle(top)
            vault = gorillacomb.open_vault(vaults / f"{contents}")
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


@pytest.mark.parametrize("question", QUESTIONS)
def test_statements_do_not_grow_with_files(
    question: str, drives: list[tuple[OpenVault, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert numbers[0] == numbers[1] > 0

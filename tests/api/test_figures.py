"""Figures of an index are read once for each state of it, and never after it has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gorillacomb.api import roots as use
from gorillacomb.api.roots import index_with_figures
from gorillacomb.api.status import vault_status
from gorillacomb.index import content_queries
from gorillacomb.index.content_queries import GroupTotals
from gorillacomb.index.database import FileFacts, Index, settled_files
from gorillacomb.model import SECOND
from gorillacomb.sqlite import Connection
from gorillacomb.vault.vault import Vault
from tests.support.run import run
from tests.support.trees import Tree, make_tree, settle

COPIES: Tree = {"a": {"x": "x" * 9000, "y": "y" * 9000}, "Copy of a": {"x": "x" * 9000, "z": "z"}}


def age(vault: Path) -> None:
    """Let the index have been written a while ago."""
    before = time.time_ns() - 60 * SECOND
    for name in ("index.db", "index.db-wal"):
        if (vault / name).exists():
            os.utime(vault / name, ns=(before, before))


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    made = make_tree(tmp_path / "drive", COPIES)
    settle(made)
    assert run("scan", made, vault=vault).code == 0
    return made


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[GroupTotals]]:
    """What was read of the groups, each time that it was."""
    real, found = content_queries.content_totals, list[GroupTotals]()

    def content_totals(connection: Connection) -> GroupTotals:
        found.append(real(connection))
        return found[-1]

    monkeypatch.setattr(content_queries, "content_totals", content_totals)
    use._kept.clear()
    yield found
    use._kept.clear()


def test_what_has_not_changed_is_read_once(top: Path, vault: Path, read: list[GroupTotals]) -> None:
    age(vault)
    first = vault_status(Vault(vault))
    assert all(vault_status(Vault(vault)) == first for _ in range(5)) and len(read) == 1
    with index_with_figures(Vault(vault)) as (_, figures):
        assert figures.totals == first.totals == (1, 1, first.totals.redundant_bytes)
    assert len(read) == 1


def test_what_was_written_just_now_is_read_each_time(
    top: Path, vault: Path, read: list[GroupTotals]
) -> None:
    os.utime(vault / "index.db")
    assert settled_files(Vault(vault)) is None
    for _ in range(3):
        vault_status(Vault(vault))
    assert len(read) == 3 and not use._kept


def test_what_a_writer_may_be_about_to_show_is_not_kept(
    top: Path, vault: Path, read: list[GroupTotals]
) -> None:
    """A commit writes to the log, syncs it, and shows it to readers only then."""
    with Index.write(Vault(vault)) as writer:
        writer.connection.execute("BEGIN IMMEDIATE")
        writer.connection.execute("DELETE FROM groups")
        age(vault)
        assert settled_files(Vault(vault)) is None
        assert vault_status(Vault(vault)).totals.groups == 1
        writer.commit()
        age(vault)  # as if the log had been written then
        assert vault_status(Vault(vault)).totals.groups == 0
    assert len(read) == 2 and not use._kept


def test_a_commit_after_the_look_at_the_files_is_not_taken_for_what_they_were(
    top: Path, vault: Path, read: list[GroupTotals], monkeypatch: pytest.MonkeyPatch
) -> None:
    age(vault)
    real = settled_files

    def settled(of: Vault) -> FileFacts | None:
        found = real(of)
        with Index.write(of) as writer:
            with writer.atomic():
                writer.connection.execute("DELETE FROM groups")
            writer.commit()
        return found

    monkeypatch.setattr(use, "settled_files", settled)
    assert vault_status(Vault(vault)).totals.groups == 0
    assert not use._kept


def test_the_figures_are_those_of_now_after_each_change(
    tmp_path: Path, top: Path, vault: Path
) -> None:
    """What stays in memory here is compared with what a fresh process reads."""
    more = make_tree(tmp_path / "more", {"x": "x" * 9000})
    plan = tmp_path / "plan.jsonl"
    (top / "new").write_text("y" * 9000)
    changes = (
        ("scan", top),
        ("scan", more),
        ("scan", top / "a"),
        ("mark", "keep", top / "a" / "x"),
        ("dedupe", "--plan", "-o", plan),
        ("dedupe", "--apply", plan),
        ("dedupe", "--undo"),
        ("scan", top),
        ("roots", "forget", more),
        ("vault", "backup", tmp_path / "copy"),
    )
    seen = []
    for change in changes:
        age(vault)
        before = vault_status(Vault(vault))
        assert vault_status(Vault(vault)).roots == before.roots  # they are in memory by now
        ran = run(*change, vault=vault)
        assert ran.code == 0, (change, ran.err)
        for _ in range(2):
            after = vault_status(Vault(vault)).to_dict()
            assert after == run("status", "--json", vault=vault).json(), change
            age(vault)
        seen.append(after != before.to_dict())
    assert seen.count(True) >= 6, seen

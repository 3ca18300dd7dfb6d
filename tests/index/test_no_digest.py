"""A file without a digest equals nothing."""

from __future__ import annotations

from pathlib import Path

from gorillacomb.index.database import Index
from gorillacomb.index.duplicate_groups import rebuild_groups
from gorillacomb.index.tree_queries import content_batches
from gorillacomb.vault.vault import Vault
from tests.support.run import run
from tests.support.trees import make_tree, scan, settle


def test_files_without_a_digest_are_no_copies_of_each_other(tmp_path: Path, vault: Path) -> None:
    tree = {"one": {"a": "x" * 900, "b": "of one"}, "two": {"a": "y" * 900, "b": "of two"}}
    top = make_tree(tmp_path / "top", tree)  # type: ignore[arg-type]
    settle(top)
    scan(vault, top)
    with Index.write(Vault(vault)) as index:
        with index.atomic():
            # As damage to an index may leave them: read, and of no known content.
            index.connection.execute("UPDATE files SET digest = NULL WHERE size = 900")
            rebuild_groups(index.connection)
        index.commit()
        assert list(index.connection.execute("SELECT * FROM groups")) == []
        assert {files for _, files, _ in content_batches(index.connection, ())} == {1}
    ran = run("dupes", "--json", vault=vault)
    assert ran.json()["groups"] == [], ran
    ran = run("dedupe", "--json", vault=vault)
    assert ran.code == 4, ran  # no plan is made of a damaged index
    unique = run("unique", top / "one", "--json", vault=vault).json()
    assert [Path(each["path"]).name for each in unique["unproven"]] == ["a"]

"""What the public API says of a vault and its roots, and forgetting a root."""

from __future__ import annotations

from pathlib import Path

import pytest

import gorillacomb
from tests.support.run import run
from tests.support.trees import make_tree, settle


@pytest.fixture
def tree(tmp_path: Path, vault: Path) -> Path:
    top = make_tree(tmp_path / "drive", {"a": "a" * 100, "b": "a" * 100, "c": "c"})
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    return top


def test_status_and_roots_are_as_the_commands_report_them(tree: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        assert opened.status().to_dict() == run("status", "--json", vault=vault).json()
        (root,) = opened.roots()
        assert {"roots": [root.to_dict()]} == run("roots", "list", "--json", vault=vault).json()
        assert opened.status().roots == (root,)
    assert (root.path, root.is_online, root.facts.files) == (bytes(tree), True, 3)


@pytest.mark.parametrize("by", ["path", "id"])
def test_a_root_is_forgotten(by: str, tree: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        (root,) = opened.roots()
        forgotten = opened.forget_root(getattr(root, by))
        assert (forgotten.path, forgotten.id, forgotten.files) == (root.path, root.id, 3)
        assert forgotten.to_dict()["forgotten"] == {"path": str(tree), "root": root.id}
        assert opened.roots() == ()
        assert list(opened.duplicates()) == []
        with pytest.raises(gorillacomb.UsageError):
            opened.forget_root(root.path)
    assert (tree / "a").exists()


def test_a_vault_is_checked_and_copied(tree: Path, vault: Path, tmp_path: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        check = opened.check()
        assert check.is_sound and check.entries > 0
        assert check.to_dict() == run("vault", "check", "--json", vault=vault).json()
        backup = opened.back_up(tmp_path / "copy")
        with pytest.raises(gorillacomb.UsageError, match="file exists"):
            opened.back_up(str(tmp_path / "copy"))
    assert backup.to_dict() == {"backup": {"path": str(tmp_path / "copy")}, "bytes": backup.size}
    with gorillacomb.open_vault(tmp_path / "copy") as copy:
        assert copy.check() == check
        assert len(list(copy.duplicates())) == 1

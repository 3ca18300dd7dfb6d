"""An error in a caller's own function stops the work and is raised as it is, with all kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gorillacomb
from tests.support.run import run
from tests.support.trees import Tree, make_tree, settle

TREE: Tree = {"a": {"x": "x" * 5000, "y": "y" * 5000}, "Copy of a": {"x": "x" * 5000}}
Work = Callable[[gorillacomb.OpenVault, Path, Any], object]

# fmt: off
WORKS: dict[str, Work] = {
    "scan": lambda vault, top, fail: vault.scan(top, rehash=True, progress=fail),
    "scan, findings": lambda vault, top, fail: vault.scan(top, on_findings=fail),
    "unique": lambda vault, top, fail: vault.unique(top / "a", progress=fail),
    "compare": lambda vault, top, fail: vault.compare(top.parent / "p", top / "a", progress=fail),
    "plan": lambda vault, top, fail: vault.plan(progress=fail),
    "dry run": lambda vault, top, fail: vault.apply(vault.plan(), progress=fail),
    "apply": lambda vault, top, fail: vault.apply(vault.plan(), dry_run=False, progress=fail),
    "delete": lambda vault, top, fail:
        vault.apply(vault.plan(action="delete"), dry_run=False, confirm=fail),
    "scrub": lambda vault, top, fail: vault.scrub(top, progress=fail),
    "verify": lambda vault, top, fail: vault.trace.verify(progress=fail),
    "create_manifest": lambda vault, top, fail:
        gorillacomb.create_manifest(top, vault=vault, workers=0, progress=fail),
    "verify_manifest": lambda vault, top, fail: gorillacomb.verify_manifest(
        gorillacomb.create_manifest(top, vault=vault), vault=vault, workers=0, progress=fail
    ),
}
# fmt: on


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    made = make_tree(tmp_path / "drive", TREE)
    make_tree(tmp_path / "p", {"x": "x" * 5000})
    settle(made)
    assert run("scan", made, vault=vault).code == 0
    return made


def contents(top: Path) -> dict[str, bytes]:
    return {
        os.path.relpath(each, top): each.read_bytes() for each in top.rglob("?") if each.is_file()
    }


@pytest.mark.parametrize("kind", [ValueError, OSError])
@pytest.mark.parametrize("name", WORKS)
def test_it_is_raised_as_it_is(name: str, kind: type[Exception], top: Path, vault: Path) -> None:
    def fail(*_: object) -> bool:
        raise kind("a fault in the caller's code")

    before = contents(top)
    with gorillacomb.open_vault(vault) as opened:
        with pytest.raises(kind, match="a fault in the caller's code"):
            WORKS[name](opened, top, fail)
        assert contents(top) == before
        assert opened.check().is_sound
        assert not any(event.files for event in opened.history().events)


@pytest.mark.parametrize("kind", [ValueError, OSError])
def test_what_waits_is_neither_put_back_nor_deleted(
    kind: type[Exception], top: Path, vault: Path
) -> None:
    def fail(*_: object) -> bool:
        raise kind("a fault in the caller's code")

    with gorillacomb.open_vault(vault) as opened:
        run_id = opened.apply(opened.plan(), dry_run=False).id
        with pytest.raises(kind, match="a fault"):
            opened.undo(run_id, progress=fail)
        with pytest.raises(kind, match="a fault"):
            opened.purge(confirm=fail)
        with pytest.raises(kind, match="a fault"):
            opened.purge(confirm=True, progress=fail)
        assert opened.undo().files == 1
    assert contents(top)["Copy of a/x"] == b"x" * 5000

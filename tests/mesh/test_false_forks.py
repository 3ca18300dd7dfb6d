"""A fork alarm stops a trace for good, so nothing else than a fork may raise it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.open import open_trace_for_reading
from tests.mesh.logs import signing_key
from tests.mesh.stand_in import StandIn, standing_in
from tests.support.run import run
from tests.support.trees import make_tree, settle


@pytest.fixture
def tree(tmp_path: Path, vault: Path) -> Path:
    """A tree, scanned."""
    tree = make_tree(tmp_path / "tree", {f"f{number}": str(number) for number in range(40)})
    settle(tree)
    assert run("scan", tree, vault=vault).code == 0
    return tree


def grow(tree: Path, vault: Path, name: str) -> None:
    (tree / name).write_text(name)
    assert run("scan", tree, vault=vault).code == 0


def test_a_copy_of_the_vault_that_is_behind(tmp_path: Path, tree: Path, vault: Path) -> None:
    """A backup that someone looks at: it is older, and nobody signed anything else."""
    with standing_in(StandIn("alpha")) as alpha:
        assert run("mesh", "add", *alpha.options, vault=vault).code == 0
        assert run("mesh", "sync", vault=vault).code == 0
        old = tmp_path / "old"
        shutil.copytree(vault, old)
        grow(tree, vault, "new")
        assert run("mesh", "sync", vault=vault).code == 0
        ran = run("mesh", "sync", vault=old)
        assert (ran.code, "rolled back" in ran.err) == (4, True), ran.out + ran.err
    assert run("mesh", "list", "--json", vault=vault).json()["forks"] == []
    grow(tree, vault, "newer")


def test_a_damaged_trace(tree: Path, vault: Path) -> None:
    """What the disk lost is no fork: both checkpoints are of one log."""
    with standing_in(StandIn("alpha")) as alpha:
        assert run("mesh", "add", *alpha.options, vault=vault).code == 0
        for name in ("more", "still more"):
            assert run("mesh", "sync", vault=vault).code == 0
            for number in range(20):
                (tree / f"{name}{number}").write_text(f"{name}{number}")
            grow(tree, vault, name)
        kept = vault.with_name("kept")
        shutil.copytree(vault, kept)
        with closing(sqlite3.connect(vault / "trace.db")) as trace, trace:
            trace.execute("UPDATE subtrees SET hash = zeroblob(32) WHERE level = 3")
        ran = run("mesh", "sync", "--json", vault=vault)
        assert ran.code == 4, ran.out + ran.err
    assert run("mesh", "list", "--json", vault=vault).json()["forks"] == []
    shutil.rmtree(vault)
    shutil.copytree(kept, vault)
    grow(tree, vault, "restored")


def test_a_log_under_our_name(tree: Path, vault: Path) -> None:
    """A node says that its log has our origin, and shows two trees that its own key signed."""
    with open_trace_for_reading(Vault(vault)) as ledger:
        origin = ledger.origin
    key = signing_key("theirs")
    with ExitStack() as stack:
        nodes = [stack.enter_context(standing_in(StandIn(name))) for name in ("alpha", "beta")]
        for number, node in enumerate(nodes):
            node.held[origin] = Checkpoint(origin, 5, bytes([number]) * 32).signed([key])
        vkey = f"--log-vkey={VerifierKey(origin, key.public)}"
        refused = run("mesh", "add", *nodes[0].options, vkey, vault=vault)
        other = vault.with_name("other")
        assert run("scan", tree, vault=other).code == 0
        for node in nodes:
            run("mesh", "add", *node.options, vkey, vault=other)
        run("mesh", "check", vault=other)
    assert run("mesh", "list", "--json", vault=vault).json()["forks"] == []
    grow(tree, vault, "new")
    assert (refused.code, "the log of this vault" in " ".join(refused.err.split())) == (2, True), (
        refused.out + refused.err
    )

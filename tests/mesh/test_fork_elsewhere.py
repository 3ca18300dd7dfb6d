"""A trace that is restored and goes on otherwise: another node finds it, and so does its owner."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.mesh.nodes import Node, running

_STATE = ".local/state/gorillacomb/anchors"


def keep(node: Node, place: Path) -> None:
    """Copy trace, index and anchors."""
    shutil.copytree(node.vault, place / "vault")
    shutil.copytree(node.home / _STATE, place / "anchors")


def restore(node: Node, place: Path) -> None:
    """Put them back."""
    for each in node.vault.glob("*.db*"):
        each.unlink()
    for each in (place / "vault").glob("*.db*"):
        shutil.copy(each, node.vault)
    shutil.rmtree(node.home / _STATE)
    shutil.copytree(place / "anchors", node.home / _STATE)


def grow(node: Node, name: str) -> None:
    node.grow(name)
    assert node.run("scan", node.tree).code == 0


@pytest.mark.parametrize(("more", "state"), [(1, "forked"), (3, "unproven")])
def test_a_fork_that_two_witnesses_saw_half_of(tmp_path: Path, more: int, state: str) -> None:
    """Of one size, and of different sizes."""
    with running(3) as (owner, left, right):
        assert owner.run("mesh", "sync").code == 0
        keep(owner, tmp_path / "kept")
        grow(owner, "left")
        assert owner.run("mesh", "sync", left.name).code == 0
        restore(owner, tmp_path / "kept")
        (owner.tree / "left").unlink()
        for number in range(more):
            grow(owner, f"right{number}")
        assert owner.run("mesh", "sync", right.name).code == 0

        log = owner.run("keys", "show").out.split("+")[0]
        for node in (right, left):
            ran = node.run("mesh", "check", "--json")
            (found,) = (each for each in ran.json()["logs"] if each["origin"] == log)
            assert (ran.code, found["state"]) == (1, state), found
            assert bool(node.asked("mesh", "list")["forks"]) == (state == "forked")
        grow(left, "their own traces go on")

        ran = owner.run("mesh", "sync", "--json")
        states = {each["node"]: each["state"] for each in ran.json()["nodes"]}
        assert (ran.code, states[left.name]) == (1, "forked")
        (fork,) = owner.asked("mesh", "list")["forks"]
        assert fork["source"] == left.name
        owner.grow("refused")
        assert owner.run("scan", owner.tree).code == 4
        assert owner.run("trace", "adopt").code == 0
        assert owner.run("scan", owner.tree).code == 0

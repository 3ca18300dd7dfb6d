"""The public API: what a Python program, or a type checker, sees of it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import gorillacomb
from tests.support.run import REPOSITORY, environment, run
from tests.support.trees import make_tree


@pytest.fixture
def scanned(tmp_path: Path, vault: Path) -> Path:
    """Two folders, one of which has a file of its own."""
    top = make_tree(
        tmp_path / "drive",
        {"new": {"a": "a" * 100, "b": "b" * 100}, "old": {"a": "a" * 100, "own": "c" * 100}},
    )
    assert run("scan", top, vault=vault).code == 0
    return top


def test_every_public_name_can_be_imported() -> None:
    for name in gorillacomb.__all__:
        assert getattr(gorillacomb, name) is not None
    assert set(gorillacomb._PLACES) == set(gorillacomb.__all__) - {"__version__"}
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = gorillacomb.nothing


def test_the_package_imports_nothing_before_it_is_used() -> None:
    script = "import gorillacomb, sys; print([n for n in sys.modules if n.startswith('gorillac')])"
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment(), "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "['gorillacomb']\n"


def test_every_error_is_exported() -> None:
    errors = importlib.import_module("gorillacomb.errors")
    named = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.GorillaCombError)
    }
    assert named <= set(gorillacomb.__all__)


@pytest.mark.parametrize("kind", [str, bytes, Path])
def test_a_path_is_taken_in_each_form(kind: type, scanned: Path, vault: Path) -> None:
    path = str(scanned / "old")
    with gorillacomb.open_vault(vault) as opened:
        assert opened.path == vault
        result = opened.unique(path.encode() if kind is bytes else kind(path))
    assert [each.path for each in result.unique] == [str(scanned / "old/own").encode()]
    assert not result.is_covered
    assert result.to_dict() == run("unique", path, "--json", vault=vault).json()

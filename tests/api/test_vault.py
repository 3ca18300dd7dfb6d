"""The public API: what a Python program, or a type checker, sees of it."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gorillacomb
from tests.support.run import REPOSITORY, environment, run
from tests.support.trees import make_tree, settle


@pytest.fixture
def scanned(tmp_path: Path, vault: Path) -> Path:
    """Two folders, one of which has a file of its own."""
    top = make_tree(
        tmp_path / "drive",
        {"new": {"a": "a" * 100, "b": "b" * 100}, "old": {"a": "a" * 100, "own": "c" * 100}},
    )
    settle(top)
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


def imported_names(module: str) -> dict[str, Any]:
    """Everything that a module imports from the package, for type checkers alone too."""
    return {
        alias.name: getattr(importlib.import_module(node.module), alias.name)
        for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module])))
        if isinstance(node, ast.ImportFrom)
        and node.module
        and node.module.startswith("gorillacomb.")
        for alias in node.names
    }


def types_in(hint: Any) -> Iterator[type]:
    """Yield the package's own types in an annotation."""
    for inner in typing.get_args(hint):
        yield from types_in(inner)
    if isinstance(hint, type) and hint.__module__.startswith("gorillacomb."):
        yield hint


def returned_types(kind: type) -> Iterator[type]:
    """Yield the package's own types that the public methods and properties of a class return."""
    for owner in kind.__mro__:
        for name, member in vars(owner).items():
            wrapped: Any = member.fget if isinstance(member, property) else member
            function = inspect.unwrap(wrapped)
            if not name.startswith("_") and inspect.isfunction(function):
                names = imported_names(function.__module__)
                yield from types_in(typing.get_type_hints(function, localns=names)["return"])


def test_every_type_that_is_returned_is_public() -> None:
    found = {*returned_types(gorillacomb.OpenVault), *returned_types(gorillacomb.VaultTrace)}
    assert len(found) > 20
    public = {getattr(gorillacomb, name) for name in gorillacomb.__all__}
    assert {each.__name__ for each in found - public} == set()


@pytest.mark.parametrize("kind", [str, bytes, Path])
def test_a_path_is_taken_in_each_form(kind: type, scanned: Path, vault: Path) -> None:
    path = str(scanned / "old")
    with gorillacomb.open_vault(vault) as opened:
        assert opened.path == vault
        result = opened.unique(path.encode() if kind is bytes else kind(path))
    assert [each.path for each in result.unique] == [str(scanned / "old/own").encode()]
    assert not result.is_covered
    assert result.to_dict() == run("unique", path, "--json", vault=vault).json()

"""The public API as a type checker and a reader of its help see it."""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gorillacomb
from tests.support.run import REPOSITORY, environment

CONSUMER = Path(__file__).with_name("consumer.py")
CLASSES = {
    name: value
    for name in gorillacomb.__all__
    if isinstance(value := getattr(gorillacomb, name), type)
}
RESULTS: dict[str, Any] = {
    name: kind for name, kind in CLASSES.items() if dataclasses.is_dataclass(kind)
}
MAKERS = {"of", "read"}
"""Class methods by which the package makes results: they are not for programs."""
FRONT = (gorillacomb.OpenVault, gorillacomb.VaultTrace)
INNER = {
    *("AuditReport", "Departure", "FolderFamily", "FolderRelation", "FolderTotals", "IndexedFile"),
    *(
        "KeptPlace",
        "LargestGroup",
        "MachineMadeFolders",
        "Manifest",
        "OmittedEntry",
        "Plan",
        "RecordedRun",
    ),
    *("RemovalPair", "Root", "ScanReport", "Settings", "UniqueReport", "AnySigningKey"),
}
"""Classes of what results show in more detail, which semantic versioning does not cover."""
LITERALS = {
    *("CheckpointStatus", "ExportFormat", "KeyKind", "Lack", "RolledUpKind", "SignatureState"),
    *("SpecialKind", "TrialResult"),
}
BUILT_IN = {"Mapping", "Sequence", "Path", "None"}


def mypy(program: Path, cache: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Check a program as its author does, who has the package installed, with no settings."""
    words = [sys.executable, "-m", "mypy", "--config-file", os.devnull, "--cache-dir", str(cache)]
    return subprocess.run(
        [*words, "--strict", *options, str(program)],
        env=environment(),  # it has the package on PYTHONPATH, which mypy treats as installed
        cwd=cache,
        capture_output=True,
        text=True,
    )


@pytest.mark.linux("a compiled mypy does not start on the made-up Mac")
def test_a_consumer_is_checked_strictly_and_meets_no_any(tmp_path: Path) -> None:
    good = mypy(CONSUMER, tmp_path, "--disallow-any-expr")
    assert good.returncode == 0, good.stdout + good.stderr
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import gorillacomb\ngorillacomb.open_vault().scan(1).to_dict()['nothing']\n")
    found = mypy(wrong, tmp_path)
    assert "[arg-type]" in found.stdout
    assert "[typeddict-item]" in found.stdout
    assert found.returncode == 1


def test_the_consumer_uses_every_name_and_attribute() -> None:
    tree = ast.parse(CONSUMER.read_text())
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert [name for name in gorillacomb.__all__ if name not in used] == []
    missing = {
        f"{name}.{attribute}"
        for name, kind in CLASSES.items()
        if not issubclass(kind, enum.Enum | tuple)
        for attribute in public_attributes(kind)
        if attribute not in used
    }
    assert missing == set()


def public_attributes(kind: type) -> Iterator[str]:
    """The methods, properties and fields of a class that are ours and public."""
    inherited = set(dir(Exception)) if issubclass(kind, Exception) else set()
    fields = [each.name for each in dataclasses.fields(kind)] if kind in RESULTS.values() else []
    for name in {*dir(kind), *fields} - inherited - MAKERS:
        if not name.startswith("_"):
            yield name


def test_all_of_it_is_documented() -> None:
    for name in gorillacomb.__all__:
        if name != "__version__":
            assert getattr(gorillacomb, name).__doc__, name
    for name, kind in CLASSES.items():
        assert not kind.__doc__ or not kind.__doc__.startswith(f"{name}("), "made by dataclass"
        for attribute in () if issubclass(kind, tuple) else public_attributes(kind):
            value = inspect.getattr_static(kind, attribute)
            if callable(value) or isinstance(value, property):
                assert inspect.getdoc(value), f"{name}.{attribute}"


def test_what_may_fail_says_what_it_raises() -> None:
    functions: dict[str, Any] = {
        f"{kind.__name__}.{name}": value
        for kind in FRONT
        for name in public_attributes(kind)
        if callable(value := inspect.getattr_static(kind, name))
    }
    for name in gorillacomb.__all__:
        if inspect.isfunction(value := getattr(gorillacomb, name)):
            functions[name] = value
    assert len(functions) > 30
    silent = [name for name, value in functions.items() if "Raises" not in value.__doc__]
    assert silent == []
    known = {name for name, kind in CLASSES.items() if issubclass(kind, Exception)}
    for name, value in functions.items():
        for sentence in re.findall(r"Raises\s(.*)", value.__doc__, re.DOTALL):
            named = re.findall(r"\b[A-Z][a-z]+[A-Z]\w+|\bInterrupted", sentence)
            assert set(named) - {"KeyboardInterrupt"} <= known, name


def test_results_are_frozen() -> None:
    assert len(RESULTS) > 45
    for name, kind in RESULTS.items():
        assert kind.__dataclass_params__.frozen, name


@pytest.mark.parametrize("name", RESULTS)
def test_results_hold_public_values(name: str) -> None:
    """Or those that are known to be no part of the public API."""
    for field in dataclasses.fields(RESULTS[name]):
        if not field.name.startswith("_"):
            named = set(re.findall(r"\b[A-Z]\w+", str(field.type)))
            assert named <= {*CLASSES, *INNER, *LITERALS, *BUILT_IN}, field.name


def test_help_shows_what_is_public() -> None:
    script = "import gorillacomb; help(gorillacomb)"
    words = [sys.executable, "-c", script]
    ran = subprocess.run(
        words, env=environment(PAGER="cat"), cwd=REPOSITORY, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert "open_vault" in ran.stdout

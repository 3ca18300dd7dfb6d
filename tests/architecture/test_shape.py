"""The package stays findable: modules and functions of a size, folders of a size, one name once."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.architecture.layers import sources
from tests.support.run import REPOSITORY

PACKAGE = REPOSITORY / "gorillacomb"
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60
MOST_MODULES = 18
LONGER: dict[str, str] = {}
"""Modules and functions (``path`` or ``path:name``) that may be longer, and why."""


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_modules_and_functions_are_short() -> None:
    found = []
    for path, text in sources(PACKAGE).items():
        if text.count("\n") > MOST_LINES:
            found.append(path)
        for each in functions(ast.parse(text)):
            assert each.end_lineno is not None
            if each.end_lineno - each.lineno >= MOST_LINES_OF_A_FUNCTION:
                found.append(f"{path}:{each.name}")
    assert sorted(found) == sorted(LONGER)


def test_folders_are_small() -> None:
    modules = Counter(
        path.rpartition("/")[0] for path in sources(PACKAGE) if not path.endswith("__init__.py")
    )
    assert {folder for folder, count in modules.items() if count > MOST_MODULES} == set()


def test_a_class_name_has_one_meaning() -> None:
    where: dict[str, list[str]] = defaultdict(list)
    for path, text in sources(PACKAGE).items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef):
                where[node.name.lstrip("_")].append(path)
    assert {name: paths for name, paths in where.items() if len(paths) > 1} == {}

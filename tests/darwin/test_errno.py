"""ENOTSUP and EOPNOTSUPP are one number on Linux and two on macOS: a check names both."""

from __future__ import annotations

import ast

from tests.architecture.layers import sources
from tests.support.run import REPOSITORY

PAIR = {"ENOTSUP", "EOPNOTSUPP"}


def lonely(path: str, text: str) -> list[str]:
    """Where one of them is in a set, a tuple or a comparison without the other."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Set | ast.Tuple | ast.List | ast.Compare):
            continue
        named = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)} & PAIR
        if len(named) == 1:
            found.append(f"{path}:{node.lineno}")
    return found


def test_no_check_knows_only_one() -> None:
    modules = sources(REPOSITORY / "gorillacomb")
    assert [each for path, text in modules.items() for each in lonely(path, text)] == []


def test_a_lonely_one_is_found() -> None:
    assert lonely("x", "if e.errno == errno.ENOTSUP: pass") == ["x:1"]
    assert lonely("x", "A = {errno.EPERM, errno.EOPNOTSUPP}") == ["x:1"]
    assert lonely("x", "A = errno.ENOTSUP, errno.EOPNOTSUPP") == []

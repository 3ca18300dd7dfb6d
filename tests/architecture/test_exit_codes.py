"""Exit codes have names: no command ends with a bare number."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from gorillacomb.errors import ExitCode
from tests.architecture.layers import sources
from tests.support.run import REPOSITORY

PACKAGE = REPOSITORY / "gorillacomb"
ENDS = {"exit", "sys.exit", "os._exit", "ctx.exit", "SystemExit", "click.exceptions.Exit"}
"""Calls that end the program, or a command."""
ALONE = {"code", "exit_code"}
"""Names of what holds an exit code."""


def bare_codes(path: str, text: str) -> list[str]:
    """The places in a module where a number is written that is an exit code."""
    return sorted(f"{path}:{each.lineno}" for each in _bare_codes(path, ast.parse(text)))


def _bare_codes(path: str, tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and path.startswith("cli/"):
            yield from _numbers(node.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(ast.unparse(each).rpartition(".")[2] in ALONE for each in targets):
                yield from _numbers(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ENDS:
            for argument in node.args:
                yield from _numbers(argument)


def _numbers(value: ast.expr | None) -> Iterator[ast.expr]:
    """The numbers that an expression may come to."""
    if isinstance(value, ast.IfExp):
        yield from _numbers(value.body)
        yield from _numbers(value.orelse)
    elif isinstance(value, ast.BoolOp):
        for each in value.values:
            yield from _numbers(each)
    elif isinstance(value, ast.Call) and ast.unparse(value.func) == "int":
        for each in value.args:
            yield from _numbers(each)
    elif isinstance(value, ast.Constant) and type(value.value) is int:
        yield value


def test_no_exit_code_is_a_bare_number() -> None:
    modules = sources(PACKAGE)
    assert [each for path, text in modules.items() for each in bare_codes(path, text)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("cli/a.py", "def command():\n    return 3"),
        ("cli/a.py", "def command():\n    return 5 if skipped else DONE"),
        ("cli/a.py", "def command():\n    return int(error.code or 0)"),
        ("scan/a.py", "class Lost(GorillaCombError):\n    exit_code = 4"),
        ("scan/a.py", "class Lost(GorillaCombError):\n    exit_code: int = 4"),
        ("cli/a.py", "code = 1 if failed else DONE"),
        ("watch/a.py", "os._exit(130)"),
        ("watch/a.py", "raise SystemExit(2)"),
    ],
)
def test_what_is_found(path: str, text: str) -> None:
    assert len(bare_codes(path, text)) == 1


def test_what_is_none() -> None:
    assert bare_codes("cli/a.py", "def f():\n    return f'{1}'\n\ndef g():\n    return x[0]") == []
    assert bare_codes("fs/a.py", "def f():\n    return 0") == []


def test_the_codes_are_what_scripts_rely_on() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "FOUND": 1,
        "USAGE": 2,
        "INCOMPLETE": 3,
        "VAULT": 4,
        "REFUSED": 5,
        "INTERRUPTED": 130,
    }


def test_a_finding_outranks_a_gap() -> None:
    codes = [
        ExitCode.of_check(found=found, incomplete=incomplete)
        for found in (False, True)
        for incomplete in (False, True)
    ]
    assert codes == [0, 3, 1, 1]

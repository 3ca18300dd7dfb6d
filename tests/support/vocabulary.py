"""Checks the words of what users read: ``python -m tests.support.vocabulary`` names each one.

The list is ``vocabulary.txt`` beside this module. With ``--messages`` the texts in the code itself
are checked, too.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from gorillacomb.cli.main import COMMANDS, cli
from gorillacomb.cli.output.reference import all_commands

_LIST = Path(__file__).with_suffix(".txt")
_REPOSITORY = Path(__file__).parents[2]
_CODE = re.compile(r"^```.*?^```$|`[^`\n]*`|^<!-- capture -->.*?^<!-- /capture -->", re.M | re.S)


def vocabulary() -> list[tuple[re.Pattern[str], str]]:
    """The words of the list, each with what to write instead."""
    found = []
    for line in _LIST.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern, _, plain = line.partition(" -> ")
            found.append((re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), plain))
    return found


def texts() -> Iterator[tuple[str, str]]:
    """What users read, each with where it is."""
    for path in (_REPOSITORY / "README.md", *sorted(_REPOSITORY.glob("gorillacomb/docs/**/*.md"))):
        yield path.relative_to(_REPOSITORY).as_posix(), path.read_text("utf-8")
    for name, line in COMMANDS.items():
        yield f"COMMANDS[{name!r}]", line
    for words, command, context in all_commands(cli, click.Context(cli, info_name="gorillacomb")):
        yield f"gorillacomb {words} --help", command.get_help(context)


def messages() -> Iterator[tuple[str, str]]:
    """The texts in the code, but for docstrings, each with where it is."""
    for path in sorted((_REPOSITORY / "gorillacomb").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        where = path.relative_to(_REPOSITORY).as_posix()
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            if " " in node.value and id(node) not in alone and "CREATE" not in node.value:
                yield f"{where}:{node.lineno}", node.value


def findings(where: str, text: str) -> Iterator[str]:
    """Each word of a text that is in the list, with its line and what to write instead."""
    plain = _CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for pattern, instead in vocabulary():
        for match in pattern.finditer(plain):
            line = plain.count("\n", 0, match.start()) + 1
            yield f"{where}:{line}: {' '.join(match[0].split())!r}: write {instead}"


def main() -> int:
    """Print what is found; fail where anything is."""
    read = [*texts(), *(messages() if "--messages" in sys.argv else ())]
    found = [each for where, text in read for each in findings(where, text)]
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())

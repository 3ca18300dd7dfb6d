"""Check the words of docs, help and code: ``python -m tests.support.vocabulary`` names each one.

The list is ``vocabulary.txt`` beside this module. It is applied to the docs, the README and the
help texts, and to the docstrings, comments and messages of the rooms in `CLEAN`. With
``--messages`` the messages of all rooms are checked, too.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import click

from gorillacomb.cli.main import COMMANDS, cli
from gorillacomb.cli.output.reference import all_commands

CLEAN = (
    *("fs", "workers", "vault", "classify", "index", "canonical", "folders", "unique"),
    *("scan", "vaultmesh", "stamping", "manifest", "watch", "dedupe", "api", "cli"),
    *("model.py", "errors.py", "hashing.py", "json_paths.py", "sqlite.py", "clock.py"),
    "progress.py",
)
"""Rooms and modules whose docstrings, comments and messages are plain; add each one once it is."""

RECORDED = frozenset(
    {
        "another file took its place meanwhile",
        " files are not there any more",
        "holds more or less than its file system tells: nobody sees when it changes",
        " went away while it was read",
        "is not there any more",
        "its folder .gorillacomb is not there any more",
        "no changes are told of, all is polled: ",
        "the machine was started anew since its last pulse",
        "was replaced meanwhile",
        "lies on the same blocks as its copy: there is one copy of it on the disk",
        "on a file system that does not tell where files lie",
        "only Linux tells where files lie",
        ", was set aside by run ",
        ", which goes too",
        ", which is not there any more",
        "came meanwhile",
        "changed meanwhile",
        "is an empty folder that stands only here",
        "is back, but for what had been deleted already: that stands in ",
        "is no ",
        "is no copy that was being written; what it is, nobody knows",
        "is no file there",
        "is part of an album, of which others would stay",
        "may be in use: nobody can tell here whether a program has it open for writing. It can be"
        " deleted 24 h after it was set aside",
        "set aside, but not deleted: ",
        "something else stands there now",
        "stands in ",
        "stands in another folder than what it belongs to",
        "stands only here",
        "waits, since nobody can tell whether a program has it open: --empty-quarantine deletes it",
        "was repaired, and its good content stands nowhere any more",
        "was set aside at a time to come (",
        "was set aside since by run ",
        "was set aside, and then deleted for good; its copy",
        "was to stay, and changed meanwhile",
        "was to stay, and is not there any more",
        "was to stay, and stands ",
        "was written to since it was set aside",
        "went meanwhile",
    }
)
"""Causes in indexes, journals, manifests and pulses, which therefore never change."""

_NO_VERB = re.compile(r"(Whether|The|An?|How|What|Which|Where|All|Every|Each|Some|One|Its?)\b")
_SQL = re.compile(r"\b(CREATE|SELECT|INSERT|UPDATE|DELETE|FROM) ")
_LIST = Path(__file__).with_suffix(".txt")
_REPOSITORY = Path(__file__).parents[2]
_CODE = re.compile(
    r"^```.*?^```$|``[^`]+``|`[^`\n]*`|^<!-- capture -->.*?^<!-- /capture -->", re.M | re.S
)


@cache
def vocabulary(code: bool = False) -> list[tuple[re.Pattern[str], str]]:
    """Return the words of the list, with what to write instead; ``code`` adds those for code."""
    found = []
    anywhere, _, in_code = _LIST.read_text("utf-8").partition("# In the code only")
    for line in (anywhere + in_code.partition("\n")[2] if code else anywhere).splitlines():
        if line and not line.startswith("#"):
            pattern, _, plain = line.partition(" -> ")
            found.append((re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), plain))
    return found


def texts() -> Iterator[tuple[str, str]]:
    """Yield what users read, each with where it is."""
    for path in (_REPOSITORY / "README.md", *sorted(_REPOSITORY.glob("gorillacomb/docs/**/*.md"))):
        yield path.relative_to(_REPOSITORY).as_posix(), path.read_text("utf-8")
    for name, (_, line) in COMMANDS.items():
        yield f"COMMANDS[{name!r}]", line
    for words, command, context in all_commands(cli, click.Context(cli, info_name="gorillacomb")):
        yield f"gorillacomb {words} --help", command.get_help(context)


def prose() -> Iterator[tuple[str, str]]:
    """Yield the docstrings, comments and messages of the rooms in `CLEAN`, with their place."""
    for path in _sources(*CLEAN):
        yield from _docstrings(path)
        yield from _comments(path)
        yield from _messages(path)


def messages() -> Iterator[tuple[str, str]]:
    """Yield the messages in the whole package, each with where it is."""
    for path in _sources(""):
        yield from _messages(path)


def _sources(*rooms: str) -> list[Path]:
    places = [_REPOSITORY / "gorillacomb" / room for room in rooms]
    return [path for place in places for path in sorted(place.rglob("*.py") or [place])]


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _docstrings(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(_parsed(path)):
        if (text := _docstring(node)) is not None:
            assert isinstance(node, ast.Expr)
            yield _place(path, node.lineno), text


def _docstring(node: ast.AST) -> str | None:
    """Return the text of a string that stands alone, as docstrings of all kinds do."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return node.value.value if isinstance(node.value.value, str) else None
    return None


def _comments(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the comments of a module; those on lines in a row are one."""
    lines: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        if token.type != tokenize.COMMENT:
            continue
        at = token.start[0]
        if lines and at != last + 1:
            yield _place(path, first), "\n".join(lines)
            lines = []
        first = first if lines else at
        lines.append(token.string.removeprefix("#"))
        last = at
    if lines:
        yield _place(path, first), "\n".join(lines)


def _messages(path: Path) -> Iterator[tuple[str, str]]:
    tree = _parsed(path)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if " " in node.value and id(node) not in alone and not _SQL.search(node.value):
            yield _place(path, node.lineno), node.value


def _place(path: Path, line: int) -> str:
    return f"{path.relative_to(_REPOSITORY).as_posix()}:{line}"


def findings(where: str, text: str, code: bool = False) -> Iterator[str]:
    """Yield each word of a text that is in the list, with its line and what to write instead."""
    return findings_in([(where, text)], code)


def findings_in(read: Iterable[tuple[str, str]], code: bool = False) -> Iterator[str]:
    """Yield the findings of many texts; a word that is in none of them is searched for once."""
    plain = [
        (where, _CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text))
        for where, text in read
        if text not in RECORDED
    ]
    whole = "\n\n".join(text for _, text in plain)
    words = [each for each in vocabulary(code) if each[0].search(whole)]
    for where, text in plain:
        yield from _findings(where, text, words)


def _findings(
    where: str, plain: str, words: Sequence[tuple[re.Pattern[str], str]]
) -> Iterator[str]:
    for pattern, instead in words:
        for match in pattern.finditer(plain):
            line = plain.count("\n", 0, match.start()) + 1
            yield f"{where}:{line}: {' '.join(match[0].split())!r}: write {instead}"


def without_verb() -> Iterator[str]:
    """Yield where a function's docstring in the rooms of `CLEAN` does not begin with a verb."""
    for path in _sources(*CLEAN):
        for node in ast.walk(_parsed(path)):
            if isinstance(node, ast.FunctionDef) and not _is_property(node):
                match = _NO_VERB.match(ast.get_docstring(node) or "")
                if match:
                    yield f"{_place(path, node.lineno)}: {match[0]!r}: begin with a verb"


def _is_property(function: ast.FunctionDef) -> bool:
    return any("property" in ast.unparse(each) for each in function.decorator_list)


def main() -> int:
    """Print the findings; fail if there are any."""
    read = [*texts(), *(messages() if "--messages" in sys.argv else ())]
    found = [*findings_in(read), *findings_in(prose(), code=True)]
    found += without_verb()
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())

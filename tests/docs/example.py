"""The home in which the examples of the documentation run, and the examples themselves."""

from __future__ import annotations

import ast
import os
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.docs.typed import CLIENT
from tests.support.run import REPOSITORY
from tests.support.trees import Tree, make_tree

DOCS = REPOSITORY / "gorillacomb/docs"
README = REPOSITORY / "README.md"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MAIL = "#!/bin/sh\ncat >/dev/null\n"


def album(*names: str) -> Tree:
    return {f"{name}.jpg": name * 3000 for name in names}


PHOTOS = album(*(f"Lisbon 00{number}" for number in range(1, 8)))
PROJECT: Tree = {
    "package.json": '{"name": "healthtrack", "version": "1.0.0"}',
    "src": {"app.js": "app();\n" * 400, "chart.js": "chart();\n" * 300},
    "server": {"index.js": "serve();\n" * 500},
}
DRIVE: Tree = {
    "Projects": {"HealthTrack": PROJECT},
    "Backup 2022": {
        "HealthTrack": {name: PROJECT[name] for name in ("package.json", "src")},
        "HealthTrack-old": {**PROJECT, "NOTES.txt": "do not delete\n" * 20},
    },
    "Photos": {"Lisbon 2019": PHOTOS},
    "Downloads": {"Lisbon": PHOTOS, "talk.mov": "frames" * 9000, "ticket.pdf": "ticket" * 500},
    "Movies": {"talk.mov": "frames" * 9000},
    "Documents": {"report.pdf": "report" * 900, "report (1).pdf": "report" * 900},
}
MEDIA: Tree = {
    "Backup": {"album": album("beach", "cliffs", "harbour", "lighthouse", "tram")},
    "Photos": {"2019": album("beach", "cliffs", "harbour", "lighthouse", "tram")},
}


@dataclass(frozen=True)
class Block:
    """A block of code in a page."""

    page: str
    line: int
    language: str
    text: str


def pages() -> dict[str, str]:
    """The text of every page, by its name."""
    found = {path.relative_to(DOCS).as_posix(): path.read_text() for path in DOCS.rglob("*.md")}
    return {"README.md": README.read_text(), **dict(sorted(found.items()))}


def blocks(page: str, text: str) -> Iterator[Block]:
    """The fenced blocks of a page."""
    for match in _FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[1], match[2])


def make_home(home: Path, address: Path) -> dict[str, str]:
    """Make the home of the examples; returns the environment to run them in.

    ``address`` is where a `Typist` listens.
    """
    make_tree(home / "Drive", DRIVE)
    make_tree(home / "media/drive", MEDIA)
    work, binaries = home / "work", home / "bin"
    work.mkdir()
    for name, script in (
        ("gorillacomb", CLIENT.format(python=sys.executable, address=str(address))),
        ("python3", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'),
        ("mail", _MAIL),
    ):
        program = binaries / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(script)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("XDG_")},
        "HOME": str(home),
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "GORILLACOMB_VAULT": str(home / "vault"),
    }


def imported_by(script: str) -> set[str]:
    """The packages that a script of the documentation imports."""
    found = set()
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found

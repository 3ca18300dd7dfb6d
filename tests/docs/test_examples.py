"""Every block of code in the documentation and the README does what a reader expects of it."""

from __future__ import annotations

import re
import subprocess
import tempfile
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import gorillacomb
from gorillacomb.vault.settings import load_settings
from tests.docs.example import Block, blocks, make_home, pages
from tests.docs.typed import Typist

PAGES = pages()
BLOCKS = [block for page, text in PAGES.items() for block in blocks(page, text)]
ELSEWHERE = {"make demo", "make test", "pipx install .", "pip install 'gorillacomb[web]'"}
"""Commands that run in `.ci/run` and in `tests/setup`."""
BEFORE = {
    "quarantine.md": """
        gorillacomb scan /media/drive
        gorillacomb dedupe --plan -o before.jsonl
        gorillacomb dedupe --apply before.jsonl
        rm -r ~/vault ~/.local ~/.config
    """,
    **dict.fromkeys(
        ("README.md", "unique.md", "folders.md", "dedupe.md", "canonical.md", "config.md"),
        "gorillacomb scan ~/Drive",
    ),
    **dict.fromkeys(
        ("vault.md", "trace.md", "scrub.md", "json.md", "exit-codes.md", "upgrading.md"),
        "gorillacomb scan ~/Drive",
    ),
    **dict.fromkeys(
        ("marks.md", "rules.md", "serve.md", "api.md", "tokens.md", "mesh.md"),
        "gorillacomb scan ~/Drive",
    ),
    "scroll.md": """
        gorillacomb scan ~/Drive
        gorillacomb manifest ~/Drive/Projects/HealthTrack -o manifest.json
    """,
    "collapse.md": """
        for name in README.md LICENSE Makefile; do
            echo "$name" >~/Drive/Projects/HealthTrack/$name
            cp ~/Drive/Projects/HealthTrack/$name ~/Drive/Backup*/HealthTrack-old
        done
        gorillacomb scan ~/Drive
    """,
}
"""What a reader of a page has done before."""
AFTER = {
    "scroll.md": ["work/app.tlog-proof", "work/rsa.sig"],
    "quarantine.md": ["media/drive/Backup/album/beach.jpg"],
    "collapse.md": ["Drive/Backup 2022/HealthTrack-old/NOTES.txt"],
}
"""What exists in the end, that did not after what was done before."""
WHEN = re.compile(r"^\S+ \S+ \S+ \S+ \S+ +", re.MULTILINE)


def words_of(line: str) -> str:
    """A line of shell without its comment."""
    return line.partition("  #")[0].strip()


def script_of(page: str) -> str:
    """The commands of a page, one after the other."""
    parts = [BEFORE.get(page, "")]
    for block in BLOCKS:
        if block.page == page and block.language == "sh":
            parts += [line for line in block.text.splitlines() if words_of(line) not in ELSEWHERE]
        elif block.page == page and block.language == "crontab":
            parts.append(WHEN.sub("", block.text))
    return "\n".join(parts)


@pytest.fixture
def typist() -> Iterator[tuple[Typist, Path]]:
    """Someone who types commands, with an address that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="typist") as folder:
        address = Path(folder, "socket")
        made = Typist(address)
        yield made, address
        made.close()


@pytest.mark.parametrize("page", [page for page in PAGES if script_of(page).strip()])
def test_commands(page: str, tmp_path: Path, typist: tuple[Typist, Path]) -> None:
    someone, address = typist
    home = tmp_path / "home"
    env = make_home(home, address)
    script = script_of(page).replace("/tmp/", f"{home}/").replace("/media/", f"{home}/media/")
    words = ["bash", "-u"]
    done = subprocess.run(
        words, input=script, env=env, cwd=home / "work", capture_output=True, text=True
    )
    unexpected = [each for each in someone.typed if each[0] not in (0, 1)]
    assert unexpected == [], done.stderr
    assert "bash:" not in done.stderr, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert all((home / path).exists() for path in AFTER.get(page, ()))
    commands = re.findall(r"\bgorillacomb [a-z]", script)
    assert len(someone.typed) == len(commands), "one did not run"


def test_the_languages_of_blocks_are_known() -> None:
    known = {"sh", "console", "toml", "text", "crontab", "python"}
    assert {block.language for block in BLOCKS} <= known


def test_code_is_in_blocks() -> None:
    """What is merely indented would not be run."""
    indented = re.compile(r"^\n {4}\S.*", re.MULTILINE)
    assert [page for page, text in PAGES.items() if indented.search(text)] == []


@pytest.mark.parametrize(
    "block",
    [each for each in BLOCKS if each.language == "toml"],
    ids=lambda each: f"{each.page}:{each.line}",
)
def test_settings(block: Block, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(block.text)
    settings = load_settings(tmp_path)
    names = {name.replace("-", "_") for name in tomllib.loads(block.text)}
    assert all(getattr(settings, name) for name in names)


def python_blocks() -> dict[str, list[str]]:
    """The blocks of Python in each page that has some."""
    found: dict[str, list[str]] = {}
    for each in BLOCKS:
        if each.language == "python":
            found.setdefault(each.page, []).append(each.text)
    return found


@pytest.mark.parametrize("page", python_blocks())
def test_python(page: str, tmp_path: Path) -> None:
    """The blocks of a page, one after the other, are one program."""
    run_program("\n".join(python_blocks()[page]), tmp_path)


def run_program(text: str, tmp_path: Path) -> str:
    """Run a program where the examples run; returns what it prints."""
    home = tmp_path / "home"
    env = make_home(home, tmp_path / "socket")
    program = home / "work/program.py"
    program.write_text(text)
    words = ["python3", "-W", "error", str(program)]
    ran = subprocess.run(words, env=env, cwd=home / "work", capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_help_of_the_package(tmp_path: Path) -> None:
    blocks_of_code = re.findall(r"::\n\n((?:    .*\n|\n)+)", gorillacomb.__doc__ or "")
    assert len(blocks_of_code) > 4
    run_program("\n".join(map(textwrap.dedent, blocks_of_code)), tmp_path)

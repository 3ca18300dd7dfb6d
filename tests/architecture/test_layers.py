"""Arrows run one way through the package, and each library is known in one place."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.layers import LEVELS, breaches, sources
from tests.support.run import REPOSITORY

PACKAGE = REPOSITORY / "gorillacomb"


def test_the_package_keeps_to_its_layers() -> None:
    modules = sources(PACKAGE)
    assert len(modules) > 30
    assert breaches(modules) == []


def test_every_part_of_the_package_has_a_place() -> None:
    parts = {
        path.name.removesuffix(".py")
        for path in PACKAGE.iterdir()
        if path.is_dir() or path.suffix == ".py"
    }
    parts -= {"__init__", "__main__", "__pycache__", "py.typed", "docs"}
    assert parts <= set.union(*map(set, LEVELS))


@pytest.mark.parametrize(
    ("path", "text", "word"),
    [
        (
            "scan/a.py",
            "from gorillacomb.cli.output.render import format_size",
            "scan may not import cli",
        ),
        ("scan/a.py", "from gorillacomb.canonical import x", "scan may not import canonical"),
        ("stamping/a.py", "from gorillacomb.dedupe import x", "stamping may not import dedupe"),
        ("vault/a.py", "from gorillacomb.index import x", "vault may not import index"),
        ("fs/a.py", "from gorillacomb.classify.names import x", "fs may not import classify"),
        ("fs/a.py", "from gorillacomb.workers import x", "fs may not import workers"),
        ("api/scan.py", "from gorillacomb.cli import main", "api may not import cli"),
        ("web/a.py", "from gorillacomb.index.database import Index", "web may not import index"),
        ("cli/a.py", "from gorillacomb.scan.scanner import scan", "cli may not import scan, only"),
        (
            "dedupe/apply/undo.py",
            "from gorillacomb.dedupe.plan import planner",
            "dedupe/apply may not import dedupe/plan",
        ),
        (
            "dedupe/safety/policy.py",
            "from gorillacomb.dedupe.quarantine.run import Quarantine",
            "dedupe/safety may not import dedupe/quarantine",
        ),
        (
            "dedupe/model.py",
            "from gorillacomb.dedupe.safety import git",
            "dedupe/model may not import dedupe/safety",
        ),
        ("dedupe/plan/a.py", "from ..apply import undo", "dedupe/plan may not import dedupe/apply"),
        ("dedupe/plan/a.py", "from gorillacomb.dedupe import other", "dedupe/other, which has no"),
        ("scan/a.py", "import gorillacomb.dedupe.model", "scan may not import dedupe"),
        ("folders/a.py", "from gorillacomb.dedupe import model", "folders may not import dedupe"),
        ("canonical/a.py", "from gorillacomb import scan", "canonical may not import scan"),
        ("canonical/a.py", "from .. import scan", "canonical may not import scan"),
        ("unique/a.py", "from ..scan.walk import walk", "unique may not import scan"),
        ("manifest/a.py", "from gorillacomb.dedupe import x", "manifest may not import dedupe"),
        ("index/a.py", "from gorillacomb.scan import x", "index may not import scan"),
        ("index/a.py", "import gorillacomb.vaultmesh.tree", "index may not import vaultmesh"),
        ("watch/a.py", "import gorillacomb.cli.main", "watch may not import cli"),
        (
            "model.py",
            "from gorillacomb.index.writer import IndexWriter",
            "model may not import index",
        ),
        (
            "model.py",
            "from gorillacomb.errors import RefusedForSafety",
            "model may not import errors",
        ),
        (
            "index/a.py",
            "def f():\n    from gorillacomb.cli import main",
            "index may not import cli",
        ),
        ("index/a.py", "import_module('gorillacomb.cli.main')", "index may not import cli"),
        ("index/a.py", "import importlib\nimportlib.import_module(name)", "made up at run time"),
        ("index/a.py", "__import__('gorillacomb.cli')", "index may not import cli"),
        ("index/a.py", "import gorillacomb.helpers", "helpers, which has no place"),
        ("helpers.py", "import gorillacomb.cli.main", "helpers imports cli and has no place"),
        ("__init__.py", "from gorillacomb.cli.main import main", "no place"),
        ("scan/a.py", "import click", "click, which belongs to cli/"),
        ("index/a.py", "from tqdm import tqdm", "tqdm, which belongs to cli/"),
        ("scan/a.py", "from watchdog.observers import Observer", "watchdog, which belongs"),
        ("scan/worker.py", "from blake3 import blake3", "blake3, which belongs to hashing.py"),
        ("cli/a.py", "import xxhash", "xxhash, which belongs to hashing.py"),
        ("scan/walk.py", "import pathspec", "pathspec, which belongs to scan/exclude.py"),
        ("scan/a.py", "import sqlite3", "sqlite3, which belongs to sqlite.py"),
        ("index/writer.py", "def f():\n    import sqlite_utils", "sqlite_utils, which belongs"),
        ("sqlite.py", "import pysqlite3", "a second SQLite"),
        ("scan/a.py", "print('x')", "prints"),
        ("scan/a.py", "import subprocess", "subprocess, which runs other programs"),
        ("dedupe/a.py", "os.unlink(path)", "os.unlink, which belongs to fs/mutations.py"),
        ("dedupe/a.py", "shutil.rmtree(path)", "shutil.rmtree, which belongs"),
        ("watch/scan_runner.py", "import subprocess", "subprocess, which runs other programs"),
        ("watch/triggers.py", "import pty\nimport click", "click, which belongs to cli/"),
        ("fs/mutations.py", "import subprocess", "subprocess, which runs other programs"),
        ("scan/a.py", "os.system('rm')", "os.system, which runs other programs"),
        ("index/a.py", "import sys\nsys.stderr.write('x')", "uses sys.stderr"),
        ("index/a.py", "from sys import stdout", "uses sys.stdout"),
    ],
)
def test_a_breach_is_found(path: str, text: str, word: str) -> None:
    (first, *others) = breaches({path: text})
    assert word in first
    assert first.startswith(f"{path}:{text.count(chr(10)) + 1}: ")
    assert all(path in other for other in others)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("cli/a.py", "import click\nfrom tqdm import tqdm\nprint('x')\nimport sys\nsys.stdout"),
        ("cli/a.py", "from gorillacomb.api.scan import x\nfrom gorillacomb import model"),
        ("cli/a.py", "importlib.import_module(f'gorillacomb.cli.commands.{name}')"),
        ("watch/a.py", "import watchdog\nfrom gorillacomb.scan import scanner"),
        (
            "scan/a.py",
            "from gorillacomb.index.writer import IndexWriter\nfrom gorillacomb.scan import b",
        ),
        ("hashing.py", "from blake3 import blake3\nimport xxhash"),
        ("sqlite.py", "import sqlite3"),
        ("fs/mutations.py", "os.unlink(path)"),
        ("vaultmesh/a.py", "os.rename(a, b)"),
        (
            "index/a.py",
            "from gorillacomb.model import Root\nfrom gorillacomb.errors import RefusedForSafety",
        ),
        ("__main__.py", "from gorillacomb.cli.main import main"),
        ("cli/a.py", "from gorillacomb import __version__"),
        (
            "dedupe/plan/a.py",
            "from ..safety import git\nfrom ...scan import walk\nimport sys\nsys.path",
        ),
    ],
)
def test_what_is_right_is_no_breach(path: str, text: str) -> None:
    assert breaches({path: text}) == []


def test_sqlite_utils_is_imported_where_it_is_used() -> None:
    """It costs a tenth of a second, which only a new or an old index is to pay."""
    tree = ast.parse((PACKAGE / "index/schema.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue  # for the type checker alone
        if isinstance(node, ast.FunctionDef):
            continue
        assert "sqlite_utils" not in ast.unparse(node)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert any("sqlite_utils" in ast.unparse(node) for node in functions)

"""Imports the whole package and uses it once, before a process forks for each command."""

from __future__ import annotations

import importlib
import io
import os
import pkgutil
import sys
import threading
from contextlib import redirect_stdout
from pathlib import Path

from tests.support.memory import in_memory

_LATE = (
    *("ctypes", "difflib", "shlex", "textwrap", "tomllib", "tqdm", "click._textwrap"),
    *("dulwich.index", "pathspec", "securesystemslib.dsse", "securesystemslib.signer"),
    *("cryptography.hazmat.primitives.serialization", "cryptography.hazmat.primitives.hashes"),
)
"""What functions of the package import when they are called."""


def import_all() -> None:
    """Import what a command may need."""
    package = importlib.import_module("gorillacomb")
    # Two are run as programs; the other's library exists on macOS only.
    others = ("gorillacomb.__main__", "gorillacomb.jobs.supervisor", "gorillacomb.watch.fsevents")
    for module in pkgutil.walk_packages(package.__path__, "gorillacomb."):
        if module.name in others:
            continue
        if sys.platform == "darwin" and ".watch" in module.name:  # how a Mac tells of changes
            continue
        importlib.import_module(module.name)
    for name in _LATE:
        importlib.import_module(name)


def warm_up() -> None:
    """Use the package once, so that what it compiles when first needed is there."""
    with in_memory() as folder:
        at_home = {"HOME": str(folder), "GORILLACOMB_VAULT": str(folder / "vault")}
        before = {name: os.environ.get(name) for name in at_home}
        os.environ.update(at_home)
        try:
            _call_commands(["--version"], ["scan", "--help"], ["dedupe", "--help"])
            if sys.platform == "linux":  # nothing that hangs on how a Mac is made up
                _scan_and_plan(folder)
                _call_commands(["status"])
            _compile_pages()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
    assert threading.active_count() == 1, "a fork would have none of the other threads"


def _scan_and_plan(folder: Path) -> None:
    drive = folder / "drive"
    (drive / "Backup copy 2").mkdir(parents=True)
    for name in ("IMG_1 (1).jpg", "IMG_1.jpg", "Backup copy 2/IMG_1.jpg", "Kopie é.xmp"):
        (drive / name).write_bytes(b"a picture" * 1000)
    with importlib.import_module("gorillacomb").open_vault(folder / "vault") as vault:
        vault.scan([drive], workers=0)
        list(vault.duplicates())
        vault.folders()
        vault.plan()
        vault.trace.verify()


def _compile_pages() -> None:
    templates = importlib.import_module("gorillacomb.web.pages.rendering").environment()
    for name in templates.list_templates():
        templates.get_template(name)


def _call_commands(*each: list[str]) -> None:
    """Call some commands, for what click and the standard library remember."""
    from gorillacomb.cli.main import cli

    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
        for words in each:
            cli.main(words, standalone_mode=False, prog_name="gorillacomb")

"""The manual pages: one for each command, and roff that formats without a complaint."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement

from gorillacomb import __version__
from gorillacomb.cli.main import cli
from gorillacomb.cli.output.man_pages import man_pages
from gorillacomb.cli.output.reference import all_commands
from tests.architecture.test_start_up import imported
from tests.support.run import REPOSITORY, run

PAGES = dict(man_pages(cli, __version__))


def test_one_for_each_command() -> None:
    with cli.make_context("gorillacomb", ["help"], resilient_parsing=True) as context:
        words = [words for words, _, _ in all_commands(cli, context)]
    names = [f"gorillacomb-{each.replace(' ', '-')}.1" for each in words]
    assert sorted(PAGES) == sorted([*names, "gorillacomb.1"])


def test_the_build_has_what_it_imports() -> None:
    """The pages are made where only that is installed which the build asks for."""
    packages = packages_distributions()
    imports = imported("help", "commands") - {"gorillacomb"}
    # What Python itself starts with, in this environment, comes with any command.
    imports = (imports - imported("--version")) | {"click"}
    needed = {name for each in imports for name in packages.get(each, ())}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    asked = {Requirement(each).name for each in project["build-system"]["requires"]}
    assert {"blake3", "click"} <= needed
    assert needed <= asked


def test_they_have_what_help_shows() -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("MISSING: groff, to format the pages")
    for name, text in PAGES.items():
        done = subprocess.run(
            [groff, "-man", "-ww", "-Tutf8", "-P-cbou"], input=text.encode(), capture_output=True
        )
        assert (done.returncode, done.stderr) == (0, b""), name
        command = name.removesuffix(".1").split("-")[1:]
        if command:
            helped = words_of(run(*command, "--help").out)
            assert helped - words_of(done.stdout.decode()) <= {"usage"}, name


def words_of(text: str) -> set[str]:
    """The words of a text in lower case, whatever its lines are; a heading is in capitals."""
    whole = re.sub(r"‐\n *", "", text)
    return set(re.findall(r"[a-z]{3,}", whole.lower()))
